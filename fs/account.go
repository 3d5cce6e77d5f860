package fs

import (
	"context"
	"strings"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// accountNode is the root of a mount of a whole account: its entries are the
// containers, and there can be nothing else in it.
type accountNode struct {
	fusefs.Inode
	f *FS
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
	fusefs.NodeRenamer
	fusefs.NodeMknoder
	fusefs.NodeLinker
	fusefs.NodeSymlinker
	fusefs.NodeStatfser
	fusefs.NodeFsyncer
})((*accountNode)(nil))

// Lookup implements fusefs.NodeLookuper.
func (n *accountNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if len(name) > maxName {
		return nil, syscall.ENAMETOOLONG
	}
	e, err := n.f.lookup(ctx, listing.Dir{}, name)
	if err != nil {
		return nil, n.f.fail("lookup", name, err)
	}
	return n.f.containerChild(ctx, &n.Inode, &e, 0, out), 0
}

// containerChild returns the inode of a container. The kernel may believe for
// the time unsure that it has no attributes of its own if they are not known,
// and then asks for them when somebody wants to know.
func (f *FS) containerChild(ctx context.Context, up *fusefs.Inode, e *found, unsure time.Duration, out *fuse.EntryOut) *fusefs.Inode {
	f.setEntryTimeouts(out, e.fetched)
	d := listing.Dir{Container: e.Row.Name}
	row, known := f.containerRow(e.Row)
	if !known {
		out.SetAttrTimeout(min(unsure, out.AttrTimeout()))
	}
	f.dirAttr(&out.Attr, d, &row)
	name, _ := encodeName(e.Name, e.form)
	if old := f.childOf(up, name); old != nil {
		return old // perhaps one that was renamed to here
	}
	return f.newInode(ctx, up, &containerNode{directoryNode{f: f, part: e.Row.Name}}, f.newStable(up, e.Row.Name, listing.Directory, dirGeneration))
}

// Getattr implements fusefs.NodeGetattrer.
func (n *accountNode) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.f.dirAttr(&out.Attr, listing.Dir{}, &listing.Row{})
	out.SetTimeout(n.f.cfg.CacheTTL)
	return 0
}

// Setattr implements fusefs.NodeSetattrer: an account has no attributes to set.
func (n *accountNode) Setattr(ctx context.Context, h fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	_ = n.Getattr(ctx, h, out)
	return sameAttr(in, &out.Attr)
}

// OpendirHandle implements fusefs.NodeOpendirHandler.
func (n *accountNode) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return newDirHandle(n.f, &n.Inode, listing.Dir{}), 0, 0
}

// Create implements fusefs.NodeCreater: objects are in containers.
func (n *accountNode) Create(_ context.Context, name string, _, _ uint32, _ *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	if errno := n.f.writable(); errno != 0 {
		return nil, nil, 0, errno
	}
	n.f.log.Warn("a file cannot be created directly under the account: objects are in containers; make a directory, which is a container, and put it there", "name", name)
	return nil, nil, 0, syscall.EPERM
}

// Mkdir implements fusefs.NodeMkdirer: it creates a container.
func (n *accountNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if errno := n.f.writable(); errno != 0 {
		return nil, errno
	}
	if errno := n.f.newName(name); errno != 0 {
		return nil, errno
	}
	if len(name) > n.f.client.Info().MaxContainerName {
		n.f.log.Warn("the server takes no container names this long", "name", name, "most", n.f.client.Info().MaxContainerName)
		return nil, syscall.ENAMETOOLONG
	}
	if errno := n.f.exists(ctx, listing.Dir{}, name); errno != 0 {
		return nil, errno
	}
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return nil, toErrno(err)
	}
	defer leave()
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	created, err := n.f.client.CreateContainer(ctx, name, nil)
	now := time.Now()
	switch {
	case err != nil:
		return nil, n.f.fail("mkdir", name, err)
	case !created:
		// Another client made it since the account was listed; nothing is
		// harmed by our PUT, but this call did not create it.
		n.f.cache.Invalidate(listing.Dir{})
		return nil, syscall.EEXIST
	}
	n.f.cache.Put(listing.Dir{}, listing.Row{Name: name, ContentType: directoryType, Modified: now})
	n.f.cache.Created(listing.Dir{Container: name})
	n.f.newContainerAttrs(ctx, name, mode)
	n.f.changed(listing.Dir{})
	e := found{Entry: listing.Entry{Name: name, Kind: listing.Directory, Row: listing.Row{Name: name, Modified: now}}, fetched: now}
	return n.f.containerChild(ctx, &n.Inode, &e, 0, out), 0
}

// Unlink implements fusefs.NodeUnlinker: all entries are directories.
func (n *accountNode) Unlink(context.Context, string) syscall.Errno { return syscall.EISDIR }

// Rmdir implements fusefs.NodeRmdirer: it deletes a container, which the server
// refuses to do when it is not empty. Files that are being written count too.
func (n *accountNode) Rmdir(ctx context.Context, name string) syscall.Errno {
	if errno := n.f.writable(); errno != 0 {
		return errno
	}
	part, _, err := n.f.partOf(ctx, listing.Dir{}, name)
	if err != nil {
		return n.f.fail("rmdir", name, err)
	}
	leave, err := n.f.changeEntries(ctx, entryOf{&n.Inode, name})
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	for _, c := range n.f.cache.Changes(listing.Dir{Container: part}) {
		if c.Row.Local {
			return syscall.ENOTEMPTY
		}
	}
	ctx, cancel := n.f.patient(ctx)
	defer cancel()
	if err := n.f.client.DeleteContainer(ctx, part); err != nil {
		return n.f.fail("rmdir", part, err)
	}
	n.f.cache.Remove(listing.Dir{}, part)
	n.f.dirs.containers.forget(part)
	n.f.changed(listing.Dir{})
	n.f.cache.InvalidateTree(listing.Dir{Container: part})
	n.f.dropSegments(ctx, part)
	return 0
}

// dropSegments deletes the container of a deleted container's segments if it is
// known and empty, which only the server can tell.
func (f *FS) dropSegments(ctx context.Context, container string) {
	segments := container + swiftbackend.SegmentsSuffix
	if _, a := f.cache.Lookup(ctx, listing.Dir{}, segments); a.State == listing.Found {
		f.dropSegmentContainer(ctx, segments)
	}
}

func (f *FS) dropSegmentContainer(ctx context.Context, segments string) {
	err := f.client.DeleteContainer(ctx, segments)
	switch {
	case err == nil:
		f.cache.Remove(listing.Dir{}, segments)
	case swiftbackend.KindOf(err) == swiftbackend.KindNotExist:
	case swiftbackend.KindOf(err) == swiftbackend.KindNotEmpty:
		f.log.Info("the segment container of a container that is gone is not empty and stays", "container", segments)
	default:
		f.log.Warn("the segment container of a container that is gone could not be deleted", "container", segments, "error", err)
	}
}

// Symlink implements fusefs.NodeSymlinker: an account has containers only.
func (n *accountNode) Symlink(context.Context, string, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Mknod implements fusefs.NodeMknoder.
func (n *accountNode) Mknod(context.Context, string, uint32, uint32, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Link implements fusefs.NodeLinker.
func (n *accountNode) Link(context.Context, fusefs.InodeEmbedder, string, *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

// Fsync implements fusefs.NodeFsyncer.
func (n *accountNode) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno { return 0 }

// hiddenContainer reports whether a container holds the segments of another one
// that the account has, which is what such a name means by convention.
func (f *FS) hiddenContainer(ctx context.Context, name string) bool {
	base, ok := strings.CutSuffix(name, swiftbackend.SegmentsSuffix)
	if !ok || base == "" || f.cfg.ShowSegments {
		return false
	}
	_, a := f.cache.Lookup(ctx, listing.Dir{}, base)
	return a.State == listing.Found
}
