package fs

import (
	"context"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
)

// dirHandle is an open directory. It goes through the listing page by page and
// never holds more of it than a batch.
type dirHandle struct {
	f    *FS
	node *fusefs.Inode
	dir  listing.Dir

	mu sync.Mutex // guards the following; readdir calls of one handle come one by one, but a seek must not meet one
	// scan goes through the entries, or is nil before the first.
	scan *listing.Scanner
	// changed is what Changed said of dir before the scan.
	changed uint64
	// offset is the number of entries given, the dots included.
	offset uint64
	// batch are entries taken from scan and not given yet.
	batch []dirEntry
	ended bool
	// failed is the error that ended scan, given once the batch is.
	failed error
	// last is the entry that Lookup is asked for.
	last dirEntry
	// call is the readdir call that is being answered, or nil before the first,
	// given the number of entries in its answer so far, and first says that it is
	// the first from the beginning.
	call  context.Context //nolint:containedctx // only to tell one call from another
	given int
	first bool
	// asked says that Lookup was called for the last entry.
	asked bool
	list  listReader
}

// dirEntry is one entry with the name it is shown under.
type dirEntry struct {
	name string
	found
}

// batchSize is how many entries are taken at a time. Rows whose size has to be
// asked for are asked for together.
const (
	batchSize     = 128
	parallelHeads = 16
)

// How many entries answer one readdir call. The kernel's buffer has room for
// many more than the caller's, and gives back what is left over: the answers are
// about what fits the 32 KiB of the C library. The first call always asks for
// attributes too, the others only if the caller has used some: programs that do
// not want them are to get few.
const (
	firstEntries = 64
	moreEntries  = 1024
)

var _ = (interface {
	fusefs.FileReaddirenter
	fusefs.FileSeekdirer
	fusefs.FileLookuper
	fusefs.FileFsyncdirer
	fusefs.FileReleasedirer
})((*dirHandle)(nil))

func newDirHandle(f *FS, node *fusefs.Inode, d listing.Dir) *dirHandle {
	return &dirHandle{f: f, node: node, dir: d}
}

// Readdirent implements fusefs.FileReaddirenter.
func (h *dirHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fullLocked(ctx) {
		return nil, 0
	}
	if h.offset < 2 {
		h.offset++
		name := "."
		if h.offset == 2 {
			name = ".."
		}
		return &fuse.DirEntry{Mode: fuse.S_IFDIR, Name: name, Ino: h.node.StableAttr().Ino, Off: h.offset}, 0
	}
	e, ok, err := h.nextLocked(ctx)
	if err != nil {
		return nil, h.f.fail("readdir", h.dir.Container+"/"+h.dir.Prefix, err)
	}
	if !ok {
		if h.given == 1 {
			h.list.finished() // an empty answer, which tells the kernel
		}
		return nil, 0
	}
	h.offset++
	if h.given > 2 && h.last.Kind == listing.File && !h.asked {
		h.bare() // the call before this one is for names alone
	}
	h.last, h.asked = e, false
	return &fuse.DirEntry{Mode: h.mode(&e), Name: e.name, Ino: h.ino(&e), Off: h.offset}, 0
}

// fullLocked counts an entry of the answer to a call, and reports whether there
// are enough of them.
func (h *dirHandle) fullLocked(ctx context.Context) bool {
	if h.call != ctx {
		h.f.dirReads.Add(1)
		h.call, h.given, h.first = ctx, 0, h.offset == 0
	}
	h.given++
	if h.first && !h.f.plus.wanted() {
		return h.given > firstEntries
	}
	return h.given > moreEntries
}

func (h *dirHandle) mode(e *dirEntry) uint32 {
	if e.Kind == listing.Directory {
		return fuse.S_IFDIR
	}
	if h.f.isLink(&e.Row) {
		return fuse.S_IFLNK
	}
	return fuse.S_IFREG
}

func (h *dirHandle) ino(e *dirEntry) uint64 {
	return h.f.entryIno(h.node, e.name, e.Name, e.Kind)
}

// nextLocked takes the next entry, a batch at a time.
func (h *dirHandle) nextLocked(ctx context.Context) (dirEntry, bool, error) {
	if len(h.batch) == 0 && !h.ended {
		ctx, cancel := h.f.patient(ctx)
		defer cancel()
		h.fillLocked(ctx)
	}
	if len(h.batch) > 0 {
		e := h.batch[0]
		h.batch = h.batch[1:]
		return e, true, nil
	}
	err := h.failed
	if h.failed != nil {
		h.failed, h.ended = nil, false // the next call tries again
	}
	return dirEntry{}, false, err
}

// fillLocked takes entries until the batch is full, the directory ends or an
// error comes.
func (h *dirHandle) fillLocked(ctx context.Context) {
	if h.scan == nil {
		h.changed = h.f.cache.Changed(h.dir)
		h.scan = h.f.cache.Scan(ctx, h.dir)
	}
	h.batch = make([]dirEntry, 0, batchSize)
	for len(h.batch) < batchSize {
		e, err := h.scan.Next(ctx)
		if err != nil {
			h.ended = true
			if !isEOF(err) {
				h.failed = err
			}
			break
		}
		if d, ok := h.shown(ctx, e); ok {
			h.batch = append(h.batch, d)
		}
	}
	h.list.read(h.scan.Oldest())
	if err := h.resolveLocked(ctx); err != nil {
		h.failed, h.ended, h.scan = err, true, nil
		h.batch = nil
	}
}

// shown gives an entry the name it is shown under, if it has one.
func (h *dirHandle) shown(ctx context.Context, e listing.Entry) (dirEntry, bool) {
	want := formPlain
	switch {
	case e.Collides:
		want = formFile
	case e.Kind == listing.File && e.Row.Name == h.dir.Prefix && h.dir.Container != "":
		want = formData
	case h.dir.Container == "" && h.f.hiddenContainer(ctx, e.Name):
		return dirEntry{}, false
	}
	name, ok := encodeName(e.Name, want)
	h.f.rememberLong(name, e.Name)
	return dirEntry{name, found{Entry: e, form: want, fetched: h.scan.Fetched(), changed: h.changed}}, ok
}

// resolveLocked asks for the true sizes and attributes of the rows in the batch
// that do not show them.
func (h *dirHandle) resolveLocked(ctx context.Context) error {
	if h.dir.Container == "" {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelHeads)
	for i := range h.batch {
		if e := &h.batch[i]; h.f.doubtful(&e.Entry) {
			g.Go(func() (err error) {
				e.Row, err = h.f.resolve(ctx, h.dir.Container, e.Row)
				return err
			})
		}
	}
	return g.Wait()
}

// Lookup implements fusefs.FileLookuper: the attributes of the entry given last
// come from the listing.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	h.mu.Lock()
	e, first := h.last, h.first
	h.asked = true
	h.mu.Unlock()
	if first && e.Kind == listing.File && !h.f.plus.give() {
		h.bare()
		return nil, syscall.EAGAIN // the kernel takes the entry without its attributes
	}
	if e.name != name {
		// An interrupted call is repeated for an entry before the last.
		again, err := h.f.lookup(ctx, h.dir, name)
		if err != nil {
			return nil, toErrno(err)
		}
		e = dirEntry{name, again}
	}
	if h.f.nodes.tooMany() && h.f.childOf(h.node, name) == nil {
		return nil, syscall.EAGAIN // which the library makes an entry without a node
	}
	if h.dir.Container == "" {
		return h.f.containerChild(ctx, h.node, &e.found, listedFor, out), 0
	}
	return h.f.child(ctx, h.node, h.dir, name, &e.found, out), 0
}

// bare notes that the directory was listed without attributes.
func (h *dirHandle) bare() {
	h.list.bare()
	if n, ok := h.node.Operations().(interface{ listedBare() }); ok {
		n.listedBare()
	}
}

// Seekdir implements fusefs.FileSeekdirer: an offset is a number of entries.
// The beginning, which is what rewinddir asks for, starts a new listing; any
// other place is reached by going through the entries before it again.
func (h *dirHandle) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list.sought()
	h.scan, h.batch, h.ended, h.failed, h.offset = nil, nil, false, nil, min(off, 2)
	h.call = nil
	for h.offset < off {
		_, ok, err := h.nextLocked(ctx)
		if err != nil {
			return h.f.fail("seekdir", h.dir.Container+"/"+h.dir.Prefix, err)
		}
		if !ok {
			break
		}
		h.offset++
	}
	return 0
}

// Releasedir implements fusefs.FileReleasedirer.
func (h *dirHandle) Releasedir(context.Context, uint32) { h.list.close() }

// Fsyncdir implements fusefs.FileFsyncdirer.
func (h *dirHandle) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	if dir, ok := h.node.Operations().(fusefs.NodeFsyncer); ok {
		return dir.Fsync(ctx, h, flags)
	}
	return 0
}
