package listing

import (
	"container/list"
	"slices"
	"time"
)

// dirState is what the cache knows about one directory apart from the pages
// themselves. All of it is guarded by Cache.mu.
type dirState struct {
	dir Dir
	// gen is the last invalidation: pages and notes have to begin after it.
	gen uint64
	// doubtful is the last invalidation by the user: changes that are not
	// later are in doubt.
	doubtful uint64
	// changed is when an own change came or went last, apart from those that a page
	// settled, or when the state was made.
	changed uint64
	// dropped is the time of the latest change that a page settled: notes
	// have to begin after it, because they might hide that change.
	dropped uint64

	pages index
	// lost are the spans of pages that are gone: what they knew is asked for again
	// at the same markers, so that pages do not overlap and each is found by all.
	lost index
	// sweepAt is the number of spans at which those without a page are
	// looked for.
	sweepAt int
	// changes is the overlay, sorted by name.
	changes []*change
	// flights are the listing requests under way.
	flights []*flight

	// missed are the latest distinct names that a lookup did not find known.
	missed []miss
	// cursor is the last row name that a page answered a lookup for.
	cursor string
	// scanned is when somebody began to read the directory last, and asked the
	// directory in it that was listed last.
	scanned time.Time
	asked   miss
	// deeper says that a sheet was asked for since, although the one before had
	// ended in a directory within this one.
	deeper bool
	// noted says that there may be notes.
	noted bool
	// idle is the place in Cache.idle, or nil.
	idle *list.Element
}

// miss is a name that had to be asked for, and when.
type miss struct {
	name string
	at   time.Time
}

const (
	minSweep = 64
	// maxLost bounds the spans in dirState.lost.
	maxLost = 1024
)

// stateLocked finds or makes the state of dir. The caller ends with
// restLocked, whatever it does to the state.
func (c *Cache) stateLocked(dir Dir) *dirState {
	if d := c.dirs[dir]; d != nil {
		return d
	}
	for len(c.dirs) >= c.cfg.MaxDirs && c.idle.Len() > 0 {
		oldest := c.idle.Back()
		c.idle.Remove(oldest)
		if d, ok := oldest.Value.(*dirState); ok {
			c.dropStateLocked(d)
		}
	}
	// A new state has a new generation: what an earlier state of the
	// directory knew does not come back. Flights know themselves what was
	// invalidated since they began.
	d := &dirState{dir: dir, gen: c.tickLocked(), changed: c.clock, sweepAt: minSweep}
	for _, f := range c.trees {
		if dir.within(f.root) && f.counts(dir) {
			d.gen = min(d.gen, f.began-1)
		}
	}
	c.dirs[dir] = d
	return d
}

// dropStateLocked forgets a state. Flights that it was not to believe, or that
// may not revive its notes, are told.
func (c *Cache) dropStateLocked(d *dirState) {
	delete(c.dirs, d.dir)
	for _, f := range c.trees {
		if d.noted || max(d.gen, d.dropped) > f.began {
			c.spoilLocked(d.dir)
			return
		}
	}
}

// restLocked puts d where it belongs: latest of the idle ones, or not idle.
func (c *Cache) restLocked(d *dirState) {
	idle := len(d.changes) == 0 && len(d.flights) == 0
	switch {
	case idle && d.idle == nil:
		d.idle = c.idle.PushFront(d)
	case idle:
		c.idle.MoveToFront(d.idle)
	case d.idle != nil:
		c.idle.Remove(d.idle)
		d.idle = nil
	}
}

// validLocked tells whether an answer that was asked for at began counts.
func (c *Cache) validLocked(d *dirState, began uint64) bool {
	return began > max(d.gen, c.invalid)
}

// pageLocked is the page behind the span, or nil if it is not believed or not
// there any more; then its spans are removed.
func (c *Cache) pageLocked(d *dirState, s span) *page {
	return c.behindLocked(d, s, c.store.get)
}

// sweepLocked removes the spans without a page.
func (c *Cache) sweepLocked(d *dirState) {
	for _, s := range slices.Clone(d.pages) {
		c.behindLocked(d, s, c.store.peek)
	}
}

// behindLocked is pageLocked with one of the ways to get a value.
func (c *Cache) behindLocked(d *dirState, s span, get func(key string, began uint64) value) *page {
	if c.validLocked(d, s.began) {
		var p *page
		switch v := get(s.key, s.began).(type) {
		case *page:
			p = v
		case *sheet:
			p = v.parts[d.dir.Prefix]
		}
		if p != nil && c.fresh(p.fetched) {
			return p
		}
	}
	d.lose(s)
	return nil
}

// lose takes the spans of a page that is gone out of the index.
func (d *dirState) lose(s span) {
	if len(d.lost) >= maxLost {
		d.lost = nil
	}
	for _, o := range d.pages {
		if o.samePage(s) {
			d.lost = d.lost.with(o)
		}
	}
	d.pages = slices.DeleteFunc(d.pages, s.samePage)
}

// indexLocked makes p the knowledge about its window.
func (c *Cache) indexLocked(d *dirState, key string, p *page) {
	w := window{from: p.from, to: p.to, end: p.end}
	d.pages = d.pages.with(span{window: w, key: key, began: p.began})
	d.lost = d.lost.cut(w)
	if len(d.pages) < d.sweepAt {
		return
	}
	c.sweepLocked(d)
	d.sweepAt = max(minSweep, 2*len(d.pages))
}

// Invalidate forgets what the server said about dir and puts the mount's own
// changes there in doubt. Requests under way are used by those who wait for
// them and not stored.
func (c *Cache) Invalidate(dir Dir) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.dirs[dir]; d != nil {
		c.invalidateLocked(d)
	} else {
		c.spoilLocked(dir)
	}
}

// InvalidateTree does what Invalidate does, for dir and all below it. It takes
// time in proportion to the directories known, of the whole cache.
func (c *Cache) InvalidateTree(dir Dir) {
	if dir.account() {
		c.InvalidateAll()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spoilTreeLocked(dir)
	for _, d := range c.dirs {
		if d.dir.within(dir) {
			c.invalidateLocked(d)
		}
	}
}

// InvalidateAll does what Invalidate does, for everything.
func (c *Cache) InvalidateAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.invalid = c.tickLocked()
}

func (c *Cache) invalidateLocked(d *dirState) {
	c.staleLocked(d)
	d.doubtful = d.gen
}

// staleLocked forgets what the server said about d.
func (c *Cache) staleLocked(d *dirState) {
	d.gen = c.tickLocked()
	d.pages, d.lost = nil, nil
	c.spoilLocked(d.dir)
}
