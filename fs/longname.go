package fs

import (
	"context"
	"strings"
	"sync"

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
	more := true
	row := func(key string) error {
		o.Marker = key
		more = more && yield(strings.TrimSuffix(strings.TrimPrefix(key, d.Prefix), "/"))
		return nil
	}
	for more {
		var end bool
		var err error
		if d.Container == "" {
			end, err = f.client.ListContainers(ctx, o, func(r swiftbackend.ContainerRow) error { return row(r.Name) })
		} else {
			end, err = f.client.ListObjects(ctx, d.Container, o, func(r swiftbackend.ObjectRow) error { return row(r.Key()) })
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

// longPart is the directory's part where the name of its entry does not tell it.
func (n *directoryNode) longPart() string { return n.part }

// longNames remembers the parts of long entries by their hashes: two generations
// of at most longGeneration.
type longNames struct {
	mu         sync.Mutex // guards the following
	young, old map[string]string
}

const longGeneration = 4096

func (m *longNames) get(hash string) (part string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if part, ok = m.young[hash]; !ok {
		part, ok = m.old[hash]
	}
	return part, ok
}

func (m *longNames) put(hash, part string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= longGeneration {
		m.old, m.young = m.young, map[string]string{}
	}
	m.young[hash] = part
}

// remember notes what a long entry stands for.
func (m *longNames) remember(name, part string) {
	if _, hash, _, long := cutLong(name); long {
		m.put(hash, part)
	}
}
