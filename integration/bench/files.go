package bench

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// WriteFiles writes the reports into a directory.
func (r *Report) WriteFiles(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text, textErr := r.Markdown()
	picture, pictureErr := r.SVG()
	if err := errors.Join(textErr, pictureErr); err != nil {
		return err
	}
	write := func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(dir, name), content, 0o644) //nolint:gosec // for all to read
	}
	return errors.Join(write("RESULTS.md", text), write("results.json", append(data, '\n')), write("chart.svg", picture))
}
