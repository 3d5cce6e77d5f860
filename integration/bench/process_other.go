//go:build !linux

package bench

import (
	"errors"
	"os/exec"
)

// runBound needs Linux.
func runBound(_ *exec.Cmd, started chan<- error) error {
	started <- errors.ErrUnsupported
	return errors.ErrUnsupported
}
