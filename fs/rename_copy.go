package fs

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

const (
	// parallelCopies is how many objects are copied, or deleted one by one, at
	// once; the client's own limit of requests is below it or above.
	parallelCopies = 32
	// parallelBulks is how many bulk deletions are under way, and bulkSize how
	// many objects one deletes at most: as many as the client puts into one request.
	// From 2 x leastBulk on they are divided among several: OpenStack Swift deletes two
	// of a request at a time, and two requests for 200 objects take 0.85 of the time
	// of one.
	parallelBulks = 4
	bulkSize      = 1000
	leastBulk     = 100
	// mostNoted is of how many objects the cache is told that they were moved,
	// because a listing may not show it yet. More would drive out what it knows of
	// other directories.
	mostNoted = 20000
)

// noted tells the cache what was moved.
type noted struct {
	count atomic.Int64
	last  string // the name whose directories were noted last
}

// add notes a new object; it is a file's or a directory's marker.
func (t *noted) add(f *FS, container string, row listing.Row) {
	if t.count.Add(1) > mostNoted {
		return
	}
	f.cache.Put(dirShowing(container, &row), row)
}

// dirShowing is the directory that shows an object: data under a name that ends
// in "/" is shown inside, an empty marker is the directory.
func dirShowing(container string, r *listing.Row) listing.Dir {
	if r.Size > 0 && strings.HasSuffix(r.Name, "/") {
		return listing.Dir{Container: container, Prefix: r.Name}
	}
	up, _, _ := parent(place{container, r.Name}.dir())
	return up
}

// directories notes the directories on the way to an object that are new since
// the object before it, down from depth bytes.
func (t *noted) directories(f *FS, p place, depth int) {
	common := 0
	for common < min(len(p.object), len(t.last)) && p.object[common] == t.last[common] {
		common++
	}
	for i := depth; i < len(p.object); i++ {
		if p.object[i] == '/' && i >= common && t.count.Load() < mostNoted {
			d := place{p.container, p.object[:i+1]}
			up, _, _ := parent(d.dir())
			f.cache.Put(up, listing.Row{Name: d.object, Subdir: true})
		}
	}
	t.last = p.object
}

// removeOld notes that the old names are gone.
func (t *noted) removeOld(f *FS, m *treeMove) {
	_ = m.list.each(func(i int, r *listing.Row) error {
		if i < mostNoted && m.gone(i) {
			f.cache.Remove(dirShowing(m.p.container, r), r.Name)
		}
		return nil
	})
}

// copyAll copies every object that is not at the target yet. The directory's own
// markers come last: that of a target that is there is replaced only when nothing
// can go wrong any more.
func (m *treeMove) copyAll(ctx context.Context) error {
	f := m.f
	f.cache.InvalidateTree(m.q.dir())
	going, stop := context.WithCancel(ctx)
	defer stop()
	// Requests run under the mount's context: one that is broken off may be carried
	// out by the server all the same, after its copy was taken back.
	var g errgroup.Group
	g.SetLimit(parallelCopies)
	var own *listing.Row // the marker with the "/"
	at := 0
	err := m.list.each(func(i int, r *listing.Row) error {
		if r.Name == m.p.object {
			own, at = r, i
			return nil
		}
		m.noted.directories(f, m.renameOf(r.Name), len(m.q.object))
		if m.list.done[i] == present {
			return nil
		}
		row := *r
		g.Go(func() (err error) {
			if m.list.done[i], err = m.copyOne(f.ctx, &row); err != nil {
				stop()
			}
			return err
		})
		return going.Err()
	})
	if copyErr := g.Wait(); copyErr != nil {
		return copyErr
	}
	if err != nil {
		return err
	}
	return m.copyMarkers(f.ctx, own, at)
}

// copyOne copies one object. One that somebody has deleted meanwhile is none.
func (m *treeMove) copyOne(ctx context.Context, r *listing.Row) (fate, error) {
	q := m.renameOf(r.Name)
	info, err := m.checkSegments(ctx, r)
	var row listing.Row
	if err == nil {
		row, err = m.f.duplicate(ctx, place{m.p.container, r.Name}, q, r, info)
	}
	if err != nil {
		switch {
		case swiftbackend.KindOf(err) == swiftbackend.KindNotExist && !missingTarget(err):
			return vanished, nil
		case swiftbackend.Refused(err) || toErrno(err) == syscall.EXDEV:
			return untouched, err
		}
		return copied, err // perhaps
	}
	m.noted.add(m.f, q.container, row)
	return copied, nil
}

// copyMarkers gives the target the markers that the source has. A directory that
// was a container gets one, because it is to stay when it is empty.
func (m *treeMove) copyMarkers(ctx context.Context, own *listing.Row, at int) error {
	f := m.f
	if m.q.object == "" {
		if own != nil && own.Size == 0 {
			m.list.done[at] = copied // the container stands for it
			return nil
		}
		if own != nil {
			f.log.Warn("an object with data has the name of the directory and none that it could have in a container", "path", place{m.p.container, own.Name})
			return errNoName
		}
		return nil
	}
	if m.p.object == "" {
		return m.makeMarker(ctx)
	}
	if m.bare != nil {
		q := place{m.q.container, strings.TrimSuffix(m.q.object, "/")}
		row, err := f.duplicate(ctx, place{m.p.container, m.bare.Name}, q, m.bare, knownInfo(m.bare))
		if err != nil {
			return err
		}
		delete(m.stale, q.object)
		m.markers = append(m.markers, row)
	}
	if own != nil {
		row, err := f.duplicate(ctx, place{m.p.container, own.Name}, m.q, own, knownInfo(own))
		if err != nil {
			return err
		}
		m.list.done[at] = copied
		delete(m.stale, m.q.object)
		m.markers = append(m.markers, row)
	}
	return nil
}

func (m *treeMove) makeMarker(ctx context.Context) error {
	row, err := m.f.makeMarker(ctx, m.q, attrs{})
	if err != nil {
		return err
	}
	delete(m.stale, m.q.object)
	m.markers = append(m.markers, row)
	return nil
}

// takeBack deletes the copies that were made.
func (m *treeMove) takeBack() {
	f := m.f
	err := m.deleteEach(f.ctx, func(i int, r *listing.Row) (swiftbackend.Name, bool) {
		q := m.renameOf(r.Name)
		return swiftbackend.Name{Container: q.container, Object: q.object}, m.list.done[i] == copied && r.Name != m.p.object
	})
	if err == nil && m.replaced == nil {
		err = m.takeBackMarkers()
	}
	if err == nil && m.made {
		err = f.client.DeleteContainer(f.ctx, m.q.container)
	}
	if err != nil {
		f.log.Warn("a directory could not be renamed, and some of the copies made for it could not be removed", "old", m.p, "new", m.q, "error", err)
	}
	f.cache.InvalidateTree(m.q.dir())
	if m.made {
		f.cache.Invalidate(m.toDir)
	}
	_ = m.list.each(func(i int, r *listing.Row) error {
		if i < mostNoted && m.list.done[i] == copied && r.Name != m.p.object {
			row := *r
			row.Name = m.renameOf(r.Name).object
			f.cache.Remove(dirShowing(m.q.container, &row), row.Name)
		}
		return nil
	})
}

// takeBackMarkers deletes the markers of a directory that was not there before.
func (m *treeMove) takeBackMarkers() error {
	names := make([]swiftbackend.Name, 0, len(m.markers))
	for _, row := range m.markers {
		names = append(names, swiftbackend.Name{Container: m.q.container, Object: row.Name})
	}
	return m.f.client.DeleteAll(m.f.ctx, names)
}

// gone reports whether an object was copied, so that it has to be deleted under
// its old name.
func (m *treeMove) gone(i int) bool {
	return m.list.done[i] == copied || m.list.done[i] == present
}

// deleteAll deletes what was copied, and the markers that are replaced.
func (m *treeMove) deleteAll(ctx context.Context) error {
	err := m.deleteEach(ctx, func(i int, r *listing.Row) (swiftbackend.Name, bool) {
		return swiftbackend.Name{Container: m.p.container, Object: r.Name}, m.gone(i)
	})
	if err != nil {
		return err
	}
	var rest []swiftbackend.Name
	if m.bare != nil {
		rest = append(rest, swiftbackend.Name{Container: m.p.container, Object: m.bare.Name})
	}
	for name := range m.stale {
		rest = append(rest, swiftbackend.Name{Container: m.q.container, Object: name})
	}
	return m.f.client.DeleteAll(ctx, rest)
}

// deleteEach deletes the objects that which chooses, many at once.
func (m *treeMove) deleteEach(ctx context.Context, which func(i int, r *listing.Row) (swiftbackend.Name, bool)) error {
	client := m.f.client
	limit, size := parallelCopies, 1
	if client.Info().BulkDelete {
		bulks := min(max(m.list.n/leastBulk, 1), parallelBulks)
		limit, size = parallelBulks, min((m.list.n+bulks-1)/bulks, bulkSize, client.Info().MaxBulkDeletes)
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	var batch []swiftbackend.Name
	send := func() {
		names := batch
		batch = nil
		if len(names) > 0 {
			g.Go(func() error { return client.DeleteAll(each, names) })
		}
	}
	err := m.list.each(func(i int, r *listing.Row) error {
		if name, ok := which(i, r); ok {
			batch = append(batch, name)
		}
		if len(batch) >= size {
			send()
		}
		return each.Err()
	})
	send()
	if deleteErr := g.Wait(); deleteErr != nil {
		return deleteErr
	}
	return err
}
