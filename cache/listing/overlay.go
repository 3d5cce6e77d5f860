package listing

import (
	"container/list"
	"slices"
	"strings"
	"time"
)

// change is one row that this mount changed. All of it is guarded by Cache.mu.
type change struct {
	dir *dirState
	// row is what we put; of a removal only the name counts.
	row     Row
	removed bool
	// sticky marks a directory that stays until it is removed.
	sticky bool
	// partial marks the row "name/" of a directory that may have a row "name", with
	// its attributes, of which the overlay does not know any more.
	partial bool
	// made is the logical time of the change, or of its last verification.
	made uint64
	// at is the same by the clock.
	at time.Time
	// verified says that the server itself confirmed the row.
	verified bool
	// verification is under way, or nil.
	verification *call[verdict]
	// place in Cache.evictable, or nil.
	place *list.Element
}

// Change is one own change, for callers that make a listing of their own.
type Change struct {
	// Row is the row that exists; if Removed is set, only its Name counts.
	Row     Row
	Removed bool
	// Sticky is set for a directory kept although it may have no object.
	Sticky bool
	// At is when the change was made or last verified.
	At time.Time
}

// Put records that this mount created or overwrote row in dir: a file, a
// directory marker (the name as it was written), a container, or a Local row
// for a file that it is writing. It replaces any earlier change of that name.
func (c *Cache) Put(dir Dir, row Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeLocked(dir, &change{row: row})
}

// Remove records that this mount deleted the row.
func (c *Cache) Remove(dir Dir, rowName string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changeLocked(dir, &change{row: Row{Name: rowName}, removed: true})
}

// Keep makes a directory stay until it is removed, whether or not the server
// has anything in it. The name is the full one, with "/" at its end.
func (c *Cache) Keep(dir Dir, prefixName string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := &change{row: Row{Name: prefixName, Subdir: true}, sticky: true}
	if d := c.dirs[dir]; d != nil {
		if old := d.change(prefixName); old != nil && !old.removed {
			kept.row = old.row
		}
	}
	c.changeLocked(dir, kept)
}

// Kept reports whether there is a directory whatever the server's listings say: one
// that stays until this mount removes it, or that this mount made and that was
// there when its change was in doubt.
func (c *Cache) Kept(dir Dir, prefixName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return false
	}
	ch := d.change(prefixName)
	return ch != nil && (ch.sticky || ch.partial) && !ch.removed
}

// Forget drops what is known of the row, because this mount does not know
// any more what became of it: the truth is asked again.
func (c *Cache) Forget(dir Dir, rowName string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return
	}
	if ch := d.change(rowName); ch != nil {
		c.dropLocked(ch)
	}
	c.staleLocked(d)
	c.restLocked(d)
}

// Changes are the own changes in dir, by name, for a caller that has a fresh
// listing of its own to combine them with.
func (c *Cache) Changes(dir Dir) []Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return nil
	}
	changes := make([]Change, len(d.changes))
	for i, ch := range d.changes {
		changes[i] = Change{Row: ch.row, Removed: ch.removed, Sticky: ch.sticky, At: ch.at}
	}
	return changes
}

// Made tells whether this mount made the row, as far as the overlay knows.
func (c *Cache) Made(dir Dir, rowName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return false
	}
	ch := d.change(rowName)
	return ch != nil && !ch.removed && !ch.row.Subdir
}

// changeLocked enters the change in the overlay of dir.
func (c *Cache) changeLocked(dir Dir, ch *change) {
	d := c.stateLocked(dir)
	ch.dir, ch.made, ch.at = d, c.tickLocked(), c.cfg.Now()
	stays := false // as before
	if i, ok := d.changeIndex(ch.row.Name); ok {
		stays = ch.sticky && d.changes[i].sticky
		c.unlistLocked(d.changes[i])
		d.changes[i] = ch
	} else {
		d.changes = slices.Insert(d.changes, i, ch)
		c.changes++
	}
	if !stays {
		d.changed = ch.made
	}
	if !ch.permanent() {
		ch.place = c.evictable.PushBack(ch)
	}
	c.restLocked(d)
	if c.changes > c.cfg.MaxOverlay {
		c.shrinkLocked()
	}
}

// shrinkLocked drops the oldest eighth of the overlay, and the pages beside
// it, which do not know those changes. In portions, so that a long run of
// changes costs a listing now and then and not one for each.
func (c *Cache) shrinkLocked() {
	target := c.cfg.MaxOverlay - c.cfg.MaxOverlay/8
	for c.changes > target && c.evictable.Len() > 0 {
		ch, ok := c.evictable.Front().Value.(*change)
		if !ok {
			return
		}
		c.dropLocked(ch)
		c.staleLocked(ch.dir)
		c.restLocked(ch.dir)
	}
}

// dropLocked takes the change out of the overlay.
func (c *Cache) dropLocked(ch *change) {
	c.unlistLocked(ch)
	ch.dir.changed = c.tickLocked()
	ch.dir.forgetTwin(ch.row.Name)
	if i, ok := ch.dir.changeIndex(ch.row.Name); ok && ch.dir.changes[i] == ch {
		ch.dir.changes = slices.Delete(ch.dir.changes, i, i+1)
		c.changes--
	}
}

// forgetTwin notes that the change of a name is dropped, for the directory of
// that name.
func (d *dirState) forgetTwin(name string) {
	if twin := d.change(name + "/"); twin != nil {
		twin.partial = true
	}
}

func (c *Cache) unlistLocked(ch *change) {
	if ch.place != nil {
		c.evictable.Remove(ch.place)
		ch.place = nil
	}
}

// settleLocked drops the changes that the page p of d makes superfluous.
func (c *Cache) settleLocked(d *dirState, p *page) {
	oldest := p.began
	for _, f := range d.flights {
		oldest = min(oldest, f.began)
	}
	for _, f := range c.trees {
		if d.dir.within(f.root) {
			oldest = min(oldest, f.began)
		}
	}
	settled := func(ch *change) bool {
		if ch.permanent() || ch.made >= oldest || ch.repeatable() && c.fresh(ch.at) {
			return false
		}
		row, exists := p.row(ch.row.Name)
		return ch.agrees(&row, exists) || ch.outdated(&row, exists)
	}
	first, last := d.changesWithin(window{from: p.from, to: p.to, end: p.end})
	kept := d.changes[:first]
	var dropped []string
	for _, ch := range d.changes[first:last] {
		if !settled(ch) {
			kept = append(kept, ch)
			continue
		}
		c.unlistLocked(ch)
		c.changes--
		dropped = append(dropped, ch.row.Name)
		d.dropped = max(d.dropped, ch.made)
	}
	kept = append(kept, d.changes[last:]...)
	clear(d.changes[len(kept):])
	d.changes = kept
	for _, name := range dropped {
		d.forgetTwin(name)
	}
}

// changeIndex is where the change of that name is, or belongs.
func (d *dirState) changeIndex(name string) (int, bool) {
	return slices.BinarySearchFunc(d.changes, name, func(ch *change, name string) int {
		return strings.Compare(ch.row.Name, name)
	})
}

// change is the change of that name, or nil.
func (d *dirState) change(name string) *change {
	if i, ok := d.changeIndex(name); ok {
		return d.changes[i]
	}
	return nil
}

// changesWithin is the range of changes in the window.
func (d *dirState) changesWithin(w window) (first, last int) {
	first, exact := d.changeIndex(w.from)
	if exact {
		first++
	}
	if w.end {
		return first, len(d.changes)
	}
	last, exact = d.changeIndex(w.to)
	if exact {
		last++
	}
	return first, max(first, last)
}

// permanent tells whether only this mount can end the change.
func (ch *change) permanent() bool {
	return ch.row.Local || ch.sticky
}

// bare tells whether listings say of such a row that it is there, and no more:
// a directory may be listed as a subdir, a container without a date.
func (ch *change) bare() bool {
	return ch.dir.dir.account() || strings.HasSuffix(ch.row.Name, "/")
}

// repeatable tells whether a listing that is behind may show the same from
// before the change: no such name, or a directory of that name. What we wrote
// has an ETag and a date that nothing before it had.
func (ch *change) repeatable() bool {
	return ch.removed || ch.bare()
}

// agrees tells whether what was listed shows the change.
func (ch *change) agrees(listed *Row, exists bool) bool {
	switch {
	case ch.removed || !exists:
		return ch.removed == !exists
	case ch.bare():
		return true
	case !sameVersion(&ch.row, listed):
		return false
	case ch.row.Modified.IsZero():
		return true
	}
	slack := ch.slack()
	if listed.Modified.Before(ch.row.Modified.Add(-slack)) {
		return false
	}
	// Within a second only the type tells a row from the one before a POST.
	return slack == 0 || ch.verified || ch.row.ContentType == "" ||
		sameType(ch.row.ContentType, listed.ContentType)
}

// outdated tells whether what was listed is certainly later than the change:
// somebody else overwrote it. A removal has no date of the server's to compare.
func (ch *change) outdated(listed *Row, exists bool) bool {
	if ch.removed || !exists || ch.bare() || ch.row.Modified.IsZero() || sameVersion(&ch.row, listed) {
		return false
	}
	return listed.Modified.After(ch.row.Modified.Add(ch.slack()))
}

// slack is how far the date of our row may be off. A date without a fraction
// comes from a header: OpenStack Swift rounds it up to the next second, Ceph
// down to the last.
func (ch *change) slack() time.Duration {
	if ch.row.Modified.Nanosecond() == 0 {
		return time.Second
	}
	return 0
}
