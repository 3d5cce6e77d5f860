package listing

import (
	"slices"
	"testing"
)

// known returns the names that ScanKnown gives.
func known(t *testing.T, c *Cache, after string) []string {
	t.Helper()
	var names []string
	scan := c.ScanKnown(testDir, after)
	for {
		e, err := scan.Next(t.Context())
		if err != nil {
			return names
		}
		names = append(names, e.Name)
	}
}

func TestAScanOfWhatIsKnownAsksNothing(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c", "d/e", "d/f")
	c := newCache(t, s)
	if got := known(t, c, ""); got != nil {
		t.Errorf("known of a directory never listed: %q", got)
	}
	scan := c.Scan(t.Context(), testDir)
	for range 3 {
		if _, err := scan.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lists, _ := s.requests()
	if got := known(t, c, ""); !slices.Equal(got, []string{"a", "b", "c", "e"}) {
		t.Errorf("known after two pages: %q", got)
	}
	c.Put(testDir, Row{Name: "d/d", ETag: "own"})
	if got := known(t, c, "d/b"); !slices.Equal(got, []string{"c", "d", "e"}) {
		t.Errorf("known after b: %q", got)
	}
	c.Invalidate(testDir)
	if got := known(t, c, ""); got != nil {
		t.Errorf("known of what was invalidated: %q", got)
	}
	wantRequests(t, s, lists, 0)
}

func TestAScanOfWhatIsKnownTellsWhetherTheDirectoryGoesOn(t *testing.T) {
	s := newServer(newClock(), 2, "d/a", "d/b", "d/c", "d/e")
	c := newCache(t, s)
	cut := func() bool {
		scan := c.ScanKnown(testDir, "")
		for {
			if _, err := scan.Next(t.Context()); err != nil {
				return scan.Cut()
			}
		}
	}
	if !cut() {
		t.Error("a directory that was never listed is known to its end")
	}
	scan := c.Scan(t.Context(), testDir)
	if _, err := scan.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !cut() {
		t.Error("a directory of two pages, of which one was listed, is known to its end")
	}
	for {
		if _, err := scan.Next(t.Context()); err != nil {
			break
		}
	}
	if cut() {
		t.Error("a directory that was listed is not known to its end")
	}
}
