//go:build linux

package model

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// apply does to the memory what an operation did that returned r. An error says
// that r cannot be, by what the memory knows: the two references disagree.
func (m *Memory) apply(op Op, r Result) error {
	if r.Skipped || r.Errno != 0 && r.N == 0 {
		return nil
	}
	switch op.Kind {
	case Open, Close, Dup:
		m.applyOpen(op)
		return nil
	case Mkdir, Rmdir, Unlink, Rename, Symlink, ForeignPut, ForeignDelete:
		return m.applyName(op)
	case Utimes, Chmod, Truncate:
		return m.applyPath(op)
	default:
		if d := m.open[op.H]; d != nil {
			return m.applyData(op, r, d)
		}
		return nil
	}
}

func (m *Memory) applyOpen(op Op) {
	switch op.Kind {
	case Close:
		delete(m.open, op.H)
		return
	case Dup:
		m.open[op.H2] = m.open[op.H]
		return
	default:
	}
	e := m.at(op.Path, true)
	d := &description{flags: op.Flags}
	if e == nil {
		dir, name := m.resolve(op.Path, true)
		e = &entry{kind: unix.S_IFREG}
		dir.children[name] = e
		dir.touch()
		d.wrote = true
	}
	d.e = e
	if op.Flags&unix.O_TRUNC != 0 && d.writable() {
		e.resize(0)
		e.touch()
		d.wrote = true
	}
	m.open[op.H] = d
}

func (m *Memory) applyName(op Op) error {
	dir, name := m.resolve(op.Path, false)
	if dir == nil || name == "." {
		return fmt.Errorf("%s succeeded, but there is no directory for it", op.Kind)
	}
	old := dir.children[name]
	dir.touch()
	switch op.Kind {
	case Mkdir:
		dir.children[name] = newDirectory()
	case Symlink:
		dir.children[name] = &entry{kind: unix.S_IFLNK, target: op.To}
	case ForeignPut:
		old.lose(true)
		dir.children[name] = &entry{kind: unix.S_IFREG, data: content(op.Fill, 0, op.Len)}
	case ForeignDelete:
		old.lose(true)
		delete(dir.children, name)
	case Rename:
		return m.rename(op, dir, name, old)
	default: // Unlink and Rmdir
		if old == nil || len(old.children) > 0 {
			return fmt.Errorf("%s of something that is not there, or not empty, succeeded", op.Kind)
		}
		old.lose(false)
		delete(dir.children, name)
	}
	return nil
}

// lose notes that the entry has lost its name, to another client or by
// ourselves.
func (e *entry) lose(toAnother bool) {
	if e != nil {
		e.unlinked = true
		e.replaced = e.replaced || toAnother
	}
}

func (m *Memory) rename(op Op, dir *entry, name string, e *entry) error {
	to, toName := m.resolve(op.To, false)
	if e == nil || to == nil {
		return fmt.Errorf("rename of nothing, or to nowhere, succeeded")
	}
	over := to.children[toName]
	if over == e {
		return nil
	}
	to.touch()
	if op.Flags&unix.RENAME_EXCHANGE != 0 {
		dir.children[name], to.children[toName] = over, e
		return nil
	}
	over.lose(false)
	delete(dir.children, name)
	to.children[toName] = e
	return nil
}

func (m *Memory) applyPath(op Op) error {
	e := m.at(op.Path, op.Kind != Utimes)
	if e == nil {
		return fmt.Errorf("%s of something that is not there succeeded", op.Kind)
	}
	switch op.Kind {
	case Utimes:
		e.dated = true
	case Truncate:
		e.resize(op.Len)
		e.touch()
	default:
	}
	return nil
}

func (m *Memory) applyData(op Op, r Result, d *description) error {
	e := d.e
	switch op.Kind {
	case Read:
		err := checkRead(e.read(d.pos, op.Len), r)
		d.pos += r.N
		return err
	case Pread, MapRead:
		return checkRead(e.read(op.Off, op.Len), r)
	case Seek:
		d.pos = op.Off
	case Write, Pwrite:
		d.write(op, r.N)
	case MapWrite:
		e.write(op.Off, content(op.Fill, op.Off, op.Len))
		d.wrote = true
	case Ftruncate:
		e.resize(op.Len)
		e.touch()
		d.wrote = true
	case Fallocate:
		d.allocate(op)
	case CopyRange:
		to := m.open[op.H2]
		to.e.write(op.Off2, bytes.Clone(e.read(op.Off, r.N)))
		to.wrote = to.wrote || r.N > 0
	case Fstat:
		if r.Stat.Type == unix.S_IFREG && r.Stat.Size != int64(len(e.data)) {
			return fmt.Errorf("the size is %d, by the memory %d", r.Stat.Size, len(e.data))
		}
	default:
	}
	return nil
}

func (d *description) write(op Op, n int64) {
	data := content(op.Fill, op.Off, op.Len)[:n]
	off := op.Off
	if op.Kind == Write {
		off = d.pos
	}
	if d.flags&unix.O_APPEND != 0 {
		off = int64(len(d.e.data)) // pwrite(2) too, on Linux
	}
	d.e.write(off, data)
	d.wrote = d.wrote || n > 0
	if op.Kind == Write && n > 0 {
		d.pos = off + n
	}
}

func (d *description) allocate(op Op) {
	size, end := int64(len(d.e.data)), op.Off+op.Len
	if op.Flags&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0 {
		clear(d.e.read(op.Off, op.Len))
	}
	if op.Flags&unix.FALLOC_FL_KEEP_SIZE == 0 && end > size {
		d.e.resize(end)
	}
	d.e.touch()
	d.wrote = true
}

func checkRead(want []byte, r Result) error {
	if !bytes.Equal(want, r.Data) {
		return fmt.Errorf("read %s, the memory has %s: %s", describe(r.Data), describe(want), firstDifference(want, r.Data))
	}
	return nil
}
