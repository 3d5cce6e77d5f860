package fs

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
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
// directory. What comes next is taken from the listing in memory; no request is
// made to find it out.
type neighbours struct {
	f     *FS
	shelf *prefetch.Shelf[smallVersion] // or nil: nothing is read ahead

	mu sync.Mutex // guards the following
	// walks are the directories in which files were read, the latest first.
	walks []*dirWalk
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
	// first is the object that was read while there was no walk yet.
	first string
	// walk goes through files, or is nil: a single file has no neighbours that
	// anybody wants.
	walk   *prefetch.Walk
	files  []smallFile
	number map[string]int // of the files, by their objects' names
	// whole says that files are all that the listing has, not just the next.
	whole  bool
	missed int // reads of files that the walk does not have
}

// smallFile is a file as the listing has it.
type smallFile struct {
	object string
	etag   string
	size   int64
}

const (
	// mostWalks is how many directories are gone through at once, and
	// mostNeighbours of how many files all of them, or one, know.
	mostWalks      = 8
	mostNeighbours = 16384
	// nextNeighbours are taken from a directory that has more than that.
	nextNeighbours = 1024
	// walkIdle is how long nothing was read in a directory that is forgotten.
	walkIdle = 10 * time.Second
	// mostMissed is how many files that a walk does not know make a new one.
	mostMissed = 64
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
// however small, has no checksum to compare; an empty one is never read.
func (b *neighbours) small(r *listing.Row) bool {
	return r.Size > 0 && r.Size <= min(b.f.ahead.SmallObject, wholeLimit) && !r.Local && !r.Subdir &&
		r.ETag != "" && r.ETag != emptyMD5 && !large(r) && !b.f.isLink(r)
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
	w := b.followLocked(d, up, p.object)
	if w == nil {
		return parcel
	}
	w.walk.Read(w.number[p.object], func(i int) bool { return b.fetch(d, up, &w.files[i]) })
	return parcel
}

// followLocked returns the walk through a directory that has the object, or nil.
func (b *neighbours) followLocked(d listing.Dir, up *fusefs.Inode, object string) *dirWalk {
	now := time.Now()
	b.walks = slices.DeleteFunc(b.walks, func(w *dirWalk) bool { return now.Sub(w.used) > walkIdle })
	var before prefetch.Evidence
	if len(b.walks) > 0 && b.walks[0].walk != nil {
		latest := b.walks[0]
		before = latest.walk.Evidence(inside(d, latest.dir))
	}
	w := b.walkLocked(d)
	w.used = now
	if _, ok := w.number[object]; ok {
		return w
	}
	switch {
	case w.walk != nil && !w.whole && before.Any(): // the next part of a long directory
	case w.walk != nil:
		if w.missed++; w.missed < mostMissed {
			return nil
		}
	case w.first == "" && !before.Any():
		w.first = object
		return nil
	}
	b.list(w, up, object, before)
	b.boundLocked()
	if _, ok := w.number[object]; !ok {
		return nil
	}
	if i, ok := w.number[w.first]; ok {
		w.walk.Read(i, func(int) bool { return false })
	}
	return w
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

// boundLocked forgets the walks used least lately when all know too many files.
func (b *neighbours) boundLocked() {
	known := 0
	for i, w := range b.walks {
		if known += len(w.files); known > mostNeighbours && i > 0 {
			b.walks = b.walks[:i]
			return
		}
	}
}

// list finds the files of the directory that the listing in memory has: all of
// them, or of a long directory those from the object on.
func (b *neighbours) list(w *dirWalk, up *fusefs.Inode, object string, before prefetch.Evidence) {
	w.missed = 0
	if w.files, w.whole = b.filesAfter(w.dir, "", mostNeighbours); !w.whole {
		w.files, _ = b.filesAfter(w.dir, object, nextNeighbours)
		w.files = slices.Insert(w.files, 0, smallFile{object: object})
	}
	listed := make([]int32, len(w.files))
	w.number = make(map[string]int, len(w.files))
	for i := range w.files {
		listed[i], w.number[w.files[i].object] = int32(i), i
	}
	if !w.whole {
		w.walk = prefetch.NewWalk(before, listed)
		return
	}
	w.walk = prefetch.NewWalk(before, listed, b.byNumber(w.dir, up, w.files))
}

// filesAfter returns the small files that the listing in memory has after a row; all is
// false if there are more than most.
func (b *neighbours) filesAfter(d listing.Dir, after string, most int) (files []smallFile, all bool) {
	scan := b.f.cache.ScanKnown(d, after)
	for range most {
		e, err := scan.Next(b.f.ctx)
		if err != nil {
			return files, true
		}
		if e.Kind == listing.File && !e.Collides && e.Row.Name != d.Prefix && b.small(&e.Row) {
			files = append(files, smallFile{e.Row.Name, e.Row.ETag, e.Row.Size})
		}
	}
	return files, false
}

// byNumber returns the files in the order of their inode numbers.
func (b *neighbours) byNumber(d listing.Dir, up *fusefs.Inode, files []smallFile) []int32 {
	type numbered struct {
		ino  uint64
		file int32
	}
	sorted := make([]numbered, len(files))
	for i := range files {
		part := files[i].object[len(d.Prefix):]
		name, _ := encodeName(part, formPlain)
		sorted[i] = numbered{b.f.entryIno(up, name, part, listing.File), int32(i)}
	}
	slices.SortFunc(sorted, func(x, y numbered) int { return cmp.Compare(x.ino, y.ino) })
	order := make([]int32, len(files))
	for i := range sorted {
		order[i] = sorted[i].file
	}
	return order
}

// fetch reads a file ahead, unless it is known to be another by now or the
// kernel has it. It returns false if that has to wait.
func (b *neighbours) fetch(d listing.Dir, up *fusefs.Inode, file *smallFile) bool {
	name, ok := encodeName(file.object[len(d.Prefix):], formPlain)
	if !ok {
		return true
	}
	v := smallVersion{place{d.Container, file.object}, file.etag, file.size}
	if child := b.f.childOf(up, name); child != nil {
		if n := fileOf(child); n == nil || !n.unread(&v) {
			return true
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
