//go:build linux

package model

import (
	"slices"

	"golang.org/x/sys/unix"
)

// permits reports whether an operation may be done now. What it rules out is
// skipped on both sides, in a sequence that was shortened too.
func (m *Memory) permits(f Features, op Op) bool {
	if m.escapes(op.Path) || op.Kind == Rename && m.escapes(op.To) {
		return false
	}
	if onHandle(op.Kind) && op.Kind != Close && (m.lost(f, op.H) || op.Kind == CopyRange && m.lost(f, op.H2)) {
		return false
	}
	switch op.Kind {
	case Seek, SeekData, SeekHole:
		// In a directory, a position means what the file system wants.
		d := m.open[op.H]
		return d != nil && d.e.kind == unix.S_IFREG && (f.Edit || !d.writable())
	case MapRead, MapWrite:
		// Beyond the end there is a signal, or zeros up to the end of the page.
		d := m.open[op.H]
		return d != nil && op.Len > 0 && op.Off+op.Len <= int64(len(d.e.data))
	case CopyRange:
		// Not what the copy itself adds to the file: how much that is depends on how
		// much is copied at once.
		from, to := m.open[op.H], m.open[op.H2]
		if f.Trouble && from != nil && to != nil && from.e == to.e {
			return false // repeating it would copy the copy
		}
		return from != nil && to != nil && to.flags&unix.O_APPEND == 0 &&
			(from.e != to.e || op.Off+op.Len <= int64(len(from.e.data)))
	case ForeignPut, ForeignDelete, ForeignPost:
		return m.permitsForeign(op)
	default:
		return f.Edit || m.streams(op)
	}
}

// lost reports whether what is open in a slot has no content any more.
func (m *Memory) lost(f Features, slot int) bool {
	d := m.open[slot]
	return d != nil && (d.e.stale || d.e.unlinked && (!f.Unlinked || d.e.kind == unix.S_IFDIR))
}

// permitsForeign rules out changes of what this mount is changing itself, where
// either may win, and of anything but files.
func (m *Memory) permitsForeign(op Op) bool {
	dir, name := m.resolve(op.Path, false)
	if dir == nil || name == "." || !m.direct(op.Path) {
		return false
	}
	e := dir.children[name]
	if e == nil {
		return op.Kind == ForeignPut
	}
	return e.kind == unix.S_IFREG && !slices.ContainsFunc(m.handles(e), func(d *description) bool { return d.writable() || d.wrote })
}

// streams reports whether an operation keeps to files that are written from
// beginning to end by one handle, and read when that is closed.
func (m *Memory) streams(op Op) bool {
	switch op.Kind {
	case Open:
		return m.opensStream(op)
	case Pwrite, Write:
		d := m.open[op.H]
		return d == nil || !d.writable() || op.Kind == Write && d.pos == int64(len(d.e.data)) || op.Kind == Pwrite && op.Off >= int64(len(d.e.data))
	case Ftruncate, Fallocate:
		d := m.open[op.H]
		return d == nil || !d.writable()
	case Truncate:
		e := m.at(op.Path, true)
		return e == nil || e.kind != unix.S_IFREG || op.Len == 0 && len(m.handles(e)) == 0
	default:
		return true
	}
}

func (m *Memory) opensStream(op Op) bool {
	e := m.at(op.Path, true)
	writes := op.Flags&unix.O_ACCMODE != unix.O_RDONLY
	switch {
	case op.Flags&unix.O_ACCMODE == unix.O_RDWR, op.Flags&unix.O_APPEND != 0, !writes && op.Flags&(unix.O_TRUNC|unix.O_CREAT) != 0:
		return false
	case e == nil || e.kind != unix.S_IFREG:
		return true
	case op.Flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL:
		return true // fails
	case writes:
		return op.Flags&unix.O_TRUNC != 0 && len(m.handles(e)) == 0
	}
	return !slices.ContainsFunc(m.handles(e), (*description).writable)
}
