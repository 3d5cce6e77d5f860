package listing

import (
	"context"
	"slices"
	"strings"
)

// minAhead is the number of rows from which the page after is worth asking for
// before it is needed.
const minAhead = 100

// aheadAt is how many rows of the view are to be read until the page after it is
// asked for, or -1 if that is not worth it. Of the first page, who reads has to
// take the greater part: most who begin a large directory do not go on, but who
// has gone on once does.
func (v *view) aheadAt(first bool) int {
	p := v.page
	rows, before, end := p.rows.len(), 0, v.end
	if p.sheet != nil {
		rows, before, end, first = p.sheet.objects, p.before, p.sheet.end, p.sheet.first
	}
	if end || rows < minAhead {
		return -1
	}
	at := rows / 8
	if first {
		at = rows * 3 / 4
	}
	if at -= before; at > v.rows.len() {
		return -1
	}
	return max(at, 0)
}

// ahead asks for what follows the page of the view, unless that is known or being
// asked for.
func (c *Cache) ahead(ctx context.Context, dir Dir, v *view) {
	if c.cfg.TTL <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if s := v.page.sheet; s != nil {
		c.sheetAheadLocked(ctx, s)
		return
	}
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	if !c.knownAfterLocked(d, v.to) {
		c.flightLocked(ctx, d, v.to)
	}
}

func (c *Cache) sheetAheadLocked(ctx context.Context, s *sheet) {
	within := Dir{s.root.Container, s.to[:strings.LastIndexByte(s.to, '/')+1]}
	w := c.walkOverLocked(within)
	if w == nil || w.credit <= 0 {
		return
	}
	if d := c.dirs[within]; d != nil && c.knownAfterLocked(d, s.to) {
		return
	}
	asked := slices.ContainsFunc(c.trees, func(f *treeFlight) bool { return f.marker == s.to && within.within(f.root) })
	if !asked {
		c.startTreeLocked(ctx, w.root, s.to, 0)
	}
}

// knownAfterLocked tells whether the names right after pos are in a known page.
func (c *Cache) knownAfterLocked(d *dirState, pos string) bool {
	s, ok := d.pages.after(pos)
	return ok && c.pageLocked(d, s) != nil
}
