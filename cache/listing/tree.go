package listing

import (
	"context"
	"fmt"
	"slices"
)

// treeFlight is a request for a sheet under way.
type treeFlight struct {
	*call[*sheet]
	root   Dir
	marker string
	limit  int
	// began is the logical time of the request.
	began uint64
	// spoiled are the directories, and spoiledTrees the trees, that were
	// invalidated since.
	spoiled      map[Dir]struct{}
	spoiledTrees []Dir
}

// counts tells whether what the flight brings may be believed for dir.
func (f *treeFlight) counts(dir Dir) bool {
	if _, ok := f.spoiled[dir]; ok {
		return false
	}
	return !slices.ContainsFunc(f.spoiledTrees, dir.within)
}

// mayReach tells whether the flight may bring what dir has after pos.
func (f *treeFlight) mayReach(dir Dir, pos string) bool {
	return dir.within(f.root) && (f.marker <= pos || pos == "" && f.marker < dir.Prefix)
}

// spoilLocked keeps what flights bring from being believed for dir, which has no
// more to say than its state.
func (c *Cache) spoilLocked(dir Dir) {
	for _, f := range c.trees {
		if dir.within(f.root) {
			if f.spoiled == nil {
				f.spoiled = make(map[Dir]struct{})
			}
			f.spoiled[dir] = struct{}{}
		}
	}
}

// spoilTreeLocked does the same for dir and all below it.
func (c *Cache) spoilTreeLocked(dir Dir) {
	for _, f := range c.trees {
		if dir.within(f.root) || f.root.within(dir) {
			f.spoiledTrees = append(f.spoiledTrees, dir)
		}
	}
}

// sheetView is what dir has after pos if it is to be had from the sheets of a
// walk: ok is false if a listing of dir itself is to be asked for. before is the
// page of dir that ends at pos, or nil.
func (c *Cache) sheetView(ctx context.Context, dir Dir, pos string, before *page) (v view, ok bool, err error) {
	var f *treeFlight
	const waits = 2 // for somebody else's sheet, and for one's own
	for range waits {
		if f = c.joinTree(ctx, dir, pos, before, f); f == nil {
			return view{}, false, nil
		}
		s, err := f.wait(ctx)
		if err != nil {
			return view{}, false, err
		}
		if v, ok := c.cachedView(dir, pos); ok {
			return v, true, nil
		}
		if v, ok := c.partView(s, dir, pos); ok {
			return v, true, nil
		}
	}
	return view{}, false, nil
}

// joinTree is the flight to wait for, one under way or a new one, or nil. failed is
// one that did not bring what was wanted, or nil.
func (c *Cache) joinTree(ctx context.Context, dir Dir, pos string, before *page, failed *treeFlight) *treeFlight {
	if c.cfg.TTL <= 0 || dir.account() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	for _, f := range c.trees {
		if f != failed && f.mayReach(dir, pos) && f.counts(dir) && c.validLocked(d, f.began) {
			return f
		}
	}
	if failed != nil && failed.marker == pos {
		return nil
	}
	if _, known := c.cachedViewLocked(d, pos); known {
		return nil // by one that has landed since
	}
	w, marker, limit := c.planLocked(d, pos, before)
	if w == nil || failed != nil && failed.marker == marker {
		return nil
	}
	return c.startTreeLocked(ctx, w.root, marker, limit)
}

// startTreeLocked asks for a sheet, unless somebody does.
func (c *Cache) startTreeLocked(ctx context.Context, root Dir, marker string, limit int) *treeFlight {
	f := &treeFlight{call: newCall[*sheet](), root: root, marker: marker, limit: limit, began: c.tickLocked()}
	c.trees = append(c.trees, f)
	c.fetches.Add(1)
	r := newSheetReader(root, marker, f.began, c.cfg.Now())
	c.goLocked(ctx, func(ctx context.Context) {
		s, err := c.readSheet(ctx, f, r)
		c.land(f, s, err)
	})
	return f
}

func (c *Cache) readSheet(ctx context.Context, f *treeFlight, r *sheetReader) (*sheet, error) {
	end, err := c.lister.ListTree(ctx, f.root, f.marker, f.limit, r.add)
	var s *sheet
	if err == nil {
		s, err = r.finish(end)
	}
	if err != nil {
		return nil, fmt.Errorf("list all of %q after %q: %w", f.root.Container+"/"+f.root.Prefix, f.marker, err)
	}
	s.first = f.limit > 0
	return s, nil
}

// land makes the parts of the sheet known to their directories.
func (c *Cache) land(f *treeFlight, s *sheet, err error) {
	key := sheetKey(f.root, f.marker, f.limit)
	if err == nil && c.currentTree(f) {
		c.store.put(key, s)
	}
	c.mu.Lock()
	if err == nil && f.began > c.invalid {
		for prefix, p := range s.parts {
			c.fillLocked(f, Dir{f.root.Container, prefix}, key, p)
		}
		if w := c.walkOverLocked(f.root); w != nil {
			w.mean = s.objects / len(s.parts)
		}
	}
	c.trees = slices.DeleteFunc(c.trees, func(o *treeFlight) bool { return o == f })
	c.mu.Unlock()
	f.finish(s, err)
}

func (c *Cache) currentTree(f *treeFlight) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.began > c.invalid
}

// fillLocked makes a part of the flight's sheet known to dir. A directory that has
// no state gets one from before the flight, see stateLocked.
func (c *Cache) fillLocked(f *treeFlight, dir Dir, key string, p *page) {
	if !f.counts(dir) {
		return
	}
	d := c.stateLocked(dir)
	if c.validLocked(d, p.began) {
		c.indexLocked(d, key, p)
		c.settleLocked(d, p)
	}
	c.restLocked(d)
}

// partView is what the sheet tells about dir after pos, for somebody who waited
// for it and cannot find it in the index.
func (c *Cache) partView(s *sheet, dir Dir, pos string) (view, bool) {
	p := s.part(dir)
	if p == nil {
		return view{}, false
	}
	w := window{from: max(p.from, pos), to: p.to, end: p.end}
	if p.from > pos || !w.follows(pos) {
		return view{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	if d.dropped > p.began {
		return view{}, false // it may lack a change that a later page has settled
	}
	return c.viewLocked(d, p, w), true
}
