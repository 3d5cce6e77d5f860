package fs

import (
	"context"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
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
	// taken are entries from scan whose attributes may still have to be asked for, and
	// batch those that are complete and not given yet.
	taken, batch []dirEntry
	// place is where taken begins, if placed is set: there is not always a telling.
	place  dirPlace
	placed bool
	// ended says that scan has no more.
	ended bool
	// failed is an error for the next call.
	failed error
	// last is the entry that Lookup is asked for.
	last dirEntry
	// call is the readdir call that is being answered, or nil before the first,
	// given the number of entries in its answer so far, and first says that it is
	// the first from the beginning.
	call  context.Context //nolint:containedctx // only to tell one call from another
	given int
	first bool
	// carried says that the library has the entry given last for its next answer.
	carried bool
	// asked says that Lookup was called for the last entry.
	asked bool
	list  listReader
}

// dirEntry is one entry with the name it is shown under.
type dirEntry struct {
	name string
	found
	// unknown says that the server refuses to tell its attributes.
	unknown bool
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
	h.countLocked(ctx)
	e, errno := h.direntLocked(ctx)
	h.carried = e != nil // until the next call of the same answer, or for the next answer
	return e, errno
}

func (h *dirHandle) direntLocked(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if h.fullLocked() {
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
	if h.given > 1 && len(h.batch) == 0 && ctx.Err() != nil {
		return nil, 0 // a signal: one wait for the server is enough
	}
	wait := ctx
	if len(h.batch) == 0 {
		patient, cancel := h.f.patient(ctx)
		defer cancel()
		wait = patient
	}
	e, ok, err := h.nextLocked(wait)
	if err != nil {
		return nil, h.failLocked(ctx, err)
	}
	if !ok {
		if h.given == 1 {
			h.list.finished() // an empty answer, which tells the kernel
		}
		return nil, 0
	}
	h.offset++
	h.list.places.gave(h.offset)
	if h.given > 2 && h.last.Kind == listing.File && !h.asked {
		h.bare() // the call before this one is for names alone
	}
	h.last, h.asked = e, false
	return &fuse.DirEntry{Mode: h.mode(&e), Name: e.name, Ino: h.ino(&e), Off: h.offset}, 0
}

// failLocked is the answer after an error. In an answer with entries go-fuse keeps it for
// the next one, and gives it once more later, in place of an entry: such an answer ends
// here, and the next one begins with the error.
func (h *dirHandle) failLocked(ctx context.Context, err error) syscall.Errno {
	if h.given == 1 {
		return h.f.fail("readdir", h.dir.Container+"/"+h.dir.Prefix, err)
	}
	if ctx.Err() == nil { // who was interrupted has entries, and may ask again
		h.failed = err
	}
	return 0
}

// countLocked counts an entry of the answer to a call.
func (h *dirHandle) countLocked(ctx context.Context) {
	if h.call != ctx {
		h.f.dirReads.Add(1)
		h.call, h.given, h.first = ctx, 0, h.offset == 0
		if h.carried {
			h.given = 1
		}
	}
	h.given++
}

// fullLocked reports whether the answer has entries enough.
func (h *dirHandle) fullLocked() bool {
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

// nextLocked takes the next entry, a batch at a time. After an error it goes on where it
// was.
func (h *dirHandle) nextLocked(ctx context.Context) (e dirEntry, ok bool, err error) {
	if err, h.failed = h.failed, nil; err != nil {
		return e, false, err
	}
	if len(h.batch) == 0 && !(h.ended && len(h.taken) == 0) {
		if err := h.fillLocked(ctx); err != nil {
			return e, false, err
		}
	}
	if len(h.batch) == 0 {
		return e, false, nil
	}
	e, h.batch = h.batch[0], h.batch[1:]
	return e, true, nil
}

// fillLocked takes entries until the batch is full or the directory ends.
func (h *dirHandle) fillLocked(ctx context.Context) error {
	if h.scan == nil {
		h.changed = h.f.cache.Changed(h.dir)
		h.scan = h.f.cache.Scan(ctx, h.dir)
	}
	if len(h.taken) == 0 {
		h.place.after, h.placed = h.scan.Place()
		h.taken = make([]dirEntry, 0, batchSize)
	}
	for len(h.taken) < batchSize && !h.ended {
		e, err := h.scan.Next(ctx)
		if h.ended = isEOF(err); h.ended {
			break
		}
		if err != nil {
			return err
		}
		if d, ok := h.shown(ctx, e); ok {
			h.taken = append(h.taken, d)
		}
	}
	h.list.read(h.scan.Oldest())
	if err := h.resolveLocked(ctx); err != nil {
		return err
	}
	h.batch, h.taken = h.taken, nil
	if h.placed {
		h.place.offset, h.place.names = h.offset, namesHash(h.batch)
		h.offset = h.list.places.put(h.place)
	}
	return nil
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
	return dirEntry{name: name, found: found{Entry: e, form: want, fetched: h.scan.Fetched(), changed: h.changed}}, ok
}

// resolveLocked asks for the true sizes and attributes of the rows taken that do not
// show them. An object that the server refuses to tell about has a name all the same.
func (h *dirHandle) resolveLocked(ctx context.Context) error {
	if h.dir.Container == "" {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelHeads)
	for i := range h.taken {
		e := &h.taken[i]
		if e.unknown || !h.f.doubtful(&e.Entry) {
			continue
		}
		g.Go(func() (err error) {
			e.Row, err = h.f.resolve(ctx, h.dir.Container, e.Row)
			switch swiftbackend.KindOf(err) {
			case swiftbackend.KindDenied, swiftbackend.KindConflict, swiftbackend.KindInvalid, swiftbackend.KindUnsupported:
				h.f.log.Debug("the server does not tell the attributes of a file", "path", h.dir.Container+"/"+e.Row.Name, "error", err)
				e.unknown = true
				return nil
			default:
				return err
			}
		})
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
		e = dirEntry{name: name, found: again}
	}
	if e.unknown {
		return nil, syscall.EAGAIN // who wants to know more is told why by a look-up
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
// other place is looked for by what is known of places before it.
func (h *dirHandle) Seekdir(ctx context.Context, off uint64) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	place, known := h.list.before(off)
	h.list.sought()
	h.scan, h.taken, h.batch, h.ended, h.failed, h.offset = nil, nil, nil, false, nil, min(off, 2)
	h.call, h.carried = nil, false
	if off == 0 {
		h.list.places = dirPlaces{}
		return 0
	}
	ctx, cancel := h.f.patient(ctx)
	defer cancel()
	var err error
	if known {
		err = h.goOnLocked(ctx, off, place)
	} else {
		err = h.skipLocked(ctx, off)
	}
	if err != nil {
		return h.f.fail("seekdir", h.dir.Container+"/"+h.dir.Prefix, err)
	}
	return 0
}

// goOnLocked goes to an offset from a place before it.
func (h *dirHandle) goOnLocked(ctx context.Context, off uint64, place dirPlace) error {
	h.changed = h.f.cache.Changed(h.dir)
	h.scan = h.f.cache.ScanAfter(h.dir, place.after)
	h.offset = place.offset
	if err := h.fillLocked(ctx); err != nil {
		return err
	}
	if h.offset == place.offset { // the same batch
		n := min(off-place.offset, uint64(len(h.batch)))
		h.batch = h.batch[n:]
		h.offset += n
	}
	return nil
}

// skipLocked goes to an offset from the beginning by counting, for who was never there:
// NFS opens a directory anew wherever it goes on.
func (h *dirHandle) skipLocked(ctx context.Context, off uint64) error {
	for h.offset < off {
		if _, ok, err := h.nextLocked(ctx); err != nil || !ok {
			return err
		}
		h.offset++
	}
	return nil
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
