package fs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// fileAttrs is what a file's node knows of its attributes beside its row, whose
// content type has them. fileNode.mu guards it.
type fileAttrs struct {
	// known is since when the row is known to be so: what was fetched before
	// says nothing about it.
	known time.Time
	// timed is when a program last set the date. It counts unless the file was
	// written to since.
	timed time.Time
	// written is when a program wrote last to the version that the server answered
	// to have dated answered, in whole seconds and rounded up.
	written, answered time.Time
}

// dateLocked returns the date of the version: when it was written, if this mount
// did that, until a listing tells the exact date that the server has.
func (n *fileNode) dateLocked() time.Time {
	if !n.written.IsZero() && n.row.Modified.Equal(n.answered) {
		return n.written
	}
	return n.row.Modified
}

// learnLocked takes over what another client may have changed without making
// another version.
func (n *fileNode) learnLocked(row *listing.Row, fetched time.Time) {
	if fetched.Before(n.known) {
		return
	}
	n.known = fetched
	n.row.Modified = row.Modified // a listing is more exact than the answer to a PUT
	n.row.ContentType = row.ContentType
}

// attrsLocked returns the attributes that are set. Writing to a file makes its
// date the time of that.
func (n *fileNode) attrsLocked() attrs {
	a := n.f.attrsOf(&n.row)
	if n.draft != nil {
		if _, written, ok := n.draft.shown(); ok && n.timed.Before(written) {
			a = a.without(hasMtime)
		}
	}
	return a
}

// putOptions returns what the file's next version has beside its bytes: kept,
// with the type, the mode and the owner that the version before it has.
func (n *fileNode) putOptions(kept swiftbackend.PutOptions) swiftbackend.PutOptions {
	n.mu.Lock()
	defer n.mu.Unlock()
	typed := n.row.ContentType
	if kept.ContentType != "" {
		typed = kept.ContentType
	}
	_, rest := splitType(typed)
	if rest == defaultType || n.row.SymlinkPath != "" || !fileType(rest) {
		rest = contentType(n.row.Name)
	}
	a := n.attrsLocked()
	kept.ContentType, kept.Meta = joinType(rest, a), a.withMeta(kept.Meta)
	return kept
}

// askedAttrs returns what a call asks to set. A call that sets the size sets
// the date to now by that.
func askedAttrs(in *fuse.SetAttrIn) (a attrs, now bool) {
	if mode, ok := in.GetMode(); ok {
		a.set, a.mode = a.set|hasMode, mode&permissions
	}
	if uid, ok := in.GetUID(); ok {
		a.set, a.uid = a.set|hasUID, uid
	}
	if gid, ok := in.GetGID(); ok {
		a.set, a.gid = a.set|hasGID, gid
	}
	now = in.Valid&fuse.FATTR_MTIME_NOW != 0
	if _, sized := in.GetSize(); now && sized {
		return a, false
	}
	if t, ok := in.GetMTime(); ok {
		a.set, a.mtime = a.set|hasMtime, t.Round(0)
	}
	return a, now
}

// setAttrs does the part of setattr that is not about the size. A file with
// content that is not stored yet keeps what is set for the close; any other
// gets it in one POST.
func (n *fileNode) setAttrs(ctx context.Context, in *fuse.SetAttrIn) syscall.Errno {
	want, now := askedAttrs(in)
	if want.set == 0 {
		return 0
	}
	if n.f.cfg.Attrs == AttrsNone {
		out := new(fuse.Attr)
		n.attr(out)
		return sameAttr(in, out)
	}
	if d := n.currentDraft(); d != nil {
		// Its turn, because a store under way has taken the attributes with it.
		if err := d.take(ctx); err != nil {
			return toErrno(err)
		}
		defer d.give()
		if n.keepAttrs(d, want, now) {
			return 0
		}
	}
	return n.postAttrs(ctx, want, now)
}

// keepAttrs keeps attributes for the version that d, whose turn is the caller's,
// is to store; false when there is nothing to be stored.
func (n *fileNode) keepAttrs(d *draft, want attrs, now bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !d.unsaved.Load() || d.cleanLocked() || n.gone {
		return false
	}
	if now {
		// The date of the version will be that.
		d.changed.Store(want.mtime.UnixNano())
		want, n.timed = want.without(hasMtime), time.Time{}
	} else if want.set&hasMtime != 0 {
		n.timed = time.Now()
	}
	n.overlayLocked(want)
	d.attrs = true
	return true
}

// cleanLocked reports whether the server has all of a stage although something
// was written since it was stored: what came before that upload took its copy.
// The turn is the caller's.
func (d *draft) cleanLocked() bool {
	stage := d.staged()
	return stage != nil && d.base.stored && !stage.Dirty() && !d.attrs
}

// overlayLocked changes attributes in memory alone.
func (n *fileNode) overlayLocked(want attrs) {
	a, rest := splitType(n.row.ContentType)
	n.row.ContentType = joinType(rest, want.over(a).beyond(n.f.fileDefaults()))
	n.known = time.Now()
}

// postAttrs changes the attributes of the object, unless they are so already.
func (n *fileNode) postAttrs(ctx context.Context, want attrs, now bool) syscall.Errno {
	leave, err := n.f.change(ctx, n.places)
	if err != nil {
		return toErrno(err)
	}
	defer leave()
	d, p, ok := n.place()
	if !ok || n.isGone() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.overlayLocked(want)
		return 0
	}
	row := n.current()
	row.Name = p.object // a directory above it may have been renamed
	if row.SymlinkPath != "" {
		return n.f.refuse("setting attributes of a native symlink", p)
	}
	changed, err := n.f.updateAttrs(ctx, d, &row, want, now)
	if err != nil {
		return n.f.fail("setattr", p.String(), err)
	}
	n.mu.Lock()
	if sameVersion(&n.row, &changed) {
		n.row.Modified, n.row.ContentType, n.known = changed.Modified, changed.ContentType, time.Now()
	}
	if want.set&hasMtime != 0 && !now {
		n.timed = time.Now() // a draft may have been written to before, and have nothing to store
	}
	n.mu.Unlock()
	return 0
}

// updateAttrs changes the attributes of a row's object in d, unless they are so
// already, and returns the row that it has then.
func (f *FS) updateAttrs(ctx context.Context, d listing.Dir, row *listing.Row, want attrs, now bool) (listing.Row, error) {
	defaults := f.fileDefaults()
	shown := f.attrsOf(row).over(defaults).over(attrs{set: hasMtime, mtime: row.Modified})
	switch {
	case want.same(shown) == want.set:
		return *row, nil
	case now && want.set == hasMtime && f.attrsOf(row).set&hasMtime == 0 && isNow(row.Modified):
		return *row, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	info, err := f.client.Update(ctx, d.Container, row.Name, func(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		if o.ETag != row.ETag {
			return swiftbackend.Change{}, syscall.ESTALE // another client's, and no longer this file
		}
		return changedAttrs(&o, want, row.Modified, defaults), nil
	})
	f.meta.expire(place{d.Container, row.Name})
	if err != nil {
		f.cache.Forget(d, row.Name)
		return *row, err
	}
	changed := *row
	changed.Modified, changed.ContentType = info.Modified, info.ContentType
	changed.ContentType = shownType(&changed)
	f.cache.Put(d, changed)
	return changed, nil
}

// isNow reports whether a date of the server's may pass for now: touch makes a
// file, which stores it, and then sets its date.
func isNow(date time.Time) bool {
	const nowAsFarAsKnown = 2 * time.Second
	age := time.Since(date)
	return age < nowAsFarAsKnown && age > -nowAsFarAsKnown
}

// changedAttrs returns what an object gets that is to have other attributes. It
// keeps those that another tool stored as metadata alone, and its date, which
// the server would move.
func changedAttrs(o *swiftbackend.ObjectInfo, want attrs, date time.Time, defaults attrs) swiftbackend.Change {
	has, rest := splitType(o.ContentType)
	a := want.over(has).over(metaAttrs(o.Meta))
	if !date.IsZero() {
		a = a.over(attrs{set: hasMtime, mtime: date})
	}
	a = a.beyond(defaults)
	if rest == "" {
		rest = defaultType
	}
	return swiftbackend.Change{ContentType: joinType(rest, a), Meta: a.withMeta(o.Meta)}
}

// dropPrivileges clears the bits by which a program runs as another user, after
// somebody else than root wrote to the file.
func (n *fileNode) dropPrivileges(ctx context.Context) {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Uid == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if mode := n.attrsLocked().over(n.f.fileDefaults()).mode; mode != unprivileged(mode) {
		n.overlayLocked(attrs{set: hasMode, mode: unprivileged(mode)})
	}
}

// unprivileged is a mode without setuid, and without setgid unless that stands
// for mandatory locking.
func unprivileged(mode uint32) uint32 {
	mode &^= syscall.S_ISUID
	const groupExecutes = 0o010
	if mode&groupExecutes != 0 {
		mode &^= syscall.S_ISGID
	}
	return mode
}

// sameAttr refuses to set what is not there already, where no attributes are
// kept. Dates are passed over: cp -p and tar, which set them on everything,
// would else fail for each file.
func sameAttr(in *fuse.SetAttrIn, now *fuse.Attr) syscall.Errno {
	if mode, ok := in.GetMode(); ok && mode&permissions != now.Mode&permissions {
		return syscall.EOPNOTSUPP
	}
	if uid, ok := in.GetUID(); ok && uid != now.Uid {
		return syscall.EPERM
	}
	if gid, ok := in.GetGID(); ok && gid != now.Gid {
		return syscall.EPERM
	}
	return 0
}
