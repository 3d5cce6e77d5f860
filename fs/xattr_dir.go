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

var _ = (interface {
	fusefs.NodeGetxattrer
	fusefs.NodeSetxattrer
	fusefs.NodeListxattrer
	fusefs.NodeRemovexattrer
})((*directoryNode)(nil))

// Getxattr implements fusefs.NodeGetxattrer.
func (n *directoryNode) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	return n.f.getxattr(ctx, n.attributed(), attr, dest)
}

// Listxattr implements fusefs.NodeListxattrer.
func (n *directoryNode) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	return n.f.listxattr(ctx, n.attributed(), dest)
}

// Setxattr implements fusefs.NodeSetxattrer.
func (n *directoryNode) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	return n.f.setxattr(ctx, n.attributed(), attr, data, flags)
}

// Removexattr implements fusefs.NodeRemovexattrer.
func (n *directoryNode) Removexattr(ctx context.Context, attr string) syscall.Errno {
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	return n.f.removexattr(ctx, n.attributed(), attr)
}

func (n *directoryNode) attributed() attributed {
	d, ok := n.f.dirOf(&n.Inode)
	switch {
	case !ok:
		return noXattrs{}
	case d.Prefix == "":
		return containerXattrs{n.f, d.Container}
	}
	return dirXattrs{n.f, d}
}

var _ = (interface {
	fusefs.NodeGetxattrer
	fusefs.NodeSetxattrer
	fusefs.NodeListxattrer
	fusefs.NodeRemovexattrer
})((*accountNode)(nil))

// Getxattr implements fusefs.NodeGetxattrer.
func (n *accountNode) Getxattr(ctx context.Context, attr string, dest []byte) (uint32, syscall.Errno) {
	return n.f.getxattr(ctx, noXattrs{}, attr, dest)
}

// Listxattr implements fusefs.NodeListxattrer.
func (n *accountNode) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	return n.f.listxattr(ctx, noXattrs{}, dest)
}

// Setxattr implements fusefs.NodeSetxattrer.
func (n *accountNode) Setxattr(ctx context.Context, attr string, data []byte, flags uint32) syscall.Errno {
	return n.f.setxattr(ctx, noXattrs{}, attr, data, flags)
}

// Removexattr implements fusefs.NodeRemovexattrer.
func (n *accountNode) Removexattr(ctx context.Context, attr string) syscall.Errno {
	return n.f.removexattr(ctx, noXattrs{}, attr)
}

// noXattrs are those of what has none: the account, and a directory that was
// removed.
type noXattrs struct{}

func (noXattrs) String() string                                          { return "" }
func (noXattrs) getAttr(context.Context, string) (string, error)         { return "", errNoAttr }
func (noXattrs) listAttrs(context.Context) ([]string, error)             { return nil, nil }
func (noXattrs) setAttr(context.Context, string, *string, setMode) error { return syscall.EOPNOTSUPP }

// dirXattrs are the extended attributes of a directory: those of its marker,
// which is "name" of a directory's type where there is one, else "name/". A
// directory without a marker has none, and gets one with its first.
type dirXattrs struct {
	f *FS
	d listing.Dir
}

var _ attributed = dirXattrs{}

func (a dirXattrs) String() string { return a.d.Container + "/" + a.d.Prefix }

// marker returns the directory's marker, if there is one, with its metadata.
func (a dirXattrs) marker(ctx context.Context) (p place, version string, m *objectMeta, err error) {
	p = place{a.d.Container, a.d.Prefix}
	if a.isRoot() {
		return a.rootMarker(ctx)
	}
	if err := a.f.late.settle(ctx, a.d); err != nil {
		return p, "", nil, err
	}
	up, part, _ := parent(a.d)
	name, _ := encodeName(part, formPlain)
	e, err := a.f.lookup(ctx, up, name)
	if err != nil {
		return p, "", nil, err
	}
	if !e.Row.Subdir {
		p.object, version = e.Row.Name, e.Row.ETag
	}
	m, err = a.f.objectMeta(ctx, p, version)
	return p, version, m, err
}

// rootMarker is the marker of the directory that is mounted: no listing of this
// mount shows it.
func (a dirXattrs) rootMarker(ctx context.Context) (place, string, *objectMeta, error) {
	bare := place{a.d.Container, strings.TrimSuffix(a.d.Prefix, "/")}
	m, err := a.f.objectMeta(ctx, bare, "")
	if err != nil {
		return bare, "", nil, err
	}
	if m != nil && !fileType(m.contentType) && m.etag == emptyMD5 {
		return bare, "", m, nil
	}
	full := place{a.d.Container, a.d.Prefix}
	m, err = a.f.objectMeta(ctx, full, "")
	return full, "", m, err
}

func (a dirXattrs) getAttr(ctx context.Context, name string) (string, error) {
	p, _, m, err := a.marker(ctx)
	if err != nil {
		return "", err
	}
	if m == nil {
		m = &objectMeta{}
	}
	return a.f.getObjectAttr(ctx, p, m, name)
}

func (a dirXattrs) listAttrs(ctx context.Context) ([]string, error) {
	_, _, m, err := a.marker(ctx)
	if err != nil || m == nil {
		return nil, err
	}
	return newAttributes(m.meta, reservedObjectHeader).names(), nil
}

func (a dirXattrs) setAttr(ctx context.Context, name string, value *string, mode setMode) error {
	if name == swiftNamespace+"content_type" {
		return syscall.EPERM // it would no longer be a directory
	}
	p, version, m, err := a.marker(ctx)
	if err != nil {
		return err
	}
	a.f.late.forget(a.d)
	edit, err := a.f.objectEdit(p, name, value, mode)
	if err != nil {
		return err
	}
	if m == nil || p.object == a.d.Prefix {
		made, err := a.make(ctx, m, edit)
		if made || err != nil {
			return err
		}
	}
	info, err := a.f.changeMeta(ctx, p, version, edit)
	if err == nil {
		a.put(p, &info)
	}
	return err
}

// make stores the marker "name" with the edited metadata of the marker "name/",
// or of none: listings show what "name" has, and this mount keeps all of a
// directory's attributes in one place. It makes none beside a marker "name/" if
// there cannot be both.
func (a dirXattrs) make(ctx context.Context, old *objectMeta, edit metaEdit) (made bool, err error) {
	ctx, cancel := a.f.patient(ctx)
	defer cancel()
	p, err := a.newMarker(ctx)
	if err != nil || old != nil && p.object == a.d.Prefix {
		return false, err
	}
	m := &objectMeta{}
	if old != nil {
		m = old.clone()
	}
	m.contentType = withType(directoryType, m.contentType)
	if err := edit(m); err != nil {
		return false, err
	}
	put := swiftbackend.PutOptions{ContentType: m.contentType, Meta: m.meta, DeleteAt: m.deleteAt, IfNoneMatch: true}
	info, err := a.f.client.Put(ctx, p.container, p.object, swiftbackend.Content{MD5: emptyMD5}, put)
	if err != nil {
		return false, err
	}
	m.etag = info.ETag
	a.f.meta.put(p, knownMeta{version: a.version(&info), meta: m, fetched: time.Now()})
	a.put(p, &info)
	return true, nil
}

// newMarker returns where to put a marker: "name", unless that is a file beside
// the directory. RGW overwrites what it should not, so that it is asked first.
func (a dirXattrs) newMarker(ctx context.Context) (place, error) {
	full := place{a.d.Container, a.d.Prefix}
	bare := place{a.d.Container, strings.TrimSuffix(a.d.Prefix, "/")}
	if strings.HasSuffix(bare.object, "/") || bare.object == "" {
		return full, nil // "a//": a marker "a/" would be that of "a"
	}
	_, err := a.f.client.Head(ctx, bare.container, bare.object)
	switch {
	case err == nil:
		return full, nil
	case swiftbackend.KindOf(err) == swiftbackend.KindNotExist:
		return bare, nil
	}
	return full, err
}

// isRoot reports whether the directory is the root of the mount.
func (a dirXattrs) isRoot() bool {
	return a.d == (place{a.f.cfg.Container, a.f.cfg.Prefix}).dir()
}

// version is what a marker is known by.
func (a dirXattrs) version(info *swiftbackend.ObjectInfo) string {
	if a.isRoot() {
		return "" // no row shows its ETag
	}
	return info.ETag
}

// put makes the marker known to the directory above.
func (a dirXattrs) put(p place, info *swiftbackend.ObjectInfo) {
	if a.isRoot() {
		return
	}
	up, _, _ := parent(a.d)
	a.f.cache.Put(up, headRow(p.object, info))
}
