package listing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sized is a page that costs at least so much.
func sized(began uint64, at time.Time, bytes int) *page {
	return &page{began: began, fetched: at, from: string(make([]byte, bytes))}
}

// newTestStore is a store whose half is for ten values of a kilobyte.
func newTestStore(t *testing.T, clock *clock) *store {
	t.Helper()
	one := held{"00", sized(1, clock.Now(), 1000)}.cost()
	s, err := newStore(2*10*one, testTTL, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// put puts values of a kilobyte under the keys from first on.
func (s *store) putSome(first, n int) {
	for i := range n {
		s.put(fmt.Sprintf("%02d", first+i), sized(1, s.now(), 1000))
	}
}

// keys are the keys of the values, latest used first.
func (r *recent) keys() []string {
	var keys []string
	for e := r.order.Front(); e != nil; e = e.Next() {
		keys = append(keys, heldIn(e).key)
	}
	return keys
}

func wantKeys(t *testing.T, s *store, want ...string) {
	t.Helper()
	if got := s.recent.keys(); !slices.Equal(got, want) {
		t.Errorf("held apart are %q, want %q", got, want)
	}
}

func TestTheValuesUsedLastAreHeld(t *testing.T) {
	s := newTestStore(t, newClock())
	s.putSome(0, 10)
	s.latest("00")
	s.get("01", 1)
	s.peek("02", 1)
	s.putSome(10, 3)
	wantKeys(t, s, "12", "11", "10", "01", "00", "09", "08", "07", "06", "05")
	if s.recent.bytes > s.recent.most {
		t.Errorf("they cost %d, want %d at most", s.recent.bytes, s.recent.most)
	}
}

func TestAFewValuesAreHeldWhateverTheyCost(t *testing.T) {
	clock := newClock()
	s := newTestStore(t, clock)
	for i := range 2 * leastHeld {
		s.put(padded(i), sized(1, clock.Now(), 1<<20))
	}
	wantKeys(t, s, padded(7), padded(6), padded(5), padded(4))
}

func TestAValueThatIsFoundInRistrettoIsHeldAgain(t *testing.T) {
	s := newTestStore(t, newClock())
	s.putSome(0, 11)
	if s.peek("00", 1) == nil {
		t.Fatal("what there was no room for is not in ristretto")
	}
	if s.recent.get("00", false) != nil {
		t.Error("a value that was only looked at is held again")
	}
	if s.get("00", 1) == nil || s.recent.keys()[0] != "00" {
		t.Errorf("%q are held, want the one used first of them", s.recent.keys())
	}
	if _, ok := s.values.GetTTL("00"); ok {
		t.Error("it is in ristretto too")
	}
	if s.peek("01", 1) == nil {
		t.Error("what fell out for it is not in ristretto")
	}
}

func TestAnOlderValueDoesNotReplaceANewerOne(t *testing.T) {
	clock := newClock()
	s := newTestStore(t, clock)
	s.put("x", sized(2, clock.Now(), 10))
	s.put("x", sized(1, clock.Now(), 10))
	if v := s.latest("x"); v == nil || v.start() != 2 {
		t.Errorf("%v is under the key, want the newer value", v)
	}
	s.put("x", sized(3, clock.Now(), 20))
	if got, want := s.recent.bytes, (held{"x", sized(3, clock.Now(), 20)}).cost(); got != want {
		t.Errorf("the values cost %d, want %d", got, want)
	}
}

func TestRistrettoKeepsAValueForWhatIsLeftOfItsTime(t *testing.T) {
	clock := newClock()
	s := newTestStore(t, clock)
	s.putSome(0, 10)
	clock.advance(testTTL / 4)
	s.putSome(10, 1)
	if left, ok := s.values.GetTTL("00"); !ok || left > testTTL*3/4 || left < testTTL/2 {
		t.Errorf("ristretto keeps the value for %v (%v), want three quarters of the TTL", left, ok)
	}
	clock.advance(testTTL)
	s.putSome(20, 15)
	if _, ok := s.values.GetTTL("05"); ok {
		t.Error("ristretto was given a value that nobody believes")
	}
}

func TestValuesThatNobodyBelievesAreDropped(t *testing.T) {
	clock := newClock()
	s := newTestStore(t, clock)
	s.putSome(0, 11) // the first falls out
	clock.advance(testTTL)
	for _, key := range []string{"00", "10"} {
		if v := s.latest(key); v != nil {
			t.Errorf("%s is still there", key)
		}
	}
	wantKeys(t, s, "09", "08", "07", "06", "05", "04", "03", "02", "01")
	s.putSome(20, 2)
	wantKeys(t, s, "21", "20")
	if got, want := s.recent.bytes, 2*s.recent.most/10; got != want {
		t.Errorf("the values cost %d, want %d", got, want)
	}
}

func TestAClosedStoreFindsAndTakesNothing(t *testing.T) {
	s := newTestStore(t, newClock())
	s.putSome(0, 1)
	s.close()
	s.putSome(1, 1)
	if s.latest("00") != nil || s.latest("01") != nil {
		t.Error("a closed store has values")
	}
}

// The directories of newDemand have so many pages, of so many names each.
const (
	demandPages   = 8
	demandPerPage = 100
)

// newDemand is a cache with memory for so many of the pages of directories that were
// read once.
func newDemand(t *testing.T, memory int64, dirs ...string) (*Cache, *tree) {
	t.Helper()
	var names []string
	for _, dir := range dirs {
		for i := range demandPages * demandPerPage {
			names = append(names, fmt.Sprintf("%s/file-%03d", dir, i))
		}
	}
	s := newTree(demandPerPage, names...)
	page := &page{rows: packRows(dirs[0]+"/", s.list(dirs[0]+"/", "", "/", demandPerPage))}
	return newTreeCache(t, s, func(cfg *Config) { cfg.Bytes = memory * page.cost() }), s
}

// wantNoRequestsFor reads the directory and then looks at all of its names many times,
// in orders of its own, like du does.
func wantNoRequestsFor(t *testing.T, c *Cache, s *tree, name string) {
	t.Helper()
	dir := Dir{Container: "c", Prefix: name + "/"}
	read(t, c, dir)
	s.requests()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		for _, i := range rng.Perm(demandPages * demandPerPage) {
			name := fmt.Sprintf("file-%03d", i)
			if _, answer := c.Lookup(t.Context(), dir, name); answer.State == Found {
				continue
			}
			if _, err := c.Fill(t.Context(), dir, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if asked := s.requests(); len(asked) > 0 {
		t.Errorf("pages of %s were asked for again %d times, the first by %q", name, len(asked), asked[0])
	}
}

// TestPagesInDemandAreAskedForOnce has the pages of a directory asked for so often
// that ristretto would refuse those of the next for long.
func TestPagesInDemandAreAskedForOnce(t *testing.T) {
	c, s := newDemand(t, 3*demandPages, "old", "new")
	wantNoRequestsFor(t, c, s, "old")
	wantNoRequestsFor(t, c, s, "new")
}

func TestPagesThatTakeTurnsAreAskedForOnce(t *testing.T) {
	c, s := newDemand(t, demandPages*3/2, "large")
	wantNoRequestsFor(t, c, s, "large")
}
