package fs

import (
	"context"
	"strings"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// The part of an object's name that is too long for an entry does not follow
// from the entry. Whoever has seen the directory knows it; else the server is
// asked for the names that begin as the entry does.

// partOf returns what an entry of d stands for.
func (f *FS) partOf(ctx context.Context, d listing.Dir, name string) (part string, want form, err error) {
	head, hash, want, long := cutLong(name)
	if !long {
		part, want = decodeName(name)
		return part, want, nil
	}
	if part, ok := f.longs.get(hash); ok {
		return part, want, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	err = f.partsFrom(ctx, d, head, func(candidate string) bool {
		if entry, _ := encodeName(candidate, want); entry == name {
			part = candidate
		}
		return part == ""
	})
	if err == nil && part == "" {
		err = notFound(d, name)
	}
	if err == nil {
		f.longs.put(hash, part)
	}
	return part, want, err
}

// partsFrom yields the parts in d that begin with head, until it is told to stop.
func (f *FS) partsFrom(ctx context.Context, d listing.Dir, head string, yield func(part string) bool) error {
	o := swiftbackend.ListOptions{Prefix: d.Prefix + head, Delimiter: "/"}
	if d.Container == "" {
		o = swiftbackend.ListOptions{} // RGW takes the prefix of the account's pages for a filter
	}
	more := true
	row := func(key string) {
		o.Marker = key
		more = more && yield(strings.TrimSuffix(strings.TrimPrefix(key, d.Prefix), "/"))
	}
	for more {
		var end bool
		var err error
		if d.Container == "" {
			end, err = f.client.ListContainers(ctx, o, func(r swiftbackend.ContainerRow) error { row(r.Name); return nil })
		} else {
			end, err = f.client.ListObjects(ctx, d.Container, o, func(r swiftbackend.ObjectRow) error { row(r.Key()); return nil })
		}
		if end || err != nil {
			return err
		}
	}
	return nil
}

// partOfNode is the part that a directory of the tree has, by the name it has
// there.
func partOfNode(n *fusefs.Inode, name string) string {
	if _, _, _, long := cutLong(name); long {
		if dir, ok := n.Operations().(interface{ longPart() string }); ok {
			return dir.longPart()
		}
	}
	part, _ := decodeName(name)
	return part
}

// objectOf returns the place of a file's object by its entry in d. had is the name
// that the object has or had, whose last part is the one of a long entry: no
// entry ever becomes a long one.
func objectOf(d listing.Dir, name, had string) place {
	if _, _, _, long := cutLong(name); long {
		return in(d, had[strings.LastIndexByte(had, '/')+1:])
	}
	part, form := decodeName(name)
	if form == formData {
		return place{d.Container, d.Prefix}
	}
	return in(d, part)
}

// longPart is the directory's part where the name of its entry does not tell it.
func (n *directoryNode) longPart() string { return n.part }

// longParts bounds the parts that are remembered: at most 8 MB of them.
const longParts = 4096

// rememberLong notes what a long entry stands for.
func (f *FS) rememberLong(name, part string) {
	if _, hash, _, long := cutLong(name); long {
		f.longs.put(hash, part)
	}
}
