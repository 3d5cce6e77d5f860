package fs

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// directoryNode is a directory within a container: the objects whose names
// begin with the directory's, shown by their next part. Container nodes embed
// it, a container being a directory whose prefix is empty.
type directoryNode struct {
	fusefs.Inode
	f *FS
	// part is the directory's part of the objects' names. It counts where it
	// does not follow from the entry.
	part string
	// bareList says that files in it were listed without attributes lately.
	bareList atomic.Bool
	// last is the directory's row when it was removed, for those who have it open.
	last atomic.Pointer[listing.Row]

	listed listed
	list   kernelList
	told   told
}

var _ = (interface {
	fusefs.NodeLookuper
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
	fusefs.NodeOpendirHandler
	fusefs.NodeCreater
	fusefs.NodeMkdirer
	fusefs.NodeUnlinker
	fusefs.NodeRmdirer
	fusefs.NodeStatfser
	fusefs.NodeFsyncer
	fusefs.NodeRenamer
	fusefs.NodeMknoder
	fusefs.NodeLinker
	fusefs.NodeSymlinker
})((*directoryNode)(nil))

// Lookup implements fusefs.NodeLookuper.
func (n *directoryNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if len(name) > maxName {
		return nil, syscall.ENAMETOOLONG
	}
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		return nil, syscall.ENOENT
	}
	e, err := n.f.lookup(ctx, d, name)
	if err != nil {
		return nil, n.f.fail("lookup", in(d, name).String(), err)
	}
	if e.Kind == listing.File && (n.bareList.CompareAndSwap(true, false) || n.f.lists.lookedUp(&n.list)) {
		n.f.plus.lookedUp()
	}
	return n.f.child(ctx, &n.Inode, d, name, &e, out), 0
}

// listedBare notes that files in it were listed without attributes.
func (n *directoryNode) listedBare() { n.bareList.Store(true) }

// child returns the inode of an entry and fills its attributes. A file whose
// version has changed at the server gets another inode than the one before.
func (f *FS) child(ctx context.Context, up *fusefs.Inode, d listing.Dir, name string, e *found, out *fuse.EntryOut) *fusefs.Inode {
	f.setEntryTimeouts(out, e.fetched)
	if e.Kind == listing.Directory {
		below := in(d, e.Name+"/").dir()
		f.dirAttr(&out.Attr, below, &e.Row)
		if old := f.childOf(up, name); old != nil && old.StableAttr().Mode == fuse.S_IFDIR {
			if n, ok := old.Operations().(*directoryNode); ok {
				n.tell(below, e)
			}
			return old // perhaps one that was renamed to here
		}
		n := &directoryNode{f: f, part: e.Name}
		n.tell(below, e)
		return f.newInode(ctx, up, n, f.newStable(up, e.Name, listing.Directory, dirGeneration))
	}
	if f.isLink(&e.Row) {
		return f.linkChild(ctx, up, d, name, e.Row, &out.Attr)
	}
	p := e.object(d)
	generation := version(p, &e.Row)
	if old := f.childOf(up, name); old != nil {
		if file, ok := old.Operations().(*fileNode); ok && file.stands(&e.Row, e.fetched) {
			file.attr(&out.Attr)
			return old
		}
		if old.StableAttr().Gen == generation {
			// It began as the same bytes of the same second, which this mount has
			// changed since: go-fuse would take the two for one inode.
			generation = f.writers.nextGeneration()
		}
	}
	file := f.drafts.forgotten(p)
	if file == nil {
		file = &fileNode{f: f, at: p, row: e.Row}
	}
	file.attr(&out.Attr)
	return f.newInode(ctx, up, file, f.newStable(up, e.Name, listing.File, generation))
}

// Getattr implements fusefs.NodeGetattrer.
func (n *directoryNode) Getattr(ctx context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		row := n.last.Load()
		if row == nil {
			row = &listing.Row{}
		}
		n.f.dirAttr(&out.Attr, d, row) // removed and still somebody's working directory
		return 0
	}
	if n.IsRoot() {
		n.f.dirAttr(&out.Attr, d, n.f.dirs.top.row())
		out.SetTimeout(n.f.cfg.CacheTTL)
		return 0
	}
	row, fetched, err := n.row(ctx, d)
	if err != nil {
		return n.f.fail("getattr", d.Container+"/"+d.Prefix, err)
	}
	n.f.dirAttr(&out.Attr, d, &row)
	out.SetTimeout(n.f.remaining(fetched))
	return 0
}

// OpendirHandle implements fusefs.NodeOpendirHandler. Nothing is asked before
// the first entry is wanted.
func (n *directoryNode) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		return nil, 0, syscall.ENOENT
	}
	h := newDirHandle(n.f, &n.Inode, d)
	flags := h.list.open(n.f, n, d)
	return h, flags << ownFlagsShift, 0
}

// Create implements fusefs.NodeCreater. Nothing is sent: the object is made by
// the close.
func (n *directoryNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return nil, nil, 0, toErrno(err)
	}
	defer leave()
	d, part, errno := n.newEntry(name, "")
	if errno != 0 {
		return nil, nil, 0, errno
	}
	p := in(d, part)
	if flags&syscall.O_EXCL != 0 {
		if errno := n.f.exists(ctx, d, part); errno != 0 {
			return nil, nil, 0, errno
		}
	}
	file := &fileNode{f: n.f, at: p, row: listing.Row{Name: p.object, Local: true, Modified: time.Now(), Resolved: true}}
	file.row.ContentType = joinType(contentType(p.object), n.f.newFileAttrs(ctx, d, mode))
	w := newWriteHandle(file, file.newDraft())
	n.f.cache.Put(d, file.row)
	n.f.changed(d)
	file.attr(&out.Attr)
	n.f.setEntryTimeouts(out, time.Now())
	ino := n.f.newInode(ctx, &n.Inode, file, n.f.newStable(&n.Inode, part, listing.File, n.f.writers.nextGeneration()))
	return ino, w, openFlags(flags), 0
}

// newEntry checks that an entry of this name may be made here; suffix is what
// the object's name has after it.
func (n *directoryNode) newEntry(name, suffix string) (d listing.Dir, part string, errno syscall.Errno) {
	if errno := n.f.writable(); errno != 0 {
		return d, "", errno
	}
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		return d, "", syscall.ENOENT
	}
	if errno := n.f.newName(name); errno != 0 {
		return d, "", errno
	}
	if len(d.Prefix)+len(name)+len(suffix) > n.f.client.Info().MaxObjectName {
		n.f.log.Warn("the server takes no object names this long", "path", in(d, name), "most", n.f.client.Info().MaxObjectName)
		return d, "", syscall.ENAMETOOLONG
	}
	return d, name, 0
}

// newName checks that a new entry may have this name, and logs why not. The
// kernel lets names of up to 1,024 bytes through; one that no listing could
// show is not made.
func (f *FS) newName(name string) syscall.Errno {
	switch {
	case len(name) > maxName:
		f.log.Warn("a directory entry cannot be this long", "name", name, "most", maxName)
		return syscall.ENAMETOOLONG
	case !utf8.ValidString(name):
		f.log.Warn("the name is not UTF-8 text, which names in Swift are", "name", name)
		return syscall.EINVAL
	case !creatable(name):
		f.log.Warn("names of this form stand for objects that have no ordinary name and cannot be created", "name", name)
		return syscall.EINVAL
	}
	return 0
}

// refuse logs why an operation is not possible and returns EOPNOTSUPP.
func (f *FS) refuse(op string, p place) syscall.Errno {
	f.log.Warn(op+" is not supported by this version", "path", p)
	return syscall.EOPNOTSUPP
}

// Mkdir implements fusefs.NodeMkdirer: it stores the marker "name/", or "name"
// if that has attributes to show.
func (n *directoryNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return nil, toErrno(err)
	}
	defer leave()
	d, part, errno := n.newEntry(name, "/")
	if errno == 0 {
		errno = n.f.exists(ctx, d, part)
	}
	if errno != 0 {
		return nil, errno
	}
	below := in(d, part+"/")
	a := n.f.newDirAttrs(ctx, d, mode)
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	row, err := n.f.makeMarker(ctx, below, a)
	if err != nil {
		// It may be there: made by this request or by somebody else.
		n.f.cache.Forget(d, below.object)
		n.f.cache.Forget(d, in(d, part).object)
		return nil, n.f.fail("mkdir", below.String(), err)
	}
	n.f.cache.Put(d, row)
	n.f.cache.Created(below.dir())
	n.f.late.create(below.dir(), &row)
	n.f.changed(d)
	n.f.dirAttr(&out.Attr, below.dir(), &row)
	n.f.setEntryTimeouts(out, time.Now())
	return n.f.newInode(ctx, &n.Inode, &directoryNode{f: n.f}, n.f.newStable(&n.Inode, part, listing.Directory, dirGeneration)), 0
}

// doomed finds the entry that op is to remove.
func (n *directoryNode) doomed(ctx context.Context, op, name string) (d listing.Dir, e found, errno syscall.Errno) {
	if errno := n.f.writable(); errno != 0 {
		return d, e, errno
	}
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		return d, e, syscall.ENOENT
	}
	e, err := n.f.lookup(ctx, d, name)
	if err != nil {
		return d, e, n.f.fail(op, in(d, name).String(), err)
	}
	return d, e, 0
}

// Unlink implements fusefs.NodeUnlinker.
func (n *directoryNode) Unlink(ctx context.Context, name string) syscall.Errno {
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	d, e, errno := n.doomed(ctx, "unlink", name)
	if errno != 0 {
		return errno
	}
	if e.Kind == listing.Directory {
		return syscall.EISDIR
	}
	if err := n.f.unlink(ctx, entryOf{&n.Inode, name}, &e.Row); err != nil {
		return n.f.fail("unlink", e.object(d).String(), err)
	}
	return 0
}

// keep makes a directory stay from which something was removed, and those above
// it, whether or not they were more than a part of its name.
func (f *FS) keep(d listing.Dir) {
	for d.Prefix != "" && d.Prefix != f.cfg.Prefix {
		up, part, _ := parent(d)
		f.cache.Keep(up, in(up, part+"/").object)
		d = up
	}
}

// ignoreGone makes "not found" a success: what was to be deleted is not there.
func ignoreGone(err error) error {
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		return nil
	}
	return err
}

// Rmdir implements fusefs.NodeRmdirer: it deletes the directory's markers after
// the server has said that nothing else is below it.
func (n *directoryNode) Rmdir(ctx context.Context, name string) syscall.Errno {
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	d, e, errno := n.doomed(ctx, "rmdir", name)
	if errno != 0 {
		return errno
	}
	if e.Kind != listing.Directory {
		return syscall.ENOTDIR
	}
	gone := in(d, e.Name+"/")
	if err := n.f.removeDirectory(ctx, d, gone, &e.Row); err != nil {
		return n.f.fail("rmdir", gone.String(), err)
	}
	removedDir(n.f.childOf(&n.Inode, name), e.Row)
	return 0
}

// removedDir tells a directory of the tree, or nil, that it has been removed.
func removedDir(n *fusefs.Inode, row listing.Row) {
	if n == nil {
		return
	}
	if dir, ok := n.Operations().(interface{ removed(last listing.Row) }); ok {
		dir.removed(row)
	}
}

func (n *directoryNode) removed(last listing.Row) { n.last.Store(&last) }

func (f *FS) removeDirectory(ctx context.Context, up listing.Dir, gone place, row *listing.Row) error {
	// An attempt under way could make the marker again.
	if err := f.late.settle(ctx, gone.dir()); err != nil {
		return err
	}
	listed, err := f.emptyExceptMarker(ctx, gone)
	if err != nil {
		return err
	}
	var markers []string
	// A marker that was made a moment ago may not be listed yet.
	if known := row.Name == gone.object && !row.Subdir || f.cache.Made(up, gone.object); listed || known {
		markers = append(markers, gone.object)
	}
	if bare := strings.TrimSuffix(gone.object, "/"); row.Name == bare {
		markers = append(markers, bare)
	}
	for _, m := range markers {
		if err := ignoreGone(f.client.Delete(ctx, gone.container, m)); err != nil {
			return err
		}
		f.cache.Remove(up, m)
		f.meta.forget(place{gone.container, m})
	}
	f.cache.Remove(up, gone.object)
	f.cache.InvalidateTree(gone.dir())
	f.late.forget(gone.dir())
	f.changed(up)
	f.keep(up)
	return nil
}

// emptyExceptMarker returns ENOTEMPTY when anything is below a directory, by a
// fresh listing with this mount's own changes over it, and whether the
// directory's marker is there.
func (f *FS) emptyExceptMarker(ctx context.Context, dir place) (marker bool, err error) {
	removed := map[string]bool{}
	for _, c := range f.cache.Changes(dir.dir()) {
		if c.Removed {
			removed[c.Row.Name] = true
			continue
		}
		// What this mount made may have been deleted by others since: a scan
		// verifies what is in doubt.
		switch _, err := f.cache.Scan(ctx, dir.dir()).Next(ctx); {
		case err == nil:
			return false, syscall.ENOTEMPTY
		case !isEOF(err):
			return false, err
		}
	}
	// A listing that lags may show what this mount has removed: such rows are
	// passed over, a page at a time.
	const page = 100
	o := swiftbackend.ListOptions{Prefix: dir.object, Limit: page}
	for {
		end, err := f.client.ListObjects(ctx, dir.container, o, func(r swiftbackend.ObjectRow) error {
			o.Marker = r.Name
			switch {
			case r.Name == dir.object:
				marker = true
				if r.Bytes > 0 {
					return syscall.ENOTEMPTY // data under the directory's name
				}
			case !removed[r.Name] && !f.removedBelow(dir, r.Name):
				return syscall.ENOTEMPTY
			}
			return nil
		})
		if err != nil || end {
			return marker, err
		}
	}
}

// removedBelow reports whether this mount removed the object name, or its
// directory, somewhere below dir.
func (f *FS) removedBelow(dir place, name string) bool {
	rest := strings.TrimPrefix(name, dir.object)
	for at := 0; ; {
		slash := strings.IndexByte(rest[at:], '/')
		part := rest
		if slash >= 0 {
			part = rest[:at+slash+1]
		}
		d := listing.Dir{Container: dir.container, Prefix: dir.object + rest[:at]}
		for _, c := range f.cache.Changes(d) {
			if c.Removed && c.Row.Name == dir.object+part {
				return true
			}
		}
		if slash < 0 || at+slash+1 >= len(rest) {
			return false
		}
		at += slash + 1
	}
}

// Fsync implements fusefs.NodeFsyncer: what was done in a directory is on the
// server when the call that did it returns, but for the attributes of a new one.
func (n *directoryNode) Fsync(ctx context.Context, _ fusefs.FileHandle, _ uint32) syscall.Errno {
	d, ok := n.f.dirOf(&n.Inode)
	if !ok {
		return 0
	}
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	return n.f.fail("fsync", d.Container+"/"+d.Prefix, n.f.late.settle(ctx, d))
}

// Mknod implements fusefs.NodeMknoder: there are no devices, fifos or sockets
// in a container.
func (n *directoryNode) Mknod(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Link implements fusefs.NodeLinker: an object has one name.
func (n *directoryNode) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}
