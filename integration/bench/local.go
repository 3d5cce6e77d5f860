package bench

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Local is the data on this side: what candidates write, and what they have to
// read. It is made when a row first needs it.
type Local struct {
	dir  string
	size int // of the large file
	big  []byte
}

// Big returns the bytes of the large file.
func (l *Local) Big() []byte {
	if l.big == nil {
		l.big = randomBytes(l.size, 1)
	}
	return l.big
}

// BigFile returns the path of the large file.
func (l *Local) BigFile() (string, error) {
	path := filepath.Join(l.dir, "big")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, os.WriteFile(path, l.Big(), 0o600)
}

// Archives returns the paths of n tar archives that make up a tree together. Each
// has the directories of its files, with their dates.
func (l *Local) Archives(tree []file, n int) ([]string, error) {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = filepath.Join(l.dir, fmt.Sprintf("tree-%d-%d-%d.tar", len(tree), n, i))
		if _, err := os.Stat(paths[i]); err == nil {
			continue
		}
		archive, err := pack(tree[i*len(tree)/n : (i+1)*len(tree)/n])
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(paths[i], archive, 0o600); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// pack makes a tar archive of files.
func pack(tree []file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	var errs []error
	add := func(h tar.Header, data []byte) {
		h.ModTime, h.Uid, h.Gid = treeTime, os.Getuid(), os.Getgid()
		errs = append(errs, w.WriteHeader(&h))
		_, err := w.Write(data)
		errs = append(errs, err)
	}
	for _, dir := range dirsOf(tree) {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil)
	}
	for _, f := range tree {
		add(tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o644, Size: int64(len(f.data))}, f.data)
	}
	err := errors.Join(append(errs, w.Close())...)
	return b.Bytes(), err
}
