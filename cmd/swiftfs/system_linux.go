package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// forbidDumps keeps this process's memory, and the secrets in it, out of core
// dumps and away from debuggers. The kernel refuses it nowhere.
func forbidDumps() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// closeOnExec keeps the descriptors from first on out of the processes that
// this one starts.
func closeOnExec(first uint) { _ = unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

// unmountAsRoot takes the topmost mount off path, or with lazy detaches it from
// the tree, to end with its last user.
func unmountAsRoot(path string, lazy bool) error {
	flags := unix.UMOUNT_NOFOLLOW
	if lazy {
		flags |= unix.MNT_DETACH
	}
	return unix.Unmount(path, flags)
}
