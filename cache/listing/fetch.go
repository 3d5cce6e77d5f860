package listing

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// flight is a listing request under way.
type flight struct {
	*call[view]
	marker string
	// began is the logical time of the request.
	began uint64
}

// view is what a directory has in a window of names: the rows of a page, and
// the own changes as they were when the page was taken. It is shared by all
// who waited for the page, who do not change it.
type view struct {
	window
	page *page
	rows rows
	// size is the number of rows at first.
	size int
	// claims are the own rows that win over the page's, sorted by name. A
	// row that does not exist hides that of the page.
	claims []fact
}

// viewLocked takes the part of the page that lies in w.
func (c *Cache) viewLocked(d *dirState, p *page, w window) view {
	v := view{window: w, page: p, rows: p.within(w)}
	v.size = v.rows.len()
	first, last := d.changesWithin(w)
	for _, ch := range d.changes[first:last] {
		f := c.resolveLocked(ch, p.fact(ch.row.Name))
		if !f.own {
			continue
		}
		f.row.Name = ch.row.Name
		v.claims = append(v.claims, f)
	}
	return v
}

// view is what the directory has right after pos, from memory or by a request.
// before is the page that ends there, or nil.
func (c *Cache) view(ctx context.Context, dir Dir, pos string, before *page) (view, error) {
	if err := context.Cause(ctx); err != nil {
		return view{}, err
	}
	v, known := c.cachedView(dir, pos)
	if known {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
		var found bool
		var err error
		v, found, err = c.sheetView(ctx, dir, pos, before)
		if err == nil && !found {
			v, err = c.fetchUnknown(ctx, dir, pos)
		}
		if err != nil {
			return view{}, err
		}
	}
	if pos == "" {
		c.scanned(dir, v.rows, known && v.page.sheet != nil)
	}
	return c.settleView(ctx, v)
}

// cachedView is the view right after pos, if a page of it is in memory.
func (c *Cache) cachedView(dir Dir, pos string) (view, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return view{}, false
	}
	defer c.restLocked(d)
	return c.cachedViewLocked(d, pos)
}

func (c *Cache) cachedViewLocked(d *dirState, pos string) (view, bool) {
	if s, ok := d.pages.after(pos); ok {
		if p := c.pageLocked(d, s); p != nil {
			w := s.window
			w.from = max(w.from, pos)
			return c.viewLocked(d, p, w), true
		}
	}
	if p := c.absentLocked(d); p != nil {
		return c.viewLocked(d, p, window{from: pos, end: true}), true
	}
	return view{}, false
}

// absentLocked is an empty page of a directory that the server does not list in
// the one above: it stays because this mount keeps it. Else it is nil.
func (c *Cache) absentLocked(d *dirState) *page {
	dir, ok := d.dir.parent()
	if !ok {
		return nil
	}
	up := c.dirs[dir]
	if up == nil {
		return nil
	}
	s, ok := up.pages.find(d.dir.Prefix)
	if !ok || !c.validLocked(d, s.began) {
		return nil
	}
	p := c.pageLocked(up, s)
	if p == nil || p.fact(d.dir.Prefix).exists {
		return nil
	}
	return &page{end: true, began: p.began, fetched: p.fetched}
}

// settleView asks the server about the claims in doubt.
func (c *Cache) settleView(ctx context.Context, v view) (view, error) {
	const atOnce = 8
	var group *errgroup.Group
	for i := range v.claims {
		if v.claims[i].doubt == nil {
			continue
		}
		if group == nil {
			v.claims = slices.Clone(v.claims) // others share the old ones
			group = new(errgroup.Group)
			group.SetLimit(atOnce)
		}
		claim := &v.claims[i]
		group.Go(func() error {
			*claim = c.settle(ctx, *claim)
			return context.Cause(ctx)
		})
	}
	if group == nil {
		return v, nil
	}
	return v, group.Wait()
}

// fetchUnknown is fetch, unless the page has arrived since it was looked for: the
// request that brought it is not under way any more.
func (c *Cache) fetchUnknown(ctx context.Context, dir Dir, marker string) (view, error) {
	c.mu.Lock()
	if d := c.dirs[dir]; d != nil {
		if v, known := c.cachedViewLocked(d, marker); known {
			c.restLocked(d)
			c.mu.Unlock()
			return v, nil
		}
	}
	return c.fetchAndUnlock(ctx, dir, marker)
}

// fetch gets the page after marker by a request, its own or one under way.
func (c *Cache) fetch(ctx context.Context, dir Dir, marker string) (view, error) {
	c.mu.Lock()
	return c.fetchAndUnlock(ctx, dir, marker)
}

// fetchAndUnlock is fetch for a caller who holds mu and gives it up by it.
func (c *Cache) fetchAndUnlock(ctx context.Context, dir Dir, marker string) (view, error) {
	if c.closed {
		c.mu.Unlock()
		return view{}, ErrClosed
	}
	d := c.stateLocked(dir)
	f := c.flightLocked(ctx, d, marker)
	c.restLocked(d)
	c.mu.Unlock()
	return f.wait(ctx)
}

// flightLocked is the request for the page after marker, its own or one under
// way.
func (c *Cache) flightLocked(ctx context.Context, d *dirState, marker string) *flight {
	i := slices.IndexFunc(d.flights, func(f *flight) bool {
		return f.marker == marker && c.validLocked(d, f.began)
	})
	if i >= 0 {
		return d.flights[i]
	}
	f := &flight{call: newCall[view](), marker: marker, began: c.tickLocked()}
	d.flights = append(d.flights, f)
	c.fetches.Add(1)
	p := &page{from: marker, began: f.began, fetched: c.cfg.Now()}
	c.goLocked(ctx, func(ctx context.Context) { c.fly(ctx, d, f, p) })
	return f
}

// fly makes the request of f and lets its page land.
func (c *Cache) fly(ctx context.Context, d *dirState, f *flight, p *page) {
	err := c.read(ctx, d.dir, p)
	key := pageKey(d.dir, p.from)
	if err == nil && c.storable(d, p) {
		c.store.put(key, p)
	}
	c.mu.Lock()
	d.flights = slices.DeleteFunc(d.flights, func(o *flight) bool { return o == f })
	var v view
	if err == nil {
		if c.validLocked(d, p.began) {
			if c.cfg.TTL > 0 {
				c.indexLocked(d, key, p)
			}
			c.settleLocked(d, p)
		}
		v = c.viewLocked(d, p, window{from: p.from, to: p.to, end: p.end})
	}
	c.restLocked(d)
	c.mu.Unlock()
	f.finish(v, err)
}

// storable tells whether the page still counts and may be kept at all.
func (c *Cache) storable(d *dirState, p *page) bool {
	if c.cfg.TTL <= 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.validLocked(d, p.began)
}

// read fills p with the rows after p.from.
func (c *Cache) read(ctx context.Context, dir Dir, p *page) error {
	p.to = p.from
	p.rows.prefix = dir.Prefix
	r := pageReader{page: p, dir: dir, packer: newPacker()}
	end, err := c.lister.List(ctx, dir, p.from, r.add)
	if err != nil {
		return fmt.Errorf("list %q after %q: %w", dir.Container+"/"+dir.Prefix, p.from, err)
	}
	p.end = end || !r.yielded
	if p.rows.len() == 0 && !p.end {
		return fmt.Errorf("%w: nothing new after %q", ErrBadListing, p.from)
	}
	r.packer.finish(&p.rows)
	return nil
}

// pageReader makes a page of rows in their order.
type pageReader struct {
	*page

	dir    Dir
	packer *packer
	// yielded says that there was a row, counted or not.
	yielded bool
	// subdir says that the last row is one.
	subdir bool
}

// add takes the next row. The object "x/" and the subdir "x/" are one row.
func (r *pageReader) add(row Row) error {
	r.yielded = true
	if !r.dir.holds(row.Name) {
		return fmt.Errorf("%w: row %q in directory %q", ErrBadListing, row.Name, r.dir.Prefix)
	}
	if row.Name <= r.from {
		return nil // a subdir that the marker is in or at
	}
	if r.rows.len() > 0 && row.Name <= r.to {
		switch {
		case row.Name < r.to:
			return fmt.Errorf("%w: row %q after %q", ErrBadListing, row.Name, r.to)
		case !r.subdir:
			return nil
		}
		r.packer.dropLast(&r.rows)
	}
	if err := r.packer.checkRoom(); err != nil {
		return err
	}
	r.packer.add(&r.rows, &row)
	r.to, r.subdir = row.Name, row.Subdir
	return nil
}
