package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// temporaryPrefix begins the names of temporary directories. It is not proof
// that one is temporary: the marker in it is.
const temporaryPrefix = "swiftfs-cache-"

// OpenTemporary returns a new cache directory that Close removes. It is made in
// $TMPDIR, else in /var/tmp, because /tmp is often memory. Temporary directories
// that dead processes of this user left there are removed first.
func OpenTemporary(limit int64) (*Dir, error) {
	parent := temporaryParent()
	removeStale(parent)
	// A process that removes stale directories may take one of ours for such,
	// between two of the steps here.
	var err error
	for range 10 {
		var d *Dir
		if d, err = newTemporary(parent, limit); err == nil {
			return d, nil
		}
		if !errors.Is(err, ErrInUse) && !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	return nil, err
}

func newTemporary(parent string, limit int64) (*Dir, error) {
	path, err := os.MkdirTemp(parent, temporaryPrefix)
	if err != nil {
		return nil, fmt.Errorf("cannot create a temporary cache directory in %s: %w", parent, cause(err))
	}
	// The marker comes first: what has it can be removed whatever happens next.
	if err := os.WriteFile(filepath.Join(path, temporaryName), nil, 0o600); err != nil {
		_ = os.Remove(path)
		return nil, fmt.Errorf("cannot write to cache directory %s: %w", path, cause(err))
	}
	d, err := own(path, limit)
	if err != nil {
		if !errors.Is(err, ErrInUse) {
			_ = os.RemoveAll(path)
		}
		return nil, err
	}
	d.temporary = true
	return d, nil
}

func temporaryParent() string {
	if dir := os.Getenv("TMPDIR"); dir != "" {
		return dir
	}
	if info, err := os.Stat("/var/tmp"); err == nil && info.IsDir() {
		return "/var/tmp"
	}
	return os.TempDir()
}

// removeStale removes the temporary directories in parent that nobody owns. What
// it cannot remove, or is not sure about, it leaves: a mount works without.
func removeStale(parent string) {
	paths, err := filepath.Glob(filepath.Join(parent, temporaryPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		if !isTemporary(path) {
			continue
		}
		if lock, err := takeLock(path); err == nil {
			_ = removeTemporary(path)
			_ = lock.Close()
		}
	}
}

// removeTemporary removes a directory that the caller owns. The lock goes with
// the rest, and from then on another process may take the directory for a stale
// one and put its own lock there.
func removeTemporary(path string) error {
	var err error
	for range 10 {
		if err = os.RemoveAll(path); !errors.Is(err, syscall.ENOTEMPTY) {
			break
		}
	}
	return err
}

// isTemporary reports whether path is a temporary cache directory of this user.
// In a directory where everybody can write, others may prepare traps under the
// names that we look for.
func isTemporary(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); !ok || int(sys.Uid) != os.Geteuid() {
		return false
	}
	_, err = os.Lstat(filepath.Join(path, temporaryName))
	return err == nil
}
