package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// An object store has no size. What is shown is large enough for any program
// that looks before it writes, and small enough for those that compute with 32
// or 53 bits.
const (
	statfsBlock  = 1 << 20
	statfsBlocks = 1 << 30 // 1 PiB
	statfsFiles  = 1 << 30
)

func statfs(out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{
		Blocks: statfsBlocks, Bfree: statfsBlocks, Bavail: statfsBlocks, Files: statfsFiles, Ffree: statfsFiles,
		Bsize: statfsBlock, Frsize: statfsBlock, NameLen: maxName,
	}
	return 0
}

// Statfs implements fusefs.NodeStatfser.
func (n *directoryNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(out)
}

// Statfs implements fusefs.NodeStatfser.
func (n *accountNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(out)
}

// Statfs implements fusefs.NodeStatfser.
func (n *fileNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return statfs(out)
}
