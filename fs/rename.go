package fs

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// noReplace is RENAME_NOREPLACE of renameat2(2). RENAME_EXCHANGE and the others
// are EINVAL, which that page has for file systems without them.
const noReplace = 1

// Rename implements fusefs.NodeRenamer.
func (n *directoryNode) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.f.rename(ctx, entryOf{&n.Inode, name}, entryOf{newParent.EmbeddedInode(), newName}, flags)
}

// Rename implements fusefs.NodeRenamer: it renames a container, or moves one into
// another.
func (n *accountNode) Rename(ctx context.Context, name string, newParent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	return n.f.rename(ctx, entryOf{&n.Inode, name}, entryOf{newParent.EmbeddedInode(), newName}, flags)
}

// renaming is one rename: what has the old name, and what has the new one.
type renaming struct {
	f        *FS
	from, to entryOf
	old      found
	// replaced is what has the new name; nil when nothing has.
	replaced *found
	// decision is made once: by the rename, when all is copied and it goes through
	// with it, or by the caller, who got a signal before that.
	decision atomic.Int32
}

const (
	undecided int32 = iota
	committed
	abandoned
)

// decide makes the decision, and reports whether it is d.
func (r *renaming) decide(d int32) bool {
	return r.decision.CompareAndSwap(undecided, d)
}

func (f *FS) rename(ctx context.Context, from, to entryOf, flags uint32) syscall.Errno {
	if errno := f.writable(); errno != 0 {
		return errno
	}
	if flags&^noReplace != 0 {
		return syscall.EINVAL
	}
	if from == to {
		return 0
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	r := &renaming{f: f, from: from, to: to}
	err := r.look(ctx, flags&noReplace != 0)
	if err == nil {
		err = r.run(ctx)
	}
	return f.fail("rename", from.name+" to "+to.name, err)
}

// run carries the rename out. A server goes on copying when nobody waits any
// more, so what was begun is seen to its end, in a goroutine of the mount; a
// signal ends only the waiting, and has the copies taken back.
func (r *renaming) run(ctx context.Context) error {
	done := make(chan error, 1)
	r.f.writers.wg.Go(func() {
		if r.old.Kind == listing.Directory {
			done <- r.moveDirectory(ctx)
		} else {
			done <- r.moveFile(ctx)
		}
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if r.decide(abandoned) {
		return ctx.Err()
	}
	return <-done // the old names are going, and go-fuse has to learn it
}

// look finds out what is to be renamed and replaced, and refuses what cannot be.
func (r *renaming) look(ctx context.Context, exclusive bool) error {
	d, ok := r.f.dirOf(r.from.up)
	to, okTo := r.f.dirOf(r.to.up)
	if !ok || !okTo {
		return syscall.ENOENT
	}
	if errno := r.f.newName(r.to.name); errno != 0 {
		return errno
	}
	var err error
	if r.old, err = r.f.lookup(ctx, d, r.from.name); err != nil {
		return err
	}
	switch t, err := r.f.lookup(ctx, to, r.to.name); {
	case err == nil:
		r.replaced = &t
	case swiftbackend.KindOf(err) != swiftbackend.KindNotExist:
		return err
	}
	if exclusive {
		if err := r.vacant(ctx, to); err != nil {
			return err
		}
	}
	return r.compatible(to)
}

// vacant returns EEXIST when something has the new name, by what the server says
// now.
func (r *renaming) vacant(ctx context.Context, to listing.Dir) error {
	if r.replaced != nil {
		return syscall.EEXIST
	}
	rows, err := r.f.probe(ctx, to, r.to.name)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		r.f.cache.Invalidate(to)
		return syscall.EEXIST
	}
	return nil
}

// compatible returns what rename(2) says of files and directories that are to
// replace each other.
func (r *renaming) compatible(to listing.Dir) error {
	directory := r.old.Kind == listing.Directory
	switch {
	case !directory && to.Container == "":
		r.f.log.Warn("a file cannot be moved directly under the account: objects are in containers", "name", r.to.name)
		return syscall.EPERM
	case r.replaced == nil:
	case directory && r.replaced.Kind != listing.Directory:
		return syscall.ENOTDIR
	case !directory && r.replaced.Kind == listing.Directory:
		return syscall.EISDIR
	}
	return nil
}

// fits returns ENAMETOOLONG for an object's name that the server does not take.
func (f *FS) fits(p place) error {
	if most := f.client.Info().MaxObjectName; len(p.object) > most {
		f.log.Warn("after the rename the name of an object would be longer than the server takes", "path", p, "most", most)
		return syscall.ENAMETOOLONG
	}
	return nil
}

// moveFile gives the object of a file or link the new name. The server copies it,
// and what is replaced is there until the copy is complete.
func (r *renaming) moveFile(ctx context.Context) error {
	f := r.f
	m := &fileMove{renaming: r, node: f.childOf(r.from.up, r.from.name), target: f.childOf(r.to.up, r.to.name)}
	var give func()
	var err error
	if m.row, give, err = f.settle(ctx, fileOf(m.node), r.old.Row, r.replaced == nil || r.replaced.Row.Local); err != nil {
		return err
	}
	defer give()
	if m.over, err = supersede(ctx, fileOf(m.target)); err != nil {
		return err
	}
	defer func() { m.over.end(m.overwritten) }()
	leave, err := f.changeEntries(ctx, r.from, r.to)
	if err != nil {
		return err
	}
	defer leave()
	if m.fromDir, m.p, err = f.placeIn(ctx, r.from); err != nil {
		return err
	}
	if m.toDir, m.q, err = f.placeIn(ctx, r.to); err != nil {
		return err
	}
	if err := f.fits(m.q); err != nil {
		return err
	}
	if err = m.move(ctx); err == nil {
		m.overwritten = true
	}
	return err
}

// fileMove is the rename of one object, from p to q.
type fileMove struct {
	*renaming
	// node and target are what the tree has for the two names, or nil.
	node, target *fusefs.Inode
	over         *superseded
	overwritten  bool        // what had the new name is gone, whatever the rename returns
	row          listing.Row // the version that is moved

	fromDir, toDir listing.Dir
	p, q           place
}

func (m *fileMove) move(ctx context.Context) error {
	f := m.f
	if err := m.over.keep(ctx, m.q); err != nil {
		return err
	}
	if m.row.Local {
		if !m.decide(committed) {
			return ctx.Err()
		}
		row := m.row
		if typed := f.typeAfter(m.p, m.q, &row); typed != "" {
			row.ContentType = typed
		}
		m.commit(row)
		m.forgetOld()
		return nil
	}
	var garbage []swiftbackend.Segment
	if m.replaced != nil && !m.over.hasSegments() {
		garbage, _ = f.oldSegments(ctx, m.q, &m.replaced.Row)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	row, err := f.duplicate(f.ctx, m.p, m.q, &m.row, knownInfo(&m.row))
	if err != nil {
		return err
	}
	if !m.decide(committed) {
		m.takeBack(row)
		return ctx.Err()
	}
	undo := m.commit(row)
	if err := ignoreGone(f.client.Delete(f.ctx, m.p.container, m.p.object)); err != nil {
		undo()
		if swiftbackend.Refused(err) {
			m.takeBack(row)
		} else {
			m.keepBoth(row) // the old one may be gone
			f.cache.Forget(m.fromDir, m.p.object)
		}
		return err
	}
	m.forgetOld()
	if m.replaced != nil {
		f.dropOverwritten(garbage, m.q, &m.replaced.Row, &row)
	}
	return nil
}

// commit makes the new name the file's, for this mount; undo takes that back.
func (m *fileMove) commit(row listing.Row) (undo func()) {
	f := m.f
	before := m.row
	row.Name = m.q.object
	f.cache.Put(m.toDir, row)
	f.meta.forget(m.q)
	f.meta.move(m.p, m.q)
	if m.target != nil {
		f.moved.add(m.target, m.to, entryOf{})
		f.numbers.left(m.target, m.to.up, lastPart(m.q))
	}
	if m.node != nil {
		f.moved.add(m.node, m.from, m.to)
		f.numbers.left(m.node, m.from.up, lastPart(m.p))
	}
	standFor(m.node, row)
	return func() {
		f.meta.move(m.q, m.p)
		f.moved.undo(m.target)
		f.moved.undo(m.node)
		standFor(m.node, before)
	}
}

// standFor tells a node, which may be nil, which version it stands for.
func standFor(n *fusefs.Inode, row listing.Row) {
	if n == nil {
		return
	}
	if node, ok := n.Operations().(interface{ renamed(now listing.Row) }); ok {
		node.renamed(row)
	}
}

func (m *fileMove) forgetOld() {
	f := m.f
	f.cache.Remove(m.fromDir, m.p.object)
	f.meta.forget(m.p)
	f.changed(m.fromDir)
	f.changed(m.toDir)
	f.keep(m.fromDir)
}

// takeBack removes the copy of an object that keeps its old name. One that has
// replaced another stays: what it replaced is gone.
func (m *fileMove) takeBack(row listing.Row) {
	f := m.f
	if m.replaced != nil {
		m.keepBoth(row)
		return
	}
	if err := ignoreGone(f.client.Delete(f.ctx, m.q.container, m.q.object)); err != nil {
		f.log.Warn("a file that was to be renamed has both names now, because neither could be removed", "old", m.p, "new", m.q, "error", err)
		return
	}
	f.cache.Remove(m.toDir, m.q.object)
}

// keepBoth leaves the copy where it is.
func (m *fileMove) keepBoth(row listing.Row) {
	f := m.f
	row.Name = m.q.object
	f.cache.Put(m.toDir, row)
	if m.over.draft == nil {
		standFor(m.target, row)
	} else {
		// Those who have it open keep what they have. The kernel shows that to others
		// until it is told; it listens when it has our answer.
		m.overwritten = true
		f.writers.wg.Go(func() { _ = m.to.up.NotifyEntry(m.to.name) })
	}
	f.log.Warn("a file that was to be renamed has both names now, because the rename did not come to its end", "old", m.p, "new", m.q)
}

// typeAfter returns the content type that an object gets with its new name, or ""
// when it keeps its own. A type that was only made from the extension follows it;
// and the date that the object shows, which a copy does not have, goes along as
// an attribute.
func (f *FS) typeAfter(p, q place, row *listing.Row) string {
	if row.ContentType == "" || row.SymlinkPath != "" || strings.HasSuffix(row.Name, "/") {
		return ""
	}
	a, rest := splitType(row.ContentType)
	is, parameters, _ := strings.Cut(rest, ";")
	if old, now := contentType(p.object), contentType(q.object); is == old && old != now {
		rest = now
		if parameters != "" {
			rest += ";" + parameters
		}
	}
	// Metadata that nobody has looked at may have a date, too.
	unknown := f.cfg.Attrs == AttrsNone || f.mayHaveMeta(row) && !row.Resolved
	if !unknown && !row.Local && !row.Modified.IsZero() {
		a = a.over(attrs{set: hasMtime, mtime: row.Modified})
	}
	if typed := joinType(rest, a); typed != row.ContentType {
		return typed
	}
	return ""
}

// knownInfo is what a row tells of its object, as a request to copy it needs it.
func knownInfo(r *listing.Row) swiftbackend.ObjectInfo {
	info := swiftbackend.ObjectInfo{ETag: r.ETag, Size: r.Size, SLO: large(r)}
	if r.SymlinkPath != "" {
		info.ETag, info.SLO = emptyMD5, false // of the link
	}
	return info
}

// knownInfoOf is the same after a HEAD.
func knownInfoOf(r *listing.Row, info *swiftbackend.ObjectInfo) swiftbackend.ObjectInfo {
	if r.SymlinkPath != "" {
		return knownInfo(r)
	}
	return *info
}

// duplicate has the server give an object a second name, and returns the row of
// that.
func (f *FS) duplicate(ctx context.Context, p, q place, row *listing.Row, info swiftbackend.ObjectInfo) (listing.Row, error) {
	from, to := swiftbackend.Name{Container: p.container, Object: p.object}, swiftbackend.Name{Container: q.container, Object: q.object}
	typed := f.typeAfter(p, q, row)
	clone, err := f.client.Clone(ctx, from, to, info, swiftbackend.CloneOptions{ContentType: typed, SourceType: f.typeAfter(p, p, row)})
	if swiftbackend.KindOf(err) == swiftbackend.KindConflict {
		// Somebody has stored another version since it was listed.
		if info, err = f.head(ctx, p.container, p.object); err != nil {
			return listing.Row{}, err
		}
		now := f.headRow(p.object, &info)
		row, typed = &now, f.typeAfter(p, q, &now)
		clone, err = f.client.Clone(ctx, from, to, knownInfoOf(row, &info), swiftbackend.CloneOptions{ContentType: typed, SourceType: f.typeAfter(p, p, row)})
	}
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		// Which of the two is it?
		if _, headErr := f.head(ctx, p.container, p.object); headErr == nil {
			err = &swiftbackend.Error{Op: "rename", Path: to.Container, Kind: swiftbackend.KindNotExist, Err: errNoContainer}
		} else {
			err = headErr
		}
	}
	if err != nil {
		return listing.Row{}, err
	}
	now := *row
	now.Name, now.Modified = q.object, clone.Modified
	if now.Modified.IsZero() {
		now.Modified = time.Now()
	}
	if typed != "" {
		now.ContentType = typed
	}
	return now, nil
}

// dropOverwritten deletes the segments of a version that a rename has replaced,
// unless they may be those of the new one, too.
func (f *FS) dropOverwritten(old []swiftbackend.Segment, p place, before, now *listing.Row) {
	if len(old) == 0 {
		return
	}
	current := map[string]bool{}
	if large(now) {
		info, err := f.client.Head(f.ctx, p.container, p.object)
		var segments []swiftbackend.Segment
		if err == nil {
			segments, err = f.client.Segments(f.ctx, p.container, p.object, info)
		}
		if err != nil || before.ETag == now.ETag {
			f.log.Warn("the segments of a replaced file stay, because the new one may have them", "path", p, "error", err)
			return
		}
		for _, s := range segments {
			current[s.Name] = true
		}
	}
	f.dropReplaced(p, old, current)
}
