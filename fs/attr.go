package fs

import (
	"encoding/binary"
	"time"

	"github.com/cespare/xxhash/v2"
	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

const (
	// ioSize is what cp and cat read and write at a time: as much as one FUSE
	// request holds.
	ioSize = maxWrite
	// dirSize is what directories show as their size, as on ext4.
	dirSize = 4096
)

// The inode number of an entry is made from that of its directory and its name,
// so that it is the same in every mount and find -inum, rsync and tar recognise a
// file; numbers.go has the exceptions. Two entries may get one number by chance,
// once in some billions of files; the generation of a file's inode, which has a
// second hash in it, keeps even those apart here.
func childIno(up uint64, part string, kind listing.Kind) uint64 {
	if kind == listing.Directory {
		part += "/" // a file of the same name has another number
	}
	return hash64(string(binary.LittleEndian.AppendUint64(nil, up)) + part)
}

// dirIno is the inode number of a directory where nothing was renamed. The root
// of a mount has it.
func dirIno(d listing.Dir) uint64 {
	up, part, ok := parent(d)
	if !ok {
		return hash64("")
	}
	return childIno(dirIno(up), part, listing.Directory)
}

func hash64(s string) uint64 {
	const reserved = 1 // the kernel's number of the root
	return max(xxhash.Sum64String(s), reserved+1)
}

// version is the generation of a file's inode: another version of the object is
// another inode, so that no page of one is ever seen through the other.
func version(p place, r *listing.Row) uint64 {
	return hash64(p.object + "\x00" + r.ETag + "\x00" + r.Modified.Truncate(time.Second).String())
}

// sameVersion reports whether two rows of one name show the same version of its
// object: the same bytes. Dates do not tell: a change of metadata moves them.
func sameVersion(a, b *listing.Row) bool { return a.ETag == b.ETag && a.Size == b.Size }

// newStable is the identity of a new inode for an entry of up.
func (f *FS) newStable(up *fusefs.Inode, part string, kind listing.Kind, generation uint64) fusefs.StableAttr {
	mode := uint32(fuse.S_IFREG)
	if kind == listing.Directory {
		mode = fuse.S_IFDIR
	}
	return fusefs.StableAttr{Mode: mode, Ino: f.numbers.at(childIno(up.StableAttr().Ino, part, kind)), Gen: generation}
}

// entryIno is the inode number of the entry name of up, which has part.
func (f *FS) entryIno(up *fusefs.Inode, name, part string, kind listing.Kind) uint64 {
	if child := f.childOf(up, name); child != nil {
		return child.StableAttr().Ino // perhaps from where it was before a rename
	}
	return f.newStable(up, part, kind, 0).Ino
}

// dirGeneration is that of all directories: one is the same inode as long as it
// is where it is.
const dirGeneration = 1

// fileAttr fills the attributes of a file whose content was last modified at t.
func (f *FS) fileAttr(out *fuse.Attr, size int64, a attrs, t time.Time) {
	out.Mode = fuse.S_IFREG
	out.Nlink = 1
	out.Size = uint64(max(size, 0))
	out.Blocks = (out.Size + 511) / 512
	f.commonAttr(out, a.over(f.fileDefaults()), t)
}

// commonAttr fills in the attributes a, and t for the dates that it does not
// set: the server's date of the object, which anything that happens to an object
// moves.
func (f *FS) commonAttr(out *fuse.Attr, a attrs, t time.Time) {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	out.Blksize = ioSize
	out.SetTimes(&t, &t, &t)
	a.show(out)
}

// remaining is how long the kernel may keep what was true at fetched: together
// with the time it was in our own cache, no longer than the TTL.
func (f *FS) remaining(fetched time.Time) time.Duration {
	return max(0, min(f.cfg.CacheTTL-time.Since(fetched), f.cfg.CacheTTL))
}

func (f *FS) setEntryTimeouts(out *fuse.EntryOut, fetched time.Time) {
	left := f.remaining(fetched)
	out.SetEntryTimeout(left)
	out.SetAttrTimeout(left)
}
