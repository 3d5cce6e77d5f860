package listing

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// server is one directory on a server whose listing may lag.
type server struct {
	clock *clock
	page  int

	mu sync.Mutex
	// lag is how long the listing is behind the truth.
	lag    time.Duration
	truth  map[string]Row
	listed map[string]Row
	queue  []update
	// lists has the markers of the listings asked for, heads the names.
	lists []string
	heads []string
	// before is called with the marker when a listing has been made and
	// before it is answered, or nil.
	before func(marker string)
	failed error
}

type update struct {
	at     time.Time
	row    Row
	exists bool
}

func newServer(clock *clock, page int, names ...string) *server {
	s := &server{clock: clock, page: page, truth: map[string]Row{}, listed: map[string]Row{}}
	for _, name := range names {
		s.put(name, "first")
	}
	return s
}

// put makes an object, or what makes a name ending in "/" a subdir.
func (s *server) put(name, etag string) Row {
	row := Row{Name: name, Size: 1, ETag: etag, ContentType: "text/plain", Modified: s.clock.Now()}
	if strings.HasSuffix(name, "/") {
		row = Row{Name: name, Subdir: true}
	}
	s.putRow(row)
	return row
}

func (s *server) putRow(row Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.truth[row.Name] = row
	s.queue = append(s.queue, update{s.clock.Now(), row, true})
}

func (s *server) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.truth, name)
	s.queue = append(s.queue, update{s.clock.Now(), Row{Name: name}, false})
}

func (s *server) setLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = lag
}

func (s *server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
}

func (s *server) exists(name string) (Row, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.truth[name]
	return row, ok
}

// requests are the numbers of listings and HEADs so far.
func (s *server) requests() (lists, heads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lists), len(s.heads)
}

func (s *server) List(_ context.Context, _ Dir, marker string, yield func(Row) error) (bool, error) {
	rows, before, err := s.snapshot(marker)
	if before != nil {
		before(marker)
	}
	if err != nil {
		return false, err
	}
	for _, row := range rows[:min(len(rows), s.page)] {
		if err := yield(row); err != nil {
			return false, err
		}
	}
	return len(rows) < s.page, nil
}

// ListTree lists what is in the one directory.
func (s *server) ListTree(ctx context.Context, dir Dir, marker string, _ int, yield func(Row) error) (bool, error) {
	return s.List(ctx, dir, marker, yield)
}

func (s *server) snapshot(marker string) ([]Row, func(string), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists = append(s.lists, marker)
	for len(s.queue) > 0 && !s.queue[0].at.Add(s.lag).After(s.clock.Now()) {
		if u := s.queue[0]; u.exists {
			s.listed[u.row.Name] = u.row
		} else {
			delete(s.listed, u.row.Name)
		}
		s.queue = s.queue[1:]
	}
	var rows []Row
	for _, name := range slices.Sorted(maps.Keys(s.listed)) {
		if name > marker {
			rows = append(rows, s.listed[name])
		}
	}
	return rows, s.before, s.failed
}

func (s *server) verify(_ context.Context, _ Dir, name string) (Row, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = append(s.heads, name)
	row, ok := s.truth[name]
	return row, ok, s.failed
}

const testTTL = time.Minute

// testDir is the directory that a server has.
var testDir = Dir{Container: "c", Prefix: "d/"}

// newCache is a cache over s, closed at the end of the test.
func newCache(t *testing.T, s *server, adjust ...func(*Config)) *Cache {
	t.Helper()
	cfg := Config{TTL: testTTL, Now: s.clock.Now, Verify: s.verify, Bytes: 16 << 20}
	for _, f := range adjust {
		f(&cfg)
	}
	c, err := New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// entries scans testDir to its end.
func entries(t *testing.T, c *Cache) []Entry {
	t.Helper()
	var all []Entry
	s := c.Scan(t.Context(), testDir)
	for {
		e, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

// shown is a scan as "name", "name/" for a directory, "name!" for a file that
// collides.
func shown(t *testing.T, c *Cache) string {
	t.Helper()
	var words []string
	for _, e := range entries(t, c) {
		words = append(words, word(e))
	}
	return strings.Join(words, " ")
}

func word(e Entry) string {
	switch {
	case e.Kind == Directory:
		return e.Name + "/"
	case e.Collides:
		return e.Name + "!"
	default:
		return e.Name
	}
}

func wantShown(t *testing.T, c *Cache, want string) {
	t.Helper()
	if got := shown(t, c); got != want {
		t.Errorf("directory shows %q, want %q", got, want)
	}
}

func wantLookup(t *testing.T, c *Cache, name string, want State) (Entry, Answer) {
	t.Helper()
	e, a := c.Lookup(t.Context(), testDir, name)
	if a.State != want {
		t.Errorf("lookup of %q: %v, want %v", name, a.State, want)
	}
	return e, a
}

func wantRequests(t *testing.T, s *server, lists, heads int) {
	t.Helper()
	if l, h := s.requests(); l != lists || h != heads {
		t.Errorf("%d listings and %d HEADs so far, want %d and %d", l, h, lists, heads)
	}
}
