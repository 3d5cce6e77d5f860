package fakeswift

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIndexAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ix, model := new(index[int]), map[string]int{}
	for i := range 20000 {
		key := fmt.Sprintf("%04d", rng.IntN(3000))
		if rng.IntN(3) == 0 {
			_, got := ix.remove(key)
			_, want := model[key]
			if got != want {
				t.Fatalf("remove %s: got %v, want %v", key, got, want)
			}
			delete(model, key)
			continue
		}
		old, replaced := ix.put(key, i)
		if want, ok := model[key]; replaced != ok || old != want {
			t.Fatalf("put %s: got %d %v, want %d %v", key, old, replaced, want, ok)
		}
		model[key] = i
	}
	if ix.n != len(model) {
		t.Errorf("n: got %d, want %d", ix.n, len(model))
	}
	got := maps.Collect(ix.all)
	if diff := cmp.Diff(model, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	for key, want := range model {
		if got, ok := ix.get(key); !ok || got != want {
			t.Fatalf("get %s: got %d %v, want %d", key, got, ok, want)
		}
	}
}

func TestCloneOfIndexIsIndependent(t *testing.T) {
	ix := new(index[int])
	for i := range 1000 {
		ix.put(fmt.Sprint(i), i)
	}
	c := ix.clone()
	ix.remove("7")
	ix.put("8", -1)
	if v, ok := c.get("7"); !ok || v != 7 {
		t.Error("a removal reached the clone")
	}
	if v, _ := c.get("8"); v != 8 {
		t.Error("a replacement reached the clone")
	}
}

// naive applies the rules of a listing row by row, without jumping.
func naive(sorted []string, q listQuery) (rows []string) {
	names := slices.Clone(sorted)
	low, high := q.marker, q.endMarker
	if q.reverse {
		slices.Reverse(names)
		low, high = high, low
	}
	hidden := "" // the subdir row in progress
	for _, name := range names {
		if !strings.HasPrefix(name, q.prefix) || (low != "" && name <= low) || (high != "" && name >= high) {
			continue
		}
		if len(rows) == q.limit {
			break
		}
		i := -1
		if q.delimiter != "" {
			i = strings.Index(name[len(q.prefix):], q.delimiter)
		}
		if i < 0 {
			rows = append(rows, name)
			continue
		}
		dir := name[:len(q.prefix)+i+len(q.delimiter)]
		if dir != hidden && dir != low {
			rows = append(rows, dir)
		}
		hidden = dir
	}
	return rows
}

func TestListingsAgreeWithTheRulesRowByRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	name := func() string {
		var b strings.Builder
		for range 1 + rng.IntN(6) {
			b.WriteString(pick("a", "b", "/", "/", "0", "-", "é"))
		}
		return b.String()
	}
	for round := range 100 {
		ix := new(index[int])
		for range rng.IntN(1500) {
			ix.put(name(), 0)
		}
		sorted := slices.Sorted(maps.Keys(maps.Collect(ix.all)))
		for range 20 {
			q := listQuery{
				prefix: pick("", "", "a", "a/", "é", name()), delimiter: pick("", "/", "/", "a", "/0", "é"),
				marker: pick("", "", "a/", name()), endMarker: pick("", "", "", name()),
				limit: pick2(rng, 1, 3, 10000), reverse: rng.IntN(3) == 0,
			}
			var got []string
			for _, r := range list(ix, q) {
				got = append(got, r.name)
			}
			if diff := cmp.Diff(naive(sorted, q), got); diff != "" {
				t.Fatalf("round %d, %+v (-want +got):\n%s", round, q, diff)
			}
		}
	}
}

func pick2(rng *rand.Rand, from ...int) int { return from[rng.IntN(len(from))] }

func BenchmarkListDelimiterInAMillionNames(b *testing.B) {
	ix := new(index[int])
	for d := range 100 {
		for i := range 10000 {
			ix.put(fmt.Sprintf("%02d/%06d", d, i), 0)
		}
	}
	for b.Loop() {
		if n := len(list(ix, listQuery{delimiter: "/", limit: 10000})); n != 100 {
			b.Fatal(n)
		}
	}
}
