package integration

import (
	"bytes"
	bin "encoding/binary"
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
	fd := int(dir.Fd())
	if _, err := unix.Seek(fd, offset, 0); err != nil {
		t.Fatal(err)
	}
	var all []dirent
	buf := make([]byte, 4096)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		for rest := buf[:n]; len(rest) > 0; {
			length := bin.NativeEndian.Uint16(rest[16:])
			name, _, _ := bytes.Cut(rest[19:length], []byte{0})
			all = append(all, dirent{string(name), int64(bin.NativeEndian.Uint64(rest[8:]))})
			rest = rest[length:]
		}
	}
}
