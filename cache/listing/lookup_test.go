package listing

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestLookupIsAnsweredFromAScannedDirectory(t *testing.T) {
	s := newServer(newClock(), 3, "d/a", "d/b", "d/x", "d/x-1", "d/x/", "d/y/")
	c := newCache(t, s)
	wantLookup(t, c, "a", Unknown)
	shown(t, c)
	lists, _ := s.requests()
	begin := s.clock.Now()
	s.clock.advance(time.Second)
	if e, a := wantLookup(t, c, "a", Found); e.Name != "a" || e.Kind != File || !a.Fetched.Equal(begin) || a.Collision != nil {
		t.Errorf("a is %+v, %+v", e, a)
	}
	if e, _ := wantLookup(t, c, "y", Found); e.Kind != Directory {
		t.Errorf("y is %+v", e)
	}
	e, a := wantLookup(t, c, "x", Found)
	if e.Kind != Directory || a.Collision == nil || a.Collision.Kind != File || !a.Collision.Collides {
		t.Errorf("x is %+v, %+v", e, a)
	}
	wantLookup(t, c, "missing", Absent)
	wantLookup(t, c, "zzz", Absent)
	wantLookup(t, c, "", Absent)
	wantRequests(t, s, lists, 0)
	s.clock.advance(testTTL)
	wantLookup(t, c, "a", Unknown)
	wantLookup(t, c, "missing", Unknown)
}

func TestLookupNeedsBothRowsToBeInKnownRanges(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/x", "d/x-1", "d/x/", "d/y", "d/z")
	c := newCache(t, s)
	scan := c.Scan(t.Context(), testDir)
	if _, err := scan.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRequests(t, s, 1, 0) // up to "d/x": "a/" cannot come any more
	wantLookup(t, c, "a", Found)
	wantLookup(t, c, "b", Absent)
	wantLookup(t, c, "x", Unknown)
	wantLookup(t, c, "y", Unknown)
	if _, err := scan.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, a := wantLookup(t, c, "x", Found); a.Collision == nil {
		t.Error("the file x beside x/ is not told")
	}
}

func TestLookupOfAContainerNeedsOneRow(t *testing.T) {
	s := newServer(newClock(), 10, "c1", "c2")
	c := newCache(t, s)
	account := Dir{}
	if _, err := c.Scan(t.Context(), account).Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, a := c.Lookup(t.Context(), account, "c2"); a.State != Found || e.Kind != Directory {
		t.Errorf("c2 is %+v, %+v", e, a)
	}
	if _, a := c.Lookup(t.Context(), account, "c3"); a.State != Absent {
		t.Errorf("c3 is %v", a.State)
	}
}

func TestLookupFindsDataUnderTheDirectorysName(t *testing.T) {
	s := newServer(newClock(), 10, "d//")
	s.putRow(Row{Name: "d/", Size: 9})
	c := newCache(t, s)
	wantShown(t, c, "/ !")
	if e, a := wantLookup(t, c, "", Found); e.Kind != Directory || a.Collision == nil || a.Collision.Row.Size != 9 {
		t.Errorf("empty name is %+v, %+v", e, a)
	}
}

func TestNoteAnswersLookupsForTheTTL(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	c.Note(testDir, "file", c.Begin(testDir), Row{Name: "d/file", ETag: "e"})
	c.Note(testDir, "dir", c.Begin(testDir), Row{Name: "d/dir/", Subdir: true})
	c.Note(testDir, "both", c.Begin(testDir), Row{Name: "d/both/", Subdir: true}, Row{Name: "d/both"})
	c.Note(testDir, "none", c.Begin(testDir))
	if e, _ := wantLookup(t, c, "file", Found); e.Row.ETag != "e" {
		t.Errorf("file is %+v", e)
	}
	if e, _ := wantLookup(t, c, "dir", Found); e.Kind != Directory {
		t.Errorf("dir is %+v", e)
	}
	if _, a := wantLookup(t, c, "both", Found); a.Collision == nil {
		t.Error("the file beside the directory is not told")
	}
	wantLookup(t, c, "none", Absent)
	s.clock.advance(testTTL)
	for _, name := range []string{"file", "dir", "both", "none"} {
		wantLookup(t, c, name, Unknown)
	}
	wantRequests(t, s, 0, 0)
}

func TestNoteThatBeganBeforeAnInvalidationIsForgotten(t *testing.T) {
	c := newCache(t, newServer(newClock(), 10))
	for what, invalidate := range map[string]func(){
		"one directory": func() { c.Invalidate(testDir) },
		"tree":          func() { c.InvalidateTree(Dir{Container: "c"}) },
		"all":           c.InvalidateAll,
		"forget":        func() { c.Forget(testDir, "d/y") },
	} {
		before := c.Begin(testDir)
		c.Note(testDir, "x", c.Begin(testDir))
		wantLookup(t, c, "x", Absent)
		invalidate()
		wantLookup(t, c, "x", Unknown)
		c.Note(testDir, "x", before)
		wantLookup(t, c, "x", Unknown)
		c.Note(testDir, "x", c.Begin(testDir))
		if _, a := wantLookup(t, c, "x", Absent); a.State != Absent {
			t.Errorf("after invalidation of %s notes are not taken", what)
		}
	}
}

func TestNewerNoteWinsOverAnOlderPageAndTheReverse(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	early := c.Begin(testDir)
	shown(t, c)
	c.Note(testDir, "a", early, Row{Name: "d/a", ETag: "older"})
	if e, _ := wantLookup(t, c, "a", Found); e.Row.ETag != "first" {
		t.Errorf("a has ETag %q of a note older than the page", e.Row.ETag)
	}
	c.Note(testDir, "a", c.Begin(testDir), Row{Name: "d/a", ETag: "newer"})
	if e, _ := wantLookup(t, c, "a", Found); e.Row.ETag != "newer" {
		t.Errorf("a has ETag %q of a page older than the note", e.Row.ETag)
	}
}

func TestTheThirdDistinctMissSwitchesToListing(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	miss := func(name string, want bool) {
		t.Helper()
		if got := c.Miss(t.Context(), testDir, name); got != want {
			t.Errorf("miss of %q: switch is %v", name, got)
		}
	}
	miss("a", false)
	miss("a", false)
	miss("b", false)
	miss("b", false)
	miss("c", true)
	miss("d", true)
	s.clock.advance(testTTL - 1)
	miss("e", true)
	s.clock.advance(1)
	miss("f", false)
	miss("g", true)
}

func TestFillMakesFollowingLookupsFree(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, "d/"+padded(i))
	}
	fill := func(c *Cache, i int) {
		t.Helper()
		if covered, err := c.Fill(t.Context(), testDir, padded(i)); err != nil || !covered {
			t.Fatalf("fill for %d: covered %v, %v", i, covered, err)
		}
		wantLookup(t, c, padded(i), Found)
	}
	t.Run("in order", func(t *testing.T) {
		s := newServer(newClock(), 30, names...)
		c := newCache(t, s)
		for i := range 100 {
			if _, a := c.Lookup(t.Context(), testDir, padded(i)); a.State == Unknown {
				fill(c, i)
			}
		}
		wantRequests(t, s, 4, 0) // 100 names, 30 a page
	})
	t.Run("far from what is known", func(t *testing.T) {
		s := newServer(newClock(), 30, names...)
		c := newCache(t, s)
		fill(c, 5)
		wantRequests(t, s, 1, 0)
		fill(c, 75) // "000007" lists 70 to 99
		wantRequests(t, s, 2, 0)
		wantLookup(t, c, padded(98), Found)
		fill(c, 40) // the lookups were elsewhere: "000004"
		wantRequests(t, s, 3, 0)
	})
	t.Run("first of all, beyond the first page", func(t *testing.T) {
		s := newServer(newClock(), 30, names...)
		c := newCache(t, s)
		fill(c, 75)
		wantRequests(t, s, 2, 0)
	})
	t.Run("too many names around it", func(t *testing.T) {
		s := newServer(newClock(), 5, names...)
		c := newCache(t, s)
		covered, err := c.Fill(t.Context(), testDir, "1")
		if err != nil || covered {
			t.Errorf("covered is %v, %v", covered, err)
		}
	})
	t.Run("failure", func(t *testing.T) {
		s := newServer(newClock(), 5, names...)
		s.fail(errors.New("down"))
		if _, err := newCache(t, s).Fill(t.Context(), testDir, "1"); err == nil {
			t.Error("a failed listing is no error")
		}
	})
}

func TestAPageThatRistrettoRefusesStillAnswersTheLookupItWasFetchedFor(t *testing.T) {
	s := newServer(newClock(), 10, "d/a", "d/b")
	c := newCache(t, s, func(cfg *Config) { cfg.Bytes = 1 })
	if covered, err := c.Fill(t.Context(), testDir, "b"); err != nil || !covered {
		t.Fatalf("covered %v, %v", covered, err)
	}
	wantLookup(t, c, "b", Found)
	for elsewhere := range leastHeld {
		_, err := c.Scan(t.Context(), Dir{Container: padded(elsewhere), Prefix: "d/"}).Next(t.Context())
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	wantLookup(t, c, "b", Unknown)
}
