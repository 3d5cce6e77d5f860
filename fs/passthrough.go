package fs

import (
	"context"
	"os"

	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/block"
	"swiftfs/cache/listing"
)

// A version that is complete on disk is read by the kernel, from the file that
// cache/block has of it (FOPEN_PASSTHROUGH): such reads do not come here.
//
// While a handle of an inode passes, all others must pass to the same file, and
// while one is open that does not, none can: the kernel answers EIO. So a file passes
// when it has no other handle, and the handles that follow pass with it.
//
// Only mounts that change nothing have files that pass, because who reads that way
// does not see what this mount writes to a file, and its backing file can not be made
// to follow. A writer would have to pass, too. With FOPEN_DIRECT_IO beside
// FOPEN_PASSTHROUGH its reads and writes do come here, but if it may read and write,
// its mappings are of the backing file: what programs change there would be lost, for
// nobody tells us of them, and they outlast their handle. FOPEN_DIRECT_IO alone is
// EIO as well.
//
// The library counts the handles of an inode, of either kind, to know when a
// backing file is given back, and does so after their Release. A handle that
// passes can be opened in between. Therefore the nodes keep their backing files
// themselves, and rawFS tells the kernel.

// leastPassing is the size from which versions pass. Smaller ones are read in one
// call, and the kernel would have to be told of the file and to forget it, for that.
const leastPassing = 1 * mib

// backingFile is the file that the handles of a node pass to.
type backingFile struct {
	id      int32 // the kernel's number of it
	version *block.Version
	handles int
}

// backingShift is where rawFS finds the number of a backing file among the flags
// that an Open returns: the library has no other way for it. ownFlagsShift is where
// it finds those of an OpenDir, which the library would add to.
const (
	backingShift  = 16
	ownFlagsShift = 16
)

// rawFS completes the answers of the library.
type rawFS struct{ fuse.RawFileSystem }

// Open implements fuse.RawFileSystem.
func (r rawFS) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	status := r.RawFileSystem.Open(cancel, in, out)
	out.BackingID = int32(out.OpenFlags >> backingShift) //nolint:gosec // of 16 bits
	out.OpenFlags &= 1<<backingShift - 1
	return status
}

// OpenDir implements fuse.RawFileSystem.
func (r rawFS) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	status := r.RawFileSystem.OpenDir(cancel, in, out)
	out.OpenFlags >>= ownFlagsShift
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
	case n.plain > 0 || n.row.Size < leastPassing || !n.f.passes.Load():
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
	if pinned && n.backing == nil && n.plain == 0 && sameVersion(&n.row, row) {
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
}
