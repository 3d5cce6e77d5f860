package block

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// punch gives the pages of s back to the file system.
func punch(f *os.File, s span) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, s.off, s.len()) //nolint:gosec // a descriptor is an int of the kernel's
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
