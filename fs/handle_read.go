package fs

import (
	"context"
	"slices"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/fs/prefetch"
)

// readHandle is a file open for reading. It gives the bytes of the version that
// its node stands for, or ESTALE: a version that another client makes is another
// node. What this mount writes to the file it shows at once.
type readHandle struct {
	versionReader
	// passing says that the kernel reads from a file on disk.
	passing bool
}

var _ = (interface {
	fusefs.FileReader
	fusefs.FileReleaser
	fusefs.FileFsyncer
	fusefs.FileLseeker
})((*readHandle)(nil))

func newReadHandle(n *fileNode) *readHandle {
	n.opened()
	return &readHandle{versionReader: versionReader{node: n}}
}

// Fsync implements fusefs.FileFsyncer: a reader has nothing to store, but fsync on
// any descriptor is about the file.
func (h *readHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno {
	d := h.node.currentDraft()
	if d == nil {
		return 0
	}
	if err := d.flush(ctx); err != nil {
		return h.node.f.fail("fsync", h.node.where().String(), err)
	}
	return 0
}

// Lseek implements fusefs.FileLseeker.
func (h *readHandle) Lseek(_ context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	return h.node.seek(off, whence)
}

// Release implements fusefs.FileReleaser.
func (h *readHandle) Release(context.Context) syscall.Errno {
	h.close()
	h.leave()
	h.node.closed()
	return 0
}

// Read implements fusefs.FileReader.
func (r *versionReader) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	r.node.f.reads.Add(1)
	res, err := r.readAt(ctx, dest, off)
	switch {
	case err != nil && !isEOF(err):
		return nil, r.node.f.fail("read", r.node.where().String(), err)
	case res.Size() == 0:
		res.Done() // of nothing, go-fuse does not tell when it is sent
		return fuse.ReadResultData(nil), 0
	}
	return res, 0
}

// readResult is the answer to a READ: bytes that go to the kernel from where they
// are. Being in parts, they are not tried to be spliced, which works for files only.
type readResult struct {
	parts [][]byte
	held  *prefetch.Held // whose the parts are, or nil
}

var _ fuse.ReadResult = (*readResult)(nil)

// Size implements fuse.ReadResult.
func (r *readResult) Size() int {
	n := 0
	if r != nil {
		for _, part := range r.parts {
			n += len(part)
		}
	}
	return n
}

// Slices is what go-fuse writes to the kernel.
func (r *readResult) Slices() ([][]byte, fuse.Status) { return r.parts, fuse.OK }

// Bytes implements fuse.ReadResult.
func (r *readResult) Bytes(buf []byte) ([]byte, fuse.Status) {
	return slices.Concat(append([][]byte{buf[:0]}, r.parts...)...), fuse.OK
}

// Done implements fuse.ReadResult: the kernel has the bytes.
func (r *readResult) Done() {
	if r != nil && r.held != nil {
		r.held.Release()
	}
}
