package fs

import (
	"encoding/binary"
	"sync"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

// numbers keeps apart the inodes that one place has had one after the other. The
// number of an inode is made from the place where it was first seen and goes
// along when it is renamed; what is made at that place next must not have it, or
// programs take the two for one file: cp refuses to copy one to the other, and
// diff finds them equal without reading. So the place gets another number for as
// long as the kernel knows an inode that took its number away.
type numbers struct {
	mu sync.Mutex // guards the following
	// places has those whose number was taken away, by that number.
	places map[uint64]*takenNumber
	// away has the inodes that took one, with the number that their place had
	// at first.
	away map[*fusefs.Inode]uint64
}

// takenNumber says how often the number of a place was taken away, and how many
// inodes live that did.
type takenNumber struct {
	times uint64
	alive int
}

// at returns the number of a new inode at the place that has number first.
func (t *numbers) at(first uint64) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.atLocked(first)
}

func (t *numbers) atLocked(first uint64) uint64 {
	taken := t.places[first]
	if taken == nil {
		return first
	}
	b := binary.LittleEndian.AppendUint64(nil, first)
	return hash64(string(binary.LittleEndian.AppendUint64(b, taken.times)))
}

// left notes that n is no longer the entry of up that has part.
func (t *numbers) left(n, up *fusefs.Inode, part string) {
	kind := listing.File
	if n.StableAttr().Mode == fuse.S_IFDIR {
		kind = listing.Directory
	}
	first := childIno(up.StableAttr().Ino, part, kind)
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.StableAttr().Ino != t.atLocked(first) {
		return // the number is another place's
	}
	if t.places == nil {
		t.places, t.away = map[uint64]*takenNumber{}, map[*fusefs.Inode]uint64{}
	}
	taken := t.places[first]
	if taken == nil {
		taken = &takenNumber{}
		t.places[first] = taken
	}
	taken.times++
	taken.alive++
	t.away[n] = first
}

// forgotten notes that the kernel does not know n any more.
func (t *numbers) forgotten(n *fusefs.Inode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, ok := t.away[n]
	if !ok {
		return
	}
	delete(t.away, n)
	taken := t.places[first]
	if taken.alive--; taken.alive == 0 {
		delete(t.places, first)
	}
}
