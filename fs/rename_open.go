package fs

import (
	"context"
	"maps"
	"strings"
	"time"

	"swiftfs/cache/listing"
)

// A file may be renamed while programs write it. The server renames what it has,
// so what it has not is stored first; a file that it has never had is only a name
// in this mount, and is stored under whatever name it has then.

// settle makes a file ready for a rename: it waits for an upload under way, keeps
// others from beginning until give is called, and stores what is unsaved. It
// returns the version that is to be moved; row is the one that a listing shows,
// for a file that nobody writes. A file that the server has never had stays Local
// if keepLocal is set.
func (f *FS) settle(ctx context.Context, file *fileNode, row listing.Row, keepLocal bool) (now listing.Row, give func(), err error) {
	var d *draft
	if file != nil {
		d = file.currentDraft()
	}
	if d == nil {
		return row, func() {}, nil
	}
	if err := d.take(ctx); err != nil {
		return row, nil, err
	}
	now = file.current()
	if now.Local && keepLocal && !d.doubt || !d.unsaved.Load() || d.gone {
		return now, d.give, nil
	}
	// A signal ends the waiting for others' uploads, not this one.
	if err := d.saveLocked(f.ctx); err != nil {
		d.give()
		return row, nil, err
	}
	return file.current(), d.give, nil
}

// superseded is a file that is about to be replaced.
type superseded struct {
	file *fileNode // or nil
	// draft is the file's, with its turn, if programs have the file open; else nil.
	draft *draft
	// aside is where the server keeps the object for them, or zero.
	aside place
}

// supersede keeps a file that is about to be replaced from being stored, and
// waits for an upload under way. end must be called.
func supersede(ctx context.Context, file *fileNode) (*superseded, error) {
	s := &superseded{file: file}
	if file == nil || !file.inUse() {
		return s, nil
	}
	s.draft = file.openDraft()
	if err := s.draft.take(ctx); err != nil {
		s.draft.release()
		return nil, err
	}
	return s, nil
}

// keep saves the content for those who have the file open.
func (s *superseded) keep(ctx context.Context, p place) (err error) {
	if s.draft == nil {
		return nil
	}
	row := s.file.current()
	s.aside, err = s.draft.keepLocked(ctx, p, &row)
	return err
}

// hasSegments reports whether those who have the file open may read its segments
// after it was replaced.
func (s *superseded) hasSegments() bool {
	return s.aside != (place{}) || s.draft != nil && s.draft.base.shared != nil
}

// end is told whether the file has been replaced.
func (s *superseded) end(replaced bool) {
	if replaced && s.file != nil {
		s.file.unlinked(s.aside)
	} else if s.aside != (place{}) {
		s.file.f.dropAside(s.aside)
	}
	if s.draft != nil {
		if s.draft.gone = replaced; replaced {
			s.draft.base.inherit()
		}
		s.draft.give()
		s.draft.release()
	}
}

// renamed tells a file which version it stands for after a rename.
func (n *fileNode) renamed(row listing.Row) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.row, n.known = row, time.Now()
	if n.paged != row.ETag {
		n.paged = ""
	}
}

// renamed tells the same to a symbolic link.
func (n *symlinkNode) renamed(row listing.Row) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.row = row
}

// places returns the place of a file's object, for the gate; none when the file
// was unlinked.
func (n *fileNode) places() ([]place, error) {
	_, p, ok := n.place()
	if !ok {
		return nil, nil
	}
	return []place{p}, nil
}

// moveForgotten tells the files that are not in the tree any more, and that this
// mount has still to store, that their directory has been renamed.
func (f *FS) moveForgotten(from, to place) {
	for _, d := range f.drafts.list() {
		n := d.node
		_, up := f.parentOf(&n.Inode)
		n.mu.Lock()
		if up == nil && !n.gone && below(n.at, from.dir()) {
			n.at = place{to.container, to.object + strings.TrimPrefix(n.at.object, from.object)}
		}
		n.mu.Unlock()
	}
}

// forgetTree is forget for all objects below a directory, and its markers.
func (m *metaMemory) forgetTree(d place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range []map[place]knownMeta{m.young, m.old} {
		maps.DeleteFunc(known, func(p place, _ knownMeta) bool { return below(p, d.dir()) })
	}
}
