package fs

import (
	"context"
	"errors"
	"time"

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
	leave, err := d.f.change(ctx, d.node.places)
	if err != nil {
		return err
	}
	defer leave()
	dir, p, ok := d.node.place()
	if !ok || d.gone || !d.unsaved.Load() {
		return nil
	}
	changed := d.changed.Load()
	d.node.pending.begin()
	d.storing.Store(true) // before unsaved, so that nobody finds neither
	defer d.storing.Store(false)
	d.unsaved.Store(false)
	row, err := d.uploadLocked(ctx, p)
	if err != nil {
		d.unsaved.Store(true)
		d.doubt = d.doubt || !swiftbackend.Refused(err)
		d.node.pending.failed()
		d.fail(err)
		return err
	}
	d.doubt, d.attrs = false, false
	d.mu.Lock()
	d.failure = failure{}
	d.mu.Unlock()
	d.node.mu.Lock()
	d.node.row, d.node.paged, d.node.known = row, "", time.Now()
	if changed != 0 {
		d.node.written, d.node.answered = time.Unix(0, changed), row.Modified
	}
	d.node.mu.Unlock()
	d.changed.CompareAndSwap(changed, 0)
	d.f.cache.Put(dir, row)
	d.node.metaStored(ctx, p, &row)
	return nil
}

func (d *draft) uploadLocked(ctx context.Context, p place) (listing.Row, error) {
	old := d.node.current()
	if d.stream != nil {
		row, err := d.uploadStream(ctx, p, &old)
		if swiftbackend.KindOf(err) != swiftbackend.KindTooLarge {
			return row, err
		}
		// More segments than the server takes. Those of a stage can be merged.
		d.unsaved.Store(true)
		stageErr := d.stageLocked(ctx)
		if d.unsaved.Store(false); stageErr != nil {
			return row, errors.Join(err, stageErr)
		}
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
	replaced, was := d.f.oldSegments(ctx, p, old)
	o := d.node.putOptions(swiftbackend.PutOptions{})
	if err := d.node.pendingMeta(ctx, p, &o, false); err != nil {
		return listing.Row{}, err
	}
	if d.stream.named != nil { // the two versions have segments in common
		swiftbackend.KeepOtherName(&o.Meta, was.Meta)
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
