package fs

import (
	"context"
	"os"
	"strconv"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/block"
	"swiftfs/cache/listing"
)

// A version that is complete on disk is read by the kernel, from the file that
// cache/block has of it (FOPEN_PASSTHROUGH): such reads do not come here.
//
// The kernel wants all handles of an inode to be of one kind: while one is open
// that passes, others must pass to the same file, and while one is open that does
// not, none can. So a file passes when it has no other handle, and the handles that
// follow pass with it; but not one that was opened for writing since the kernel
// knows it, for that is likely to be written again. A writer cannot pass, because
// nobody would know what it writes. It gets ESTALE, and the kernel looks the name up
// again, to find another inode for the file, which has the writer and all who come
// after it. The readers that pass stay with the version they have.
//
// The library counts the handles of an inode, of either kind, to know when a
// backing file is given back, and does so after their Release. A handle that
// passes can be opened in between. Therefore the nodes keep their backing files
// themselves, and rawFS tells the kernel.

// leastPassing is the size from which versions pass. Smaller ones are read in one
// request, and are what programs lock: a lock of a reader must be seen by writers.
const leastPassing = 1 * mib

// backingFile is the file that the handles of a node pass to.
type backingFile struct {
	id      int32 // the kernel's number of it
	version *block.Version
	handles int
}

// backingShift is where rawFS finds the number of a backing file among the flags
// that an Open returns: the library has no other way for it.
const backingShift = 16

// rawFS completes the answers of the library.
type rawFS struct{ fuse.RawFileSystem }

// Open implements fuse.RawFileSystem.
func (r rawFS) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	status := r.RawFileSystem.Open(cancel, in, out)
	out.BackingID = int32(out.OpenFlags >> backingShift) //nolint:gosec // of 16 bits
	out.OpenFlags &= 1<<backingShift - 1
	return status
}

// enter decides whether the handle passes, and returns the flags for that; ok is
// false if it does not.
func (h *readHandle) enter(ctx context.Context) (flags uint32, ok bool) {
	n := h.node
	row, settled := h.join()
	if !settled {
		version := n.onDisk(&row, n.version(&row))
		h.found(ctx, &row, version)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !h.passing {
		return 0, false
	}
	return fuse.FOPEN_PASSTHROUGH | uint32(n.backing.id)<<backingShift, true //nolint:gosec // registerBacking returns no negative numbers
}

// join decides by the other handles, if they settle it; else it returns the version
// that may be on disk.
func (h *readHandle) join() (row listing.Row, settled bool) {
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.backing != nil:
		n.backing.handles++
		h.passing = true
	case n.plain > 0 || n.edited || n.row.Size < leastPassing || !n.f.passes.Load():
		n.plain++
	default:
		return n.row, false
	}
	return n.row, true
}

// found decides by what is on disk of the version of row, which may be nil, unless
// other handles were opened meanwhile.
func (h *readHandle) found(ctx context.Context, row *listing.Row, version *block.Version) {
	n := h.node
	pinned := false
	var file *os.File
	if version != nil {
		file, pinned = version.Pin(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if pinned && n.backing == nil && n.plain == 0 && !n.edited && sameVersion(&n.row, row) {
		if id, ok := n.f.registerBacking(file); ok {
			n.backing = &backingFile{id: id, version: version}
			version, pinned = nil, false
		}
	}
	if h.passing = n.backing != nil; h.passing {
		n.backing.handles++
	} else {
		n.plain++
	}
	if pinned {
		version.Unpin()
	}
	if version != nil {
		version.Close()
	}
}

// noPassing makes sure that the writer whom the file is for finds no handle that
// passes: the kernel looks a name up again once.
func (n *fileNode) noPassing() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.edited = true
}

// retired has the inodes that other ones stand in for, and the generations of
// those. The kernel may look a name up, forget what it found and look it up again
// before it opens it: what has the identity of a retired inode is that inode.
type retired struct {
	mu   sync.Mutex // guards the following
	next uint64
	of   map[fusefs.StableAttr]uint64
}

func (r *retired) add(id fusefs.StableAttr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[fusefs.StableAttr]uint64{}
	}
	r.next++
	r.of[id] = hash64(strconv.FormatUint(id.Gen, 16) + "\x00" + strconv.FormatUint(r.next, 16))
}

func (r *retired) remove(id fusefs.StableAttr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, id)
}

// successor returns the identity that a file has that would have id.
func (r *retired) successor(id fusefs.StableAttr) fusefs.StableAttr {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		generation, ok := r.of[id]
		if !ok {
			return id
		}
		id.Gen = generation
	}
}

// leave is the Release of a handle, of either kind.
func (h *readHandle) leave() {
	n := h.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if !h.passing {
		n.plain--
		return
	}
	b := n.backing
	if b.handles--; b.handles > 0 {
		return
	}
	n.f.unregisterBacking(b.id)
	b.version.Unpin()
	b.version.Close()
	n.backing = nil
	if n.retired {
		n.retired = false
		n.f.retired.remove(n.StableAttr())
	}
}

// plainOpened counts a handle that does not pass, and plainClosed its end.
func (n *fileNode) plainOpened() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plain++
}

func (n *fileNode) plainClosed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plain--
}

// changeable keeps handles from passing until release is called. It is ESTALE if
// there are such handles: another inode is to be looked up for the file.
func (n *fileNode) changeable() (release func(), errno syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.edited = true
	if n.backing != nil {
		if !n.retired {
			n.retired = true
			n.f.retired.add(n.StableAttr())
		}
		return nil, syscall.ESTALE
	}
	n.plain++
	return n.plainClosed, 0
}
