package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/writeback"
)

// writeHandle is a file open for writing, and perhaps for reading too. All such
// handles of a file share its draft.
type writeHandle struct {
	f      *FS
	node   *fileNode
	draft  *draft
	reader versionReader
}

var _ = (interface {
	fusefs.FileWriter
	fusefs.FileFlusher
	fusefs.FileFsyncer
	fusefs.FileReleaser
	fusefs.FileReader
	fusefs.FileAllocater
	fusefs.FileLseeker
})((*writeHandle)(nil))

// streamFlags keep the content of a stream out of the page cache: the program's
// pages come to us as they are, which saves a copy and the cache of others. A
// handle that reads too has the page cache, which shared mappings need.
const streamFlags = fuse.FOPEN_DIRECT_IO

func newWriteHandle(n *fileNode, d *draft) *writeHandle {
	n.opened()
	return &writeHandle{f: n.f, node: n, draft: d, reader: versionReader{node: n}}
}

// openFlags returns the FOPEN flags of a handle for writing.
func openFlags(flags uint32) uint32 {
	if flags&syscall.O_ACCMODE == syscall.O_WRONLY {
		return streamFlags
	}
	return 0
}

// Read implements fusefs.FileReader.
func (w *writeHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return w.reader.Read(ctx, dest, off)
}

// Write implements fusefs.FileWriter.
func (w *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	n, err := w.draft.writeAt(ctx, data, off)
	if err != nil {
		return uint32(n), w.fail("write", err)
	}
	w.node.dropPrivileges(ctx)
	return uint32(n), 0
}

// truncate changes the size of the content.
func (w *writeHandle) truncate(ctx context.Context, size int64) syscall.Errno {
	ctx, cancel := w.f.patient(ctx)
	defer cancel()
	return w.fail("truncate", w.draft.truncate(ctx, size))
}

// Flush implements fusefs.FileFlusher: it is what close waits for, on each
// descriptor of the handle. It returns 0 only when the server has everything
// that was written and its checksum was compared. A signal ends the waiting,
// not the upload.
func (w *writeHandle) Flush(ctx context.Context) syscall.Errno {
	return w.fail("close", w.draft.flush(ctx))
}

// Fsync implements fusefs.FileFsyncer.
func (w *writeHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	return w.fail("fsync", w.draft.flush(ctx))
}

// The modes of fallocate(2), as the kernel passes them.
const (
	allocKeepSize  = 0x01
	allocPunchHole = 0x02
	allocZeroRange = 0x10
)

var allocateModes = map[uint32]writeback.Mode{
	0:                              writeback.Reserve,
	allocKeepSize:                  writeback.ReserveKeepSize,
	allocPunchHole | allocKeepSize: writeback.PunchHole,
	allocZeroRange:                 writeback.ZeroRange,
	allocZeroRange | allocKeepSize: writeback.ZeroRangeKeepSize,
}

// Allocate implements fusefs.FileAllocater.
func (w *writeHandle) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	m, ok := allocateModes[mode]
	if !ok {
		return syscall.EOPNOTSUPP
	}
	ctx, cancel := w.f.patient(ctx)
	defer cancel()
	if err := fits(int64(off) + int64(size)); err != nil {
		return w.fail("fallocate", err)
	}
	return w.fail("fallocate", w.draft.edit(ctx, func(s *writeback.Stage) error {
		return s.Allocate(int64(off), int64(size), m)
	}))
}

// Lseek implements fusefs.FileLseeker.
func (w *writeHandle) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	return w.node.seek(off, whence)
}

// Release implements fusefs.FileReleaser. What could not be stored is kept, and
// tried again.
func (w *writeHandle) Release(context.Context) syscall.Errno {
	w.reader.close()
	w.draft.release()
	w.node.closed()
	return 0
}

func (w *writeHandle) fail(op string, err error) syscall.Errno {
	if err == nil {
		return 0
	}
	errno := w.f.fail(op, w.node.where().String(), err)
	if errno == syscall.ENOENT {
		// Common where names are looked up. Here the container is gone.
		w.f.log.Error(op+" failed", "path", w.node.where(), "errno", errno, "error", err)
	}
	return errno
}
