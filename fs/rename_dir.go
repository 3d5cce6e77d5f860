package fs

import (
	"context"
	"strings"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// A directory is renamed by giving each object below it another name:
//
//	list ── target is empty? ── copy all ── commit ── delete all
//	              └──────┬─────────┘                       │
//	       an error: delete what was copied      an error: both are there
//
// Everything is copied before anything is deleted. Up to the commit the old
// names are those that count, and an error leaves things as they were. A crash,
// or deletions that fail, leave both; then the rename can be repeated: checkTarget
// knows what it leaves. The gate keeps this mount's own changes out of both trees.

// treeMove is the rename of a directory or container.
type treeMove struct {
	*renaming
	fromDir, toDir listing.Dir // that show the two
	p, q           place       // "" as object of a container, else ending in "/"

	list *treeList
	// bare is the marker without the "/" at its end, or nil.
	bare *listing.Row
	// stale are the target's own markers, which the source's replace.
	stale map[string]bool
	// made says that the target container was created by this rename.
	made bool
	// markers are the rows of the new directory's own markers.
	markers []listing.Row
	// segmentsBeside says that some of the objects may be segments of others.
	segmentsBeside bool
	noted          noted
}

func (r *renaming) moveDirectory(ctx context.Context) error {
	m := &treeMove{renaming: r, stale: map[string]bool{}}
	if err := m.locate(ctx); err != nil {
		return err
	}
	open, err := r.f.gate.close(ctx, m.p.dir(), m.q.dir())
	if err != nil {
		return err
	}
	defer open()
	p, q := m.p, m.q
	if err := m.locate(ctx); err != nil {
		return err
	}
	if p != m.p || q != m.q {
		return syscall.EBUSY // a directory above was renamed while this waited
	}
	if err := r.f.late.settleTrees(ctx, m.p.dir(), m.q.dir()); err != nil {
		return err
	}
	if m.list, err = newTreeList(r.f); err != nil {
		return err
	}
	defer m.list.close()
	if err := m.prepare(ctx); err != nil {
		return err
	}
	err = m.copyAll(ctx)
	if err == nil && !m.decide(committed) {
		err = ctx.Err()
	}
	if err != nil {
		m.takeBack()
		return err
	}
	undo := m.commit()
	if err := m.deleteAll(r.f.ctx); err != nil {
		undo()
		r.f.log.Error("a directory was copied to its new name and could not be removed under the old one; nothing is lost, and repeating the rename completes it",
			"old", m.p, "new", m.q)
		return err
	}
	m.forgetOld(r.f.ctx)
	return nil
}

// locate finds out where the two directories are now.
func (m *treeMove) locate(ctx context.Context) (err error) {
	if m.fromDir, m.p, err = m.f.directoryIn(ctx, m.from); err != nil {
		return err
	}
	if m.toDir, m.q, err = m.f.directoryIn(ctx, m.to); err != nil {
		return err
	}
	if below(m.q, m.p.dir()) {
		return syscall.EINVAL // into itself
	}
	return nil
}

// directoryIn returns where the objects of an entry are that is a directory.
func (f *FS) directoryIn(ctx context.Context, e entryOf) (listing.Dir, place, error) {
	d, p, err := f.placeIn(ctx, e)
	if d.Container != "" {
		p.object += "/"
	}
	return d, p, err
}

// dirPart is the part that a directory has in the one above it.
func dirPart(p place) string {
	_, part, _ := parent(p.dir())
	return part
}

// renameOf is the name that an object below the source gets.
func (m *treeMove) renameOf(name string) place {
	return place{m.q.container, m.q.object + strings.TrimPrefix(name, m.p.object)}
}

// prepare lists the source, checks the names that its objects would get, and that
// nothing is in the way.
func (m *treeMove) prepare(ctx context.Context) error {
	f := m.f
	if err := m.checkContainers(ctx); err != nil {
		return err
	}
	err := m.list.fill(ctx, f, m.p, func(name string) error {
		m.segmentsBeside = m.segmentsBeside || looksLikeSegment(strings.TrimPrefix(name, m.p.object))
		return f.fits(m.renameOf(name))
	})
	if err != nil {
		return err
	}
	if m.p.object != "" {
		if m.bare, err = f.bareMarker(ctx, m.p, &m.old.Row); err != nil {
			return err
		}
	}
	if m.q.object == "" {
		if err := m.makeContainer(ctx); err != nil {
			return err
		}
		if !m.made {
			return m.checkTarget(ctx)
		}
		return nil
	}
	if m.replaced != nil {
		bare, err := f.bareMarker(ctx, m.q, &m.replaced.Row)
		if err != nil {
			return err
		}
		if bare != nil {
			m.stale[bare.Name] = true
		}
	}
	return m.checkTarget(ctx)
}

// bareMarker finds the marker of a directory that has no "/" at its end; nil when
// there is none. row is the one that shows the directory.
func (f *FS) bareMarker(ctx context.Context, d place, row *listing.Row) (*listing.Row, error) {
	name := bare(d.dir())
	switch {
	case name == "" || row.Subdir:
		return nil, nil
	case row.Name == name && row.ETag != "":
		return row, nil
	}
	info, err := f.client.Head(ctx, d.container, name)
	if err != nil {
		return nil, ignoreGone(err)
	}
	found := f.headRow(name, &info)
	if !isDirectoryType(&found) {
		return nil, nil
	}
	return &found, nil
}

// checkTarget returns ENOTEMPTY unless the target is empty, or what a rename of
// the same two directories has left: one that was cut off while it copied leaves
// nothing but copies of objects of the source; one that was cut off while it
// deleted leaves a copy of every object of the source.
func (m *treeMove) checkTarget(ctx context.Context) error {
	f, q := m.f, m.q
	removed := map[string]bool{}
	for _, c := range f.cache.ChangesWithin(q.dir()) {
		switch {
		case c.Removed:
			removed[c.Row.Name] = true
		case c.Row.Local, c.Sticky:
			return syscall.ENOTEMPTY
		}
	}
	at, err := m.list.cursor()
	if err != nil {
		return err
	}
	unlisted := map[string]bool{}
	for _, r := range f.ownRows(q.dir()) {
		unlisted[r.Name] = true
	}
	c := &comparison{m: m, at: at}
	o := swiftbackend.ListOptions{Prefix: q.object}
	for end := false; !end; {
		end, err = f.client.ListObjects(ctx, q.container, o, func(r swiftbackend.ObjectRow) error {
			o.Marker = r.Name
			delete(unlisted, r.Name)
			if removed[r.Name] || f.removedBelow(q, r.Name) {
				return nil
			}
			row := listedRow(r)
			return c.add(ctx, &row)
		})
		if err != nil {
			return err
		}
	}
	for name := range unlisted {
		// What this mount made may have been deleted by others since.
		switch _, err := f.client.Head(ctx, q.container, name); {
		case err == nil:
			return syscall.ENOTEMPTY
		case ignoreGone(err) != nil:
			return err
		}
	}
	return c.end()
}

// comparison goes through the objects of a target beside those of the source.
type comparison struct {
	m  *treeMove
	at *cursor
	// others are objects that the source does not have.
	others bool
	// equal counts those that it has, and files those of them that are not
	// directories' markers.
	equal, files int
}

func (c *comparison) add(ctx context.Context, r *listing.Row) error {
	m := c.m
	rest := strings.TrimPrefix(r.Name, m.q.object)
	if rest == "" && r.Size == 0 {
		m.stale[r.Name] = true
		return nil
	}
	i, ok, err := c.at.find(m.p.object, rest)
	if err != nil {
		return err
	}
	if ok && r.Size == c.at.row.Size && r.ETag == c.at.row.ETag {
		if ok, err = m.same(ctx, &c.at.row, r); err != nil {
			return err
		}
		if ok {
			m.list.done[i] = present
			c.equal++
			if !strings.HasSuffix(rest, "/") {
				c.files++
			}
			return nil
		}
	}
	c.others = true
	return c.check(i)
}

// check returns ENOTEMPTY when the target has something else, and not all of the
// first n objects of the source.
func (c *comparison) check(n int) error {
	if n > 0 && c.m.list.own {
		n-- // the directory's marker, which is copied in any case
	}
	if c.others && c.equal < n {
		return syscall.ENOTEMPTY
	}
	return nil
}

// end is check at the end of the target. A source without files is no proof of
// an earlier rename.
func (c *comparison) end() error {
	if c.others && c.files == 0 {
		return syscall.ENOTEMPTY
	}
	if c.others || c.equal > 0 {
		clear(c.m.stale) // the markers are copies, too
	}
	return c.check(c.m.list.n)
}

// same reports whether an object b of the target is what a rename makes of the
// object a of the source, of the same size and ETag. It tells copies from files
// that happen to be equal, as empty ones are, by the date that they show. Rows of
// large objects may show their manifests, which are compared themselves.
func (m *treeMove) same(ctx context.Context, a, b *listing.Row) (bool, error) {
	if strings.HasSuffix(a.Name, "/") {
		return true, nil
	}
	if !m.f.madeFrom(m.p.container, a, m.q.container, b) {
		return false, nil
	}
	if !unsized(a) {
		return true, nil
	}
	source, err := m.f.client.Head(ctx, m.p.container, a.Name)
	if err != nil {
		return false, err
	}
	target, err := m.f.client.Head(ctx, m.q.container, b.Name)
	return source.ETag == target.ETag && source.Size == target.Size && source.DLO == target.DLO, err
}

// madeFrom reports whether the type of b is what a rename of a gives it. The date
// in it may come from the answer to a PUT, which rounds it.
func (f *FS) madeFrom(from string, a *listing.Row, to string, b *listing.Row) bool {
	const rounding = 1100 * time.Millisecond
	typed := f.typeAfter(place{from, a.Name}, place{to, b.Name}, a)
	if typed == "" {
		typed = a.ContentType
	}
	want, rest := splitType(typed)
	got, gotRest := splitType(b.ContentType)
	if (want.set^got.set)&hasMtime != 0 {
		return false
	}
	if d := want.mtime.Sub(got.mtime); d > rounding || d < -rounding {
		return false
	}
	blank := strings.NewReplacer(" ", "") // which OpenStack Swift drops
	return want.without(hasMtime).equal(got.without(hasMtime)) && blank.Replace(rest) == blank.Replace(gotRest)
}

// commit makes the new names those that count, for this mount; undo takes that
// back.
func (m *treeMove) commit() (undo func()) {
	f := m.f
	f.cache.MoveTree(m.p.dir(), m.q.dir())
	f.meta.forgetTree(m.q)
	f.meta.move(m.p, m.q)
	f.moveForgotten(m.p, m.q)
	if at, ok := f.dirs.moved.get(m.p.dir()); ok {
		f.dirs.moved.forget(m.p.dir())
		f.dirs.moved.put(m.q.dir(), at)
	}
	f.changed(m.toDir)
	for name := range m.stale {
		f.cache.Remove(m.toDir, name)
	}
	switch {
	case m.q.object == "":
		f.cache.Put(m.toDir, listing.Row{Name: m.q.container, ContentType: directoryType, Modified: time.Now()})
	case len(m.markers) > 0:
		for _, row := range m.markers {
			f.cache.Put(m.toDir, row)
		}
	default:
		f.cache.Keep(m.toDir, m.q.object)
	}
	var inodes []*fusefs.Inode
	if n := f.childOf(m.to.up, m.to.name); n != nil {
		if m.replaced != nil {
			removedDir(n, m.replaced.Row)
		}
		f.moved.add(n, m.to, entryOf{})
		f.numbers.left(n, m.to.up, dirPart(m.q))
		inodes = append(inodes, n)
	}
	if n := f.childOf(m.from.up, m.from.name); n != nil {
		f.moved.add(n, m.from, m.to)
		f.numbers.left(n, m.from.up, dirPart(m.p))
		inodes = append(inodes, n)
	}
	return func() {
		for _, n := range inodes {
			f.moved.undo(n)
		}
		f.cache.MoveTree(m.q.dir(), m.p.dir())
		f.meta.move(m.q, m.p)
		f.moveForgotten(m.q, m.p)
		f.cache.Invalidate(m.toDir)
		f.cache.Invalidate(m.fromDir)
		if m.q.object != "" {
			f.cache.Forget(m.toDir, m.q.object)
		}
	}
}

// forgetOld tells the cache that the old directory is gone, and deletes an old
// container.
func (m *treeMove) forgetOld(ctx context.Context) {
	f := m.f
	if m.p.object == "" {
		m.dropContainer(ctx)
		return
	}
	f.cache.InvalidateTree(m.p.dir())
	m.noted.removeOld(f, m)
	if m.bare != nil {
		f.cache.Remove(m.fromDir, m.bare.Name)
	}
	f.cache.Remove(m.fromDir, m.p.object)
	f.changed(m.fromDir)
	f.keep(m.fromDir)
}
