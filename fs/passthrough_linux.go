package fs

import (
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// canPass reports whether it is worth trying: what the kernel offers is known, and
// what it allows us turns out with the first file.
func (f *FS) canPass() bool { return f.blocks != nil && f.cfg.ReadOnly && os.Geteuid() == 0 }

// registerBacking gives the kernel a file to read from.
func (f *FS) registerBacking(file *os.File) (int32, bool) {
	id, errno := f.server.RegisterBackingFd(&fuse.BackingMap{Fd: int32(file.Fd())}) //nolint:gosec // a descriptor is an int of the kernel's
	if errno != 0 {
		// An old kernel, a container without the capability, or a cache directory on
		// an overlay: the next file meets the same.
		f.passes.Store(false)
		f.log.Info("files that are complete in the cache directory are read by this process, because the kernel does not do that", "error", errno)
		return 0, false
	}
	if id <= 0 || id >= 1<<backingShift {
		f.unregisterBacking(id)
		return 0, false
	}
	return id, true
}

func (f *FS) unregisterBacking(id int32) {
	if errno := f.server.UnregisterBackingFd(id); errno != 0 && errno != syscall.EBADF { // which is the end of the mount
		f.log.Warn("the kernel keeps a file of the cache directory open", "error", errno)
	}
}
