package writeback

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// punch gives the space of r back to the file system.
func punch(f *os.File, r Range) error {
	return retry(func() error {
		return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, r.Off, r.Len())
	})
}

// allocate takes the space of r from the file system, if that can be done.
func allocate(f *os.File, r Range) error {
	err := retry(func() error { return unix.Fallocate(int(f.Fd()), 0, r.Off, r.Len()) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// retry calls a system call that a signal may interrupt until it is done.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
