package fs

import (
	"slices"
	"sync"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

// The kernel can keep the names in a directory as pages of it (FOPEN_CACHE_DIR), and
// then answers readers itself. An open directory with that flag reads what is there,
// and adds what it reads of us where the list ends so far. An open without
// FOPEN_KEEP_CACHE drops the pages. So what is kept is decided when a directory is
// opened, and in one of three ways:
//
//   - The list is whole, and still right: the handle reads it.
//   - It is not, and no handle is open that reads or makes it: what there is of it is
//     dropped, and this handle makes a new one.
//   - Else the handle has nothing to do with it, and leaves it alone.
//
// A list is whole when its maker has read from the beginning to the end, and is
// closed: only then has the kernel taken the last answer. It is right as long as
// nothing that this mount did, and no Refresh, has changed anything in the directory
// since it was begun, which the listings count (listing.Cache.Changed), and until the
// TTL of the oldest listing in it is over. What others are told to ask again by is the
// opening, so that a handle that stays open would have the old names after a
// rewinddir: the kernel is told to drop the lists of those when their time is over.
//
// A list that a maker left unfinished is dropped, but the kernel remembers where it
// ended. It makes no other one of that directory before it has forgotten the
// directory, unless the end happens to be at the end of a page or of the names: such
// directories are read from us, as all are by kernels that know nothing of this.

// kernelList is the list of a directory that the kernel has. Its fields are guarded by
// kernelLists.mu.
type kernelList struct {
	at listing.Dir
	// since is what Changed said of at before the list was begun.
	since uint64
	// until is when it is too old, or zero before there is anything in it.
	until time.Time
	whole bool
	// plain says that the kernel has no attributes of files in it, or does not have
	// them any more: whoever wants those gets them with a new list.
	plain bool
	// rounds is how often the kernel had been asked to forget nodes by then.
	rounds int64
	// places are those in a list that is whole.
	places dirPlaces
	// handles counts those that read it or make it.
	handles int
}

// kernelLists are those of all directories.
type kernelLists struct {
	// used has something when a directory was opened that has a list.
	used chan struct{}

	mu sync.Mutex // guards the following, and all lists
	// open has the lists with handles, by their directories.
	open map[*fusefs.Inode]*kernelList
}

func newKernelLists() *kernelLists {
	return &kernelLists{used: make(chan struct{}, 1), open: map[*fusefs.Inode]*kernelList{}}
}

// listReader is what an open directory has to do with the kernel's list. The zero value
// has nothing to do with it.
type listReader struct {
	f    *FS
	node *fusefs.Inode
	list *kernelList // or nil
	// makes says that the handle makes the list; ended that it has told the end of
	// it, in the order of the names so far.
	makes, ended bool
	// places are those where the handle was itself.
	places dirPlaces
}

// open decides by which flags the directory n at d is opened.
func (r *listReader) open(f *FS, n *directoryNode, d listing.Dir) (flags uint32) {
	if f.cfg.CacheTTL <= 0 {
		return 0
	}
	changed, now := f.cache.Changed(d), time.Now()
	t, list := f.lists, &n.list
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case list.whole && list.at == d && list.since == changed && now.Before(list.until) && !(f.plus.wanted() && list.lacksAttributesLocked(f)):
		flags = fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE
	case list.handles > 0:
		return fuse.FOPEN_KEEP_CACHE
	default:
		*list = kernelList{at: d, since: changed, rounds: f.nodes.rounds.Load()}
		flags, r.makes = fuse.FOPEN_CACHE_DIR, true
	}
	r.f, r.node, r.list = f, &n.Inode, list
	list.handles++
	t.open[r.node] = list
	select {
	case t.used <- struct{}{}:
	default:
	}
	return flags
}

// lacksAttributesLocked reports whether the kernel would have to ask for the
// attributes of each file in the list.
func (k *kernelList) lacksAttributesLocked(f *FS) bool {
	return k.plain || k.rounds != f.nodes.rounds.Load()
}

// read notes that the handle has asked for names, of which the oldest was known then.
// A handle that was to have them from the kernel's list finds that it is gone.
func (r *listReader) read(oldest time.Time) {
	r.change(func(k *kernelList) {
		if until := oldest.Add(r.f.cfg.CacheTTL); k.until.IsZero() || until.Before(k.until) {
			k.until = until
		}
		k.whole = k.whole && r.makes
	})
}

// bare notes that a file's name was given without its attributes.
func (r *listReader) bare() { r.change(func(k *kernelList) { k.plain = true }) }

// finished notes that the kernel was told that there are no more names.
func (r *listReader) finished() { r.ended = r.makes }

// sought notes that the handle goes on elsewhere: what it reads is no list.
func (r *listReader) sought() { r.makes, r.ended = false, false }

// close is the end of the handle.
func (r *listReader) close() {
	r.change(func(k *kernelList) {
		if k.handles--; k.handles == 0 {
			delete(r.f.lists.open, r.node)
		}
		if r.ended {
			k.whole, k.places = !k.until.IsZero(), r.places
		}
	})
}

// before is dirPlaces.before of the places where the handle was, by itself or by the
// kernel's list.
func (r *listReader) before(offset uint64) (place dirPlace, ok bool) {
	if len(r.places.all) == 0 {
		r.change(func(k *kernelList) { r.places = dirPlaces{slices.Clone(k.places.all), k.places.used} })
	}
	return r.places.before(offset)
}

func (r *listReader) change(do func(k *kernelList)) {
	if r.list == nil {
		return
	}
	r.f.lists.mu.Lock()
	defer r.f.lists.mu.Unlock()
	do(r.list)
}

// lookedUp notes that a file was looked up whose attributes a list may have told. It
// reports whether the kernel does not have them any more.
func (t *kernelLists) lookedUp(k *kernelList) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !k.whole || k.plain || !time.Now().Before(k.until) {
		return false
	}
	k.plain = true
	return true
}

// dropOldLists has the kernel drop the lists whose time is over while somebody has
// the directory open, until the mount ends.
func (f *FS) dropOldLists() {
	step := max(10*time.Millisecond, min(time.Second, f.cfg.CacheTTL/4))
	timer := time.NewTimer(step)
	defer timer.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.lists.used:
		}
		for any := true; any; {
			timer.Reset(step)
			select {
			case <-f.ctx.Done():
				return
			case <-timer.C:
			}
			var old []*fusefs.Inode
			old, any = f.lists.tooOld(time.Now().Add(step))
			for _, n := range old {
				_ = n.NotifyContent(0, 0) // an error says that the kernel does not know it any more
			}
		}
	}
}

// tooOld returns the directories with open handles whose lists are too old by then,
// which are not whole from now on. any is false if there are no open handles.
func (t *kernelLists) tooOld(then time.Time) (old []*fusefs.Inode, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, k := range t.open {
		if !k.until.IsZero() && k.until.Before(then) {
			k.whole, k.until = false, time.Time{}
			old = append(old, n)
		}
	}
	return old, len(t.open) > 0
}
