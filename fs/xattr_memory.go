package fs

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"swiftfs/swiftbackend"
)

// objectMeta is what an object has beside its bytes, as far as extended
// attributes show it.
type objectMeta struct {
	etag        string // "" while the server does not have the object
	contentType string // with all its parameters
	deleteAt    time.Time
	slo         bool
	dlo         string            // "container/prefix" of a dynamic large object, or ""
	meta        map[string]string // X-Object-Meta-*, by canonical name; shared, not to be changed
}

func metaOf(o *swiftbackend.ObjectInfo) *objectMeta {
	m := &objectMeta{etag: o.ETag, contentType: o.ContentType, slo: o.SLO, dlo: o.DLO, meta: o.Meta}
	if at, err := strconv.ParseInt(o.Header.Get("X-Delete-At"), 10, 64); err == nil {
		m.deleteAt = time.Unix(at, 0)
	}
	return m
}

// clone returns a copy to be changed.
func (m *objectMeta) clone() *objectMeta {
	c := *m
	c.meta = maps.Clone(m.meta)
	return &c
}

// bytes is about what m costs in memory.
func (m *objectMeta) bytes() int {
	const structBytes, headerBytes = 300, 64
	n := structBytes + len(m.contentType) + len(m.dlo)
	for k, v := range m.meta {
		n += headerBytes + len(k) + len(v)
	}
	return n
}

// metaMemory remembers the metadata of objects, so that reading all of an
// object's attributes is one request. It holds two generations, as sizeMemory
// does, each of about metaGeneration bytes.
type metaMemory struct {
	mu sync.Mutex // guards the following
	// young takes new entries, old the ones before them.
	young, old map[place]knownMeta
	bytes      int // of young
}

const metaGeneration = mib

// knownMeta is what was found out about one object.
type knownMeta struct {
	// version is the ETag that the object was known by when its metadata was
	// asked for.
	version string
	meta    *objectMeta // nil: there is no such object
	fetched time.Time
}

func (m *metaMemory) get(p place) (knownMeta, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.young[p]
	if !ok {
		k, ok = m.old[p]
	}
	return k, ok
}

func (m *metaMemory) put(p place, k knownMeta) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || m.bytes >= metaGeneration {
		m.old, m.young, m.bytes = m.young, map[place]knownMeta{}, 0
	}
	m.young[p] = k
	m.bytes += len(p.container) + len(p.object) + len(k.version)
	if k.meta != nil {
		m.bytes += k.meta.bytes()
	}
}

// forget makes the next question about an object one to the server.
func (m *metaMemory) forget(p place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.young, p)
	delete(m.old, p)
}

// expire has what is known of an object asked for again: all that is left is that
// there is something to keep.
func (m *metaMemory) expire(p place) {
	if k, ok := m.get(p); ok {
		k.fetched = time.Time{}
		m.put(p, k)
	}
}

// move gives what is known of an object, or of those below a directory, its new
// name, and has it asked for again: a rename may change the type.
func (m *metaMemory) move(from, to place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range []map[place]knownMeta{m.young, m.old} {
		moved := map[place]knownMeta{}
		for p, k := range known {
			if rest, ok := strings.CutPrefix(p.object, from.object); ok && p.container == from.container &&
				(rest == "" || from.object == "" || strings.HasSuffix(from.object, "/")) {
				k.fetched = time.Time{}
				moved[place{to.container, to.object + rest}] = k
				delete(known, p)
			}
		}
		maps.Copy(known, moved)
	}
}

// clear forgets all.
func (m *metaMemory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old, m.bytes = nil, nil, 0
}

// objectMeta returns the metadata of the object at p, of which version is the
// known ETag, or nil if there is none. It is asked for once in a TTL.
func (f *FS) objectMeta(ctx context.Context, p place, version string) (*objectMeta, error) {
	if k, ok := f.meta.get(p); ok && k.version == version && f.remaining(k.fetched) > 0 {
		return k.meta, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	known := knownMeta{version: version, fetched: time.Now()}
	info, err := f.client.Head(ctx, p.container, p.object)
	switch {
	case err == nil:
		known.meta = metaOf(&info)
	case swiftbackend.KindOf(err) != swiftbackend.KindNotExist:
		return nil, err
	}
	f.meta.put(p, known)
	return known.meta, nil
}

// metaEdit changes the copy of an object's metadata that it is given.
type metaEdit func(*objectMeta) error

// changeMeta changes the metadata of an object that the server has, of which
// version is the known ETag. The kernel lets one call at a time change an
// inode's attributes, so that no two of this mount meet.
func (f *FS) changeMeta(ctx context.Context, p place, version string, edit metaEdit) (swiftbackend.ObjectInfo, error) {
	ctx, cancel := f.patient(ctx)
	defer cancel()
	var edited *objectMeta
	info, err := f.client.Update(ctx, p.container, p.object, func(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		before := metaOf(&o)
		edited = before.clone()
		if err := edit(edited); err != nil {
			return swiftbackend.Change{}, err
		}
		change := swiftbackend.Change{Meta: edited.meta}
		if edited.contentType != before.contentType {
			change.ContentType = edited.contentType
		}
		if !edited.deleteAt.Equal(before.deleteAt) {
			change.DeleteAt = &edited.deleteAt
		}
		return change, nil
	})
	if err != nil {
		f.meta.forget(p)
		return info, err
	}
	f.meta.put(p, knownMeta{version: version, meta: edited, fetched: time.Now()})
	return info, nil
}
