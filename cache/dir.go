package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// layout is the first and only line of the version file. A program that finds
// another one leaves the directory alone.
const layout = "swiftfs cache 1\n"

// The names in a cache directory.
const (
	lockName      = "lock"
	versionName   = "version"
	newVersion    = "version.new"
	scratchName   = "tmp"
	blocksName    = "blocks"
	temporaryName = "temporary"
)

var (
	// ErrInUse is the error of a directory that another mount owns.
	ErrInUse = errors.New("the cache directory is in use")
	// ErrForeign is the error of a directory that this version of swiftfs did
	// not make and cannot use.
	ErrForeign = errors.New("not a cache directory of this version of swiftfs")
	// ErrFull is the error of space that would exceed the limit of the directory.
	// Like the error of a full disk, it is ENOSPC.
	ErrFull = fmt.Errorf("the cache directory has reached its size limit: %w", syscall.ENOSPC)
)

// Dir is a cache directory that this process owns. Its methods may be called by
// any number of goroutines.
type Dir struct {
	path      string
	limit     int64
	temporary bool
	lock      *os.File

	// mu guards the following.
	mu     sync.Mutex
	used   int64
	closed bool
	// evictor gives back space that others have more need of, or is nil.
	evictor func(n int64) int64
}

// Open makes path this process's cache directory until Close. It creates it if
// only the last element of path is missing. Limit is how many bytes may be
// reserved in it; 0 means that only the disk limits it.
//
// The error is a sentence for the user. It is ErrInUse if another mount owns the
// directory, and ErrForeign if it holds something else.
func Open(path string, limit int64) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("cannot create cache directory %s: %w", path, cause(err))
	}
	return own(path, limit)
}

// own locks the existing directory at path and makes it ready.
func own(path string, limit int64) (*Dir, error) {
	if limit < 0 {
		return nil, fmt.Errorf("cache directory %s: the size limit is negative: %d", path, limit)
	}
	if err := checkOwn(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, limit: limit, lock: lock}
	if err := d.prepare(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return d, nil
}

// checkOwn returns an error if path is not a directory that can be a cache
// directory. It changes nothing, so that a mistyped path stays as it was.
func checkOwn(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("cannot use cache directory %s: %w", path, cause(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("cannot use cache directory %s: %w", path, syscall.ENOTDIR)
	}
	// Whoever can write here could replace tmp by a link to anywhere.
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("cannot use cache directory %s: everybody can write in it", path)
	}
	version, err := os.ReadFile(filepath.Join(path, versionName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return checkNew(path)
	case err != nil:
		return fmt.Errorf("cannot use cache directory %s: %w", path, cause(err))
	case string(version) != layout:
		return fmt.Errorf("cannot use cache directory %s: its layout is %q: %w",
			path, strings.TrimSpace(string(version)), ErrForeign)
	}
	return nil
}

// checkNew returns an error if there is anything at path that a new cache
// directory, or one whose making was interrupted, does not have.
func checkNew(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("cannot use cache directory %s: %w", path, cause(err))
	}
	for _, e := range entries {
		switch e.Name() {
		case lockName, newVersion, scratchName, temporaryName, "lost+found":
		default:
			return fmt.Errorf("cannot use cache directory %s: it has other files (%q): %w",
				path, e.Name(), ErrForeign)
		}
	}
	return nil
}

// prepare empties or creates what the owner needs. The lock is taken.
func (d *Dir) prepare() error {
	err := errors.Join(
		os.RemoveAll(d.scratch()), os.Mkdir(d.scratch(), 0o700), d.writeVersion())
	if err != nil {
		return fmt.Errorf("cannot write to cache directory %s: %w", d.path, cause(err))
	}
	return nil
}

// writeVersion writes the version file, if there is none. It appears complete or
// not at all, power loss included: a half-written one would make the directory a
// foreign one.
func (d *Dir) writeVersion() error {
	name, temp := filepath.Join(d.path, versionName), filepath.Join(d.path, newVersion)
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(layout)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Limit returns how many bytes may be reserved, 0 if there is no limit.
func (d *Dir) Limit() int64 { return d.limit }

// Used returns how many bytes are reserved.
func (d *Dir) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used
}

// Reserve takes n bytes of the directory's space, or none and returns ErrFull.
// What can be fetched again makes room for them. It promises nothing about the
// disk, which others fill too.
func (d *Dir) Reserve(n int64) error {
	for {
		err := d.ReserveSpare(n)
		if err == nil || d.Evict(max(1, d.Used()+n-d.limit)) == 0 {
			return err
		}
	}
}

// ReserveSpare is Reserve for what can be fetched again: nothing makes room.
func (d *Dir) ReserveSpare(n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit > 0 && n > d.limit-d.used {
		return ErrFull
	}
	d.used += n
	return nil
}

// SetEvictor makes f what Evict calls, or nothing if it is nil. It gives back space of n
// bytes or more, or what there is, and returns how much. It must not wait for
// anybody who may be waiting for space.
func (d *Dir) SetEvictor(f func(n int64) int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.evictor = f
}

// Evict makes room for n bytes on the disk, as far as there is anything that can be
// fetched again, and returns how much it made.
func (d *Dir) Evict(n int64) int64 {
	d.mu.Lock()
	evictor := d.evictor
	d.mu.Unlock()
	if evictor == nil {
		return 0
	}
	return evictor(n)
}

// Release gives back n bytes that were reserved.
func (d *Dir) Release(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used -= n
}

// TempFile returns a new, empty file without a name, readable and writable. Its
// space is free again once it is closed, and after a crash.
func (d *Dir) TempFile() (*os.File, error) {
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("cache directory %s: %w", d.path, os.ErrClosed)
	}
	f, err := createUnnamed(d.scratch())
	if err != nil {
		return nil, fmt.Errorf("cannot create a file in cache directory %s: %w", d.path, cause(err))
	}
	return f, nil
}

// Blocks returns the path of the part for what can be fetched again, which is
// there, and stays when the directory is given up.
func (d *Dir) Blocks() (string, error) {
	path := filepath.Join(d.path, blocksName)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("cannot create %s: %w", path, cause(err))
	}
	return path, nil
}

// createNamed creates a file in dir and removes its name.
func createNamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close gives the directory up, and removes it if it is temporary. Files of
// TempFile stay usable until they are closed.
func (d *Dir) Close() error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	var err error
	if d.temporary {
		err = removeTemporary(d.path)
	}
	return errors.Join(err, d.lock.Close())
}

func (d *Dir) scratch() string { return filepath.Join(d.path, scratchName) }

// cause returns what went wrong without operation and path, which the sentence
// around it has.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
