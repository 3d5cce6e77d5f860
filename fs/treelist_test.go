package fs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend/fakeswift"
)

func TestATreeListHasWhatIsListedAndWhatThisMountDid(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 3}})
	for _, name := range []string{"a", "a/", "a/1", "a/3", "a/5/x", "a/7", "a/9", "b"} {
		srv.PutObject("c", name, "", []byte(name))
	}
	later := time.Now().Add(time.Hour)
	put := func(dir, name, etag string) {
		f.cache.Put(listing.Dir{Container: "c", Prefix: dir}, listing.Row{Name: name, ETag: etag, Modified: later})
	}
	put("a/", "a/0", "own")
	put("a/", "a/3", "own")
	put("a/5/", "a/5/y", "own")
	put("a/zz/", "a/zz/z", "own")
	put("", "c", "own")
	f.cache.Put(listing.Dir{Container: "c", Prefix: "a/"}, listing.Row{Name: "a/local", Local: true})
	f.cache.Remove(listing.Dir{Container: "c", Prefix: "a/"}, "a/7")
	l, err := newTreeList(f)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.fill(t.Context(), f, place{"c", "a/"}, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// What this mount removed is asked for once more: it may have been made again.
	want := []string{"a/", "a/0 own", "a/1", "a/3 own", "a/5/x", "a/5/y own", "a/7", "a/9", "a/zz/z own"}
	var got []string
	for range 2 {
		got = nil
		err := l.each(func(i int, r *listing.Row) error {
			if i != len(got) {
				return fmt.Errorf("object %d has the number %d", len(got), i)
			}
			name := r.Name
			if r.ETag == "own" {
				name += " own"
			}
			got = append(got, name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) || !l.own || len(l.done) != len(want) {
		t.Errorf("the list has %q, want %q", got, want)
	}
	c, err := l.cursor()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		rest string
		i    int
		ok   bool
	}{{"", 0, true}, {"00", 2, false}, {"1", 2, true}, {"4", 4, false}, {"zz/z", 8, true}, {"zzz", 9, false}} {
		if i, ok, err := c.find("a/", step.rest); i != step.i || ok != step.ok || err != nil {
			t.Errorf("finding %q gives %d, %v, %v; want %d, %v", step.rest, i, ok, err, step.i, step.ok)
		}
	}
}
