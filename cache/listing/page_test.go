package listing

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func padded(i int) string { return fmt.Sprintf("%07d", i) }

// TestIndexIsLikeAMapOfNames compares the index with the plainest thing that
// could do: for each name, the newest page that covers it.
func TestIndexIsLikeAMapOfNames(t *testing.T) {
	const names = 40
	name := func(i int) string { return fmt.Sprintf("%02d", i) }
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var x index
		plain := make([]uint64, names+1)
		for _, began := range rng.Perm(12) {
			from := rng.IntN(names)
			to := from + 1 + rng.IntN(names-from)
			n := span{window: window{from: name(from), to: name(to)}, began: uint64(began) + 1}
			if to == names {
				n.end = true
			}
			x = x.with(n)
			for i := from + 1; i <= to; i++ {
				plain[i] = max(plain[i], n.began)
			}
		}
		for i := 1; i <= names; i++ {
			s, ok := x.find(name(i))
			if ok != (plain[i] > 0) || s.began != plain[i] {
				t.Fatalf("seed %d: name %d is in page %d, want %d; index %+v", seed, i, s.began, plain[i], x)
			}
			// "31-" is right after "31", and in the page of the names up to 32.
			if s, _ := x.after(name(i - 1)); i < names && s.began != plain[i] {
				t.Fatalf("seed %d: after %d comes page %d, want %d; index %+v", seed, i-1, s.began, plain[i], x)
			}
		}
	}
}

func TestPageWindowHasNamesAfterFromUpToTo(t *testing.T) {
	p := &page{rows: packRows("", []Row{{Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}})}
	for _, test := range []struct {
		w    window
		want string
	}{
		{window{end: true}, "bcde"},
		{window{from: "b", to: "d"}, "cd"},
		{window{from: "bb", to: "dd"}, "cd"},
		{window{from: "c", end: true}, "de"},
		{window{from: "x", to: "y"}, ""},
		{window{from: "", to: "a"}, ""},
	} {
		var got strings.Builder
		for _, r := range unpacked(p.within(test.w)) {
			got.WriteString(r.Name)
		}
		if got.String() != test.want {
			t.Errorf("%+v has %q, want %q", test.w, got.String(), test.want)
		}
	}
}
