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

// fileNode is a file: one version of one object, or the version that this mount
// is making of it. A version that another client makes is another node.
type fileNode struct {
	fusefs.Inode
	f      *FS
	listed listed

	pending pendingEdits // of extended attributes

	mu sync.Mutex // guards the following
	// row is the version the node stands for.
	row listing.Row
	// at is where the object was when the node was in the tree last.
	at place
	// draft is what programs are making of the file, or nil.
	draft *draft
	// handles counts the open handles.
	handles int
	// plain counts those of them with which none can be that passes to a file on
	// disk, and backing is that file while there are handles that do; see
	// passthrough.go.
	plain   int
	backing *backingFile
	// paged is the ETag of the version whose pages the kernel may hold.
	paged string
	// gone says that the file was unlinked: nothing more is stored under its
	// name, which may be another file's by now.
	gone bool
	// aside says that at is where the object of an unlinked file was set aside.
	aside bool
	fileAttrs
}

var _ = (interface {
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
	fusefs.NodeOpener
	fusefs.NodeStatfser
	// Not implemented, so that the kernel answers by itself or falls back:
	// NodeReader, NodeWriter, NodeFlusher, NodeFsyncer, NodeAllocater,
	// NodeLseeker (the handles do it), NodeGetlker and its
	// kin (the kernel keeps locks within the machine).
})((*fileNode)(nil))

// stands reports whether the node may stand for row, which was so at fetched: it
// is the same version, or this mount is writing the file and knows better.
func (n *fileNode) stands(row *listing.Row, fetched time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		// A gone one that is still in the tree was replaced by a rename that did not
		// come to its end.
		return false
	}
	if n.draft.hasContent() || row.Local {
		return true
	}
	if !sameVersion(&n.row, row) {
		return false
	}
	n.learnLocked(row, fetched)
	return true
}

func (n *fileNode) currentDraft() *draft {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.draft
}

// current returns the version the node stands for.
func (n *fileNode) current() listing.Row {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.row
}

// attr fills the file's attributes: those of its draft while the server does not
// have that.
func (n *fileNode) attr(out *fuse.Attr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	size, at := n.row.Size, n.dateLocked()
	if n.draft != nil {
		if s, t, ok := n.draft.shown(); ok {
			size, at = s, t
		}
	}
	n.f.fileAttr(out, size, n.attrsLocked(), at)
	if n.gone {
		out.Nlink = 0
	}
}

// Getattr implements fusefs.NodeGetattrer. A file that another client has
// replaced is ESTALE here, which makes the kernel look its name up again; an
// open file goes on having the attributes of the version it was opened at.
func (n *fileNode) Getattr(ctx context.Context, h fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	out.SetTimeout(n.f.cfg.CacheTTL)
	if h != nil || n.currentDraft().hasContent() {
		return 0
	}
	name, up := n.f.parentOf(&n.Inode)
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
	if e.Kind != listing.File || !n.stands(&e.Row, e.fetched) {
		return syscall.ESTALE
	}
	n.attr(&out.Attr)
	out.SetTimeout(n.f.remaining(e.fetched))
	return 0
}

// Setattr implements fusefs.NodeSetattrer.
func (n *fileNode) Setattr(ctx context.Context, h fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.f.writable(); errno != 0 {
		return errno
	}
	if size, ok := in.GetSize(); ok {
		if errno := n.setSize(ctx, h, int64(size)); errno != 0 {
			return errno
		}
	}
	errno := n.setAttrs(ctx, in)
	n.attr(&out.Attr)
	out.SetTimeout(n.f.cfg.CacheTTL)
	return errno
}

// setSize truncates: a handle that is open keeps the change until its close, and
// truncate(2), which has none, stores it at once.
func (n *fileNode) setSize(ctx context.Context, h fusefs.FileHandle, size int64) syscall.Errno {
	var now fuse.Attr
	if n.attr(&now); int64(now.Size) == size {
		return 0
	}
	if own, ok := h.(*writeHandle); ok {
		return own.truncate(ctx, size)
	}
	w := newWriteHandle(n, n.openDraft())
	defer func() { _ = w.Release(ctx) }()
	if errno := w.truncate(ctx, size); errno != 0 {
		return errno
	}
	return w.Flush(ctx)
}

// place returns where the node's object is; ok is false once it is unlinked.
func (n *fileNode) place() (d listing.Dir, p place, ok bool) {
	name, up := n.f.parentOf(&n.Inode)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return d, n.at, false
	}
	if up != nil {
		if d, ok = n.f.dirOf(up); ok {
			n.at = objectOf(d, name, n.at.object)
			n.row.Name = n.at.object // which a directory may have taken along
			return d, n.at, true
		}
	}
	// The kernel has forgotten the file, and this mount has something to store.
	d, ok = dirOfObject(n.at)
	return d, n.at, ok
}

// where returns where the node's object is, or was when it was unlinked.
func (n *fileNode) where() place {
	_, p, _ := n.place()
	return p
}

// opened and closed count the handles. The last one of an unlinked file ends its
// draft.
func (n *fileNode) opened() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handles++
}

func (n *fileNode) closed() {
	n.mu.Lock()
	n.handles--
	last := n.handles == 0 && n.gone
	d, at, aside := n.draft, n.at, n.aside
	n.mu.Unlock()
	if !last {
		return
	}
	if d != nil {
		d.end()
	}
	if aside {
		n.f.dropAside(at)
	}
}

// seek finds data and holes. The stored version is all data.
func (n *fileNode) seek(off uint64, whence uint32) (uint64, syscall.Errno) {
	const seekData, seekHole = 3, 4
	if stage := n.currentDraft().staged(); stage != nil {
		find := stage.SeekData
		if whence == seekHole {
			find = stage.SeekHole
		}
		at, err := find(int64(off))
		return uint64(at), toErrno(err)
	}
	var attr fuse.Attr
	n.attr(&attr)
	switch {
	case whence != seekData && whence != seekHole:
		return 0, syscall.EINVAL
	case off >= attr.Size:
		return 0, syscall.ENXIO
	case whence == seekHole:
		return attr.Size, 0
	}
	return off, 0
}

// Open implements fusefs.NodeOpener. No request is made.
func (n *fileNode) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE == syscall.O_RDONLY {
		h := newReadHandle(n)
		if flags, ok := h.enter(ctx); ok {
			return h, flags, 0
		}
		return h, n.readFlags(), 0
	}
	if errno := n.f.writable(); errno != 0 {
		return nil, 0, errno
	}
	w := newWriteHandle(n, n.openDraft())
	if flags&syscall.O_TRUNC != 0 {
		if errno := w.truncate(ctx, 0); errno != 0 {
			_ = w.Release(ctx)
			return nil, 0, errno
		}
	}
	return w, openFlags(flags), 0
}

// readFlags returns the FOPEN flags of a reader: the kernel keeps the pages of a
// version over opens, and does not tell of a close, at which a reader has nothing
// to store.
func (n *fileNode) readFlags() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.draft.hasContent() {
		n.paged = ""
		return fuse.FOPEN_NOFLUSH
	}
	keep := n.row.ETag != "" && n.paged == n.row.ETag
	n.paged = n.row.ETag
	if keep {
		return fuse.FOPEN_NOFLUSH | fuse.FOPEN_KEEP_CACHE
	}
	return fuse.FOPEN_NOFLUSH
}

// fileOf returns the file of an inode, or nil.
func fileOf(n *fusefs.Inode) *fileNode {
	if n == nil {
		return nil
	}
	file, _ := n.Operations().(*fileNode)
	return file
}

func (n *fileNode) isGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone
}
