package fs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// An object store without a quota has no size. What is shown is large enough for
// any program that looks before it writes, and small enough for those that
// compute with 32 bits, or with 53.
const (
	statfsBlock    = 1 << 20
	statfsBytes    = 1 << 50 // 1 PiB
	statfsFiles    = 1 << 30
	statfsSmallest = 4096 // the block of a quota, which may be a few kilobytes
)

// amount is how much of something there may be and how much there is.
type amount struct {
	limit, used int64
	quota       bool // limit is a quota
}

func (a amount) left() int64 { return max(0, a.limit-a.used) }

// tighten makes a the one of a and a quota that leaves less.
func (a *amount) tighten(quota, used int64) {
	if b := (amount{quota, used, true}); quota > 0 && (!a.quota || b.left() < a.left()) {
		*a = b
	}
}

// space is what statfs shows.
type space struct{ bytes, files amount }

// spaceOf returns the space in a container, or in the account if it is "": what
// the tightest quota leaves, or as good as without end.
func spaceOf(known map[string]usage, container string) space {
	account, here := known[""], known[container]
	s := space{
		bytes: amount{limit: max(statfsBytes, 2*here.bytes), used: here.bytes},
		files: amount{limit: max(statfsFiles, 2*here.objects), used: here.objects},
	}
	s.bytes.tighten(account.quotaBytes, account.bytes)
	if container != "" {
		s.bytes.tighten(here.quotaBytes, here.bytes)
		s.files.tighten(here.quotaCount, here.objects)
	}
	return s
}

// statfs shows the space in what is mounted, the same everywhere in it: find and
// rm ask for it in every directory, and mean the mount. Numbers that are old are
// good enough while new ones are fetched.
func (f *FS) statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	names := []string{""}
	if f.cfg.Container != "" {
		names = append(names, f.cfg.Container)
	}
	s := spaceOf(f.usages(ctx, names...), f.cfg.Container)
	block := int64(statfsBlock)
	if s.bytes.quota {
		block = statfsSmallest
	}
	blocks, left := uint64(s.bytes.limit/block), uint64(s.bytes.left()/block)
	*out = fuse.StatfsOut{
		Blocks: blocks, Bfree: left, Bavail: left, Files: uint64(s.files.limit), Ffree: uint64(s.files.left()),
		Bsize: uint32(block), Frsize: uint32(block), NameLen: maxName,
	}
	return 0
}

// Statfs implements fusefs.NodeStatfser.
func (n *directoryNode) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.f.statfs(ctx, out)
}

// Statfs implements fusefs.NodeStatfser.
func (n *accountNode) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.f.statfs(ctx, out)
}

// Statfs implements fusefs.NodeStatfser.
func (n *fileNode) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.f.statfs(ctx, out)
}
