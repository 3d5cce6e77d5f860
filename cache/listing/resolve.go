package listing

import (
	"context"
	"strings"
	"time"
)

// fact is what is known of one row.
type fact struct {
	row    Row
	known  bool
	exists bool
	// own says that this mount's change decided it; kept that this is no more than
	// that there is a directory, and nothing about its attributes, which its object
	// "name" has.
	own, kept bool
	// began is the logical time of the request, if a request decided it.
	began   uint64
	fetched time.Time
	// doubt is a change that has to be verified first, or nil. Until then
	// the fact is what the change claims.
	doubt *change
}

// resolveLocked decides between an own change and what the server said, if
// that is known.
func (c *Cache) resolveLocked(ch *change, said fact) fact {
	claim := fact{row: ch.row, known: true, exists: !ch.removed, own: true, kept: ch.sticky || ch.partial, fetched: ch.at}
	later := said.known && said.began > ch.made
	switch {
	case ch.permanent():
		if ch.sticky && said.known && said.exists {
			return said // the server tells more about a directory
		}
		claim.fetched = c.cfg.Now()
	case later && ch.outdated(&said.row, said.exists):
		return said
	case c.doubtfulLocked(ch):
		if later && ch.agrees(&said.row, said.exists) {
			return said
		}
		claim.doubt = ch
	}
	return claim
}

// doubtfulLocked tells whether the change is too old to be believed without
// the server's confirmation.
func (c *Cache) doubtfulLocked(ch *change) bool {
	return !c.fresh(ch.at) || ch.made <= max(ch.dir.doubtful, c.invalid)
}

// saidLocked is what the server said last about the row of entry name.
func (c *Cache) saidLocked(d *dirState, rowName, name string) fact {
	var said fact
	if s, ok := d.pages.find(rowName); ok {
		if p := c.pageLocked(d, s); p != nil {
			said = p.fact(rowName)
			d.cursor = rowName
		}
	}
	if d.noted {
		n, ok := c.store.latest(noteKey(d.dir, name)).(*page)
		if ok && n.began > max(said.began, d.dropped) && c.validLocked(d, n.began) && c.fresh(n.fetched) {
			said = n.fact(rowName)
		}
	}
	return said
}

// fact is what the page knows of a row in its window.
func (p *page) fact(rowName string) fact {
	row, exists := p.row(rowName)
	return fact{row: row, known: true, exists: exists, began: p.began, fetched: p.fetched}
}

// verdict is what the server said about one row in doubt.
type verdict struct {
	row    Row
	exists bool
	at     time.Time
}

// settle replaces the claim in f, which is in doubt, by the server's word. If
// that cannot be had the claim stays.
func (c *Cache) settle(ctx context.Context, f fact) fact {
	doubt := f.doubt
	f.doubt = nil
	v, err := c.verify(ctx, doubt)
	if err != nil {
		return f
	}
	f.row, f.exists, f.fetched = v.row, v.exists, v.at
	f.kept = strings.HasSuffix(f.row.Name, "/")
	return f
}

// verify asks the server about the row of ch, once for all who wait.
func (c *Cache) verify(ctx context.Context, ch *change) (verdict, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return verdict{}, ErrClosed
	}
	if !c.doubtfulLocked(ch) { // somebody else was faster
		v := verdict{row: ch.row, exists: !ch.removed, at: ch.at}
		c.mu.Unlock()
		return v, nil
	}
	asked := ch.verification
	if asked == nil {
		asked = newCall[verdict]()
		ch.verification = asked
		dir, name := ch.dir.dir, ch.row.Name
		began, at := c.tickLocked(), c.cfg.Now()
		c.verifications.Add(1)
		c.goLocked(ctx, func(ctx context.Context) {
			row, exists, err := c.cfg.Verify(ctx, dir, name)
			row.Name = name
			v := verdict{row: row, exists: exists, at: at}
			c.mu.Lock()
			ch.verification = nil
			if err == nil {
				c.confirmLocked(ch, v, began)
			}
			c.mu.Unlock()
			asked.finish(v, err)
		})
	}
	c.mu.Unlock()
	return asked.wait(ctx)
}

// confirmLocked makes the change say what the server said at began, unless it
// was replaced or confirmed since.
func (c *Cache) confirmLocked(ch *change, v verdict, began uint64) {
	if ch.made >= began || ch.permanent() || ch.dir.change(ch.row.Name) != ch {
		return
	}
	ch.row, ch.removed, ch.verified = v.row, !v.exists, true
	ch.made, ch.at = began, v.at
	ch.partial = strings.HasSuffix(ch.row.Name, "/") // "name" was not asked for
	c.evictable.MoveToBack(ch.place)
}

// confirmNoteLocked lets a note decide about an own change of an object that
// is in doubt or outdated. A note about "x/" does not: it may come from a
// listing.
func (c *Cache) confirmNoteLocked(d *dirState, rowName string, p *page) {
	ch := d.change(rowName)
	if ch == nil || strings.HasSuffix(rowName, "/") || ch.made >= p.began {
		return
	}
	row, exists := p.row(rowName)
	if c.doubtfulLocked(ch) || ch.outdated(&row, exists) {
		row.Name = rowName
		c.confirmLocked(ch, verdict{row: row, exists: exists, at: p.fetched}, p.began)
	}
}
