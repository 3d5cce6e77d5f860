package listing

import (
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// recentPages is how many of the latest pages are held whatever ristretto
// decides. It may refuse a new page in favour of those in memory; a lookup
// that had the page fetched must still find it, and so must a walk that is
// reading one while the next is fetched.
const recentPages = 4

// value is a page, a note or a sheet.
type value interface {
	// start is when it began.
	start() uint64
	// cost is about what it takes in memory.
	cost() int64
}

// store holds pages and notes in ristretto. A value may be gone at any time.
type store struct {
	// closing keeps ristretto open while it is used: it panics on a Set that
	// meets its Close. Guards the following.
	closing sync.RWMutex
	closed  bool
	values  *ristretto.Cache[string, value]

	// mu guards the following.
	mu     sync.Mutex
	recent [recentPages]stored
	next   int
}

// stored is a page or sheet with its key.
type stored struct {
	key   string
	value value
}

// newStore makes a store for about that many bytes of pages and notes.
func newStore(bytes int64) (*store, error) {
	// Ristretto asks for ten counters an item. A note is some 300 bytes.
	const bytesPerCounter = 30
	values, err := ristretto.NewCache(&ristretto.Config[string, value]{
		NumCounters: max(1000, bytes/bytesPerCounter),
		MaxCost:     bytes,
		BufferItems: 64,
	})
	if err != nil {
		return nil, fmt.Errorf("memory for listings: %w", err)
	}
	return &store{values: values}, nil
}

// get is the value of that key that began then, or nil.
func (s *store) get(key string, began uint64) value {
	s.mu.Lock()
	for _, r := range s.recent {
		if r.value != nil && r.key == key && r.value.start() == began {
			s.mu.Unlock()
			return r.value
		}
	}
	s.mu.Unlock()
	if v := s.latest(key); v != nil && v.start() == began {
		return v
	}
	return nil
}

// latest is what ristretto has under the key, or nil. Asking is also what
// tells ristretto that the key is in demand.
func (s *store) latest(key string) value {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil
	}
	v, _ := s.values.Get(key)
	return v
}

// putPage stores a page of a listing, or a sheet, and keeps it among the recent
// ones.
func (s *store) putPage(key string, p value, ttl time.Duration) {
	s.mu.Lock()
	s.recent[s.next] = stored{key, p}
	s.next = (s.next + 1) % recentPages
	s.mu.Unlock()
	s.latest(key)
	s.put(key, p, ttl)
}

// put stores a page or note; it may be refused. Ristretto frees it when the
// TTL has passed; whether it is still believed before that is for the caller.
func (s *store) put(key string, p value, ttl time.Duration) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return
	}
	if s.values.SetWithTTL(key, p, p.cost(), ttl) {
		// A Set is applied later. Waiting once a request keeps request
		// counts exact, and two Sets of a new key from discarding the second.
		s.values.Wait()
	}
}

// close frees everything. Further calls find and store nothing.
func (s *store) close() {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.values.Close()
}

// pageKey is the key of the page of d that begins after marker. No name has a
// NUL in it.
func pageKey(d Dir, marker string) string {
	return "p" + d.Container + "\x00" + d.Prefix + "\x00" + marker
}

// sheetKey is the key of the sheet of root that begins after marker.
func sheetKey(root Dir, marker string) string {
	return "s" + root.Container + "\x00" + root.Prefix + "\x00" + marker
}

// noteKey is the key of the note about a name in d.
func noteKey(d Dir, name string) string {
	return "n" + d.Container + "\x00" + d.Prefix + "\x00" + name
}
