package fs

import (
	"testing"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
)

func wantPlace(t *testing.T, f *FS, n *fusefs.Inode, prefix string, ok bool) {
	t.Helper()
	d, there := f.dirOf(n)
	if there != ok || ok && d != (listing.Dir{Container: "c", Prefix: prefix}) {
		t.Errorf("the node is at %v, %v; want %q, %v", d, there, prefix, ok)
	}
}

func TestARenameShowsBeforeTheTreeHasIt(t *testing.T) {
	f := &FS{cfg: Config{Container: "c"}}
	below := tree(t, f, "a", "b", "below")
	_, moving := below.Parent()
	_, a := moving.Parent()
	_, root := a.Parent()
	wantPlace(t, f, below, "a/b/below/", true)
	f.moved.add(moving, entryOf{a, "b"}, entryOf{root, "new"})
	wantPlace(t, f, below, "new/below/", true)
	if f.childOf(a, "b") != nil {
		t.Error("the old name still has the node")
	}
	a.MvChild("b", root, "new", true)
	wantPlace(t, f, below, "new/below/", true)
	if n := f.moved.count.Load(); n != 0 {
		t.Errorf("%d nodes are in the table when the tree has them", n)
	}
	if f.childOf(root, "new") != moving {
		t.Error("the new name does not have the node")
	}
}

func TestANodeThatIsReplacedHasNoPlace(t *testing.T) {
	f := &FS{cfg: Config{Container: "c"}}
	n := tree(t, f, "a")
	_, root := n.Parent()
	f.moved.add(n, entryOf{root, "a"}, entryOf{})
	wantPlace(t, f, n, "", false)
	f.moved.undo(n)
	wantPlace(t, f, n, "a/", true)
}

func TestAPlaceHasAnotherNumberAsLongAsItsOldOneIsInUse(t *testing.T) {
	f := &FS{cfg: Config{Container: "c"}}
	root := tree(t, f)
	make := func(name string) *fusefs.Inode {
		n := root.NewPersistentInode(t.Context(), &directoryNode{f: f}, f.newStable(root, name, listing.Directory, dirGeneration))
		root.AddChild(name, n, true)
		return n
	}
	seen := map[uint64]bool{}
	first := make("a")
	inodes := []*fusefs.Inode{first}
	for range 3 {
		n := inodes[len(inodes)-1]
		seen[n.StableAttr().Ino] = true
		f.numbers.left(n, root, "a")
		inodes = append(inodes, make("a"))
	}
	last := inodes[len(inodes)-1]
	if seen[last.StableAttr().Ino] || len(seen) != 3 {
		t.Errorf("numbers are used twice: %v, then %d", seen, last.StableAttr().Ino)
	}
	// One that comes back to where it was first does not take anything away again.
	now := f.numbers.at(first.StableAttr().Ino)
	f.numbers.left(first, root, "a")
	f.numbers.left(first, root, "b")
	if f.numbers.at(first.StableAttr().Ino) != now {
		t.Error("the number of the place changed")
	}
	for _, n := range inodes[:3] {
		if f.numbers.at(first.StableAttr().Ino) == first.StableAttr().Ino {
			t.Error("a number was given back while it was in use")
		}
		f.numbers.forgotten(n)
		f.numbers.forgotten(n)
	}
	if f.numbers.at(first.StableAttr().Ino) != first.StableAttr().Ino || len(f.numbers.places)+len(f.numbers.away) > 0 {
		t.Error("the number was not given back")
	}
}
