package fs

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// readOnlyMountFlags are the flags of a direct mount that is read-only; the
// first two are what fusermount sets too.
const readOnlyMountFlags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_RDONLY

// raiseReadAhead has the kernel read ahead as much as one request of it holds,
// instead of 128 KiB: a GiB is 1,024 requests then, not 8,192. The FUSE protocol can only lower
// the kernel's own default; root can raise it.
func raiseReadAhead(mountpoint string) error {
	// The device is known to the kernel: there is no need to ask us for attributes.
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, mountpoint, unix.AT_STATX_DONT_SYNC, 0, &st); err != nil {
		return fmt.Errorf("statx: %w", err)
	}
	setting := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", st.Dev_major, st.Dev_minor)
	return os.WriteFile(setting, []byte(strconv.Itoa(maxWrite>>10)), 0)
}
