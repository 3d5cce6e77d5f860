package fs

import (
	"context"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

// fileNode is a file: one version of one object, or the version that a writer
// of this mount is making. A version that another client makes is another node.
type fileNode struct {
	fusefs.Inode
	f *FS

	mu sync.Mutex // guards the following
	// row is the version the node stands for.
	row listing.Row
	// writer is the handle with changes that are not at the server yet, or nil.
	writer *writeHandle
	// paged is the ETag of the version whose pages the kernel may hold.
	paged string
	// gone says that the file was unlinked: nothing more is stored under its
	// name, which may be another file's by now.
	gone bool
}

var _ = (interface {
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
	fusefs.NodeOpener
	fusefs.NodeWriter
	fusefs.NodeStatfser
	// Not implemented, so that the kernel answers by itself or falls back:
	// NodeReader, NodeFlusher, NodeFsyncer (the handles do it),
	// NodeAllocater, NodeLseeker, NodeCopyFileRanger, NodeGetxattrer and its
	// kin, NodeGetlker and its kin (the kernel keeps locks within the machine).
})((*fileNode)(nil))

// stands reports whether the node may stand for row: it is the same version,
// or this mount is writing the file and knows better.
func (n *fileNode) stands(row *listing.Row) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.writer != nil || row.Local {
		return true
	}
	if !sameVersion(&n.row, row) {
		return false
	}
	n.row.Modified = row.Modified // a listing is more exact than the answer to a PUT
	return true
}

func (n *fileNode) currentWriter() *writeHandle {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.writer
}

// current returns the version the node stands for.
func (n *fileNode) current() listing.Row {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.row
}

// attr fills the file's attributes: those of the writer's content while there
// is one.
func (n *fileNode) attr(out *fuse.Attr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	size, at := n.row.Size, n.row.Modified
	if n.writer != nil {
		size, at = n.writer.shown()
	}
	n.f.fileAttr(out, size, at)
}

// Getattr implements fusefs.NodeGetattrer. A file that another client has
// replaced is ESTALE here, which makes the kernel look its name up again; an
// open file goes on having the attributes of the version it was opened at.
func (n *fileNode) Getattr(ctx context.Context, h fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	out.SetTimeout(n.f.cfg.CacheTTL)
	if h != nil || n.currentWriter() != nil {
		return 0
	}
	name, up := n.Parent()
	if up == nil {
		return 0 // unlinked
	}
	d, ok := n.f.dirOf(up)
	if !ok {
		return 0
	}
	e, err := n.f.lookup(ctx, d, name)
	if err != nil {
		return n.f.fail("getattr", in(d, name).String(), err)
	}
	if e.Kind != listing.File || !n.stands(&e.Row) {
		return syscall.ESTALE
	}
	n.attr(&out.Attr)
	out.SetTimeout(n.f.remaining(e.fetched))
	return 0
}

// Setattr implements fusefs.NodeSetattrer. A size of 0 is done at once, or by
// the handle that is writing; other sizes, modes, owners and times are refused
// unless they are what the file has anyway.
func (n *fileNode) Setattr(ctx context.Context, h fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.f.writable(); errno != 0 {
		return errno
	}
	if size, ok := in.GetSize(); ok {
		if errno := n.setSize(ctx, h, int64(size)); errno != 0 {
			return errno
		}
	}
	n.attr(&out.Attr)
	out.SetTimeout(n.f.cfg.CacheTTL)
	return sameAttr(in, &out.Attr, n.currentWriter() != nil)
}

func (n *fileNode) setSize(ctx context.Context, h fusefs.FileHandle, size int64) syscall.Errno {
	if n.isGone() {
		return 0
	}
	w := n.currentWriter()
	if w == nil && size == n.current().Size {
		return 0 // also for a handle that could not change it
	}
	if own, ok := h.(*writeHandle); ok {
		w = own
	}
	if w != nil {
		return w.truncate(size)
	}
	d, p, ok := n.place()
	if !ok {
		return syscall.ENOENT
	}
	if size != 0 {
		return n.f.refuse("truncate to a size other than 0", p)
	}
	w = n.f.newWriter(n, p, d)
	defer w.release()
	if errno := w.discard(); errno != 0 {
		return errno
	}
	return w.Flush(ctx)
}

// place returns where the node's object is; ok is false once it is unlinked.
func (n *fileNode) place() (d listing.Dir, p place, ok bool) {
	_, up := n.Parent()
	if up == nil {
		return d, p, false
	}
	if d, ok = n.f.dirOf(up); !ok {
		return d, p, false
	}
	return d, place{d.Container, n.current().Name}, true
}

// sameAttr returns EOPNOTSUPP when attributes are to be set that cannot be kept
// yet and differ from what is there. "Now", of a file that is being written, is
// what the close will make of it.
func sameAttr(in *fuse.SetAttrIn, now *fuse.Attr, writing bool) syscall.Errno {
	const permissions = 0o7777
	if mode, ok := in.GetMode(); ok && mode&permissions != now.Mode&permissions {
		return syscall.EOPNOTSUPP
	}
	if uid, ok := in.GetUID(); ok && uid != now.Uid {
		return syscall.EPERM
	}
	if gid, ok := in.GetGID(); ok && gid != now.Gid {
		return syscall.EPERM
	}
	if in.Valid&fuse.FATTR_MTIME == 0 {
		return 0
	}
	date := time.Unix(int64(now.Mtime), int64(now.Mtimensec))
	if in.Valid&fuse.FATTR_MTIME_NOW != 0 {
		if age := time.Since(date); writing || age < nowAsFarAsKnown && age > -nowAsFarAsKnown {
			return 0
		}
	}
	if t, ok := in.GetMTime(); ok && !t.Equal(date) {
		return syscall.EOPNOTSUPP
	}
	return 0
}

// nowAsFarAsKnown is how old a file is whose date, the server's, may pass for
// now: touch makes a file and then sets its date to now.
const nowAsFarAsKnown = 2 * time.Second

// Open implements fusefs.NodeOpener. No request is made, unless the file is
// being written: then what is written so far is stored first, so that the
// reader sees it.
func (n *fileNode) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	d, p, ok := n.place()
	if !ok {
		return nil, 0, syscall.ENOENT
	}
	if flags&syscall.O_ACCMODE == syscall.O_RDONLY {
		return n.openRead(ctx, p)
	}
	if errno := n.f.writable(); errno != 0 {
		return nil, 0, errno
	}
	truncate := flags&syscall.O_TRUNC != 0
	if flags&syscall.O_ACCMODE == syscall.O_RDWR {
		return nil, 0, n.f.refuse("open for reading and writing", p)
	}
	w := n.f.newWriter(n, p, d)
	if truncate {
		if errno := w.discard(); errno != 0 {
			w.release()
			return nil, 0, errno
		}
	}
	return w, writeFlags, 0
}

// fileOf returns the file of an inode, or nil.
func fileOf(n *fusefs.Inode) *fileNode {
	if n == nil {
		return nil
	}
	file, _ := n.Operations().(*fileNode)
	return file
}

// unlinked notes how the deletion of the file's object ended. With an error the
// file stays, and a handle that was kept from storing its content is to store
// it. That handle's turn is the caller's.
func (n *fileNode) unlinked(writer *writeHandle, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		n.gone = true
		return
	}
	if writer != nil {
		writer.gone, writer.dirty = false, true
		n.writer = writer
	}
}

func (n *fileNode) isGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone
}

// Write implements fusefs.NodeWriter: it is the handle's, except that what is
// written to an unlinked file is nobody's.
func (n *fileNode) Write(ctx context.Context, h fusefs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	w, ok := h.(*writeHandle)
	switch {
	case !ok:
		return 0, syscall.EBADF
	case n.isGone():
		return uint32(len(data)), 0
	}
	return w.Write(ctx, data, off)
}

func (n *fileNode) openRead(ctx context.Context, p place) (fusefs.FileHandle, uint32, syscall.Errno) {
	if w := n.currentWriter(); w != nil {
		if errno := w.Flush(ctx); errno != 0 {
			return nil, 0, errno
		}
	}
	n.mu.Lock()
	row := n.row
	keep := row.ETag != "" && n.paged == row.ETag
	n.paged = row.ETag
	n.mu.Unlock()
	var flags uint32
	if keep {
		flags = fuse.FOPEN_KEEP_CACHE
	}
	return newReadHandle(n.f, p, row), flags, 0
}
