package listing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestOwnChangesAreVisibleAtOnceAndCostNoListing(t *testing.T) {
	s := newServer(newClock(), 10, "d/a", "d/b", "d/c/")
	c := newCache(t, s)
	wantShown(t, c, "a b c/")
	s.setLag(time.Hour)
	for i := range 1000 {
		c.Put(testDir, s.put("d/new"+padded(i), "own"))
	}
	s.remove("d/a")
	c.Remove(testDir, "d/a")
	c.Put(testDir, s.put("d/b", "overwritten"))
	c.Remove(testDir, "d/c/")
	c.Put(testDir, Row{Name: "d/m/", ContentType: "application/directory"})
	for _, e := range entries(t, c) {
		if e.Name == "b" && e.Row.ETag != "overwritten" {
			t.Errorf("b is the old version: %+v", e)
		}
	}
	if got := strings.Fields(shown(t, c)); len(got) != 1002 || got[0] != "b" || got[1] != "m/" {
		t.Errorf("%d entries, %q...", len(got), got[:2])
	}
	wantLookup(t, c, "a", Absent)
	wantLookup(t, c, "c", Absent)
	if e, _ := wantLookup(t, c, "m", Found); e.Kind != Directory {
		t.Errorf("m is %+v", e)
	}
	if e, _ := wantLookup(t, c, "b", Found); e.Row.ETag != "overwritten" {
		t.Errorf("b is %+v", e)
	}
	wantRequests(t, s, 1, 0)
}

func TestOwnFileIsFoundWhereNothingElseIsKnown(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	c.Put(testDir, Row{Name: "d/x", ETag: "own"})
	wantLookup(t, c, "x", Found)
	c.Remove(testDir, "d/x")
	wantLookup(t, c, "x", Unknown) // there may be an x/
	c.Note(testDir, "x", c.Begin(testDir), Row{Name: "d/x", ETag: "behind"})
	wantLookup(t, c, "x", Absent)
}

func TestAChangeIsDroppedWhenALaterPageAgrees(t *testing.T) {
	s := newServer(newClock(), 10, "d/gone")
	c := newCache(t, s)
	shown(t, c)
	c.Put(testDir, s.put("d/x", "own"))
	s.remove("d/gone")
	c.Remove(testDir, "d/gone")
	shown(t, c)
	wantChanges(t, c, 2) // the page is older
	s.clock.advance(testTTL)
	wantShown(t, c, "x")
	wantChanges(t, c, 0)
	s.remove("d/x")
	s.clock.advance(testTTL)
	wantShown(t, c, "")
	wantRequests(t, s, 3, 0)
}

func wantChanges(t *testing.T, c *Cache, want int) {
	t.Helper()
	if got := c.Changes(testDir); len(got) != want {
		t.Errorf("overlay has %+v, want %d changes", got, want)
	}
}

func TestARemovalOutlivesAListingFromBeforeTheCreation(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	s.setLag(20 * time.Second)
	c.Put(testDir, s.put("d/tmp", "own"))
	s.clock.advance(time.Second)
	s.remove("d/tmp")
	c.Remove(testDir, "d/tmp")
	wantShown(t, c, "") // the listing agrees, because it does not know d/tmp yet
	s.clock.advance(19 * time.Second)
	c.mu.Lock()
	c.staleLocked(c.dirs[testDir])
	c.mu.Unlock()
	wantShown(t, c, "") // now it lists d/tmp
	s.clock.advance(testTTL)
	wantShown(t, c, "")
	wantChanges(t, c, 0)
	wantRequests(t, s, 3, 0)
}

func TestWhichListedRowsAgreeWithAChange(t *testing.T) {
	at := time.Unix(1000, 400_000_000)
	second := time.Unix(1001, 0)
	own := func(etag string, modified time.Time) Row {
		return Row{Name: "d/x", ETag: etag, Modified: modified, ContentType: "text/plain; mode=0600"}
	}
	listed := func(etag string, modified time.Time, typ string) *Row {
		return &Row{Name: "d/x", ETag: etag, Modified: modified, ContentType: typ}
	}
	const typ = "text/plain;mode=0600"
	for _, test := range []struct {
		what             string
		own              Row
		listed           *Row
		agrees, outdated bool
	}{
		{"same", own("e", at), listed("e", at, typ), true, false},
		{"quoted ETag", own(`"e"`, at), listed("e", at, typ), true, false},
		{"same content, written later", own("e", at), listed("e", at.Add(1), typ), true, false},
		{"same content, written before", own("e", at), listed("e", at.Add(-1), typ), false, false},
		{"other version, before", own("e", at), listed("f", at.Add(-1), typ), false, false},
		{"other version, later", own("e", at), listed("f", at.Add(1), typ), false, true},
		{"date rounded up", own("e", second), listed("e", at, typ), true, false},
		{"date rounded up, type before a POST", own("e", second), listed("e", at, "text/plain"), false, false},
		{"date rounded down, other version of that second", own("e", second), listed("f", second.Add(9e8), typ), false, false},
		{"other version, a second later", own("e", second), listed("f", second.Add(11e8), typ), false, true},
		{"no date of ours", own("e", time.Time{}), listed("e", at, ""), true, false},
		{"no date of ours, other version", own("e", time.Time{}), listed("f", at, typ), false, false},
		{"no ETag of ours", own("", at), listed("f", at, typ), true, false},
		{"SLO ETag", own(`"s"`, at), &Row{ETag: "m", SLOETag: `"s"`, Modified: at, ContentType: typ}, true, false},
		{"directory marker", Row{Name: "d/x/", Modified: at}, &Row{Name: "d/x/", Subdir: true}, true, false},
	} {
		ch := &change{dir: &dirState{dir: testDir}, row: test.own}
		if got := ch.agrees(test.listed, true); got != test.agrees {
			t.Errorf("%s: agrees is %v", test.what, got)
		}
		if got := ch.outdated(test.listed, true); got != test.outdated {
			t.Errorf("%s: outdated is %v", test.what, got)
		}
		if ch.agrees(&Row{}, false) || ch.outdated(&Row{}, false) {
			t.Errorf("%s: an absent row agrees or is later", test.what)
		}
		gone := &change{dir: ch.dir, row: Row{Name: test.own.Name}, removed: true}
		if gone.agrees(test.listed, true) || !gone.agrees(&Row{}, false) || gone.outdated(test.listed, true) {
			t.Errorf("%s: a removal agrees with the row", test.what)
		}
	}
	container := &change{dir: &dirState{}, row: Row{Name: "c", Modified: at}}
	if !container.agrees(&Row{Name: "c"}, true) {
		t.Error("a container listed without date does not agree")
	}
}

func TestSomebodyElsesLaterOverwriteWinsAtOnceWhenListed(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	c.Put(testDir, s.put("d/x", "own"))
	s.clock.advance(2 * time.Second)
	s.put("d/x", "foreign")
	if all := entries(t, c); len(all) != 1 || all[0].Row.ETag != "foreign" {
		t.Errorf("shown is %+v", all)
	}
	wantChanges(t, c, 0)
	c.Put(testDir, s.put("d/y", "own"))
	s.clock.advance(2 * time.Second)
	c.Note(testDir, "y", c.Begin(testDir), s.put("d/y", "foreign"))
	if e, _ := wantLookup(t, c, "y", Found); e.Row.ETag != "foreign" {
		t.Errorf("y is %+v", e)
	}
	wantRequests(t, s, 1, 0)
}

func TestAnOlderPageNeverWinsWhateverItsDatesSay(t *testing.T) {
	s := newServer(newClock(), 10)
	s.putRow(Row{Name: "d/x", ETag: "before", Modified: s.clock.Now().Add(time.Hour)})
	c := newCache(t, s)
	shown(t, c)
	c.Put(testDir, s.put("d/x", "own"))
	if e, _ := wantLookup(t, c, "x", Found); e.Row.ETag != "own" {
		t.Errorf("x is %+v", e)
	}
}

func TestANoteFromBeforeASettledChangeIsForgotten(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	c.Note(testDir, "x", c.Begin(testDir))
	wantLookup(t, c, "x", Absent)
	c.Put(testDir, s.put("d/x", "own"))
	wantShown(t, c, "x")
	wantChanges(t, c, 0)
	c.mu.Lock()
	c.dirs[testDir].pages = nil // as if ristretto had dropped the page
	c.mu.Unlock()
	wantLookup(t, c, "x", Unknown)
}

func TestALateVerificationDoesNotUndoANewerNote(t *testing.T) {
	s := newServer(newClock(), 10)
	arrived, gate := make(chan struct{}), make(chan struct{})
	c := newCache(t, s, func(cfg *Config) {
		cfg.Verify = func(ctx context.Context, dir Dir, name string) (Row, bool, error) {
			row, exists, err := s.verify(ctx, dir, name)
			close(arrived)
			<-gate
			return row, exists, err
		}
	})
	c.Put(testDir, s.put("d/x", "own"))
	s.clock.advance(testTTL)
	done := make(chan struct{})
	go func() {
		c.Lookup(t.Context(), testDir, "x")
		close(done)
	}()
	<-arrived
	s.remove("d/x")
	c.Note(testDir, "x", c.Begin(testDir))
	close(gate)
	<-done
	wantLookup(t, c, "x", Absent)
}

func TestALaggingListingIsVerifiedOncePerTTL(t *testing.T) {
	s := newServer(newClock(), 10, "d/gone", "d/old")
	c := newCache(t, s)
	shown(t, c)
	s.setLag(time.Hour)
	c.Put(testDir, s.put("d/x", "own"))
	c.Put(testDir, s.put("d/old", "own"))
	s.remove("d/gone")
	c.Remove(testDir, "d/gone")
	s.clock.advance(testTTL - 1)
	wantShown(t, c, "old x")
	wantRequests(t, s, 1, 0)
	s.clock.advance(1)
	for range 3 {
		wantShown(t, c, "old x")
		wantLookup(t, c, "gone", Absent)
		if e, _ := wantLookup(t, c, "old", Found); e.Row.ETag != "own" {
			t.Errorf("old is %+v", e)
		}
	}
	wantRequests(t, s, 2, 3)
	s.clock.advance(testTTL)
	for range 3 {
		wantLookup(t, c, "x", Found)
	}
	wantRequests(t, s, 2, 4)
	s.setLag(0)
	wantShown(t, c, "old x")
	s.clock.advance(testTTL)
	wantShown(t, c, "old x")
	wantChanges(t, c, 0)
}

func TestVerificationBelievesTheServer(t *testing.T) {
	s := newServer(newClock(), 10, "d/deleted")
	c := newCache(t, s)
	wantShown(t, c, "deleted")
	s.setLag(time.Hour)
	c.Put(testDir, s.put("d/created", "own"))
	c.Remove(testDir, "d/deleted")
	// Somebody else undoes both; the listing does not show it.
	s.remove("d/created")
	s.put("d/deleted", "again")
	s.clock.advance(testTTL)
	all := entries(t, c)
	if len(all) != 1 || all[0].Name != "deleted" || all[0].Row.ETag != "again" {
		t.Errorf("shown is %+v", all)
	}
	wantLookup(t, c, "created", Absent)
	wantRequests(t, s, 2, 2)
}

func TestAFailingVerificationLeavesOurWord(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	shown(t, c)
	s.clock.advance(testTTL / 2)
	c.Put(testDir, Row{Name: "d/x", ETag: "own"})
	s.clock.advance(testTTL / 2)
	shown(t, c)
	s.clock.advance(testTTL / 2)
	s.fail(errors.New("down"))
	wantShown(t, c, "x")
	wantLookup(t, c, "x", Found)
	s.fail(nil)
	wantShown(t, c, "")
	wantLookup(t, c, "x", Absent)
}

func TestAnUnlistedChangeIsVerifiedWhenItIsOld(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	c.Put(testDir, s.put("d/x", "own"))
	s.put("d/x", "foreign")
	s.clock.advance(testTTL)
	if e, a := wantLookup(t, c, "x", Found); e.Row.ETag != "foreign" || !a.Fetched.Equal(s.clock.Now()) {
		t.Errorf("x is %+v, %+v", e, a)
	}
	wantLookup(t, c, "x", Found)
	wantRequests(t, s, 0, 1)
	s.clock.advance(testTTL)
	c.Note(testDir, "x", c.Begin(testDir))
	wantLookup(t, c, "x", Absent)
	wantRequests(t, s, 0, 1) // the caller's own HEAD decided
}

func TestManyLookupsAtOnceVerifyOnce(t *testing.T) {
	s := newServer(newClock(), 10)
	arrived, gate := make(chan struct{}), make(chan struct{})
	c := newCache(t, s, func(cfg *Config) {
		cfg.Verify = func(ctx context.Context, dir Dir, name string) (Row, bool, error) {
			close(arrived) // panics if there are two
			<-gate
			return s.verify(ctx, dir, name)
		}
	})
	c.Put(testDir, s.put("d/x", "own"))
	s.clock.advance(testTTL)
	done := make(chan State)
	for range 10 {
		go func() {
			_, a := c.Lookup(t.Context(), testDir, "x")
			done <- a.State
		}()
	}
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, a := c.Lookup(ctx, testDir, "x"); a.State != Found {
		t.Errorf("lookup that gave up is %v, not our word", a.State)
	}
	close(gate)
	for range 10 {
		if got := <-done; got != Found {
			t.Errorf("lookup is %v", got)
		}
	}
	wantRequests(t, s, 0, 1)
}

func TestLocalRowsAndKeptDirectoriesNeverExpire(t *testing.T) {
	s := newServer(newClock(), 10, "d/kept/")
	c := newCache(t, s)
	c.Put(testDir, Row{Name: "d/writing", Local: true})
	s.remove("d/kept/")
	c.Keep(testDir, "d/kept/")
	for range 3 {
		s.clock.advance(2 * testTTL)
		wantShown(t, c, "kept/ writing")
		c.InvalidateAll()
		wantLookup(t, c, "writing", Found)
		wantLookup(t, c, "kept", Unknown) // what else it is, its object tells
		shown(t, c)
		wantLookup(t, c, "kept", Found)
	}
	s.put("d/writing", "foreign")
	c.Invalidate(testDir)
	if e, _ := wantLookup(t, c, "writing", Found); !e.Row.Local {
		t.Errorf("writing is %+v", e)
	}
	c.Put(testDir, s.put("d/writing", "own"))
	c.Remove(testDir, "d/kept/")
	wantShown(t, c, "writing")
	wantLookup(t, c, "kept", Absent)
	if _, heads := s.requests(); heads != 0 {
		t.Errorf("%d HEADs", heads)
	}
}

func TestKeepLeavesWhatIsKnownOfTheDirectory(t *testing.T) {
	c := newCache(t, newServer(newClock(), 10))
	marker := Row{Name: "d/x/", Modified: time.Unix(5, 0), ContentType: "application/directory"}
	c.Put(testDir, marker)
	c.Keep(testDir, "d/x/")
	changes := c.Changes(testDir)
	if len(changes) != 1 || changes[0].Row != marker || !changes[0].Sticky || changes[0].Removed {
		t.Errorf("overlay is %+v", changes)
	}
	c.Remove(testDir, "d/x/")
	c.Keep(testDir, "d/x/")
	if changes := c.Changes(testDir); len(changes) != 1 || !changes[0].Row.Subdir || changes[0].Removed {
		t.Errorf("overlay is %+v", changes)
	}
}

func TestForgetAsksTheTruthAgain(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s)
	wantShown(t, c, "")
	s.put("d/x", "stored after all")
	c.Put(testDir, Row{Name: "d/x", Local: true})
	c.Forget(testDir, "d/x")
	c.Forget(Dir{Container: "unknown"}, "x")
	wantLookup(t, c, "x", Unknown)
	wantShown(t, c, "x")
	wantRequests(t, s, 2, 0)
}

func TestOverlayAboveItsBoundDropsTheOldestAndAsksAgain(t *testing.T) {
	s := newServer(newClock(), 1000)
	c := newCache(t, s, func(cfg *Config) { cfg.MaxOverlay = 16 })
	shown(t, c)
	c.Put(testDir, Row{Name: "d/local", Local: true})
	c.Keep(testDir, "d/kept/")
	var want []string
	for i := range 100 {
		name := padded(i)
		c.Put(testDir, s.put("d/"+name, "own"))
		want = append(want, name)
		if n := len(c.Changes(testDir)); n > 16 {
			t.Fatalf("%d changes", n)
		}
		if i%10 == 0 {
			wantShown(t, c, strings.Join(want, " ")+" kept/ local")
		}
	}
	wantShown(t, c, strings.Join(want, " ")+" kept/ local")
	if _, heads := s.requests(); heads != 0 {
		t.Errorf("%d HEADs", heads)
	}
}

func TestDirectoryStatesAreBoundedButNotThoseWithOwnChanges(t *testing.T) {
	s := newServer(newClock(), 10)
	c := newCache(t, s, func(cfg *Config) { cfg.MaxDirs = 8 })
	for i := range 100 {
		dir := Dir{Container: "c", Prefix: fmt.Sprintf("%d/", i)}
		c.Note(dir, "x", c.Begin(dir))
		if i < 4 {
			c.Put(dir, Row{Name: dir.Prefix + "own"})
		}
		if i == 10 {
			c.mu.Lock()
			old := c.dirs[dir].gen
			c.mu.Unlock()
			defer func() {
				c.Begin(dir)
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.dirs[dir].gen <= old {
					t.Error("a new state believes what the dropped one knew")
				}
			}()
		}
	}
	c.mu.Lock()
	n := len(c.dirs)
	c.mu.Unlock()
	if n != 8 {
		t.Errorf("%d states, want 8", n)
	}
	for i := range 4 {
		dir := Dir{Container: "c", Prefix: fmt.Sprintf("%d/", i)}
		if _, a := c.Lookup(t.Context(), dir, "own"); a.State != Found {
			t.Errorf("own change in %q is %v", dir.Prefix, a.State)
		}
	}
}
