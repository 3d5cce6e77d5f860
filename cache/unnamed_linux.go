package cache

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// createUnnamed creates a file in dir that never has a name.
func createUnnamed(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR|unix.O_EXCL, 0o600)
	// Not every file system can, and kernels before 3.11 take dir for the file.
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		return createNamed(dir)
	}
	return f, err
}
