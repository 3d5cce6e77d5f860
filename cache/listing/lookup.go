package listing

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// State is how much a lookup knows.
type State uint8

// The states of an Answer.
const (
	// Unknown means that the caller has to ask the server.
	Unknown State = iota
	// Found means that there is such an entry.
	Found
	// Absent means that there is none.
	Absent
)

func (s State) String() string {
	switch s {
	case Found:
		return "found"
	case Absent:
		return "absent"
	default:
		return "unknown"
	}
}

// Answer is what Lookup knows apart from the entry.
type Answer struct {
	State State
	// Fetched is when the oldest part of the answer was known.
	Fetched time.Time
	// Collision is the plain file of the same name beside the directory that
	// was found, or nil.
	Collision *Entry
}

// Moment is the logical time at which a caller began to ask the server itself.
type Moment struct {
	began uint64
	at    time.Time
}

// switchAfter is the number of distinct unknown names, within the TTL, from
// which listing the directory is cheaper than asking for each.
const switchAfter = 3

// Lookup tells what is known of name in dir, in the way entries are named. It
// makes no request, with one exception: an own change in doubt is verified.
func (c *Cache) Lookup(ctx context.Context, dir Dir, name string) (Entry, Answer) {
	object, below := c.facts(dir, name)
	if object.doubt != nil {
		object = c.settle(ctx, object)
	}
	if below.doubt != nil {
		below = c.settle(ctx, below)
	}
	entry, answer := combine(dir, object, below)
	if answer.State == Unknown {
		c.misses.Add(1)
	} else {
		c.hits.Add(1)
	}
	return entry, answer
}

// facts is what is known of the rows name and name+"/".
func (c *Cache) facts(dir Dir, name string) (object, below fact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return fact{}, fact{}
	}
	defer c.restLocked(d)
	row := dir.Prefix + name
	object = c.factLocked(d, row, name)
	if dir.account() {
		return object, fact{known: object.known, fetched: object.fetched}
	}
	return object, c.factLocked(d, row+"/", name)
}

// factLocked is what is known of one row of entry name.
func (c *Cache) factLocked(d *dirState, rowName, name string) fact {
	said := c.saidLocked(d, rowName, name)
	if ch := d.change(rowName); ch != nil {
		return c.resolveLocked(ch, said)
	}
	return said
}

// combine makes the entries of the two rows and the answer about them.
func combine(dir Dir, object, below fact) (Entry, Answer) {
	// What this mount made is there even if nothing else is known about the
	// name: whoever made it looked first.
	if own := object.own && object.exists || below.own && !below.kept && below.exists; !own {
		if !object.known || !below.known {
			return Entry{}, Answer{}
		}
	}
	m := merger{dir: dir}
	var out []found
	var oldest time.Time
	for _, f := range []fact{object, below} {
		if f.known && (oldest.IsZero() || f.fetched.Before(oldest)) {
			oldest = f.fetched
		}
		if f.known && f.exists {
			out = m.push(dated{f.row, f.fetched}, out)
		}
	}
	out = m.flush(out)
	answer := Answer{State: Found, Fetched: oldest}
	if len(out) == 0 {
		answer.State = Absent
		return Entry{}, answer
	}
	if len(out) > 1 {
		answer.Collision = &out[1].Entry // the merge gives the directory first
	}
	return out[0].Entry, answer
}

// Begin is to be called before a caller asks the server about a name in dir,
// for Note.
func (c *Cache) Begin(dir Dir) Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restLocked(c.stateLocked(dir))
	return Moment{began: c.tickLocked(), at: c.cfg.Now()}
}

// Note remembers the answer to the caller's own question about name in dir:
// rows are those of the object itself and of name+"/" that exist, if any. It
// is forgotten if the directory was invalidated since the Moment at. It also
// decides about an own change of the object that is in doubt.
func (c *Cache) Note(dir Dir, name string, at Moment, rows ...Row) {
	c.note(dir, name, at, true, rows)
}

// NoteListed is Note for an answer that a listing gave, which may lag behind the
// objects: it decides about no change in doubt.
func (c *Cache) NoteListed(dir Dir, name string, at Moment, rows ...Row) {
	c.note(dir, name, at, false, rows)
}

func (c *Cache) note(dir Dir, name string, at Moment, decides bool, rows []Row) {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	p := &page{began: at.began, fetched: at.at, rows: packRows("", rows)}
	if c.takeNote(dir, dir.Prefix+name, p, decides) {
		c.store.put(noteKey(dir, name), p)
	}
}

// takeNote tells whether the note counts and is to be stored.
func (c *Cache) takeNote(dir Dir, rowName string, p *page, decides bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil || !c.validLocked(d, p.began) {
		return false
	}
	if decides {
		c.confirmNoteLocked(d, rowName, p)
	}
	d.noted = c.cfg.TTL > 0
	return d.noted
}

// Miss counts a lookup in dir that was Unknown. It tells whether the caller
// should list the directory around name (Fill) rather than ask for the name:
// from the third distinct name within the TTL on.
func (c *Cache) Miss(_ context.Context, dir Dir, name string) (switchToListing bool) {
	if c.cfg.TTL <= 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	d.missed = slices.DeleteFunc(d.missed, func(m miss) bool {
		return m.name == name || !c.fresh(m.at)
	})
	if len(d.missed) == switchAfter {
		d.missed = slices.Delete(d.missed, 0, 1)
	}
	d.missed = append(d.missed, miss{name, c.cfg.Now()})
	return len(d.missed) == switchAfter
}

// Fill lists the part of dir around name, by at most two requests, so that
// this lookup and those near it are answered from memory. If covered is not
// set there are too many names around this one, and the caller asks for it.
func (c *Cache) Fill(ctx context.Context, dir Dir, name string) (covered bool, err error) {
	for range 2 {
		marker, done := c.gap(dir, name)
		if done {
			return true, nil
		}
		if _, err := c.fetch(ctx, dir, marker); err != nil {
			return false, err
		}
		if marker == below(dir.Prefix+name) {
			break // a second request would begin at the same place
		}
	}
	_, covered = c.gap(dir, name)
	return covered, nil
}

// gap is the marker at which to list so that the rows of name become known,
// or covered if they are.
func (c *Cache) gap(dir Dir, name string) (marker string, covered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dirs[dir]
	if d == nil {
		return "", false
	}
	defer c.restLocked(d)
	c.sweepLocked(d)
	rows := []string{dir.Prefix + name, dir.Prefix + name + "/"}
	if dir.account() {
		rows = rows[:1]
	}
	for _, row := range rows {
		if _, ok := d.pages.find(row); ok {
			continue
		}
		return c.markerLocked(d, row), false
	}
	return "", true
}

// markerLocked is where to begin a listing that should cover row, which is in
// no span: where that of a page began which knew the row and is gone, at the start
// if nothing is known, at the end of the span before if the lookups are coming to
// that end, and else just below the row.
func (c *Cache) markerLocked(d *dirState, row string) string {
	if s, ok := d.lost.find(row); ok {
		return s.from
	}
	if len(d.pages) == 0 {
		return ""
	}
	if s, ok := d.pages.before(row); ok && s.covers(d.cursor) {
		if p := c.pageLocked(d, s); p != nil {
			left := p.within(window{from: d.cursor, to: s.to})
			if left.len() <= max(1, p.rows.len()/8) {
				return s.to
			}
		}
	}
	return below(row)
}

// below is a marker shortly before row: the row without its last character,
// and for a directory without that of its name.
func below(row string) string {
	row = strings.TrimSuffix(row, "/")
	_, size := utf8.DecodeLastRuneInString(row)
	return row[:len(row)-size]
}
