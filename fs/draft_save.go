package fs

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5; it finds damage, not malice
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
	"swiftfs/cache/writeback"
	"swiftfs/swiftbackend"
)

// flush stores the content if the server does not have it, and returns when the
// server has it and its checksum was compared. If ctx ends, only the waiting does.
func (d *draft) flush(ctx context.Context) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	if !d.unsaved.Load() || d.gone {
		d.give()
		return nil
	}
	done := make(chan error, 1)
	d.f.writers.wg.Go(func() {
		err := d.saveLocked(d.f.ctx)
		d.give()
		done <- err
	})
	patient, cancel := d.f.patient(ctx)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-patient.Done():
		return patient.Err()
	}
}

// saveLocked uploads the content as the file's new version; the turn is the
// caller's. Writes to a stage go on meanwhile, and leave it unsaved.
func (d *draft) saveLocked(ctx context.Context) error {
	dir, p, ok := d.node.place()
	if !ok || d.gone || !d.unsaved.Load() {
		return nil
	}
	changed := d.changed.Load()
	d.node.pending.begin()
	d.unsaved.Store(false)
	row, err := d.uploadLocked(ctx, p)
	if err != nil {
		d.unsaved.Store(true)
		d.node.pending.failed()
		d.fail(err)
		return err
	}
	d.mu.Lock()
	d.failure = failure{}
	d.mu.Unlock()
	d.node.mu.Lock()
	d.node.row, d.node.paged, d.node.known = row, "", time.Now()
	d.node.mu.Unlock()
	d.changed.CompareAndSwap(changed, 0)
	d.f.cache.Put(dir, row)
	d.node.metaStored(ctx, p, &row)
	return nil
}

func (d *draft) uploadLocked(ctx context.Context, p place) (listing.Row, error) {
	old := d.node.current()
	if d.stream != nil {
		return d.uploadStream(ctx, p, &old)
	}
	const tries = 3 // a snapshot is lost when very much is written during the upload
	for try := 1; ; try++ {
		row, err := d.uploadStage(ctx, p, &old)
		if !errors.Is(err, writeback.ErrSnapshotLost) || try == tries {
			return row, err
		}
	}
}

func (d *draft) uploadStream(ctx context.Context, p place, old *listing.Row) (listing.Row, error) {
	replaced := d.f.oldSegments(ctx, p, old)
	o := d.node.putOptions(swiftbackend.PutOptions{})
	if err := d.node.pendingMeta(ctx, p, &o, false); err != nil {
		return listing.Row{}, err
	}
	info, err := d.stream.publish(ctx, o)
	if err != nil {
		return listing.Row{}, err
	}
	d.f.dropReplaced(p, replaced, d.stream.named)
	return storedRow(p, &info, o), nil
}

// storedRow is the row of an object that was just stored.
func storedRow(p place, info *swiftbackend.ObjectInfo, o swiftbackend.PutOptions) listing.Row {
	row := headRow(p.object, info)
	row.ContentType = o.ContentType
	return row
}

func (d *draft) uploadStage(ctx context.Context, p place, old *listing.Row) (listing.Row, error) {
	stage := d.staged()
	if !stage.Dirty() {
		return *old, nil
	}
	snapshot, err := stage.Snapshot()
	if err != nil {
		return listing.Row{}, err
	}
	defer func() { _ = snapshot.Close() }()
	kept, err := d.keptOptions(ctx, p, old)
	if err != nil {
		return listing.Row{}, err
	}
	o := d.node.putOptions(kept)
	if err := d.node.pendingMeta(ctx, p, &o, !old.Local); err != nil {
		return listing.Row{}, err
	}
	replaced := d.f.oldSegments(ctx, p, old)
	var info swiftbackend.ObjectInfo
	named := map[string]bool{}
	if snapshot.Size() <= d.f.cfg.plainSize() {
		info, err = d.putPlain(ctx, p, snapshot, o)
	} else {
		info, named, err = d.putSegments(ctx, p, snapshot, o)
	}
	if err != nil {
		return listing.Row{}, err
	}
	d.f.dropReplaced(p, append(replaced, d.base.loose...), named)
	row := storedRow(p, &info, o)
	d.base = base{}
	return row, stage.Clean(d.node.version(&row), snapshot)
}

// keptOptions returns what an edited file keeps of the object it was: type,
// metadata, encoding and expiry.
func (d *draft) keptOptions(ctx context.Context, p place, old *listing.Row) (swiftbackend.PutOptions, error) {
	if old.Local {
		return swiftbackend.PutOptions{}, nil
	}
	info, err := d.f.client.Head(ctx, p.container, p.object)
	if err != nil {
		return swiftbackend.PutOptions{}, err
	}
	return swiftbackend.PutOptions{ContentType: info.ContentType, Meta: info.Meta, DeleteAt: metaOf(&info).deleteAt}, nil
}

// putPlain stores a snapshot as one object.
func (d *draft) putPlain(ctx context.Context, p place, snapshot *writeback.Snapshot, o swiftbackend.PutOptions) (swiftbackend.ObjectInfo, error) {
	open := func() io.Reader { return snapshot.Reader(ctx, 0, snapshot.Size()) }
	sum := md5.New() //nolint:gosec // see the import
	if _, err := io.Copy(sum, open()); err != nil {
		return swiftbackend.ObjectInfo{}, err
	}
	content := swiftbackend.Content{Size: snapshot.Size(), MD5: hex.EncodeToString(sum.Sum(nil)), Open: open}
	return d.f.client.Put(ctx, p.container, p.object, content, o)
}

func (d *draft) putSegments(ctx context.Context, p place, snapshot *writeback.Snapshot, o swiftbackend.PutOptions) (swiftbackend.ObjectInfo, map[string]bool, error) {
	size := d.f.cfg.SegmentSize
	count := int((snapshot.Size() + size - 1) / size)
	prefix := swiftbackend.SegmentPrefix(p.object, time.Now(), size)
	segments := make([]swiftbackend.Segment, count)
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(d.f.cfg.UploadConcurrency)
	for i := range segments {
		g.Go(func() (err error) {
			off := int64(i) * size
			length := min(size, snapshot.Size()-off)
			sum := md5.New() //nolint:gosec // see the import
			if _, err := io.Copy(sum, snapshot.Reader(each, off, length)); err != nil {
				return err
			}
			content := swiftbackend.Content{
				Size: length, MD5: hex.EncodeToString(sum.Sum(nil)),
				Open: func() io.Reader { return snapshot.Reader(each, off, length) },
			}
			segments[i], err = d.f.client.PutSegment(each, p.container, fmt.Sprintf("%s%08d", prefix, i), content)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return swiftbackend.ObjectInfo{}, nil, err
	}
	named := map[string]bool{}
	for _, s := range segments {
		named[s.Name] = true
	}
	info, err := d.f.client.PutManifest(ctx, p.container, p.object, prefix, segments, o)
	if swiftbackend.Refused(err) {
		d.f.dropSegmentsLater(p, segments)
	}
	return info, named, err
}
