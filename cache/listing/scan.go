package listing

import (
	"context"
	"io"
	"time"
)

// Scanner goes through the entries of one directory, page by page. It is for
// one goroutine at a time and needs no closing.
type Scanner struct {
	cache *Cache
	dir   Dir
	// view is the rest of the current page; pos is the name up to which
	// pages were taken, and end says that there are no more.
	view view
	pos  string
	end  bool
	// known says that what is not in memory ends the scan, and cut that it has.
	known, cut bool
	// ahead is how many rows of the page are read before the next one is asked
	// for, or negative.
	ahead int

	merge merger
	// at is the name of the last row that was merged, and before that of the one
	// before it.
	before, at string
	// out are decided entries, of which the first next were given out.
	out  []found
	next int
	// last is the entry given out last.
	last found
	// oldest is when the oldest of what was taken so far was known.
	oldest time.Time
}

// Scan begins to go through dir. The order is that of the names in the
// server's order, except that a name may come after longer ones that begin
// with it. A name present throughout comes exactly once; what this mount
// changes meanwhile may come or not. The first request, if any, is made by the
// first Next with its ctx.
func (c *Cache) Scan(_ context.Context, dir Dir) *Scanner { return c.ScanAfter(dir, "") }

// ScanAfter goes on where Scanner.Place was after, with what there is by now.
func (c *Cache) ScanAfter(dir Dir, after string) *Scanner {
	return &Scanner{cache: c, dir: dir, merge: merger{dir: dir}, pos: after, at: after}
}

// Place is the name of a row after which a scan gives all that this one has still to
// give, and nothing that it has given. ok is false in some places where a name has
// been overtaken by those that begin with it.
func (s *Scanner) Place() (after string, ok bool) {
	waiting := s.merge.waiting
	switch {
	case s.next < len(s.out):
		return "", false
	case len(waiting) == 0:
		return s.at, true
	case len(waiting) == 1 && waiting[0].Name == s.at:
		return s.before, true
	}
	return "", false
}

// Next returns the next entry, or io.EOF after the last. After another error,
// the same place can be tried again. If ctx ends, its cause is returned; a
// request under way goes on for others.
func (s *Scanner) Next(ctx context.Context) (Entry, error) {
	for s.next == len(s.out) {
		s.out, s.next = s.out[:0], 0
		switch {
		case s.step():
		case s.end:
			s.out = s.merge.flush(s.out)
			if len(s.out) == 0 {
				return Entry{}, io.EOF
			}
		default:
			v, err := s.take(ctx)
			if err != nil {
				return Entry{}, err
			}
			if s.ahead = -1; !s.known {
				s.ahead = v.aheadAt(s.pos == "")
			}
			s.view, s.pos, s.end = v, v.to, v.end
			s.age(&v)
		}
		if s.ahead >= 0 && s.view.rows.len()+s.ahead <= s.view.size {
			s.ahead = -1
			s.cache.ahead(ctx, s.dir, &s.view)
		}
	}
	s.last = s.out[s.next]
	s.next++
	return s.last.Entry, nil
}

// step merges the next row of the view, if there is one.
func (s *Scanner) step() bool {
	rows, claims := s.view.rows, s.view.claims
	if len(claims) == 0 || rows.len() > 0 && rows.compare(0, claims[0].row.Name) < 0 {
		if rows.len() == 0 {
			return false
		}
		s.view.rows = rows.slice(1, rows.len())
		s.push(dated{rows.row(0), s.view.page.fetched})
		return true
	}
	claim := &claims[0]
	s.view.claims = claims[1:]
	if rows.len() > 0 && rows.compare(0, claim.row.Name) == 0 {
		s.view.rows = rows.slice(1, rows.len())
	}
	if claim.exists {
		s.push(dated{claim.row, claim.fetched})
	}
	return true
}

func (s *Scanner) push(r dated) {
	s.before, s.at = s.at, r.Name
	s.out = s.merge.push(r, s.out)
}

// Fetched is when what the last entry shows was known: the beginning of the
// request for its page, or the time of the own change.
func (s *Scanner) Fetched() time.Time {
	return s.last.fetched
}

// Oldest is when the oldest of all that the entries so far were made from was
// known, what is not there included. It is zero before the first Next.
func (s *Scanner) Oldest() time.Time { return s.oldest }

func (s *Scanner) age(v *view) {
	known := func(at time.Time) {
		if s.oldest.IsZero() || at.Before(s.oldest) {
			s.oldest = at
		}
	}
	if v.page != nil {
		known(v.page.fetched)
	}
	for i := range v.claims {
		known(v.claims[i].fetched)
	}
}

// Age is how long ago that was; the TTL less this is how long the entry may
// still be believed.
func (s *Scanner) Age() time.Duration {
	return s.cache.cfg.Now().Sub(s.last.fetched)
}

// Marker is the object with the directory's own name, if the pages so far had
// one.
func (s *Scanner) Marker() (Row, bool) {
	if s.merge.marker == nil {
		return Row{}, false
	}
	return *s.merge.marker, true
}
