package fs

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// symlinkNode is a symbolic link: one version of the object that holds it.
// linktarget.go has how.
type symlinkNode struct {
	fusefs.Inode
	f      *FS
	listed listed

	mu sync.Mutex // guards the following
	// row is the version the node stands for.
	row listing.Row
	// content is the text of a link whose row does not tell it, once it was read.
	content string
}

var _ = (interface {
	fusefs.NodeReadlinker
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
})((*symlinkNode)(nil))

// linkMode is what every link shows; the kernel never asks it for permission.
const linkMode = fuse.S_IFLNK | 0o777

// linkChild returns the inode of a link in d and fills its attributes.
func (f *FS) linkChild(ctx context.Context, up *fusefs.Inode, d listing.Dir, name string, row listing.Row, out *fuse.Attr) *fusefs.Inode {
	if old := f.childOf(up, name); old != nil {
		if link, ok := old.Operations().(*symlinkNode); ok && link.stands(&row) {
			link.attr(d, out)
			return old
		}
	}
	p := place{d.Container, row.Name}
	link := &symlinkNode{f: f, row: row}
	link.attr(d, out)
	text, _ := targetInType(row.ContentType)
	gen := version(p, &row) ^ hash64(text+"\x00"+unescaped(row.SymlinkPath)+"\x00"+row.LinkText)
	id := f.newStable(up, lastPart(p), listing.File, gen)
	id.Mode = fuse.S_IFLNK
	return f.newInode(ctx, up, link, id)
}

// stands reports whether the node may stand for row: the same version, with the
// same target, which of native links neither size nor ETag tell.
func (n *symlinkNode) stands(row *listing.Row) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	own, _ := targetInType(n.row.ContentType)
	listed, _ := targetInType(row.ContentType)
	if !n.f.isLink(row) || !sameVersion(&n.row, row) || n.row.LinkText != row.LinkText || own != listed ||
		unescaped(n.row.SymlinkPath) != unescaped(row.SymlinkPath) {
		return false
	}
	n.row = *row
	return true
}

func (n *symlinkNode) current() listing.Row {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.row
}

func (n *symlinkNode) attr(d listing.Dir, out *fuse.Attr) {
	row := n.current()
	n.f.linkAttr(out, n.f.linkSize(d, &row), &row)
}

func (f *FS) linkAttr(out *fuse.Attr, size int64, row *listing.Row) {
	f.fileAttr(out, size, f.attrsOf(row), row.Modified)
	out.Mode = linkMode
	out.Blocks = 0
}

// dir is the directory that the link is in; ok is false once it is removed.
func (n *symlinkNode) dir() (d listing.Dir, name string, ok bool) {
	name, up := n.f.parentOf(&n.Inode)
	if up == nil {
		return d, "", false
	}
	d, ok = n.f.dirOf(up)
	return d, name, ok
}

// Readlink implements fusefs.NodeReadlinker. A request is made only for a text
// that found no room in the listing, once.
func (n *symlinkNode) Readlink(ctx context.Context) ([]byte, syscall.Errno) {
	d, name, ok := n.dir()
	if !ok {
		return nil, syscall.ENOENT
	}
	n.mu.Lock()
	row, content := n.row, n.content
	n.mu.Unlock()
	if text, known := n.f.linkText(d, &row); known {
		return []byte(text), 0
	}
	if content != "" {
		return []byte(content), 0
	}
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	p := objectOf(d, name, row.Name)
	text, err := n.f.readTarget(ctx, p, &row)
	if err != nil {
		return nil, n.f.fail("readlink", p.String(), err)
	}
	n.mu.Lock()
	n.content = string(text)
	n.mu.Unlock()
	return text, 0
}

// readTarget reads the content of a link.
func (f *FS) readTarget(ctx context.Context, p place, row *listing.Row) ([]byte, error) {
	body, _, err := f.client.Get(ctx, p.container, p.object, swiftbackend.GetOptions{Length: -1, IfMatch: row.ETag})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(body, maxTarget+1))
	_ = body.Close()
	if err != nil {
		return nil, err
	}
	if len(text) > maxTarget {
		return nil, syscall.ENAMETOOLONG
	}
	return text, nil
}

// Getattr implements fusefs.NodeGetattrer. A link that another client has
// replaced is ESTALE, which makes the kernel look its name up again.
func (n *symlinkNode) Getattr(ctx context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d, name, ok := n.dir()
	n.attr(d, &out.Attr)
	out.SetTimeout(n.f.cfg.CacheTTL)
	if !ok {
		return 0 // removed
	}
	e, err := n.f.lookup(ctx, d, name)
	if err != nil {
		return n.f.fail("getattr", in(d, name).String(), err)
	}
	if e.Kind != listing.File || !n.stands(&e.Row) {
		return syscall.ESTALE
	}
	n.attr(d, &out.Attr)
	out.SetTimeout(n.f.remaining(e.fetched))
	return 0
}

// Setattr implements fusefs.NodeSetattrer. A link has an owner and a date, but no
// mode and no size to set. What is set of a native link is not stored, and
// succeeds, because tar and rsync set the date of all they make: the server takes
// no POST to one, and another PUT might replace what is not a link any more.
func (n *symlinkNode) Setattr(ctx context.Context, h fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := n.f.writable(); errno != 0 {
		return errno
	}
	leave, err := n.f.changeNode(ctx, &n.Inode)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	if errno := n.Getattr(ctx, h, out); errno != 0 {
		return errno
	}
	if _, ok := in.GetSize(); ok {
		return syscall.EINVAL
	}
	if mode, ok := in.GetMode(); ok && mode&permissions != out.Mode&permissions {
		return syscall.EOPNOTSUPP
	}
	d, name, ok := n.dir()
	row := n.current()
	want, now := askedAttrs(in)
	want = want.without(hasMode)
	switch {
	case n.f.cfg.Attrs == AttrsNone:
		return sameAttr(in, &out.Attr)
	case !ok || row.SymlinkPath != "":
		return 0
	}
	row.Name = objectOf(d, name, row.Name).object
	changed, err := n.f.updateAttrs(ctx, d, &row, want, now)
	if err != nil {
		return n.f.fail("setattr", place{d.Container, row.Name}.String(), err)
	}
	n.mu.Lock()
	n.row = changed
	n.mu.Unlock()
	n.attr(d, &out.Attr)
	return 0
}

// Symlink implements fusefs.NodeSymlinker.
func (n *directoryNode) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return nil, toErrno(err)
	}
	defer leave()
	d, part, errno := n.newEntry(name, "")
	if errno == 0 {
		errno = n.f.newTarget(in(d, part), target)
	}
	if errno == 0 {
		errno = n.f.exists(ctx, d, part)
	}
	if errno != 0 {
		return nil, errno
	}
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	row, err := n.f.putLink(ctx, d, in(d, part), target)
	if err != nil {
		n.f.cache.Forget(d, row.Name) // it may be there: made by this request or by somebody else
		return nil, n.f.fail("symlink", in(d, part).String(), err)
	}
	n.f.cache.Put(d, row)
	n.f.setEntryTimeouts(out, time.Now())
	return n.f.linkChild(ctx, &n.Inode, d, name, row, &out.Attr), 0
}

// newTarget checks that a link may be made with this text.
func (f *FS) newTarget(p place, target string) syscall.Errno {
	switch {
	case f.cfg.Symlinks == SymlinksNone:
		f.log.Warn("the option symlinks=none leaves no way to store a symbolic link", "path", p)
		return syscall.EPERM
	case target == "":
		return syscall.ENOENT
	case len(target) > maxTarget:
		return syscall.ENAMETOOLONG
	}
	return 0
}

// putLink stores a link that does not exist yet.
func (f *FS) putLink(ctx context.Context, d listing.Dir, p place, text string) (listing.Row, error) {
	content := swiftbackend.Content{
		Size: int64(len(text)), MD5: md5Hex(text), Open: func() io.Reader { return bytes.NewReader([]byte(text)) },
	}
	o := swiftbackend.PutOptions{IfNoneMatch: true, Meta: map[string]string{}}
	row := listing.Row{Name: p.object, Size: content.Size, Resolved: true}
	typed, fits := typeWithTarget(linkType, text)
	if target, ok := f.nativeTarget(d, text); ok && fits && f.cfg.Symlinks == SymlinksNative && target != p {
		content = swiftbackend.Content{MD5: emptyMD5}
		typed, _ = typeWithTarget(nativeLinkType, text)
		quoted := quotePlace(target)
		o.Header = map[string]string{"X-Symlink-Target": quoted}
		row.Size, row.SymlinkPath = 0, "/v1/"+url.PathEscape(f.home.account)+"/"+quoted
	}
	o.ContentType = typed
	if headerSafe(text, f.client.Info().MaxMetaValue) {
		o.Meta[linkMeta] = text
	}
	info, err := f.client.Put(ctx, p.container, p.object, content, o)
	row.ETag, row.ContentType, row.Modified = info.ETag, typed, info.Modified
	return row, err
}

// quotePlace is "container/object" as headers have it.
func quotePlace(p place) string {
	parts := strings.Split(p.container+"/"+p.object, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}
