package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// takeLock takes the lock of the directory at path and leaves this process's
// number in it. The lock ends when the file is closed, at the latest with the
// process.
func takeLock(path string) (*os.File, error) {
	name := filepath.Join(path, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock cache directory %s: %w", path, cause(err))
	}
	if err := lockFile(f, name); err != nil {
		owner := lockOwner(f)
		_ = f.Close()
		if errors.Is(err, ErrInUse) {
			return nil, fmt.Errorf("cannot use cache directory %s: another mount has it%s: %w", path, owner, err)
		}
		return nil, fmt.Errorf("cannot lock cache directory %s: %w", path, err)
	}
	if err := writeOwner(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot write to cache directory %s: %w", path, cause(err))
	}
	return f, nil
}

// lockFile locks f, which was opened by name. The error is ErrInUse if somebody
// else has the lock, or had it and removed the file since it was opened.
func lockFile(f *os.File, name string) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Lstat(name)
	if err != nil || !os.SameFile(opened, named) {
		return ErrInUse
	}
	return nil
}

func writeOwner(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// lockOwner returns who has the lock, as part of a sentence, if the file says so.
func lockOwner(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
