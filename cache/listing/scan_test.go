package listing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestScanJoinsPagesAtEveryBoundary(t *testing.T) {
	names := strings.Fields("d/ d/a d/x d/x-1 d/x-1/ d/x.txt d/x/ d/y d/z d/z/")
	for page := 1; page <= len(names)+1; page++ {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			c := newCache(t, newServer(newClock(), page, names...))
			const want = "a x-1/ x-1! x.txt x/ x! y z/ z!"
			wantShown(t, c, want)
			wantShown(t, c, want)
		})
	}
}

func TestAScanGoesOnFromEachPlaceOfAnother(t *testing.T) {
	names := strings.Fields("d/ d/a d/x d/x-1 d/x-1/ d/x.txt d/x/ d/y d/y1 d/y2/ d/z d/z/")
	for page := 1; page <= len(names)+1; page++ {
		c := newCache(t, newServer(newClock(), page, names...))
		c.Put(testDir, Row{Name: "d/own", ETag: "own"})
		c.Remove(testDir, "d/y1")
		all := scanned(t, c.Scan(t.Context(), testDir))
		places := 0
		for given := range len(all) + 1 {
			scan := c.Scan(t.Context(), testDir)
			for range given {
				if _, err := scan.Next(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			after, ok := scan.Place()
			if !ok {
				continue
			}
			places++
			if got := scanned(t, c.ScanAfter(testDir, after)); !slices.Equal(got, all[given:]) {
				t.Errorf("pages of %d: after %q there is %v, want %v", page, after, got, all[given:])
			}
		}
		if places < len(all)/2 {
			t.Errorf("pages of %d: %d places in %d entries", page, places, len(all))
		}
	}
}

// scanned is what a scan has still to give.
func scanned(t *testing.T, scan *Scanner) (shown []string) {
	t.Helper()
	for {
		e, err := scan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return shown
		}
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, fmt.Sprint(e.Name, e.Kind, e.Collides))
	}
}

func TestScanUsesCachedPagesUntilTheTTLIsOver(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c")
	c := newCache(t, s)
	wantShown(t, c, "a b c")
	wantRequests(t, s, 2, 0)
	s.put("d/new", "x")
	s.clock.advance(testTTL - 1)
	wantShown(t, c, "a b c")
	wantRequests(t, s, 2, 0)
	s.clock.advance(1)
	wantShown(t, c, "a b c new")
	wantRequests(t, s, 5, 0)
	if got := c.Stats(); got != (Stats{Hits: 2, Misses: 5, Fetches: 5}) {
		t.Errorf("stats are %+v", got)
	}
}

func TestScanWithoutTTLAsksEachTime(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s, func(cfg *Config) { cfg.TTL = 0 })
	for n := range 3 {
		wantShown(t, c, "a")
		wantRequests(t, s, n+1, 0)
	}
	if c.Miss(t.Context(), testDir, "x") {
		t.Error("a listing that is not kept is to be filled")
	}
}

func TestScanAnswersAfterTheFirstPage(t *testing.T) {
	s := newServer(newClock(), 1, "d/a", "d/b", "d/c")
	c := newCache(t, s)
	scan := c.Scan(t.Context(), testDir)
	if e, err := scan.Next(t.Context()); err != nil || e.Name != "a" {
		t.Fatalf("first entry %q, %v", e.Name, err)
	}
	// "a" can be told only when it is sure that no "a/" comes.
	wantRequests(t, s, 2, 0)
}

func TestScanTellsHowOldAnEntryIs(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c", "d/e")
	c := newCache(t, s)
	begin := s.clock.Now()
	scan := c.Scan(t.Context(), testDir)
	ages := map[string]time.Duration{}
	own := Row{Name: "d/d", ETag: "own", Modified: begin}
	for {
		e, err := scan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		ages[e.Name] = scan.Fetched().Sub(begin)
		if got := scan.Age(); got != s.clock.Now().Sub(scan.Fetched()) {
			t.Errorf("%q is %v old", e.Name, got)
		}
		if e.Name == "a" {
			s.clock.advance(time.Second)
			c.Put(testDir, own)
			s.clock.advance(time.Second)
		}
	}
	want := map[string]time.Duration{"a": 0, "b": 0, "c": 2 * time.Second, "d": time.Second, "e": 2 * time.Second}
	for name, age := range want {
		if ages[name] != age {
			t.Errorf("%q was known at %v, want %v", name, ages[name], age)
		}
	}
}

func TestScanGivesTheDirectorysOwnMarker(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	s.putRow(Row{Name: "d/", ETag: "marker"})
	c := newCache(t, s)
	scan := c.Scan(t.Context(), testDir)
	if _, ok := scan.Marker(); ok {
		t.Error("marker before the first page")
	}
	if e, err := scan.Next(t.Context()); err != nil || e.Name != "a" {
		t.Fatalf("entry %q, %v", e.Name, err)
	}
	if m, ok := scan.Marker(); !ok || m.ETag != "marker" {
		t.Errorf("marker is %+v, %v", m, ok)
	}
}

func TestScanReportsAFailureAndGoesOnFromThere(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c")
	c := newCache(t, s)
	scan := c.Scan(t.Context(), testDir)
	if _, err := scan.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	down := errors.New("server is down")
	s.fail(down)
	if _, err := scan.Next(t.Context()); !errors.Is(err, down) {
		t.Errorf("error is %v, want %v", err, down)
	}
	s.fail(nil)
	for _, want := range []string{"b", "c"} {
		if e, err := scan.Next(t.Context()); err != nil || e.Name != want {
			t.Errorf("entry %q, %v, want %q", e.Name, err, want)
		}
	}
}

// listerFunc is a Lister of one function.
type listerFunc func(marker string, yield func(Row) error) (bool, error)

func (f listerFunc) List(_ context.Context, _ Dir, marker string, yield func(Row) error) (bool, error) {
	return f(marker, yield)
}

func (f listerFunc) ListTree(ctx context.Context, d Dir, marker string, _ int, yield func(Row) error) (bool, error) {
	return f.List(ctx, d, marker, yield)
}

func TestScanRefusesListingsThatBreakTheirRules(t *testing.T) {
	for what, names := range map[string][]string{
		"out of order":      {"d/b", "d/a"},
		"of elsewhere":      {"e/a"},
		"not one level":     {"d/a/b"},
		"leading nowhere":   {"", ""},
		"behind the marker": {"d/"},
	} {
		lister := listerFunc(func(marker string, yield func(Row) error) (bool, error) {
			if what == "behind the marker" && marker == "" {
				return false, yield(Row{Name: "d/x"})
			}
			for _, name := range names {
				if err := yield(Row{Name: name}); err != nil {
					return false, err
				}
			}
			return false, nil
		})
		c, err := New(Config{TTL: testTTL, Verify: new(server).verify}, lister)
		if err != nil {
			t.Fatal(err)
		}
		scan := c.Scan(t.Context(), testDir)
		for err == nil {
			_, err = scan.Next(t.Context())
		}
		if !errors.Is(err, ErrBadListing) {
			t.Errorf("%s: error is %v", what, err)
		}
		c.Close()
	}
}

func TestScanTakesAnObjectAndItsSubdirAsOneRow(t *testing.T) {
	lister := listerFunc(func(_ string, yield func(Row) error) (bool, error) {
		return true, errors.Join(yield(Row{Name: "d/x/", Subdir: true}), yield(Row{Name: "d/x/", ETag: "object"}))
	})
	c, err := New(Config{Verify: new(server).verify}, lister)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if all := entries(t, c); len(all) != 1 || all[0].Row.ETag != "object" {
		t.Errorf("entries are %+v", all)
	}
}

func TestManyScansAtOnceMakeOneRequestForAPage(t *testing.T) {
	const scans = 20
	s := newServer(newClock(), 10, "d/a", "d/b")
	c := newCache(t, s)
	arrived, gate := make(chan struct{}), make(chan struct{})
	s.before = func(string) { close(arrived); <-gate }
	var wg sync.WaitGroup
	for range scans {
		wg.Go(func() { wantShown(t, c, "a b") })
	}
	<-arrived
	for c.Stats().Misses < scans {
		runtime.Gosched() // until all of them wait
	}
	close(gate)
	wg.Wait()
	wantRequests(t, s, 1, 0)
}

func TestOneWaiterGivesUpAndTheOthersGetThePage(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	arrived, gate := make(chan struct{}), make(chan struct{})
	s.before = func(string) { close(arrived); <-gate }
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := c.Scan(ctx, testDir).Next(ctx)
		gone <- err
	}()
	<-arrived
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("waiter that gave up got %v", err)
	}
	close(gate)
	wantShown(t, c, "a")
	wantRequests(t, s, 1, 0)
}

func TestCloseEndsRequestsUnderWay(t *testing.T) {
	s := newServer(newClock(), 10)
	arrived := make(chan struct{})
	c, err := New(Config{TTL: testTTL, Verify: s.verify}, hanging{arrived})
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() {
		_, err := c.Scan(t.Context(), testDir).Next(t.Context())
		gone <- err
	}()
	<-arrived
	c.Close()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("waiter got %v", err)
	}
	if _, err := c.Scan(t.Context(), testDir).Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("scan after Close: %v", err)
	}
	c.Note(testDir, "x", c.Begin(testDir)) // stores nothing, and does not panic
	c.Close()
}

// hanging is a Lister that answers only when it is cancelled.
type hanging struct{ arrived chan struct{} }

func (h hanging) List(ctx context.Context, _ Dir, _ string, _ func(Row) error) (bool, error) {
	close(h.arrived)
	<-ctx.Done()
	return false, ctx.Err()
}

func (h hanging) ListTree(ctx context.Context, d Dir, marker string, _ int, yield func(Row) error) (bool, error) {
	return h.List(ctx, d, marker, yield)
}

// TestScanOfAMillionRowsStaysWithinBounds is promise 9 for listings.
func TestScanOfAMillionRowsStaysWithinBounds(t *testing.T) {
	const rows, page, bytes = 1_000_000, 10_000, 8 << 20
	lister := listerFunc(func(marker string, yield func(Row) error) (bool, error) {
		first := 0
		if marker != "" {
			n, err := strconv.Atoi(strings.TrimPrefix(marker, "d/1"))
			if err != nil {
				return false, err
			}
			first = n + 1
		}
		last := min(first+page, rows)
		for i := first; i < last; i++ {
			name := "d/" + strconv.Itoa(10_000_000+i)
			if err := yield(Row{Name: name, ETag: "d41d8cd98f00b204e9800998ecf8427e", ContentType: "text/plain", Size: 1}); err != nil {
				return false, err
			}
		}
		return last == rows, nil
	})
	c, err := New(Config{TTL: time.Hour, Bytes: bytes, Verify: new(server).verify}, lister)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	base, most := heap(), uint64(0)
	scan := c.Scan(t.Context(), testDir)
	seen := 0
	for {
		_, err := scan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen%200_000 == 0 {
			most = max(most, heap())
		}
	}
	if seen != rows {
		t.Errorf("%d entries, want %d", seen, rows)
	}
	if got := c.Stats().Fetches; got != rows/page {
		t.Errorf("%d requests, want %d", got, rows/page)
	}
	// Pages in ristretto, the recent ones, and the one that is scanned.
	if grown := int64(most) - int64(base); grown > bytes+16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
