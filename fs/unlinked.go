package fs

import (
	"context"
	"syscall"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// keptLocally is the size up to which an open file that loses its name is fetched
// to the local disk; a larger one is set aside on the server.
const keptLocally = 32 << 20

// unlink removes an entry and deletes its object, if the server has it, with no
// upload of the same file under way. Those who have it open keep its content.
func (f *FS) unlink(ctx context.Context, entry entryOf, row *listing.Row) error {
	file := fileOf(f.childOf(entry.up, entry.name))
	var d *draft
	if file != nil && file.inUse() {
		d = file.openDraft()
		defer d.release()
		if err := d.take(ctx); err != nil {
			return err
		}
		defer d.give()
	}
	leave, err := f.changeEntries(ctx, entry)
	if err != nil {
		return err
	}
	defer leave()
	up, p, err := f.placeIn(ctx, entry)
	if err != nil {
		return err
	}
	var aside place
	if d != nil {
		now := file.current()
		row = &now
		if aside, err = d.keepLocked(ctx, p, row); err != nil {
			return err
		}
	}
	keepSegments := aside != place{} || d != nil && d.base.shared != nil
	if d != nil && d.doubt {
		err = f.deleteAny(ctx, p, keepSegments || d.base.loose != nil)
	} else {
		err = f.deleteObject(ctx, p, row, keepSegments)
	}
	if err != nil {
		return err
	}
	if d != nil {
		d.gone = true
		d.base.inherit()
	}
	if file != nil {
		file.unlinked(aside)
	}
	f.cache.Remove(up, p.object)
	f.changed(up)
	f.meta.forget(p)
	f.keep(up)
	return nil
}

// keepLocked makes an open file independent of its object, whose name is about to
// go. The result is where the object was set aside, or zero. The turn is the
// caller's.
func (d *draft) keepLocked(ctx context.Context, p place, row *listing.Row) (place, error) {
	if !d.node.isOpen() || row.Local && d.stream == nil || row.Size == 0 && d.stream == nil && d.staged() == nil {
		return place{}, nil
	}
	if row.Local || row.Size <= keptLocally || d.stream != nil {
		if err := d.stageLocked(ctx); err != nil {
			return place{}, err
		}
	}
	if stage := d.staged(); row.Local || stage != nil && (!d.base.stored || stage.Detach()) {
		return place{}, nil
	}
	if row.Size <= keptLocally {
		err := d.staged().Fill(ctx, 0, row.Size)
		switch toErrno(err) {
		case 0:
			if d.staged().Detach() {
				return place{}, nil
			}
		case syscall.ESTALE: // gone already, by another client or a request whose answer was lost
			return place{}, nil
		case syscall.ENOSPC: // there is space on the server
		default:
			return place{}, err
		}
	}
	info, err := d.f.client.Head(ctx, p.container, p.object)
	if err != nil {
		return place{}, ignoreGone(err)
	}
	o := swiftbackend.CloneOptions{SourceType: d.f.typeAfter(p, p, row)}
	name, err := d.f.client.SetAside(ctx, swiftbackend.Name{Container: p.container, Object: p.object}, info, o)
	return place{name.Container, name.Object}, err
}

// deleteObject deletes the object of a row, if the server has it, with its own
// segments unless somebody else has them now.
func (f *FS) deleteObject(ctx context.Context, p place, row *listing.Row, keepSegments bool) error {
	if row.Local {
		return nil
	}
	return f.deleteAny(ctx, p, keepSegments || !large(row))
}

// deleteAny deletes whatever object the server has at p, if any, with its own
// segments unless somebody else has them now.
func (f *FS) deleteAny(ctx context.Context, p place, keepSegments bool) error {
	if keepSegments {
		return ignoreGone(f.client.Delete(ctx, p.container, p.object))
	}
	info, err := f.client.Head(ctx, p.container, p.object)
	if err != nil {
		return ignoreGone(err)
	}
	return ignoreGone(f.client.DeleteObject(ctx, p.container, p.object, info))
}

// dropAside deletes, while the program goes on, what was set aside for those who
// had a file open.
func (f *FS) dropAside(p place) {
	f.writers.wg.Go(func() {
		info, err := f.client.Head(f.ctx, p.container, p.object)
		if err == nil {
			err = f.client.DeleteObject(f.ctx, p.container, p.object, info)
		}
		if ignoreGone(err) != nil {
			f.log.Warn("what was set aside of a deleted file could not be deleted", "path", p, "error", err)
		}
	})
}

// unlinked says that the file has lost its name; aside is where its object is
// now, or zero.
func (n *fileNode) unlinked(aside place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	if aside != (place{}) {
		n.at, n.aside = aside, true
	}
}

// inUse reports whether the file has open handles or a draft.
func (n *fileNode) inUse() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handles > 0 || n.draft != nil
}

func (n *fileNode) isOpen() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handles > 0
}
