package fs

import (
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

func TestParentIsTheDirectoryThatShows(t *testing.T) {
	for _, c := range []struct {
		d, up listing.Dir
		part  string
		ok    bool
	}{
		{listing.Dir{}, listing.Dir{}, "", false},
		{listing.Dir{Container: "c"}, listing.Dir{}, "c", true},
		{listing.Dir{Container: "c", Prefix: "a/"}, listing.Dir{Container: "c"}, "a", true},
		{listing.Dir{Container: "c", Prefix: "a/b/"}, listing.Dir{Container: "c", Prefix: "a/"}, "b", true},
		{listing.Dir{Container: "c", Prefix: "a//"}, listing.Dir{Container: "c", Prefix: "a/"}, "", true},
		{listing.Dir{Container: "c", Prefix: "/"}, listing.Dir{Container: "c"}, "", true},
	} {
		up, part, ok := parent(c.d)
		if up != c.up || part != c.part || ok != c.ok {
			t.Errorf("the parent of %v is %v, %q, %v; want %v, %q, %v", c.d, up, part, ok, c.up, c.part, c.ok)
		}
		if ok && c.d.Prefix != "" && in(up, part+"/").dir() != c.d {
			t.Errorf("%q in %v is %v, want %v", part, up, in(up, part+"/").dir(), c.d)
		}
	}
}

// tree makes nodes below the root of f.
func tree(t *testing.T, f *FS, names ...string) *fusefs.Inode {
	t.Helper()
	root, _ := f.root()
	fusefs.NewNodeFS(root, &fusefs.Options{})
	n := root.EmbeddedInode()
	for _, name := range names {
		child := n.NewPersistentInode(t.Context(), &directoryNode{f: f}, fusefs.StableAttr{Mode: fuse.S_IFDIR})
		n.AddChild(name, child, true)
		n = child
	}
	return n
}

func TestThePlaceOfANodeFollowsFromTheTree(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		names []string
		want  listing.Dir
	}{
		{Config{}, nil, listing.Dir{}},
		{Config{}, []string{"c"}, listing.Dir{Container: "c"}},
		{Config{}, []string{"c", "a", "%empty%", "%dotdot%"}, listing.Dir{Container: "c", Prefix: "a//../"}},
		{Config{}, []string{"%dot%%lit%"}, listing.Dir{Container: "%dot%"}},
		{Config{Container: "c"}, nil, listing.Dir{Container: "c"}},
		{Config{Container: "c"}, []string{"a"}, listing.Dir{Container: "c", Prefix: "a/"}},
		{Config{Container: "c", Prefix: "p/q/"}, []string{"a"}, listing.Dir{Container: "c", Prefix: "p/q/a/"}},
	} {
		f := &FS{cfg: c.cfg}
		if got, ok := f.dirOf(tree(t, f, c.names...)); !ok || got != c.want {
			t.Errorf("%q in a mount of %s/%s is %v, %v; want %v", c.names, c.cfg.Container, c.cfg.Prefix, got, ok, c.want)
		}
	}
}

func TestANodeThatWasRemovedHasNoPlace(t *testing.T) {
	f := &FS{cfg: Config{Container: "c"}}
	n := tree(t, f, "a", "b")
	_, up := n.Parent()
	_, root := up.Parent()
	root.RmChild("a")
	if d, ok := f.dirOf(n); ok {
		t.Errorf("it is at %v", d)
	}
}
