//go:build linux

package model

import (
	"bytes"
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// alike are errors of which either is right, with the reason.
var alike = map[Kind][][2]syscall.Errno{
	// POSIX allows both for a directory that is not empty.
	Rmdir:  {{unix.ENOTEMPTY, unix.EEXIST}},
	Rename: {{unix.ENOTEMPTY, unix.EEXIST}},
	// POSIX says EPERM for directories, Linux EISDIR.
	Unlink: {{unix.EISDIR, unix.EPERM}},
}

// compare returns how a result differs from that of the local directory, or nil.
// It is asked before the operation is applied to the memory.
//
// What is not compared, because local file systems differ in it too, or because
// an object store has none: sizes and dates of directories that no program set,
// link counts, inode numbers, allocated blocks, and where holes are, so long as
// there are zeros.
func (m *Memory) compare(f Features, op Op, want, got Result) error {
	d := m.open[op.H]
	stale := got.Errno == unix.ESTALE || got.Errno == unix.EFAULT && (op.Kind == MapRead || op.Kind == MapWrite) // SIGBUS, to a program
	if onHandle(op.Kind) && d != nil && stale && m.staleFor(f, op, d) {
		return nil
	}
	switch {
	case want.Skipped != got.Skipped:
		return fmt.Errorf("the harness lost count of what is open: %v and %v", want, got)
	case want.Errno != got.Errno && !slices.ContainsFunc(alike[op.Kind], func(p [2]syscall.Errno) bool {
		return p == [2]syscall.Errno{want.Errno, got.Errno} || p == [2]syscall.Errno{got.Errno, want.Errno}
	}):
		if op.Kind == SeekData || op.Kind == SeekHole {
			break
		}
		return fmt.Errorf("want %v, got %v", want, got)
	}
	if op.Kind == SeekData || op.Kind == SeekHole {
		if d == nil {
			return nil
		}
		return d.e.checkHole(op, got)
	}
	return m.compareSuccess(f, op, want, got)
}

func onHandle(k Kind) bool { return k >= Close && k <= CopyRange }

// staleFor reports whether an open file may have lost its content, because
// another client replaced it, or it was unlinked where that is the end; and notes
// that it has.
func (m *Memory) staleFor(f Features, op Op, d *description) bool {
	entries := []*entry{d.e}
	if to := m.open[op.H2]; op.Kind == CopyRange && to != nil {
		entries = append(entries, to.e)
	}
	stale := false
	for _, e := range entries {
		if e.replaced || e.unlinked && !f.Keeps {
			stale, e.stale = true, true
		}
	}
	return stale
}

func (m *Memory) compareSuccess(f Features, op Op, want, got Result) error {
	switch {
	case want.N != got.N:
		return fmt.Errorf("want %v, got %v", want, got)
	case !bytes.Equal(want.Data, got.Data):
		return fmt.Errorf("want %v, got %v: %s", want, got, firstDifference(want.Data, got.Data))
	case !slices.Equal(want.Names, got.Names):
		return fmt.Errorf("want names %q, got %q", want.Names, got.Names)
	case want.Stat == nil:
		return nil
	}
	w, g := *want.Stat, *got.Stat
	if !f.Modes || w.Type == unix.S_IFLNK {
		g.Mode = w.Mode
	}
	if !f.Times || !m.dated(op) {
		g.Mtime = w.Mtime
	}
	if w != g {
		return fmt.Errorf("want mode %#o of type %#o, size %d, date %d, got %#o, %#o, %d, %d",
			w.Mode, w.Type, w.Size, w.Mtime, g.Mode, g.Type, g.Size, g.Mtime)
	}
	return nil
}

func (m *Memory) dated(op Op) bool {
	if op.Kind == Fstat {
		return m.open[op.H].e.dated
	}
	e := m.at(op.Path, false)
	return e != nil && e.dated
}

// checkHole checks an answer about holes by the data that it implies: what is
// skipped as a hole must be zeros, and what is given as a hole must begin with
// one, or be the end.
func (e *entry) checkHole(op Op, got Result) error {
	size := int64(len(e.data))
	zeros := func(from, to int64) bool {
		return len(bytes.Trim(e.data[from:to], "\x00")) == 0
	}
	switch {
	case got.Errno == unix.ENXIO && (op.Off >= size || op.Kind == SeekData && zeros(op.Off, size)):
		return nil
	case got.Errno != 0:
		return fmt.Errorf("%s from %d in %d bytes: got %v", op.Kind, op.Off, size, got)
	case op.Off >= size || got.N < op.Off || got.N > size:
		return fmt.Errorf("%s from %d in %d bytes: got %d", op.Kind, op.Off, size, got.N)
	case op.Kind == SeekData && (got.N == size || !zeros(op.Off, got.N)):
		return fmt.Errorf("%s from %d: got %d, which leaves data out", op.Kind, op.Off, got.N)
	case op.Kind == SeekHole && got.N < size && e.data[got.N] != 0:
		return fmt.Errorf("%s from %d: got %d, where there is data", op.Kind, op.Off, got.N)
	}
	return nil
}
