package listing

import (
	"strings"
	"time"
)

// walk is a program on its way through a tree, one directory after the other.
type walk struct {
	// root is what the program goes through, as far as is known.
	root Dir
	// at is the time of its last step, and last the prefix of the directory
	// that it came to.
	at   time.Time
	last string
	// inner says that there are directories in that one.
	inner bool
	// credit is how many requests for single directories may be lost on sheets
	// that turn out to be of no use.
	credit int
	// listed counts the directories listed alone for want of credit.
	listed int
	// mean is about how many objects a directory has.
	mean int
}

const (
	// maxWalks bounds the walks known at the same time.
	maxWalks = 32
	// firstRows is the length of a sheet with which a walk begins, or goes on at
	// another place: it takes the server some four times as long as a listing of
	// one small directory.
	firstRows = 1000
	// firstCredit and maxCredit bound what is lost to a walk that looks into a few
	// directories here and there.
	firstCredit = 64
	maxCredit   = 256
	// firstPrice is that of a first sheet, and deeperPrice that of a whole sheet
	// that may have nothing of the directory that is read. A directory that a
	// sheet had already earns 1.
	firstPrice  = 4
	deeperPrice = 16
	// shallowPrice is lost when a program does not look into the directories in
	// one that it has read.
	shallowPrice = 8
	// listedForCredit is how many directories listed alone earn 1.
	listedForCredit = 16
	// backRows is about how many objects before the directory that was asked for
	// a sheet begins if the program does not go by the order of names.
	backRows = 500
)

// scanned notes that somebody has begun to read dir, what its first page has,
// and whether a sheet had it already.
func (c *Cache) scanned(dir Dir, rows rows, bySheet bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	d.scanned = c.cfg.Now()
	d.deeper = false
	w := c.walkOverLocked(dir)
	if w == nil {
		return
	}
	if w.inner && !strings.HasPrefix(dir.Prefix, w.last) {
		w.credit -= shallowPrice // it did not go into the one before
	}
	if bySheet {
		w.credit = min(w.credit+1, maxCredit)
	}
	w.at, w.last = c.cfg.Now(), dir.Prefix
	w.inner = rows.anySubdir()
}

// walkOverLocked is the walk that dir lies in, or nil.
func (c *Cache) walkOverLocked(dir Dir) *walk {
	var over *walk
	for ok := len(c.walks) > 0; ok; dir, ok = dir.parent() {
		if w := c.walks[dir]; w != nil && c.fresh(w.at) {
			over = w
		}
	}
	return over
}

// noticeLocked finds out whether the listing of d that has to be asked for is a
// step of a walk: the directory above was read, and another directory in it since.
func (c *Cache) noticeLocked(d *dirState) *walk {
	dir, ok := d.dir.parent()
	if !ok {
		return nil
	}
	up := c.dirs[dir]
	if up == nil || !c.fresh(up.scanned) {
		return nil
	}
	before := up.asked
	up.asked = miss{d.dir.Prefix, c.cfg.Now()}
	if before.name == "" || before.name == d.dir.Prefix || !c.fresh(before.at) {
		return nil
	}
	w := &walk{root: c.topLocked(dir), at: c.cfg.Now(), last: before.name, credit: firstCredit}
	w.mean = c.knownRowsLocked(Dir{dir.Container, before.name})
	c.addWalkLocked(w)
	return w
}

// topLocked is the highest directory from which the reading has come down to dir.
func (c *Cache) topLocked(dir Dir) Dir {
	for {
		above, ok := dir.parent()
		if !ok {
			return dir
		}
		d := c.dirs[above]
		if d == nil || !c.fresh(d.scanned) {
			return dir
		}
		dir = above
	}
}

// knownRowsLocked is how many rows the first page of dir has.
func (c *Cache) knownRowsLocked(dir Dir) int {
	if d := c.dirs[dir]; d != nil {
		if s, ok := d.pages.after(""); ok {
			if p := c.pageLocked(d, s); p != nil {
				return p.rows.len()
			}
		}
	}
	return backRows
}

func (c *Cache) addWalkLocked(w *walk) {
	oldest := w
	for root, o := range c.walks {
		if !c.fresh(o.at) {
			delete(c.walks, root)
		} else if o.at.Before(oldest.at) {
			oldest = o
		}
	}
	if len(c.walks) >= maxWalks {
		delete(c.walks, oldest.root)
	}
	c.walks[w.root] = w
}

// planLocked decides whether what d has after pos is to be asked for as a part of
// a sheet: then w is the walk, marker where the sheet begins, and limit how long
// it is. before is the page of d that ends at pos, or nil.
func (c *Cache) planLocked(d *dirState, pos string, before *page) (w *walk, marker string, limit int) {
	if pos == "" {
		return c.planStartLocked(d)
	}
	w = c.walkOverLocked(d.dir)
	if w == nil || before == nil || before.sheet == nil || before.to != pos {
		return nil, "", 0
	}
	if strings.Contains(pos[len(d.dir.Prefix):], "/") {
		// The sheet ended in a directory within d, and who reads d wants what comes
		// after that: perhaps it is large.
		if d.deeper || w.credit <= 0 {
			return nil, "", 0
		}
		d.deeper = true
		w.credit -= deeperPrice
	}
	w.at = c.cfg.Now()
	return w, pos, 0
}

// planStartLocked is planLocked for a directory of which nothing is known.
func (c *Cache) planStartLocked(d *dirState) (w *walk, marker string, limit int) {
	up, ok := d.dir.parent()
	if !ok {
		return nil, "", 0
	}
	if w = c.walkOverLocked(up); w == nil {
		if w = c.noticeLocked(d); w == nil {
			return nil, "", 0
		}
	}
	w.at = c.cfg.Now()
	if w.credit <= 0 {
		if w.listed++; w.listed%listedForCredit == 0 {
			w.credit++
		}
		return nil, "", 0
	}
	if marker, limit, ok := d.lostSheet(w.root); ok {
		w.credit -= deeperPrice
		return w, marker, limit
	}
	w.credit -= firstPrice
	first := d.dir
	// One directory left out may well have been left out on purpose.
	if dir, left := c.backLocked(d.dir, up, backRows/max(w.mean, 1)); d.dir.Prefix < w.last || left > 1 {
		first = dir
	}
	return w, justBefore(first), firstRows
}

// lostSheet is where the sheet began, and how long it was, that the beginning of d
// was in and that is gone.
func (d *dirState) lostSheet(root Dir) (marker string, limit int, ok bool) {
	s, ok := d.lost.after("")
	if !ok {
		return "", 0, false
	}
	of, marker, limit, ok := sheetOf(s.key)
	return marker, limit, ok && of == root
}

// backLocked goes back from dir to directories of up before it that are not known,
// so many at most.
func (c *Cache) backLocked(dir, up Dir, most int) (first Dir, n int) {
	u := c.dirs[up]
	if u == nil {
		return dir, 0
	}
	s, ok := u.pages.find(dir.Prefix)
	if !ok {
		return dir, 0
	}
	p := c.pageLocked(u, s)
	if p == nil {
		return dir, 0
	}
	rows := p.within(window{to: dir.Prefix})
	for i := rows.len() - 1; i >= 0 && n < most; i-- {
		name := rows.name(i)
		if !strings.HasSuffix(name, "/") || name == up.Prefix || name == dir.Prefix {
			continue
		}
		before := Dir{up.Container, name}
		if d := c.dirs[before]; d != nil {
			if _, known := d.pages.after(""); known {
				break
			}
		}
		dir = before
		n++
	}
	return dir, n
}

// justBefore is a marker from which on nothing but what is in dir follows, or
// hardly anything.
func justBefore(dir Dir) string {
	const last = ".\U0010FFFF" // "." is just before "/"
	return strings.TrimSuffix(dir.Prefix, "/") + last
}
