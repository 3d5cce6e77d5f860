package block

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// bootID returns what no other boot of any machine has, or "".
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// fileState returns what is other after each change of f, or "".
//
// It has the mount, whose number no other mount of this boot gets (Linux 6.8 and
// later): when a disk is lost, and mounted again without the data that was in memory
// only, the dates may have survived.
func fileState(f *os.File) string {
	const want = unix.STATX_INO | unix.STATX_SIZE | unix.STATX_CTIME | unix.STATX_MNT_ID_UNIQUE
	var x unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, want, &x); err != nil { //nolint:gosec // a descriptor is an int of the kernel's
		return ""
	}
	if x.Mask&want != want {
		return ""
	}
	return fmt.Sprint(x.Mnt_id, x.Dev_major, x.Dev_minor, x.Ino, x.Size, x.Ctime.Sec, x.Ctime.Nsec)
}
