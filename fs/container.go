package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// containerNode is a container: the directory at the top of its objects' names.
// It is the root of a mount of one container, or a child of the account, which
// creates and deletes it.
type containerNode struct {
	directoryNode
}

// Getattr implements fusefs.NodeGetattrer. A container that is the root of the
// mount was there when it was mounted, and nobody asks again.
func (n *containerNode) Getattr(ctx context.Context, h fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if n.IsRoot() {
		n.f.dirAttr(&out.Attr, time.Time{})
		out.SetTimeout(n.f.cfg.CacheTTL)
		return 0
	}
	return n.directoryNode.Getattr(ctx, h, out)
}

// root returns the root node and its inode number.
func (f *FS) root() (fusefs.InodeEmbedder, uint64) {
	d := place{f.cfg.Container, f.cfg.Prefix}.dir()
	switch {
	case f.cfg.Container == "":
		return &accountNode{f: f}, dirIno(d)
	case f.cfg.Prefix == "":
		return &containerNode{directoryNode{f: f}}, dirIno(d)
	}
	return &directoryNode{f: f}, dirIno(d)
}
