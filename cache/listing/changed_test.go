package listing

import (
	"testing"
	"time"
)

func TestChangedTellsOfOwnChangesAndInvalidations(t *testing.T) {
	up, sub, beside := Dir{Container: "c"}, Dir{Container: "c", Prefix: "d/sub/"}, Dir{Container: "c", Prefix: "e/"}
	for what, change := range map[string]struct {
		do   func(c *Cache)
		want bool
	}{
		"a file made":             {func(c *Cache) { c.Put(testDir, Row{Name: "d/new"}) }, true},
		"a file removed":          {func(c *Cache) { c.Remove(testDir, "d/a") }, true},
		"a change forgotten":      {func(c *Cache) { c.Forget(testDir, "d/b") }, true},
		"a directory that stays":  {func(c *Cache) { c.Keep(testDir, "d/new/") }, true},
		"one that stayed already": {func(c *Cache) { c.Keep(testDir, "d/kept/") }, false},
		"its creation":            {func(c *Cache) { c.Created(testDir) }, true},
		"a move from here":        {func(c *Cache) { c.MoveTree(testDir, beside) }, true},
		"an invalidation":         {func(c *Cache) { c.Invalidate(testDir) }, true},
		"one of a tree":           {func(c *Cache) { c.InvalidateTree(up) }, true},
		"one of everything":       {func(c *Cache) { c.InvalidateAll() }, true},
		"a change below":          {func(c *Cache) { c.Put(sub, Row{Name: "d/sub/x"}) }, false},
		"a change beside":         {func(c *Cache) { c.Put(beside, Row{Name: "e/x"}) }, false},
		"a reading":               {func(c *Cache) { _ = shown(t, c) }, false},
	} {
		c := newCache(t, newServer(newClock(), 10, "d/a", "d/b"))
		c.Keep(testDir, "d/kept/")
		before := c.Changed(testDir)
		change.do(c)
		if got := c.Changed(testDir) != before; got != change.want {
			t.Errorf("%s changes it: %v, want %v", what, got, change.want)
		}
	}
}

func TestAPageThatConfirmsAnOwnChangeIsNoChange(t *testing.T) {
	s := newServer(newClock(), 10, "d/a")
	c := newCache(t, s)
	c.Put(testDir, s.put("d/b", "x"))
	before := c.Changed(testDir)
	wantShown(t, c, "a b")
	if len(c.Changes(testDir)) != 0 {
		t.Fatal("the page does not confirm the change")
	}
	if c.Changed(testDir) != before {
		t.Error("it counts as a change")
	}
}

func TestAForgottenDirectoryCountsAsChanged(t *testing.T) {
	c := newCache(t, newServer(newClock(), 10, "d/a"), func(cfg *Config) { cfg.MaxDirs = 1 })
	before := c.Changed(testDir)
	c.Changed(Dir{Container: "other"})
	if c.Changed(testDir) == before {
		t.Error("nobody can know that nothing has changed")
	}
}

func TestTheOldestOfAScanCountsWhatItDoesNotShow(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c")
	c := newCache(t, s)
	scan := c.Scan(t.Context(), testDir)
	if !scan.Oldest().IsZero() {
		t.Error("a scan has an age before it began")
	}
	s.clock.advance(time.Second)
	c.Remove(testDir, "d/c")
	removed := s.clock.Now()
	s.clock.advance(time.Second)
	for range 2 {
		if _, err := scan.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.advance(time.Second)
	if _, err := scan.Next(t.Context()); err == nil {
		t.Fatal("what was removed is shown")
	}
	if got := scan.Oldest(); !got.Equal(removed) {
		t.Errorf("the oldest is of %v, want %v, when the row that is not shown was removed", got, removed)
	}
}
