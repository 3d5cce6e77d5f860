package bench

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the checksum of Swift
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// randomBytes returns n bytes of which no two pieces are alike.
func randomBytes(n int, seed byte) []byte {
	b := make([]byte, n)
	// It cannot fail.
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// errDiffers says that a candidate gave other bytes than those that are there.
var errDiffers = errors.New("other content than expected")

// readSize is what cat(1) reads at once.
const readSize = 128 * kib

// compareStream reads r to its end and compares it with want.
func compareStream(r io.Reader, want []byte, what string) error {
	buf := make([]byte, readSize)
	at := 0
	for {
		n, err := r.Read(buf)
		if at+n > len(want) || !bytes.Equal(buf[:n], want[at:at+n]) {
			return fmt.Errorf("%s at %d: %w", what, at, errDiffers)
		}
		at += n
		switch {
		case errors.Is(err, io.EOF) && at < len(want):
			return fmt.Errorf("%s ends at %d of %d: %w", what, at, len(want), errDiffers)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// compareFile reads a file from its beginning to its end and compares it with
// want.
func compareFile(path string, want []byte) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return compareStream(f, want, filepath.Base(path))
}

// compareAt reads a piece of a file and compares it with the same piece of want.
func compareAt(f *os.File, want []byte, offset, length int) error {
	buf := make([]byte, length)
	if _, err := f.ReadAt(buf, int64(offset)); err != nil {
		return err
	}
	if !bytes.Equal(buf, want[offset:offset+length]) {
		return fmt.Errorf("%s at %d: %w", filepath.Base(f.Name()), offset, errDiffers)
	}
	return nil
}

// file is one of a tree.
type file struct {
	name string // with its directories
	data []byte
	hash string
}

// makeTree returns files of size bytes each, evenly spread over directories below
// top, in the order of their names.
func makeTree(top string, files, dirs, size int) []file {
	data := randomBytes(files*size, 2)
	tree := make([]file, files)
	for i := range tree {
		own := data[i*size : (i+1)*size]
		sum := md5.Sum(own) //nolint:gosec // see import
		tree[i] = file{
			name: fmt.Sprintf("%s/dir-%04d/file-%05d", top, i*dirs/files, i),
			data: own,
			hash: hex.EncodeToString(sum[:]),
		}
	}
	return tree
}

// dirsOf returns the directories of a tree, parents first.
func dirsOf(tree []file) []string {
	var dirs []string
	for _, f := range tree {
		for dir := filepath.Dir(f.name); dir != "."; dir = filepath.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// treeTime is the date of all files of trees, at a second, which is all that some
// of the candidates keep.
var treeTime = time.Date(2024, 5, 17, 12, 34, 56, 0, time.UTC)

// checkTree compares what a container has with a tree. Objects that stand for
// directories may be there too.
func checkTree(ctx context.Context, a *account, container string, tree []file) error {
	rows, err := a.list(ctx, container, "")
	if err != nil {
		return err
	}
	at := map[string]row{}
	for _, r := range rows {
		at[r.Name] = r
	}
	for _, f := range tree {
		switch r, ok := at[f.name]; {
		case !ok:
			return fmt.Errorf("%s is not on the server", f.name)
		case r.Hash != f.hash:
			return fmt.Errorf("%s on the server: %w", f.name, errDiffers)
		}
	}
	return nil
}

// putTree stores a tree in a container.
func putTree(ctx context.Context, a *account, container string, tree []file) error {
	return a.each(ctx, len(tree), func(ctx context.Context, i int) error {
		return a.do(ctx, "PUT", container+"/"+tree[i].name, "", tree[i].data)
	})
}
