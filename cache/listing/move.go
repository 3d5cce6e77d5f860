package listing

import (
	"slices"
	"strings"
)

// ChangesWithin are the own changes in dir and everywhere below it, in the byte
// order of their names.
func (c *Cache) ChangesWithin(dir Dir) []Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Change
	for _, d := range c.dirs {
		if !d.dir.within(dir) {
			continue
		}
		for _, ch := range d.changes {
			all = append(all, Change{Row: ch.row, Removed: ch.removed, Sticky: ch.sticky, At: ch.at})
		}
	}
	slices.SortFunc(all, func(a, b Change) int { return strings.Compare(a.Row.Name, b.Row.Name) })
	return all
}

// MoveTree tells that all that is in and below from is now in and below to. What
// only this mount can know goes along, Local rows and kept directories; the rest
// is forgotten, and asked again.
func (c *Cache) MoveTree(from, to Dir) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spoilTreeLocked(from)
	c.spoilTreeLocked(to)
	var along []*change
	for _, d := range c.dirs {
		if !d.dir.within(from) {
			continue
		}
		for _, ch := range slices.Clone(d.changes) {
			c.dropLocked(ch)
			if ch.permanent() {
				along = append(along, ch)
			}
		}
		c.staleLocked(d)
		c.restLocked(d)
	}
	for _, ch := range along {
		dir := ch.dir.dir.moved(from, to)
		moved := &change{row: ch.row, removed: ch.removed, sticky: ch.sticky}
		moved.row.Name = to.Prefix + strings.TrimPrefix(ch.row.Name, from.Prefix)
		if d := c.dirs[dir]; d != nil && ch.sticky {
			if known := d.change(moved.row.Name); known != nil && !known.removed {
				moved.row = known.row
			}
		}
		c.changeLocked(dir, moved)
	}
}

// moved is where d, which is within from, is when from has become to.
func (d Dir) moved(from, to Dir) Dir {
	return Dir{Container: to.Container, Prefix: to.Prefix + strings.TrimPrefix(d.Prefix, from.Prefix)}
}
