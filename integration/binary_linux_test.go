package integration

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pidfdOpen returns a descriptor that is readable once the process has ended.
func pidfdOpen(pid int) (int, error) { return unix.PidfdOpen(pid, 0) }

// pollReadable waits until a descriptor is readable; false after the limit.
func pollReadable(fd int, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return n > 0 && err == nil
	}
}

// dirent is an entry of a directory as the kernel gives it: next is the offset
// of the entry after it.
type dirent struct {
	name string
	next int64
}

// direntsFrom reads the entries of a directory from an offset on.
func direntsFrom(t *testing.T, dir *os.File, offset int64) []dirent {
	t.Helper()
	if _, err := unix.Seek(int(dir.Fd()), offset, 0); err != nil {
		t.Fatal(err)
	}
	var all []dirent
	buf := make([]byte, 4096)
	for {
		next, err := nextDirents(dir, buf)
		if err != nil {
			t.Fatal(err)
		}
		if len(next) == 0 {
			return all
		}
		all = append(all, next...)
	}
}
