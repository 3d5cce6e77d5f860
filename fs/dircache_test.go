package fs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

// listTest opens the directory c/d/ of a file system without a mount, whose clock is
// the test's.
type listTest struct {
	*testing.T
	f *FS
	n *directoryNode
	d listing.Dir
}

func newListTest(t *testing.T) *listTest {
	f := &FS{cfg: DefaultConfig(), lists: newKernelLists(), nodes: newNodes(1000)}
	var err error
	if f.cache, err = listing.New(listing.Config{Verify: f.verifyRow}, lister{f}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.cache.Close)
	f.cache.Changed(listing.Dir{Container: "c", Prefix: "e/"})
	d := listing.Dir{Container: "c", Prefix: "d/"}
	f.cache.Changed(d)
	f.cache.InvalidateAll() // which is the latest that d and c/e/ have seen
	return &listTest{t, f, &directoryNode{f: f}, d}
}

const (
	makes = fuse.FOPEN_CACHE_DIR
	joins = fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE
	alone = fuse.FOPEN_KEEP_CACHE
)

func (t *listTest) open(what string, want uint32) *listReader {
	t.Helper()
	r := new(listReader)
	if got := r.open(t.f, t.n, t.d); got != want {
		t.Errorf("%s: opened with the flags %#x, want %#x", what, got, want)
	}
	return r
}

// whole has a list made of a listing of that age.
func (t *listTest) whole(age time.Duration) {
	t.Helper()
	r := t.open("a new list", makes)
	r.read(time.Now().Add(-age))
	r.finished()
	r.close()
}

func TestAListIsKeptForTheRestOfTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListTest(t)
		l.whole(10 * time.Second)
		<-time.After(l.f.cfg.CacheTTL - 10*time.Second - 1)
		l.open("just before the end of the TTL", joins).close()
		<-time.After(1)
		l.open("at the end of the TTL", makes).close()
		l.open("after a reading of nothing", makes).close()
	})
}

func TestTheOldestListingInAListCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListTest(t)
		r := l.open("first", makes)
		for _, age := range []time.Duration{0, 30 * time.Second, 10 * time.Second} {
			r.read(time.Now().Add(-age))
		}
		r.finished()
		r.close()
		<-time.After(l.f.cfg.CacheTTL - 30*time.Second)
		l.open("when the oldest is too old", makes).close()
	})
}

func TestOnlyAReadingFromBeginningToEndIsAList(t *testing.T) {
	for what, read := range map[string]func(r *listReader){
		"a reading of a part":          func(*listReader) {},
		"a reading with a seek":        func(r *listReader) { r.sought(); r.finished() },
		"a seek after the end":         func(r *listReader) { r.finished(); r.sought() },
		"a seek and another end of it": func(r *listReader) { r.finished(); r.sought(); r.finished() },
	} {
		l := newListTest(t)
		r := l.open("first", makes)
		r.read(time.Now())
		read(r)
		r.close()
		l.open("after "+what, makes).close()
	}
}

func TestAListThatIsBeingMadeIsLeftAlone(t *testing.T) {
	l := newListTest(t)
	r := l.open("first", makes)
	l.open("beside it", alone).close()
	r.read(time.Now())
	r.finished()
	l.open("before the kernel has taken the end", alone).close()
	r.close()
	l.open("when it is whole", joins).close()
}

func TestAChangeEndsAList(t *testing.T) {
	for what, change := range map[string]func(l *listTest){
		"a new file":   func(l *listTest) { l.f.cache.Put(l.d, listing.Row{Name: "d/x"}) },
		"a removal":    func(l *listTest) { l.f.cache.Remove(l.d, "d/x") },
		"a doubt":      func(l *listTest) { l.f.cache.Forget(l.d, "d/x") },
		"a refresh":    func(l *listTest) { l.f.cache.InvalidateTree(listing.Dir{Container: "c"}) },
		"one of all":   func(l *listTest) { l.f.cache.InvalidateTree(listing.Dir{}) },
		"a rename":     func(l *listTest) { l.f.cache.MoveTree(l.d, listing.Dir{Container: "c", Prefix: "e/"}) },
		"its rename":   func(l *listTest) { l.d.Prefix = "e/" },
		"its creation": func(l *listTest) { l.f.cache.Created(l.d) },
	} {
		l := newListTest(t)
		l.whole(0)
		change(l)
		l.open("after "+what, makes).close()

		l = newListTest(t)
		r := l.open("first", makes)
		r.read(time.Now())
		change(l)
		l.open("beside one from before "+what, alone).close()
		r.finished()
		r.close()
		l.open("after "+what+" while it was made", makes).close()

		l = newListTest(t)
		l.whole(0)
		r = l.open("second", joins)
		change(l)
		l.open("beside a reader from before "+what, alone).close()
		r.close()
		l.open("after readers from before "+what, makes).close()
	}
}

func TestAChangeBesideAListLeavesIt(t *testing.T) {
	l := newListTest(t)
	l.whole(0)
	l.f.cache.Put(listing.Dir{Container: "c", Prefix: "d/sub/"}, listing.Row{Name: "d/sub/x"})
	l.f.cache.InvalidateTree(listing.Dir{Container: "c", Prefix: "e/"})
	l.open("after changes elsewhere", joins).close()
}

func TestAListThatTheKernelLostIsMadeAgain(t *testing.T) {
	l := newListTest(t)
	l.whole(0)
	r := l.open("second", joins)
	r.read(time.Now()) // which the kernel would not ask if it had the list
	l.open("beside it", alone).close()
	r.finished()
	r.close()
	l.open("after it", makes).close()
}

func TestAnOpenDirectoryLosesItsListAtTheEndOfTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListTest(t)
		l.whole(0)
		r := l.open("second", joins)
		if old, open := l.f.lists.tooOld(time.Now().Add(l.f.cfg.CacheTTL - 1)); len(old) != 0 || !open {
			t.Errorf("too old before the end of the TTL: %d; any open: %v", len(old), open)
		}
		if old, open := l.f.lists.tooOld(time.Now().Add(l.f.cfg.CacheTTL + 1)); len(old) != 1 || !open {
			t.Errorf("too old after the end of the TTL: %d; any open: %v", len(old), open)
		}
		l.open("beside it", alone).close()
		r.close()
		if old, open := l.f.lists.tooOld(time.Now().Add(l.f.cfg.CacheTTL + 1)); len(old) != 0 || open {
			t.Errorf("too old when all are closed: %d; any open: %v", len(old), open)
		}
	})
}
