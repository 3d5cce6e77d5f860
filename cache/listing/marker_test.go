package listing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// wantAmong checks that all requests are some of those of the first time.
func wantAmong(t *testing.T, what string, got, first []string) {
	t.Helper()
	if len(got) == 0 {
		t.Errorf("%s: nothing was asked for; the test needs less memory", what)
	}
	for _, request := range got {
		if !slices.Contains(first, request) {
			t.Errorf("%s asks for %q, which is none of the first time's %q", what, request, first)
			return
		}
	}
}

// littleMemory is for the few pages that are always held.
func littleMemory(cfg *Config) { cfg.Bytes = 1 }

func TestPagesThatAreGoneAreAskedForAtTheSameMarkers(t *testing.T) {
	const names = 1000
	s := newTree(50, grid(1, names)...)
	c := newTreeCache(t, s, littleMemory)
	dir := Dir{Container: "c", Prefix: "a0000/"}
	read(t, c, dir)
	first := s.requests()
	read(t, c, dir)
	wantAmong(t, "a second scan", s.requests(), first)

	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(names) {
		name := fmt.Sprintf("b%04d", i)
		if _, answer := c.Lookup(t.Context(), dir, name); answer.State == Found {
			continue
		}
		if covered, err := c.Fill(t.Context(), dir, name); err != nil || !covered {
			t.Fatalf("%s: covered %v, %v", name, covered, err)
		}
	}
	wantAmong(t, "the lookups", s.requests(), first)
	read(t, c, dir)
	wantAmong(t, "a third scan", s.requests(), first)
}

func TestSheetsThatAreGoneAreAskedForAtTheSameMarkers(t *testing.T) {
	const dirs = 100
	s := newTree(2*firstRows, grid(dirs, 300)...)
	c := newTreeCache(t, s, littleMemory)
	find(t, c, box, func(Dir, []string) {})
	c.wg.Wait() // for what was asked ahead
	first := s.requests()
	for i := dirs / 2; i < dirs; i++ {
		dir := Dir{Container: "c", Prefix: fmt.Sprintf("a%04d/", i)}
		if got := len(read(t, c, dir)); got != 300 {
			t.Fatalf("%s has %d entries", dir.Prefix, got)
		}
	}
	c.wg.Wait()
	wantAmong(t, "the second half of another walk", s.requests(), first)
}

func TestAPageThatHasBecomeShorterIsCompletedByASecondRequest(t *testing.T) {
	s := newTree(10, grid(1, 100)...)
	c := newTreeCache(t, s, littleMemory)
	dir := Dir{Container: "c", Prefix: "a0000/"}
	read(t, c, dir)
	for i := range 15 {
		s.put(fmt.Sprintf("a0000/b0010-%02d", i), "first")
	}
	s.requests()
	if covered, err := c.Fill(t.Context(), dir, "b0018"); err != nil || covered {
		t.Fatalf("covered %v, %v; want two requests that do not get so far", covered, err)
	}
	if covered, err := c.Fill(t.Context(), dir, "b0018"); err != nil || !covered {
		t.Fatalf("covered %v, %v", covered, err)
	}
	want := []string{"a0000/|a0000/b0009|/", "a0000/|a0000/b0010-08|/", "a0000/|a0000/b0014|/"}
	if got := s.requests(); !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
}
