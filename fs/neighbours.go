package fs

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/fs/prefetch"
	"swiftfs/swiftbackend"
)

// neighbours reads ahead into the next small files of a directory that a program
// goes through: cp -r, tar and grep -r open one file after the other, and each
// would wait for its own request.
//
// The order is that of the listing, in which readdir gives the names too, or that
// of the inode numbers, by which cp and others sort what they have read of a
// directory. What comes next is taken from the listing in memory
// (neighbours_listed.go); no request is made to find it out. After the last file come
// those of the next directories (neighbours_dirs.go).
type neighbours struct {
	f     *FS
	shelf *prefetch.Shelf[smallVersion] // or nil: nothing is read ahead

	mu sync.Mutex // guards the following
	// walks are the directories in which files were read, the latest first.
	walks []*dirWalk
	// known is what directories were found to have, the latest first.
	known []*dirContents
	// misled is how often what was fetched of next directories was not read, less
	// how often it was.
	misled int
}

// smallVersion is one version of a small object.
type smallVersion struct {
	place
	etag string
	size int64
}

// dirWalk is a directory in which files are being read.
type dirWalk struct {
	dir  listing.Dir
	used time.Time
	// last is the object that was read last.
	last string
	// walk goes through the files of what is listed. Both are nil at first: a single
	// file has no neighbours that anybody wants.
	walk   *prefetch.Walk
	listed *dirContents
	// missed counts reads of files that the walk does not have: patience of them
	// make a new one.
	missed, patience int
	// turns are those by which the program has come here, and onward what comes
	// after this directory, by each order.
	turns  turns
	onward map[int]*onward
}

const (
	// mostWalks is how many directories are gone through at once, mostKnown how many
	// are known, and mostNeighbours of how many files all of them, or one, know.
	mostWalks      = 8
	mostKnown      = 16
	mostNeighbours = 16384
	// nextNeighbours are taken from a directory that has more than that.
	nextNeighbours = 1024
	// walkIdle is how long nothing was read in a directory that is forgotten.
	walkIdle = 10 * time.Second
	// partLife is how long memory is taken to know no more of a long directory than
	// it did.
	partLife = 100 * time.Millisecond
	// mostMissed is how many files that a walk does not know make a new one, and
	// mostMissedOfPart if the listing had not all when it began.
	mostMissed       = 64
	mostMissedOfPart = 16
)

func newNeighbours(f *FS) *neighbours {
	b := &neighbours{f: f}
	if f.cfg.ReadAhead > 0 {
		// At most half of the requests are for what nobody waits for yet.
		b.shelf = prefetch.NewShelf[smallVersion](f.ctx, f.readers, max(1, f.client.MostRequests()/2))
	}
	return b
}

func (b *neighbours) close() {
	if b.shelf != nil {
		b.shelf.Close()
	}
}

// small reports whether a row's object is one to read ahead. A large object,
// however small, has no checksum to compare; an empty one is never read. The content
// of a directory's marker, which has the directory's own name, is in no order.
func (b *neighbours) small(r *listing.Row) bool {
	return r.Size > 0 && r.Size <= min(b.f.ahead.SmallObject, wholeLimit) && !r.Local && !r.Subdir &&
		r.ETag != "" && r.ETag != emptyMD5 && !strings.HasSuffix(r.Name, "/") && !large(r) && !b.f.isLink(r)
}

// read notes that a program begins to read the version row of a file, and
// returns its bytes if they were read ahead, or nil.
func (b *neighbours) read(n *fileNode, row *listing.Row) *prefetch.Parcel {
	if b.shelf == nil || !b.small(row) {
		return nil
	}
	d, p, ok := n.place()
	_, up := b.f.parentOf(&n.Inode)
	if !ok || up == nil {
		return nil
	}
	parcel := b.shelf.Take(smallVersion{p, row.ETag, row.Size})
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.followLocked(placed{d, up}, p.object)
	if w == nil {
		return parcel
	}
	order, over := w.walk.Read(int(w.listed.numbers[p.object]), func(i int) bool { return b.fetch(d, up, &w.listed.files[i]) })
	if over > 0 {
		b.goOnLocked(w, placed{d, up}, order, over)
	}
	return parcel
}

// followLocked returns the walk through a directory that has the object, or nil.
func (b *neighbours) followLocked(at placed, object string) *dirWalk {
	now := time.Now()
	b.walks = slices.DeleteFunc(b.walks, func(w *dirWalk) bool { return now.Sub(w.used) > walkIdle })
	before := b.turnLocked(at, object)
	w := b.walkLocked(at.dir)
	defer func() { w.used, w.last = now, object }()
	if w.turns = before.turns; w.turns == nil {
		w.turns = turns{}
	}
	if w.has(object) {
		return w
	}
	switch {
	case w.walk != nil && !w.listed.whole && before.evidence.Any(): // the next part of a directory
	case w.walk != nil:
		if w.missed++; w.missed < w.patience {
			return nil
		}
	case w.last == "" && !before.evidence.Any():
		return nil
	}
	b.list(w, at, object, before.evidence)
	if !w.has(object) {
		return nil
	}
	if i, ok := w.listed.numbers[w.last]; ok {
		w.walk.Read(int(i), func(int) bool { return false })
	}
	return w
}

// has reports whether the walk goes through an object.
func (w *dirWalk) has(object string) bool {
	if w.walk == nil {
		return false
	}
	_, ok := w.listed.numbers[object]
	return ok
}

// inside reports whether d is below up.
func inside(d, up listing.Dir) bool {
	above, _, ok := parent(d)
	return ok && above == up
}

// walkLocked finds or makes the entry of a directory and puts it first.
func (b *neighbours) walkLocked(d listing.Dir) *dirWalk {
	i := slices.IndexFunc(b.walks, func(w *dirWalk) bool { return w.dir == d })
	if i < 0 {
		b.walks = slices.Insert(b.walks, 0, &dirWalk{dir: d})
		b.walks = b.walks[:min(len(b.walks), mostWalks)]
		return b.walks[0]
	}
	w := b.walks[i]
	copy(b.walks[1:i+1], b.walks[:i])
	b.walks[0] = w
	return w
}

// boundLocked forgets what was used least lately when too much is known.
func (b *neighbours) boundLocked() {
	b.known = b.known[:min(len(b.known), mostKnown)]
	known := 0
	for i, w := range b.walks {
		if w.listed == nil {
			continue
		}
		if known += w.listed.size(); known > mostNeighbours && i > 0 {
			b.walks = b.walks[:i]
			break
		}
	}
	for i, c := range b.known {
		if known += c.size(); known > 2*mostNeighbours && i > 0 {
			b.known = b.known[:i]
			return
		}
	}
}

// list begins a walk through what the listing in memory has of a directory: if it has
// not all, from the file on that was read before the object.
func (b *neighbours) list(w *dirWalk, at placed, object string, before prefetch.Evidence) {
	c := b.contentsLocked(w.dir, cmp.Or(w.last, object), at)
	if _, ok := c.numbers[object]; !ok && !c.whole {
		c = b.contentsLocked(w.dir, object, at)
	}
	files := make([][]int32, len(c.orders))
	for i := range files {
		files[i] = c.filesOf(i)
	}
	w.listed, w.walk, w.onward = c, prefetch.NewWalk(before, files...), nil
	if w.missed = 0; c.whole {
		w.patience = mostMissed
	} else {
		w.patience = max(1, min(2*w.patience, mostMissedOfPart))
	}
	b.boundLocked()
}

// fetch reads a file ahead, unless it is known to be another by now or the
// kernel has it. It returns false if that has to wait. up is the node of the
// directory, or nil if the kernel does not know it.
func (b *neighbours) fetch(d listing.Dir, up *fusefs.Inode, file *smallFile) bool {
	name, ok := encodeName(file.object[len(d.Prefix):], formPlain)
	if !ok {
		return true
	}
	v := smallVersion{place{d.Container, file.object}, file.etag, file.size}
	if up != nil {
		if child := b.f.childOf(up, name); child != nil {
			if n := fileOf(child); n == nil || !n.unread(&v) {
				return true
			}
		}
	}
	if b.f.blocks != nil && b.f.blocks.Has(b.f.blockKey(v.place, v.etag, v.size)) {
		return true
	}
	return b.shelf.Fetch(v, v.size, func(ctx context.Context) ([]byte, error) {
		body, _, err := b.f.client.Get(ctx, v.container, v.object, swiftbackend.GetOptions{Length: v.size, IfMatch: v.etag})
		if err != nil {
			return nil, err
		}
		return readWhole(body, v.size)
	})
}

// unread reports whether the file stands for v, and the kernel cannot have its
// pages.
func (n *fileNode) unread(v *smallVersion) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.gone && n.draft == nil && n.row.ETag == v.etag && n.row.Size == v.size && n.paged != v.etag
}

// fetchedVersion is a version whose bytes were read ahead.
type fetchedVersion struct {
	*objectVersion
	parcel *prefetch.Parcel
}

// ReadRange implements prefetch.Source.
func (v *fetchedVersion) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	data, err := v.parcel.Bytes(ctx)
	switch {
	case err == nil:
		if length == v.size {
			v.parcel.Return() // the reader has memory of its own for them
		}
		return io.NopCloser(bytes.NewReader(data[off : off+length])), nil
	case ctx.Err() != nil:
		return nil, err
	}
	return v.objectVersion.ReadRange(ctx, off, length)
}
