package fs

import (
	"context"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

var _ = (interface {
	fusefs.NodeGetxattrer
	fusefs.NodeSetxattrer
	fusefs.NodeListxattrer
	fusefs.NodeRemovexattrer
})((*fileNode)(nil))

// Getxattr implements fusefs.NodeGetxattrer.
func (n *fileNode) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	return n.f.getxattr(ctx, fileXattrs{n}, attr, dest)
}

// Listxattr implements fusefs.NodeListxattrer.
func (n *fileNode) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	return n.f.listxattr(ctx, fileXattrs{n}, dest)
}

// Setxattr implements fusefs.NodeSetxattrer.
func (n *fileNode) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	return n.f.setxattr(ctx, fileXattrs{n}, attr, data, flags)
}

// Removexattr implements fusefs.NodeRemovexattrer.
func (n *fileNode) Removexattr(ctx context.Context, attr string) syscall.Errno {
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	return n.f.removexattr(ctx, fileXattrs{n}, attr)
}

// fileXattrs are the extended attributes of a file.
type fileXattrs struct{ n *fileNode }

var _ attributed = fileXattrs{}

func (a fileXattrs) String() string {
	_, p, _ := a.n.place()
	return p.String()
}

// pendingEdits are changes of a file's attributes that go to the server with
// the content that is being written.
type pendingEdits struct {
	mu sync.Mutex // guards the following
	// edits are to be made in this order, to what the object has.
	edits []metaEdit
	// storing says that an upload is under way. It takes the first edits along,
	// taken of them, and those that come later have to wait for its end.
	storing bool
	taken   int
	// sent is what the upload gives the object; nil before it is decided.
	sent *objectMeta
}

// begin says that an upload begins, failed and end how it ended.
func (e *pendingEdits) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.storing, e.taken, e.sent = true, 0, nil
}

func (e *pendingEdits) failed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.storing = false
}

// end returns what the object has now, or nil if nothing was sent, and the edits
// that came too late.
func (e *pendingEdits) end() (sent *objectMeta, late []metaEdit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	sent, late = e.sent, e.edits[e.taken:]
	e.storing, e.edits, e.sent = false, nil, nil
	return sent, late
}

func (e *pendingEdits) isStoring() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.storing
}

func (e *pendingEdits) all() []metaEdit {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.edits)
}

// take says that an upload takes the first edits along.
func (e *pendingEdits) take(n int, sent *objectMeta) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken, e.sent = n, sent
}

// unstored reports whether the server does not have the file's content yet, so
// that its attributes can go along with it.
func (n *fileNode) unstored() bool {
	d := n.currentDraft()
	return d != nil && d.unsaved.Load()
}

// meta returns the file's metadata as they are, or will be once the file is
// stored.
func (a fileXattrs) meta(ctx context.Context) (*objectMeta, place, error) {
	_, p, ok := a.n.place()
	if !ok {
		return nil, p, syscall.ENOENT // unlinked
	}
	m, err := a.n.storedMeta(ctx, p)
	if err != nil {
		return nil, p, err
	}
	if edits := a.n.pending.all(); len(edits) > 0 || a.n.unstored() {
		m = m.clone()
		m.etag, m.slo, m.dlo = "", false, ""
		for _, edit := range edits {
			if err := edit(m); err != nil {
				return nil, p, err
			}
		}
	}
	return m, p, nil
}

// storedMeta returns the metadata of the version that the server has; a file
// that was never stored has those of its name.
func (n *fileNode) storedMeta(ctx context.Context, p place) (*objectMeta, error) {
	row := n.current()
	if row.Local {
		return &objectMeta{contentType: contentType(p.object)}, nil
	}
	m, err := n.f.objectMeta(ctx, p, row.ETag)
	if err == nil && m == nil {
		err = syscall.ESTALE // deleted by somebody else
	}
	return m, err
}

func (a fileXattrs) getAttr(ctx context.Context, name string) (string, error) {
	m, p, err := a.meta(ctx)
	if err != nil {
		return "", err
	}
	return a.n.f.getObjectAttr(ctx, p, m, name)
}

func (a fileXattrs) listAttrs(ctx context.Context) ([]string, error) {
	m, _, err := a.meta(ctx)
	if err != nil {
		return nil, err
	}
	return newAttributes(m.meta, reservedObjectHeader).names(), nil
}

func (a fileXattrs) setAttr(ctx context.Context, name string, value *string, mode setMode) error {
	n := a.n
	d, p, ok := n.place()
	if !ok {
		return syscall.ENOENT
	}
	edit, err := n.f.objectEdit(p, name, value, mode)
	if err != nil {
		return err
	}
	if kept, err := a.setLater(ctx, p, edit, name, value); kept || err != nil {
		return err
	}
	info, err := n.f.changeMeta(ctx, p, n.current().ETag, edit)
	if err != nil {
		return err
	}
	n.touched(d, &info)
	return nil
}

// touched notes that the metadata of the file's object was changed: the server
// dates an object by its last change of any kind.
func (n *fileNode) touched(d listing.Dir, info *swiftbackend.ObjectInfo) {
	n.mu.Lock()
	n.row.Modified, n.row.ContentType, n.known = info.Modified, info.ContentType, time.Now()
	n.row.ContentType = shownType(&n.row)
	row := n.row
	n.mu.Unlock()
	n.f.cache.Put(d, row)
}

// setLater keeps an edit for the upload to come, if there is one to come.
func (a fileXattrs) setLater(ctx context.Context, p place, edit metaEdit, name string, value *string) (kept bool, err error) {
	n := a.n
	if !n.unstored() && !n.pending.isStoring() {
		return false, nil
	}
	m, _, err := a.meta(ctx)
	if err != nil {
		return false, err
	}
	if err := edit(m.clone()); err != nil {
		return false, err // as it is, or there is no room for it
	}
	// What was checked now is not checked again.
	if edit, err = n.f.objectEdit(p, name, value, 0); err != nil {
		return false, err
	}
	n.pending.mu.Lock()
	defer n.pending.mu.Unlock()
	// Asked under the lock: an upload that begins and ends in between would not
	// take the edit.
	if !n.pending.storing && !n.unstored() {
		return false, nil
	}
	n.pending.edits = append(n.pending.edits, edit)
	return true, nil
}

// pendingMeta completes put, what the object at p gets beside its new content,
// by the attributes that were set while it was written. kept says that put has
// all that the replaced version had. Otherwise the new one keeps of that what
// this mount has set or seen; a version that nobody asked about is not asked
// about for this: an overwrite is one request.
func (n *fileNode) pendingMeta(ctx context.Context, p place, put *swiftbackend.PutOptions, kept bool) error {
	edits := n.pending.all()
	m := &objectMeta{contentType: put.ContentType, meta: maps.Clone(put.Meta), deleteAt: put.DeleteAt}
	if !kept {
		if err := n.keepMeta(ctx, p, m, len(edits) > 0); err != nil {
			return err
		}
	}
	for _, edit := range edits {
		if err := edit(m); err != nil {
			return err
		}
	}
	if !m.deleteAt.After(time.Now()) {
		m.deleteAt = time.Time{} // the server refuses to store what is gone
	}
	put.ContentType, put.Meta, put.DeleteAt = m.contentType, m.meta, m.deleteAt
	n.pending.take(len(edits), m)
	return nil
}

// keepMeta adds to m what the stored version has and an overwrite keeps: all but
// what the mount keeps ordinary attributes in. needed says that the attributes
// are to be changed.
func (n *fileNode) keepMeta(ctx context.Context, p place, m *objectMeta, needed bool) error {
	row := n.current()
	k, ok := n.f.meta.get(p)
	if row.Local || !needed && (!ok || k.version != row.ETag || k.meta == nil || k.meta.bare(p)) {
		return nil
	}
	old, err := n.f.objectMeta(ctx, p, row.ETag)
	if err != nil || old == nil { // nil: deleted by somebody else
		return err
	}
	if m.meta == nil {
		m.meta = map[string]string{}
	}
	for h, v := range old.meta {
		if !reservedObjectHeader(h) {
			m.meta[h] = v
		}
	}
	m.contentType, m.deleteAt = withType(old.contentType, m.contentType), old.deleteAt
	return nil
}

// bare reports whether an object has nothing that anybody gave it.
func (m *objectMeta) bare(p place) bool {
	_, shown := splitType(m.contentType)
	return len(newAttributes(m.meta, reservedObjectHeader).names()) == 0 && m.deleteAt.IsZero() && shown == contentType(p.object)
}

// metaStored notes that the object at p was stored and is row now. Edits that
// came while it was are made now.
func (n *fileNode) metaStored(ctx context.Context, p place, row *listing.Row) {
	sent, late := n.pending.end()
	if sent == nil {
		n.f.meta.forget(p)
	} else {
		sent.etag = row.ETag
		n.f.meta.put(p, knownMeta{version: row.ETag, meta: sent, fetched: time.Now()})
	}
	if large(row) {
		n.f.meta.expire(p) // what kind of manifest it is the row does not say
	}
	if len(late) == 0 {
		return
	}
	info, err := n.f.changeMeta(ctx, p, row.ETag, func(m *objectMeta) error {
		for _, edit := range late {
			if err := edit(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.f.log.Error("attributes that were set while the file was being stored are lost", "path", p, "error", err)
	} else if d, _, ok := n.place(); ok {
		n.touched(d, &info)
	}
}
