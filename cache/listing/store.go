package listing

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// value is a page, a note or a sheet.
type value interface {
	// start is when it began.
	start() uint64
	// asked is the same by the clock.
	asked() time.Time
	// cost is about what it takes in memory.
	cost() int64
}

// store holds pages, notes and sheets: those used last in recent, and of the rest
// what ristretto takes. A value may be gone at any time.
type store struct {
	ttl    time.Duration
	now    func() time.Time
	recent *recent

	// closing keeps ristretto open while it is used: it panics on a Set that
	// meets its Close. Guards the following.
	closing sync.RWMutex
	closed  bool
	values  *ristretto.Cache[string, value]
}

// newStore makes a store for about that many bytes, half of them for the values
// used last. A program that asks for the attributes of a large directory takes
// 100,000 names at a time and goes through them in an order of its own (fts, of
// find, du and ls): with the default memory these fit the half, and less would
// leave it to ristretto which of them are asked for again and again.
func newStore(bytes int64, ttl time.Duration, now func() time.Time) (*store, error) {
	// Ristretto asks for ten counters an item. A note is some 300 bytes.
	const bytesPerCounter = 30
	s := &store{ttl: ttl, now: now}
	s.recent = newRecent(bytes/2, s.fresh)
	rest := bytes - bytes/2
	values, err := ristretto.NewCache(&ristretto.Config[string, value]{
		NumCounters: max(1000, rest/bytesPerCounter),
		MaxCost:     rest,
		BufferItems: 64,
	})
	if err != nil {
		return nil, fmt.Errorf("memory for listings: %w", err)
	}
	s.values = values
	return s, nil
}

// left is how long the value is still believed.
func (s *store) left(v value) time.Duration { return s.ttl - s.now().Sub(v.asked()) }

func (s *store) fresh(v value) bool { return s.left(v) > 0 }

// get is the value of that key that began then, or nil. It is used.
func (s *store) get(key string, began uint64) value {
	if v := s.latest(key); v != nil && v.start() == began {
		return v
	}
	return nil
}

// peek is get for somebody who does not use the value.
func (s *store) peek(key string, began uint64) value {
	v := s.recent.get(key, false)
	if v == nil {
		v = s.kept(key)
	}
	if v != nil && v.start() == began {
		return v
	}
	return nil
}

// latest is the last value of that key, or nil. It is used.
func (s *store) latest(key string) value {
	if v := s.recent.get(key, true); v != nil {
		return v
	}
	v := s.kept(key)
	if v != nil {
		s.moveBack(held{key, v})
	}
	return v
}

// moveBack takes a value out of ristretto and makes it the latest used. What falls
// out for it gets its place there, which is about as large, so that values which
// take turns do not have to win against others.
func (s *store) moveBack(h held) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return
	}
	s.values.Del(h.key)
	s.putLocked(h)
}

// put stores a value and makes it the latest used.
func (s *store) put(key string, v value) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return
	}
	s.putLocked(held{key, v})
}

// putLocked is put for who holds closing for reading.
func (s *store) putLocked(h held) {
	for _, out := range s.recent.put(h) {
		// Ristretto may refuse it, and frees it when nobody believes it any more.
		if s.values.SetWithTTL(out.key, out.value, out.cost(), s.left(out.value)) {
			// A Set is applied later. Waiting keeps request counts exact, and two
			// Sets of a new key from discarding the second.
			s.values.Wait()
		}
	}
}

// kept is what ristretto has under the key and is still believed, or nil. Asking
// is also what tells ristretto that the key is in demand.
func (s *store) kept(key string) value {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil
	}
	v, _ := s.values.Get(key)
	if v == nil || !s.fresh(v) {
		return nil
	}
	return v
}

// close frees everything. Further calls find and store nothing.
func (s *store) close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.recent.clear()
	s.values.Close()
}

// pageKey is the key of the page of d that begins after marker. No name has a
// NUL in it.
func pageKey(d Dir, marker string) string {
	return "p" + d.Container + "\x00" + d.Prefix + "\x00" + marker
}

// sheetKey is the key of the sheet of root that begins after marker and was asked
// for with that limit.
func sheetKey(root Dir, marker string, limit int) string {
	return "s" + root.Container + "\x00" + root.Prefix + "\x00" + marker + "\x00" + strconv.Itoa(limit)
}

// sheetOf undoes sheetKey; ok is false for other keys.
func sheetOf(key string) (root Dir, marker string, limit int, ok bool) {
	key, ok = strings.CutPrefix(key, "s")
	parts := strings.Split(key, "\x00")
	if !ok || len(parts) != 4 {
		return Dir{}, "", 0, false
	}
	limit, err := strconv.Atoi(parts[3])
	return Dir{parts[0], parts[1]}, parts[2], limit, err == nil
}

// noteKey is the key of the note about a name in d.
func noteKey(d Dir, name string) string {
	return "n" + d.Container + "\x00" + d.Prefix + "\x00" + name
}
