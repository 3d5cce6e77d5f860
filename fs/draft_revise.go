package fs

import (
	"context"
	"io"

	"swiftfs/cache/listing"
	"swiftfs/cache/writeback"
	"swiftfs/swiftbackend"
)

// uploadStage stores what has changed of a staged draft as a new version, which
// becomes the base of the stage.
func (d *draft) uploadStage(ctx context.Context, p place, old *listing.Row) (listing.Row, error) {
	stage := d.staged()
	if d.cleanLocked() {
		return *old, nil
	}
	info, err := d.storedInfo(ctx, p, old)
	if err != nil {
		return listing.Row{}, err
	}
	snapshot, err := stage.Snapshot()
	if err != nil {
		return listing.Row{}, err
	}
	defer func() { _ = snapshot.Close() }()
	o := d.node.putOptions(swiftbackend.KeptOptions(info))
	if err := d.node.pendingMeta(ctx, p, &o, !old.Local); err != nil {
		return listing.Row{}, err
	}
	// What the revision has to know of the old version it finds out itself, unless
	// it is not made from that.
	var replaced []swiftbackend.Segment
	if !d.base.stored || snapshot.Size() <= d.f.cfg.plainSize() {
		replaced, _ = d.f.oldSegments(ctx, p, old)
		replaced = append(replaced, d.base.loose...)
	}
	revised, err := d.f.client.Revise(ctx, p.container, p.object, d.revision(snapshot, info), o)
	if err != nil {
		if revised.Info.ETag != "" {
			d.base.sent, d.base.named = revised, true
		}
		return listing.Row{}, err
	}
	row := storedRow(p, &revised.Info, o)
	d.base = base{stored: true, pieces: revised.Pieces}
	err = stage.Clean(d.node.version(&row), snapshot)
	d.f.dropReplaced(p, append(replaced, revised.Unused...), namesOf(revised.Pieces))
	return row, err
}

// storedInfo returns what the server says of the stored version; the zero value
// when there is none. A version that is not the one the stage was made of is
// replaced if the stage has all it needs, because the last close wins.
func (d *draft) storedInfo(ctx context.Context, p place, old *listing.Row) (swiftbackend.ObjectInfo, error) {
	if old.Local {
		return swiftbackend.ObjectInfo{}, nil
	}
	info, err := d.f.client.Head(ctx, p.container, p.object)
	gone := swiftbackend.KindOf(err) == swiftbackend.KindNotExist
	if err != nil && !gone {
		return info, err
	}
	if !d.base.stored || !gone && info.ETag == old.ETag {
		return info, nil
	}
	if sent := d.base.sent.Info.ETag; sent != "" && sent == info.ETag {
		return info, d.rebase(p, &info, old)
	}
	if !d.staged().Complete() {
		return info, &swiftbackend.Error{
			Op: "store", Path: p.String(), Kind: swiftbackend.KindChanged,
			Detail: "another client has replaced the version that was being edited",
		}
	}
	d.base = base{}
	return info, nil
}

// rebase makes the version that was sent last the base of the stage: the server
// has stored it and the answer was lost. All that was changed since the version
// before it is stored once more.
func (d *draft) rebase(p place, info *swiftbackend.ObjectInfo, old *listing.Row) error {
	row := headRow(p.object, info)
	if err := d.staged().Rebase(d.node.version(&row)); err != nil {
		return err
	}
	sent := d.base.sent
	d.base = base{stored: true, pieces: sent.Pieces}
	*old = row
	d.node.mu.Lock()
	d.node.row.ETag, d.node.row.Size = row.ETag, row.Size
	d.node.mu.Unlock()
	d.f.dropReplaced(p, sent.Unused, namesOf(sent.Pieces))
	return nil
}

// revision is the new version in terms of the stage's base.
func (d *draft) revision(snapshot *writeback.Snapshot, info swiftbackend.ObjectInfo) swiftbackend.Revision {
	cfg := &d.f.cfg
	r := swiftbackend.Revision{
		Size: snapshot.Size(), PlainSize: cfg.plainSize(), SegmentSize: cfg.SegmentSize, Concurrency: cfg.UploadConcurrency,
		Open: func(ctx context.Context, off, length int64) io.Reader { return snapshot.Reader(ctx, off, length) },
	}
	switch {
	case d.base.stored && r.Size > r.PlainSize:
		r.Base, r.Pieces = info, d.base.pieces
	case !d.base.stored && d.base.pieces != nil:
		r.Pieces = d.base.pieces
		for i := range r.Pieces {
			r.Base.Size += r.Pieces[i].Length
		}
	}
	for _, c := range snapshot.DirtyRanges() {
		r.Changed = append(r.Changed, swiftbackend.Range{Off: c.Off, Length: c.Len()})
	}
	return r
}

// namesOf returns the names of the segments that pieces are of.
func namesOf(pieces []swiftbackend.Piece) map[string]bool {
	names := map[string]bool{}
	for i := range pieces {
		names[pieces[i].Name] = true
	}
	return names
}
