package listing

import (
	"slices"
	"testing"
)

func TestMovingATreeTakesAlongWhatOnlyThisMountKnows(t *testing.T) {
	c := newCache(t, newServer(newClock(), 10))
	root, a, sub := Dir{Container: "c"}, Dir{Container: "c", Prefix: "a/"}, Dir{Container: "c", Prefix: "a/sub/"}
	c.Put(a, Row{Name: "a/stored", ETag: "e"})
	c.Put(a, Row{Name: "a/new", Local: true})
	c.Keep(a, "a/sub/")
	c.Put(sub, Row{Name: "a/sub/new", Local: true})
	c.Remove(sub, "a/sub/gone")
	c.Put(root, Row{Name: "a-1", ETag: "e"})
	if got := changedNames(c, a); !slices.Equal(got, []string{"a/new", "a/stored", "a/sub/", "a/sub/gone", "a/sub/new"}) {
		t.Errorf("the changes are %q", got)
	}
	c.MoveTree(a, Dir{Container: "d", Prefix: "x/b/"})
	if got := changedNames(c, a); len(got) > 0 {
		t.Errorf("left behind: %q", got)
	}
	if got := changedNames(c, Dir{Container: "d"}); !slices.Equal(got, []string{"x/b/new", "x/b/sub/", "x/b/sub/new"}) {
		t.Errorf("moved are %q", got)
	}
	for _, ch := range c.ChangesWithin(Dir{Container: "d"}) {
		if ch.Row.Local == ch.Sticky || ch.Removed {
			t.Errorf("%q is not what it was", ch.Row.Name)
		}
	}
	if got := changedNames(c, root); !slices.Equal(got, []string{"a-1"}) {
		t.Errorf("beside the tree is %q", got)
	}
}

func TestAKeptDirectoryThatMovesShowsTheMarkerThatMovedBefore(t *testing.T) {
	c := newCache(t, newServer(newClock(), 10))
	from, to := Dir{Container: "c", Prefix: "a/"}, Dir{Container: "c", Prefix: "b/"}
	c.Keep(from, "a/sub/")
	c.Put(to, Row{Name: "b/sub/", ETag: "marker"})
	c.MoveTree(from, to)
	got := c.ChangesWithin(to)
	if len(got) != 1 || got[0].Row.ETag != "marker" || !got[0].Sticky {
		t.Errorf("the change is %+v", got)
	}
}

func changedNames(c *Cache, d Dir) []string {
	var names []string
	for _, ch := range c.ChangesWithin(d) {
		names = append(names, ch.Row.Name)
	}
	return names
}
