package listing

import (
	"context"
	"strings"
	"time"
)

// Prime makes the first page of dir known, for lookups to come. Nobody is taken
// to read the directory for that.
func (c *Cache) Prime(ctx context.Context, dir Dir) error {
	_, err := c.fetchUnknown(ctx, dir, "")
	return err
}

// Created tells that this mount has just made dir, which is therefore known to
// have nothing in it: what is looked up or listed there needs no request.
func (c *Cache) Created(dir Dir) {
	c.mu.Lock()
	d := c.stateLocked(dir)
	c.staleLocked(d)
	p := &page{began: c.tickLocked(), fetched: c.cfg.Now(), end: true}
	c.restLocked(d)
	c.mu.Unlock()
	if c.cfg.TTL <= 0 {
		return
	}
	key := pageKey(dir, "")
	c.store.put(key, p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirs[dir] == d && c.validLocked(d, p.began) {
		c.indexLocked(d, key, p)
		c.restLocked(d)
	}
}

// Decide makes the entry of name from the rows that the server has for it: the
// object's and that of name+"/", as far as they exist. It is for callers whose
// answer the cache does not keep.
func Decide(dir Dir, rows []Row, fetched time.Time) (Entry, Answer) {
	object, below := fact{known: true, fetched: fetched}, fact{known: true, fetched: fetched}
	for _, r := range rows {
		f := &object
		if strings.HasSuffix(r.Name, "/") {
			f = &below
		}
		f.row, f.exists = r, true
	}
	return combine(dir, object, below)
}
