package fs

import (
	"context"
	"math"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// leastCopy is the size from which a copy by the server is worth its requests; a
// smaller file is read and written in fewer.
const leastCopy = 1 << 20

var _ fusefs.NodeCopyFileRanger = (*fileNode)(nil)

// CopyFileRange implements fusefs.NodeCopyFileRanger: the copy of a whole file to
// an empty one, which is what cp asks for, is made by the server. EXDEV has the
// kernel read and write everything else. What is longer than the 2 GiB of one
// call cannot be told from a part.
func (n *fileNode) CopyFileRange(ctx context.Context, _ fusefs.FileHandle, offIn uint64, _ *fusefs.Inode, to fusefs.FileHandle, offOut, length, _ uint64) (uint32, syscall.Errno) {
	row := n.current()
	w, ok := to.(*writeHandle)
	switch {
	case !ok, offIn != 0, offOut != 0, row.Size < leastCopy, row.Size > math.MaxInt32, length < uint64(row.Size):
		return 0, syscall.EXDEV
	case row.Local, n.currentDraft().hasContent():
		return 0, syscall.EXDEV
	}
	done := make(chan error, 1)
	if err := w.draft.take(ctx); err != nil {
		return 0, toErrno(err)
	}
	n.f.writers.wg.Go(func() {
		err := w.draft.copyLocked(n.f.ctx, n.where(), &row)
		w.draft.give()
		done <- err
	})
	patient, cancel := n.f.patient(ctx)
	defer cancel()
	select {
	case err := <-done:
		if err != nil {
			n.f.log.Info("the server did not copy a file, which is read and written instead", "path", n.where(), "error", err)
			return 0, syscall.EXDEV
		}
		return uint32(row.Size), 0 //nolint:gosec // checked above
	case <-patient.Done():
		return 0, syscall.EINTR
	}
}

// copyLocked makes an independent copy of the version row of the object at from
// the content of an empty draft; the turn is the caller's. What the copy has beside
// its bytes is the draft's own.
func (d *draft) copyLocked(ctx context.Context, from place, row *listing.Row) error {
	leave, err := d.f.change(ctx, d.node.places)
	if err != nil {
		return err
	}
	defer leave()
	dir, p, ok := d.node.place()
	if !ok || d.stream == nil || d.stream.size() > 0 {
		return syscall.EXDEV
	}
	info, err := d.f.client.Head(ctx, from.container, from.object)
	if err == nil && info.ETag != row.ETag {
		err = syscall.ESTALE
	}
	if err != nil {
		return err
	}
	old := d.node.current()
	replaced, _ := d.f.oldSegments(ctx, p, &old)
	name := swiftbackend.Name{Container: p.container, Object: p.object}
	copied, err := d.f.client.Duplicate(ctx, swiftbackend.Name{Container: from.container, Object: from.object}, name, info, swiftbackend.CloneOptions{})
	if err != nil {
		return err
	}
	d.f.dropReplaced(p, replaced, nil) // they are in no manifest from here on
	o := d.node.putOptions(swiftbackend.PutOptions{})
	if err := d.node.pendingMeta(ctx, p, &o, false); err != nil {
		return err
	}
	changed, err := d.f.client.Update(ctx, p.container, p.object, func(swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		return swiftbackend.Change{ContentType: o.ContentType, Meta: o.Meta, DeleteAt: &o.DeleteAt}, nil
	})
	if err != nil {
		return err
	}
	copied.Size, copied.Modified, copied.ETag = changed.Size, changed.Modified, changed.ETag
	stored := storedRow(p, &copied, o)
	d.dropLocked()
	d.changed.Store(0)
	d.unsaved.Store(false)
	d.node.mu.Lock()
	d.node.row, d.node.paged, d.node.known = stored, "", time.Now()
	d.node.mu.Unlock()
	d.f.cache.Put(dir, stored)
	d.node.metaStored(ctx, p, &stored)
	return nil
}
