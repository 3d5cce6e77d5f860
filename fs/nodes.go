package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// nodes are those that the kernel may know, in the order in which they came to be
// known. A node lives until the kernel forgets it, which it does on its own only when
// the whole machine is short of memory: going through a tree would make one of every
// file. So there is a bound, above which the kernel is asked to forget those that came
// first and are not in use.
type nodes struct {
	most int
	// asked has something while there are more than most and more come.
	asked chan struct{}
	// rounds counts how often the kernel was asked to forget.
	rounds atomic.Int64

	mu sync.Mutex // guards the following, and the listed of all nodes
	// first and last are the ends of the list, or nil.
	first, last *listed
	count       int
	// fresh counts those that came since the kernel was asked to forget some.
	fresh int
}

// listed is what a node has for its place in the list.
type listed struct {
	inode      *fusefs.Inode // nil: the node is not in the list
	prev, next *listed
	// passed says that the kernel was asked to forget the node, or that it was
	// spared, when it was the first.
	passed bool
}

// nodeBytes is what a node costs, with all that go-fuse has for it.
const nodeBytes = 1 << 10

// pruneBatch is how many nodes one notification names.
const pruneBatch = 512

func newNodes(most int) *nodes { return &nodes{most: most, asked: make(chan struct{}, 1)} }

// few is the number down to which the kernel is asked to forget.
func (t *nodes) few() int { return t.most - t.most/8 }

// add puts a node at the end of the list, if it is not in the list.
func (t *nodes) add(inode *fusefs.Inode, k *listed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.inode != nil {
		return
	}
	k.inode, k.passed = inode, false
	t.count++
	t.pushLocked(k)
	if t.fresh++; t.count > t.most && t.fresh > t.most/32 {
		select {
		case t.asked <- struct{}{}:
			t.fresh = 0
		default:
		}
	}
}

func (t *nodes) pushLocked(k *listed) {
	k.prev, k.next = t.last, nil
	if t.last != nil {
		t.last.next = k
	} else {
		t.first = k
	}
	t.last = k
}

func (t *nodes) takeLocked(k *listed) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		t.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		t.last = k.prev
	}
	k.prev, k.next = nil, nil
}

// remove takes a node out of the list.
func (t *nodes) remove(k *listed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.inode != nil {
		t.takeLocked(k)
		k.inode = nil
		t.count--
	}
}

// len is how many there are.
func (t *nodes) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// tooMany reports whether the kernel is far behind with forgetting, so that the
// entries of a directory are to be names alone: it looks up those that somebody wants
// to know more of.
func (t *nodes) tooMany() bool { return t.len() > t.most+t.most/8 }

// oldNode is a node that was the first of the list.
type oldNode struct {
	inode  *fusefs.Inode
	passed bool // before
}

// oldest returns as many nodes from the beginning of the list as there are too
// many, and moves them to its end: those that do not go now are not in the way of
// others.
func (t *nodes) oldest() []oldNode {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := make([]oldNode, 0, max(t.count-t.few(), 0))
	for range cap(old) {
		k := t.first
		old = append(old, oldNode{k.inode, k.passed})
		k.passed = true
		t.takeLocked(k)
		t.pushLocked(k)
	}
	return old
}

// newInode makes the inode of a node, as a child of up. All nodes but the root
// are made by it.
func (f *FS) newInode(ctx context.Context, up *fusefs.Inode, n fusefs.InodeEmbedder, id fusefs.StableAttr) *fusefs.Inode {
	inode := up.NewInode(ctx, n, id)
	if k := listedOf(inode); k != nil {
		f.nodes.add(inode, k)
	}
	return inode
}

// forgotten notes that the kernel does not know a node any more.
func (f *FS) forgotten(inode *fusefs.Inode, k *listed) {
	f.numbers.forgotten(inode)
	f.nodes.remove(k)
}

func listedOf(inode *fusefs.Inode) *listed {
	if n, ok := inode.Operations().(interface{ inList() *listed }); ok {
		return n.inList()
	}
	return nil
}

func (n *directoryNode) inList() *listed { return &n.listed }
func (n *fileNode) inList() *listed      { return &n.listed }
func (n *symlinkNode) inList() *listed   { return &n.listed }

// OnForget implements fusefs.NodeOnForgetter.
func (n *directoryNode) OnForget() { n.f.forgotten(&n.Inode, &n.listed) }

// OnForget implements fusefs.NodeOnForgetter.
func (n *fileNode) OnForget() { n.f.forgotten(&n.Inode, &n.listed) }

// OnForget implements fusefs.NodeOnForgetter.
func (n *symlinkNode) OnForget() { n.f.forgotten(&n.Inode, &n.listed) }

// boundNodes asks the kernel to forget nodes whenever there are too many, until
// the mount ends.
func (f *FS) boundNodes() {
	names := f.cfg.OldKernel // whether nodes are forgotten by their names
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.nodes.asked:
		}
		f.nodes.rounds.Add(1)
		old := f.expendable(f.nodes.oldest())
		if !names {
			names = f.prune(old) == syscall.ENOSYS
		}
		if names {
			f.forgetNames(old)
		}
	}
}

// expendable leaves out nodes that are in use, and, once, those of directories and of
// files that the kernel may have pages of: it has the names of a directory only as long
// as its node.
func (f *FS) expendable(old []oldNode) []*fusefs.Inode {
	all := make([]*fusefs.Inode, 0, len(old))
	for _, o := range old {
		if o.passed && o.inode.Forgotten() { //nolint:staticcheck // OnForget is not called of a node in whose place another lookup at the same time put its own
			f.nodes.remove(listedOf(o.inode))
			continue
		}
		file := fileOf(o.inode)
		if file != nil && file.expendable(o.passed) || file == nil && (o.passed || !o.inode.IsDir()) {
			all = append(all, o.inode)
		}
	}
	return all
}

// expendable reports whether the kernel may be asked to forget the file, and its
// pages too if pages is set.
func (n *fileNode) expendable(pages bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handles == 0 && n.draft == nil && !n.gone && (pages || n.paged == "")
}

// prune asks the kernel to forget nodes that nothing has a reference to: open
// files, working directories, mount points and directories with known entries stay.
// It takes no lock of a directory for that. ENOSYS is the answer of kernels before
// Linux 6.18.
func (f *FS) prune(old []*fusefs.Inode) syscall.Errno {
	for len(old) > 0 {
		n := min(pruneBatch, len(old))
		if errno := f.rootNode.EmbeddedInode().NotifyPrune(old[:n]); errno != 0 {
			return errno
		}
		old = old[n:]
	}
	return 0
}

// forgetNames asks the kernel to forget nodes by their names, which it also does
// when they are in use: a directory could be somebody's, and stays. Errors say that the
// kernel does not know the name any more.
func (f *FS) forgetNames(old []*fusefs.Inode) {
	for _, inode := range old {
		if name, up := f.parentOf(inode); up != nil && !inode.IsDir() {
			_ = up.NotifyEntry(name)
		}
	}
}
