//go:build !linux

package integration

import (
	"errors"
	"os"
	"testing"
	"time"
)

func pidfdOpen(int) (int, error) { return 0, errors.ErrUnsupported }

func pollReadable(int, time.Duration) bool { return false }

type dirent struct {
	name string
	next int64
}

func direntsFrom(t *testing.T, _ *os.File, _ int64) []dirent {
	t.Fatal(errors.ErrUnsupported)
	return nil
}
