package fs

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// The attributes of a directory are those of the empty object that is named like
// it, without the "/" of the marker: a listing of the directory above shows that
// object's content type, and of "name/" no more than the name.

// dirMemory is what a mount knows of its directories beside their rows.
type dirMemory struct {
	// moved has when this mount last changed something in a directory.
	moved *recent[listing.Dir, time.Time]
	// containers has the attributes of containers.
	containers *containerMemory
	top        topRow
}

func newDirMemory() *dirMemory {
	return &dirMemory{moved: newRecent[listing.Dir, time.Time](touchedDirs), containers: newContainerMemory()}
}

// topRow is what is known of the directory that is the root of the mount, which
// no listing shows: what was so when it was mounted, and what this mount set.
type topRow struct {
	mu sync.Mutex // guards the following
	r  listing.Row
}

func (t *topRow) row() *listing.Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.r
	return &r
}

func (t *topRow) set(r listing.Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r = r
}

// bare is the name of the object that has a directory's attributes, or "" when
// it cannot have any.
func bare(d listing.Dir) string {
	name := strings.TrimSuffix(d.Prefix, "/")
	if strings.HasSuffix(name, "/") {
		return "" // that is the marker of the directory above
	}
	return name
}

// isDirectoryType reports whether a row's type is a directory's.
func isDirectoryType(r *listing.Row) bool {
	kind, _, _ := strings.Cut(strings.ToLower(r.ContentType), ";")
	kind = strings.TrimSpace(kind)
	return kind == directoryType || kind == "text/directory"
}

// touchedDirs bounds the directories whose change is remembered.
const touchedDirs = 4096

// changed notes that an entry of d came or went, which its date shows in this
// mount; the server is not told.
func (f *FS) changed(d listing.Dir) { f.dirs.moved.put(d, time.Now()) }

// dirAttr fills the attributes of a directory with that row, whose date is zero
// when nobody knows it.
func (f *FS) dirAttr(out *fuse.Attr, d listing.Dir, row *listing.Row) {
	out.Mode = fuse.S_IFDIR
	out.Nlink = 2
	out.Size = dirSize
	a, at := f.dirDates(d, row)
	f.commonAttr(out, a.over(f.dirDefaults()), at)
}

// dirDates returns a directory's attributes and the date of what they do not
// say.
func (f *FS) dirDates(d listing.Dir, row *listing.Row) (attrs, time.Time) {
	// The answer to a PUT rounds its date up.
	const rounding = time.Second
	a, at := f.attrsOf(row), row.Modified
	if moved, ok := f.dirs.moved.get(d); ok && moved.After(at.Add(-rounding)) {
		a = a.without(hasMtime)
		if moved.After(at) {
			at = moved
		}
	}
	return a, at
}

// lookupDir finds the entry of a directory that is below another.
func (f *FS) lookupDir(ctx context.Context, d listing.Dir) (found, error) {
	up, part, _ := parent(d)
	name, _ := encodeName(part, formPlain)
	return f.lookup(ctx, up, name)
}

// dirRow returns the row of a directory within a container.
func (n *directoryNode) dirRow(ctx context.Context, d listing.Dir) (listing.Row, error) {
	if n.IsRoot() {
		return *n.f.dirs.top.row(), nil
	}
	e, err := n.f.lookupDir(ctx, d)
	return e.Row, err
}

// Setattr implements fusefs.NodeSetattrer.
func (n *directoryNode) Setattr(ctx context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	return n.f.setDir(ctx, &n.Inode, in, out, n.dirRow, n.f.storeDirAttrs)
}

// setDir sets attributes of a directory: get returns its row, and store changes
// what the server has and returns the row then.
func (f *FS) setDir(ctx context.Context, node *fusefs.Inode, in *fuse.SetAttrIn, out *fuse.AttrOut,
	get func(context.Context, listing.Dir) (listing.Row, error),
	store func(context.Context, listing.Dir, listing.Row, attrs) (listing.Row, error),
) syscall.Errno {
	if errno := f.writable(); errno != 0 {
		return errno
	}
	d, ok := f.dirOf(node)
	if !ok {
		f.dirAttr(&out.Attr, d, &listing.Row{}) // removed: nobody will see it
		return 0
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	path := place{d.Container, d.Prefix}.String()
	row, err := get(ctx, d)
	if err != nil {
		return f.fail("setattr", path, err)
	}
	f.dirAttr(&out.Attr, d, &row)
	out.SetTimeout(f.cfg.CacheTTL)
	if f.cfg.Attrs == AttrsNone {
		return sameAttr(in, &out.Attr)
	}
	want, _ := askedAttrs(in)
	a, at := f.dirDates(d, &row)
	if shown := a.over(f.dirDefaults()).over(attrs{set: hasMtime, mtime: at}); want.same(shown) == want.set {
		return 0
	}
	if row, err = store(ctx, d, row, want); err != nil {
		return f.fail("setattr", path, err)
	}
	if want.set&hasMtime != 0 {
		f.dirs.moved.forget(d)
	}
	f.dirAttr(&out.Attr, d, &row)
	return 0
}

// storeDirAttrs gives a directory other attributes, and returns its row then.
func (f *FS) storeDirAttrs(ctx context.Context, d listing.Dir, row listing.Row, want attrs) (listing.Row, error) {
	has, date := f.dirDates(d, &row)
	all := want.over(has)
	if !date.IsZero() {
		all = all.over(attrs{set: hasMtime, mtime: date})
	}
	if kept, ok := f.late.keep(d, want, all.over(f.dirDefaults())); ok {
		return kept, nil
	}
	if err := f.late.settle(ctx, d); err != nil {
		return row, err
	}
	return f.postDirAttrs(ctx, d, row, want)
}

// postDirAttrs gives the object that has a directory's attributes other ones,
// or makes it.
func (f *FS) postDirAttrs(ctx context.Context, d listing.Dir, row listing.Row, want attrs) (listing.Row, error) {
	name := bare(d)
	if name == "" {
		return row, f.refuse("setting attributes of a directory without a name", place{d.Container, d.Prefix})
	}
	has, date := f.dirDates(d, &row)
	info, err := f.client.Update(ctx, d.Container, name, func(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		if !isDirectoryType(&listing.Row{ContentType: o.ContentType}) || o.Size > 0 {
			f.log.Warn("a directory beside a file of the same name has no attributes of its own", "path", place{d.Container, d.Prefix})
			return swiftbackend.Change{}, syscall.EOPNOTSUPP
		}
		return changedAttrs(&o, want, date, f.dirDefaults()), nil
	})
	f.meta.forget(place{d.Container, name})
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		if !date.IsZero() {
			has = has.over(attrs{set: hasMtime, mtime: date})
		}
		var meta map[string]string
		if meta, err = f.markerMeta(ctx, d); err == nil {
			info, err = f.putMarker(ctx, place{d.Container, name}, want.over(has).beyond(f.dirDefaults()), meta)
		}
	}
	if err != nil {
		return row, err
	}
	row = listing.Row{Name: name, ETag: emptyMD5, ContentType: info.ContentType, Modified: info.Modified, Resolved: true}
	if up, _, ok := parent(d); ok && d.Prefix != f.cfg.Prefix {
		f.cache.Put(up, row)
	} else {
		f.dirs.top.set(row)
	}
	return row, nil
}

// putMarker makes an empty object with attributes and other metadata where there
// is none.
func (f *FS) putMarker(ctx context.Context, p place, a attrs, other map[string]string) (swiftbackend.ObjectInfo, error) {
	f.meta.forget(p)
	return f.client.Put(ctx, p.container, p.object, swiftbackend.Content{MD5: emptyMD5}, swiftbackend.PutOptions{
		ContentType: joinType(directoryType, a), Meta: a.withMeta(other), IfNoneMatch: true,
	})
}

// markerMeta returns the metadata of a directory's marker "name/", which is about
// to have "name" beside it. One that this mount made has none.
func (f *FS) markerMeta(ctx context.Context, d listing.Dir) (map[string]string, error) {
	if up, _, ok := parent(d); ok && f.cache.Made(up, d.Prefix) {
		return nil, nil
	}
	m, err := f.objectMeta(ctx, place{d.Container, d.Prefix}, "")
	if m == nil {
		return nil, err
	}
	return m.meta, err
}

// makeMarker makes a directory: by the marker "name/", or if it has attributes
// by the object that shows them.
func (f *FS) makeMarker(ctx context.Context, below place, a attrs) (listing.Row, error) {
	row := listing.Row{Name: below.object, ETag: emptyMD5, ContentType: directoryType, Resolved: true}
	var info swiftbackend.ObjectInfo
	var err error
	if a.set == 0 {
		info, err = f.client.Put(ctx, below.container, row.Name, swiftbackend.Content{MD5: emptyMD5}, swiftbackend.PutOptions{ContentType: directoryType})
	} else {
		row.Name, row.ContentType = bare(below.dir()), joinType(directoryType, a)
		if err = f.vacant(ctx, below.container, row.Name); err == nil {
			info, err = f.putMarker(ctx, place{below.container, row.Name}, a, nil)
		}
	}
	row.Modified = info.Modified
	return row, err
}

// vacant returns an error if there is such an object, where a PUT would not: RGW
// overwrites it.
func (f *FS) vacant(ctx context.Context, container, name string) error {
	if !f.client.Info().RGW {
		return nil
	}
	_, err := f.client.Head(ctx, container, name)
	if err == nil {
		return &swiftbackend.Error{Op: "mkdir", Path: container + "/" + name, Kind: swiftbackend.KindExist}
	}
	return ignoreGone(err)
}

// newFileAttrs returns what is stored of the mode and owner of a new file in d.
func (f *FS) newFileAttrs(ctx context.Context, d listing.Dir, mode uint32) attrs {
	a, _ := f.newAttrs(ctx, d, mode)
	return a.beyond(f.fileDefaults())
}

// newDirAttrs is newFileAttrs for a directory, which inherits setgid.
func (f *FS) newDirAttrs(ctx context.Context, d listing.Dir, mode uint32) attrs {
	a, inherits := f.newAttrs(ctx, d, mode)
	if inherits && a.set&hasMode != 0 {
		a.mode |= syscall.S_ISGID
	}
	return a.beyond(f.dirDefaults())
}

// newAttrs returns the mode and owner of what a caller makes in d. The mode has
// been through the caller's umask.
func (f *FS) newAttrs(ctx context.Context, d listing.Dir, mode uint32) (a attrs, inherits bool) {
	if f.cfg.Attrs == AttrsNone {
		return a, false
	}
	a = attrs{set: hasMode, mode: mode & permissions}
	if caller, ok := fuse.FromContext(ctx); ok {
		a = a.over(attrs{set: hasUID | hasGID, uid: caller.Uid, gid: caller.Gid})
	}
	up := f.knownDirAttrs(ctx, d)
	if inherits = up.mode&syscall.S_ISGID != 0; inherits {
		a.set, a.gid = a.set|hasGID, up.gid
	}
	return a, inherits
}

// knownDirAttrs returns the attributes of a directory as far as they are known
// without asking: the kernel has asked a moment ago.
func (f *FS) knownDirAttrs(ctx context.Context, d listing.Dir) attrs {
	row := listing.Row{}
	up, part, ok := parent(d)
	switch {
	case ok && (d.Container != f.cfg.Container || d.Prefix != f.cfg.Prefix):
		if e, a := f.cache.Lookup(ctx, up, part); a.State == listing.Found {
			row = e.Row
		}
		if d.Prefix == "" {
			row, _ = f.containerRow(row)
		}
	default:
		row = *f.dirs.top.row()
	}
	return f.attrsOf(&row).over(f.dirDefaults())
}
