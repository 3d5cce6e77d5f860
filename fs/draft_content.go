package fs

import (
	"context"
	"errors"
	"os"
	"syscall"

	"swiftfs/cache/writeback"
	"swiftfs/swiftbackend"
)

// mostGap is up to how many zeros a stream uploads for a gap. A larger hole is
// kept as one in a stage.
const mostGap = 1 << 20

// largestFile is the size up to which a file can grow: the 5 TiB that a manifest
// of 1,000 of the largest segments holds. A byte at a larger offset would have
// the file stored with everything before it.
const largestFile = 5 << 40

// fits refuses what would make a file larger than any server holds.
func fits(end int64) error {
	if end > largestFile {
		return syscall.EFBIG
	}
	return nil
}

// writeAt writes data at off, whatever way the content is kept.
func (d *draft) writeAt(ctx context.Context, data []byte, off int64) (int, error) {
	if err := errors.Join(fits(off+int64(len(data))), d.refusing()); err != nil {
		return 0, err
	}
	for {
		if stage := d.staged(); stage != nil {
			n, err := stage.WriteAt(data, off)
			d.wrote()
			return n, err
		}
		n, done, err := d.writeStream(ctx, data, off)
		if done || err != nil {
			return n, err
		}
	}
}

// writeStream writes to a stream, or makes the draft a staged one if it is not
// written at its end.
func (d *draft) writeStream(ctx context.Context, data []byte, off int64) (n int, done bool, err error) {
	if err := d.take(ctx); err != nil {
		return 0, false, err
	}
	defer d.give()
	if d.stream == nil && d.staged() == nil && d.emptyLocked() {
		d.streamLocked()
	}
	if d.stream == nil || !d.stream.accepts(off) || off-d.stream.size() > mostGap {
		return 0, false, d.stageLocked(ctx)
	}
	patient, cancel := d.f.patient(ctx)
	defer cancel()
	n, err = d.stream.writeAt(patient, data, off)
	d.size.Store(d.stream.size())
	d.wrote()
	switch {
	case errors.Is(err, errNoMemory):
		return 0, false, d.stageLocked(patient)
	case err != nil && d.stream.failure() != nil:
		// What the server does not take must not keep the memory from others.
		d.fail(err)
		d.yieldMemoryLocked(patient)
	}
	return n, true, err
}

// emptyLocked reports whether the stored version has no bytes, so that all there
// will be is what is written; the turn is the caller's.
func (d *draft) emptyLocked() bool {
	row := d.node.current()
	return row.Local || row.Size == 0
}

// readAt reads the content; ok is false when that is the stored version.
func (d *draft) readAt(ctx context.Context, dest []byte, off int64) (n int, ok bool, err error) {
	for again := false; ; {
		if stage := d.staged(); stage != nil {
			n, err = stage.ReadAt(ctx, dest, off)
			if errors.Is(err, os.ErrClosed) && d.staged() != stage {
				continue // stored, and given up since
			}
			if again || swiftbackend.KindOf(err) != swiftbackend.KindChanged {
				return n, true, err
			}
			// The version that the stage reads may just have been replaced by what is
			// being stored of it.
			if again = true; d.take(ctx) == nil {
				d.give()
				continue
			}
			return n, true, err
		}
		if err := d.take(ctx); err != nil {
			return 0, true, err
		}
		if d.stream == nil {
			staged := d.staged() != nil
			d.give()
			if staged {
				continue
			}
			return 0, false, nil
		}
		err := d.stageLocked(ctx)
		d.give()
		if err != nil {
			return 0, true, err
		}
	}
}

// truncate sets the size of the content.
func (d *draft) truncate(ctx context.Context, size int64) error {
	if err := fits(size); err != nil {
		return err
	}
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	if was, _, ok := d.shown(); ok && size < was {
		defer d.shortened()
	}
	if size == 0 && d.staged() == nil {
		d.dropLocked()
		d.streamLocked()
		d.wrote()
		return nil
	}
	if d.stream != nil && d.stream.resizes(size) {
		err := d.stream.truncate(ctx, size)
		d.size.Store(d.stream.size())
		d.wrote()
		if !errors.Is(err, errNoMemory) {
			return err
		}
	}
	if err := d.stageLocked(ctx); err != nil {
		return err
	}
	err := d.staged().Truncate(size)
	d.wrote()
	return err
}

// edit does something with the stage, which is made if there is none.
func (d *draft) edit(ctx context.Context, change func(*writeback.Stage) error) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	if err := d.stageLocked(ctx); err != nil {
		return err
	}
	err := change(d.staged())
	if d.staged().Dirty() { // space that was only reserved is no content
		d.wrote()
	}
	return err
}

// stageLocked makes the draft a staged one; the turn is the caller's.
func (d *draft) stageLocked(ctx context.Context) error {
	if d.staged() != nil {
		return nil
	}
	dir, err := d.f.cacheDir()
	if err != nil {
		return err
	}
	if d.stream != nil {
		return d.stageStreamLocked(ctx, dir)
	}
	var version writeback.Base
	row := d.node.current()
	stored := !row.Local && row.Size > 0
	if stored {
		version = d.node.version(&row)
	}
	stage, err := writeback.NewStage(dir, version)
	if err != nil {
		return err
	}
	d.base = base{stored: stored}
	d.setStage(stage)
	return nil
}

func (d *draft) setStage(stage *writeback.Stage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stage = stage
}
