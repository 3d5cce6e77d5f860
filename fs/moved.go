package fs

import (
	"sync"
	"sync/atomic"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// entryOf is one entry in go-fuse's tree: a name in a directory. The zero value
// is no entry.
type entryOf struct {
	up   *fusefs.Inode
	name string
}

// moved has the inodes whose rename is done and which go-fuse has not moved in
// its tree yet: it does that after our method has returned, and others walk the
// tree meanwhile. The table is all but always empty.
type moved struct {
	count atomic.Int32 // of inodes, so that an empty table costs a walk nothing

	mu sync.Mutex // guards the following
	// to has where an inode is, while the tree shows it in from; the zero entry
	// when it has been replaced.
	from, to map[*fusefs.Inode]entryOf
}

// add notes that n, which the tree shows in from, is in to.
func (m *moved) add(n *fusefs.Inode, from, to entryOf) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.from == nil {
		m.from, m.to = map[*fusefs.Inode]entryOf{}, map[*fusefs.Inode]entryOf{}
	}
	m.from[n], m.to[n] = from, to
	m.count.Store(int32(len(m.from)))
}

// undo takes back what add noted of n, which may be nil.
func (m *moved) undo(n *fusefs.Inode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removeLocked(n)
}

func (m *moved) removeLocked(n *fusefs.Inode) {
	delete(m.from, n)
	delete(m.to, n)
	m.count.Store(int32(len(m.from)))
}

// entry returns where n is. Inodes that the tree has moved since are dropped.
func (m *moved) entry(n *fusefs.Inode) entryOf {
	m.mu.Lock()
	defer m.mu.Unlock()
	for inode, from := range m.from {
		if shownIn(inode) != from {
			m.removeLocked(inode)
		}
	}
	if to, ok := m.to[n]; ok {
		return to
	}
	return shownIn(n)
}

// shownIn is where the tree shows n.
func shownIn(n *fusefs.Inode) entryOf {
	name, up := n.Parent()
	return entryOf{up, name}
}

// parentOf returns the name of a node and its directory, which is nil once the
// node is removed. It is Inode.Parent with the renames that the tree does not
// show yet.
func (f *FS) parentOf(n *fusefs.Inode) (name string, up *fusefs.Inode) {
	e := shownIn(n)
	if f.moved.count.Load() > 0 {
		e = f.moved.entry(n)
	}
	return e.name, e.up
}

// childOf returns the node that an entry has in the tree, or nil.
func (f *FS) childOf(up *fusefs.Inode, name string) *fusefs.Inode {
	child := up.GetChild(name)
	if child == nil || f.moved.count.Load() > 0 && f.moved.entry(child) != (entryOf{up, name}) {
		return nil
	}
	return child
}
