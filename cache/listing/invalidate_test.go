package listing

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
)

func TestInvalidationShowsForeignChangesAtOnce(t *testing.T) {
	for what, invalidate := range map[string]func(*Cache){
		"the directory":  func(c *Cache) { c.Invalidate(testDir) },
		"the container":  func(c *Cache) { c.InvalidateTree(Dir{Container: "c"}) },
		"a tree of it":   func(c *Cache) { c.InvalidateTree(testDir) },
		"the account":    func(c *Cache) { c.InvalidateTree(Dir{}) },
		"all that there": func(c *Cache) { c.InvalidateAll() },
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer(newClock(), 10, "d/a")
			c := newCache(t, s)
			wantShown(t, c, "a")
			c.Put(testDir, s.put("d/own", "own"))
			c.Put(testDir, s.put("d/undone", "own"))
			s.put("d/b", "foreign")
			s.remove("d/undone")
			invalidate(c)
			wantLookup(t, c, "a", Unknown)
			wantShown(t, c, "a b own")
			wantRequests(t, s, 2, 1) // a HEAD of what the listing lacks
		})
	}
}

func TestInvalidationOfOtherDirectoriesLeavesPages(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	shown(t, c)
	c.Invalidate(Dir{Container: "c"})
	c.Invalidate(Dir{Container: "c", Prefix: "d/x/"})
	c.InvalidateTree(Dir{Container: "other"})
	c.InvalidateTree(Dir{Container: "c", Prefix: "d/x/"})
	wantShown(t, c, "a")
	wantRequests(t, s, 1, 0)
}

func TestAFetchThatAnInvalidationOvertookIsUsedOnceAndNotStored(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	var once sync.Once
	s.before = func(string) {
		once.Do(func() {
			s.put("d/b", "foreign")
			c.Invalidate(testDir)
		})
	}
	wantShown(t, c, "a")
	wantLookup(t, c, "a", Unknown)
	wantShown(t, c, "a b")
	wantLookup(t, c, "b", Found)
	wantRequests(t, s, 2, 0)
}

func TestAScanAfterAnInvalidationDoesNotJoinAnOlderFetch(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	arrived, gate := make(chan struct{}), make(chan struct{})
	var later atomic.Bool
	s.before = func(string) {
		if !later.Swap(true) {
			close(arrived)
			<-gate
		}
	}
	older := make(chan int)
	go func() {
		n, scan := 0, c.Scan(t.Context(), testDir)
		for {
			if _, err := scan.Next(t.Context()); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				older <- n
				return
			}
			n++
		}
	}()
	<-arrived
	s.put("d/b", "foreign")
	c.Invalidate(testDir)
	wantShown(t, c, "a b")
	close(gate)
	if n := <-older; n != 1 {
		t.Errorf("the older scan shows %d entries, want 1", n)
	}
	wantShown(t, c, "a b")
	wantRequests(t, s, 2, 0)
}

func TestAChangeDuringAFetchIsShownAndSurvivesIt(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	var once sync.Once
	s.before = func(string) {
		once.Do(func() {
			c.Put(testDir, s.put("d/b", "own"))
			c.Remove(testDir, "d/a")
		})
	}
	wantShown(t, c, "b")
	wantShown(t, c, "b")
	wantChanges(t, c, 2)
	wantRequests(t, s, 1, 0)
}

// TestALatePageDoesNotHideAChangeThatAnotherPageSettled: the first fetch
// begins before the change, the second after it and ends earlier.
func TestALatePageDoesNotHideAChangeThatAnotherPageSettled(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	arrived, gate := make(chan struct{}), make(chan struct{})
	s.before = func(marker string) {
		if marker == "" {
			close(arrived)
			<-gate
		}
	}
	var early view
	done := make(chan error)
	go func() {
		var err error
		early, err = c.fetch(t.Context(), testDir, "")
		done <- err
	}()
	<-arrived
	c.Put(testDir, s.put("d/b", "own"))
	if _, err := c.fetch(t.Context(), testDir, "d/a"); err != nil {
		t.Fatal(err)
	}
	wantLookup(t, c, "b", Found)
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(early.claims) != 1 || early.claims[0].row.Name != "d/b" {
		t.Errorf("who waited for the first fetch does not see the change: %+v", early)
	}
	wantShown(t, c, "a b")
	wantLookup(t, c, "b", Found)
	if _, err := c.fetch(t.Context(), testDir, "d/"); err != nil {
		t.Fatal(err)
	}
	wantChanges(t, c, 0)
}
