package memory

import (
	"context"
	"path"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// tree is what all nodes have in common.
type tree struct {
	awaited map[string][]byte
	relay   Relay // or nil
	made    time.Time
}

// dir is a directory. The library knows what is in it: it looks up, lists and
// removes names.
type dir struct {
	fusefs.Inode
	attributes

	tree *tree
}

var _ = (interface {
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
	fusefs.NodeCreater
	fusefs.NodeMkdirer
	fusefs.NodeUnlinker
	fusefs.NodeRmdirer
})((*dir)(nil))

func (t *tree) newDir(mode uint32) *dir {
	return &dir{tree: t, attributes: attributes{mode: mode & 0o7777, time: t.made}}
}

// Getattr implements fusefs.NodeGetattrer.
func (d *dir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.tell(&out.Attr)
	return fusefs.OK
}

// Setattr implements fusefs.NodeSetattrer.
func (d *dir) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	d.set(in)
	d.tell(&out.Attr)
	return fusefs.OK
}

// Create implements fusefs.NodeCreater.
func (d *dir) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	f := d.tree.newFile(mode)
	f.path = path.Join(d.Path(nil), name)
	f.awaited = d.tree.awaited[f.path]
	f.tell(&out.Attr)
	return d.NewPersistentInode(ctx, f, fusefs.StableAttr{Mode: fuse.S_IFREG}), nil, openFlags(flags), fusefs.OK
}

// Mkdir implements fusefs.NodeMkdirer.
func (d *dir) Mkdir(ctx context.Context, _ string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	made := d.tree.newDir(mode)
	made.tell(&out.Attr)
	return d.NewPersistentInode(ctx, made, fusefs.StableAttr{Mode: fuse.S_IFDIR}), fusefs.OK
}

// Unlink implements fusefs.NodeUnlinker.
func (d *dir) Unlink(ctx context.Context, name string) syscall.Errno {
	if d.tree.relay == nil {
		return fusefs.OK
	}
	return inputOutput(d.tree.relay.Delete(context.WithoutCancel(ctx), path.Join(d.Path(nil), name)))
}

// Rmdir implements fusefs.NodeRmdirer.
func (d *dir) Rmdir(_ context.Context, name string) syscall.Errno {
	if child := d.GetChild(name); child != nil && len(child.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return fusefs.OK
}
