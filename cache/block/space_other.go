//go:build !linux

package block

import (
	"errors"
	"os"
)

// punch cannot give space back here; it goes with the file.
func punch(*os.File, span) error { return errors.ErrUnsupported }
