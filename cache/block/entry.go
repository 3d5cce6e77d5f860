package block

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// entry is one version on disk.
type entry struct {
	store *Store
	name  name

	// Store.mu guards the following.
	elem     *list.Element // in Store.lru, or nil once it was removed
	refs     int           // Versions that are open
	reserved int64         // space of the directory

	// pins counts the open Versions whose file the kernel reads. Both locks guard it:
	// either is enough for reading.
	pins int

	// mu guards the following. It is held for reading while bytes of the file are.
	mu sync.RWMutex
	// size is that of the version, once it was open.
	size int64
	// data and index are the two files, open while the entry is in use and there is
	// anything on disk; else nil.
	data, index *os.File
	// stored says that there are files, and opened that they were looked at for this
	// use.
	stored, opened bool
	// next is where the next record of the map goes, and sum that of all before it.
	next int64
	sum  xxhash.Digest
	// sealed says that there is a seal, which was right when the entry was opened.
	sealed bool
	// state is that of the data file after the last change that this process made.
	state uint64
	// trusted says that all that the map tells was checked in this process, when the
	// entry was last shut.
	trusted bool
	// doubtful says that it cannot be so in this use: others have changed the data, or
	// the map tells more than extents.
	doubtful bool
	// removed says that the entry was evicted: there is nothing, and there will be
	// nothing.
	removed bool
	extents extents
	claims  []span // windows that are being written
	// unproven counts the bodies that brought extents and have not ended: their end may
	// say that the bytes are wrong.
	unproven int
}

// open makes the entry ready for use.
func (e *entry) open(size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opened || e.removed {
		return
	}
	e.opened, e.size = true, size
	if err := e.openLocked(); err != nil && !errors.Is(err, os.ErrNotExist) {
		e.store.log.Warn("a file of the cache directory cannot be used and is made anew", "file", e.file(""), "error", err)
	}
}

// openLocked opens the files and reads the map, if there is one. After an error
// there is nothing, and the first that is written begins with new files.
func (e *entry) openLocked() error {
	index, err := os.OpenFile(e.file(mapSuffix), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	data, err := os.OpenFile(e.file(""), os.O_RDWR, 0)
	if err != nil {
		_ = index.Close()
		return err
	}
	c, err := e.readMap(data, index)
	if err != nil {
		return errors.Join(err, data.Close(), index.Close())
	}
	state := e.store.state(data)
	e.sealed = state != 0 && c.state == state
	if e.sealed || e.trusted && e.state == state {
		for i := range c.extents {
			c.extents[i].checked = true
		}
	}
	e.data, e.index, e.extents, e.stored = data, index, c.extents, true
	e.next, e.sum, e.state, e.doubtful = c.next, c.sum, state, c.partial
	e.store.extents.Add(int64(len(c.extents)))
	return nil
}

func (e *entry) readMap(data, index *os.File) (contents, error) {
	info, err := data.Stat()
	if err != nil {
		return contents{}, err
	}
	if info.Size() != e.size {
		return contents{}, fmt.Errorf("%d bytes are there of %d: %w", info.Size(), e.size, errMap)
	}
	b, err := io.ReadAll(io.LimitReader(index, mostMap+1))
	if err != nil {
		return contents{}, err
	}
	if len(b) > mostMap {
		return contents{}, fmt.Errorf("the map has more than %d bytes: %w", mostMap, errMap)
	}
	return decodeMap(b, e.name, e.size, int(max(0, mostExtents-e.store.extents.Load())))
}

// create makes the files of a version of which nothing is on disk yet.
func (e *entry) create() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.removed || !e.opened {
		return os.ErrClosed
	}
	if e.data != nil {
		return nil
	}
	const flags = os.O_RDWR | os.O_CREATE | os.O_TRUNC
	data, err := os.OpenFile(e.file(""), flags, 0o600)
	if err != nil {
		return err
	}
	index, err := os.OpenFile(e.file(mapSuffix), flags, 0o600)
	if err != nil {
		return errors.Join(err, data.Close())
	}
	e.stored = true
	header := encodeHeader(e.name, e.size)
	_, err = index.Write(header)
	if err := errors.Join(err, data.Truncate(e.size)); err != nil {
		return errors.Join(err, data.Close(), index.Close())
	}
	e.data, e.index = data, index
	e.next, e.sealed, e.doubtful = headerSize, false, false // nothing was there before
	e.sum.Reset()
	_, _ = e.sum.Write(header) // a hash takes everything
	return nil
}

// shut closes the files, and reports whether there is anything on disk.
func (e *entry) shut() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.stored && len(e.extents) > 0
	if kept && e.index != nil {
		e.trusted = e.rightLocked()
		if e.trusted {
			e.sealLocked()
		}
		// The order of use survives in the dates of the maps.
		_ = os.Chtimes(e.index.Name(), time.Time{}, time.Now())
	}
	e.closeLocked()
	e.opened = false
	return kept || e.removed
}

func (e *entry) closeLocked() {
	if e.data != nil {
		_, _ = e.data.Close(), e.index.Close() // nothing is promised of what is in them
	}
	e.store.extents.Add(-int64(len(e.extents)))
	e.data, e.index, e.extents = nil, nil, nil
}

// empty takes everything away. Those who use the entry find nothing.
func (e *entry) empty() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.removed = true
	if e.data != nil {
		// The space is free now, and not when the last user closes the file.
		_ = e.data.Truncate(0)
	}
	e.closeLocked()
}

// present returns the end of the range on disk that has the byte at off, or false.
func (e *entry) present(off int64) (int64, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if x := e.extents.at(off); x != nil {
		return x.end, true
	}
	return 0, false
}

// gap returns the end of the range not on disk that begins at off, which is off if
// that byte is there.
func (e *entry) gap(off, end int64) int64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.extents.gap(off, end)
}

// readAt fills p from the disk, or reports that not all of it is there. What the disk
// does not give is taken away.
func (e *entry) readAt(p []byte, off int64) bool {
	want := span{off, off + int64(len(p))}
	for {
		x, err := e.tryRead(p, want)
		switch {
		case x == nil:
			return err == nil
		case err != nil:
			e.dropDamaged(*x, err)
			return false
		case !e.check(*x):
			return false
		}
	}
}

// tryRead fills p from the disk, or returns the extent that is in the way of it: with
// an error one that cannot be read, without one that has to be checked first. If there
// is an error only, not all is there.
func (e *entry) tryRead(p []byte, want span) (*extent, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !e.extents.covers(want) {
		return nil, os.ErrNotExist
	}
	for i := e.extents.search(want.off); i < len(e.extents) && e.extents[i].off < want.end; i++ {
		if x := e.extents[i]; !x.checked {
			return &x, nil
		}
	}
	n, err := e.data.ReadAt(p, want.off)
	if err != nil {
		x := *e.extents.at(want.off + int64(n))
		return &x, err
	}
	return nil, nil
}

// buffers hold an extent while it is checked.
var buffers = sync.Pool{New: func() any { return new([window]byte) }}

// check compares an extent with its checksum, and takes it away if it does not
// match.
func (e *entry) check(x extent) bool {
	buf, _ := buffers.Get().(*[window]byte)
	defer buffers.Put(buf)
	b := buf[:x.len()]
	e.mu.RLock()
	if e.data == nil {
		e.mu.RUnlock()
		return false
	}
	_, err := e.data.ReadAt(b, x.off)
	e.mu.RUnlock()
	if err == nil && xxhash.Sum64(b) == x.sum {
		e.mu.Lock()
		defer e.mu.Unlock()
		if now := e.extents.at(x.off); now != nil && now.span == x.span && now.sum == x.sum {
			now.checked = true
		}
		return true
	}
	e.dropDamaged(x, err)
	return false
}

// dropDamaged takes an extent away that the disk gave with an error, or with other
// bytes. After an error nothing of the file is trusted: if others have cut it, what is
// written behind makes zeros of the rest.
func (e *entry) dropDamaged(x extent, err error) {
	if err != nil {
		e.mu.Lock()
		for i := range e.extents {
			e.extents[i].checked = false
		}
		e.mu.Unlock()
	}
	if e.drop(x) {
		e.store.log.Warn("damaged data in the cache directory is fetched again", "file", e.file(""), "offset", x.off, "bytes", x.len(), "error", err)
	}
}

// drop takes extents away, also out of the map, and gives their space back, but for
// that of their records. It reports whether there were any.
func (e *entry) drop(all ...extent) (dropped bool) {
	var freed int64
	e.mu.Lock()
	for _, x := range all {
		if now := e.extents.at(x.off); now != nil && now.span == x.span && now.sum == x.sum {
			dropped = true
			e.extents.remove(x.span)
			e.store.extents.Add(-1)
			if err := e.appendLocked(x, true); err != nil {
				e.spoilLocked()
			}
			if e.clearLocked(x.span) {
				freed += cost(x.span) - 2*recordSize
			}
		}
	}
	e.mu.Unlock()
	e.store.release(e, freed)
	return dropped
}

// appendLocked adds a record to the map.
func (e *entry) appendLocked(x extent, removed bool) error {
	if e.index == nil {
		return os.ErrClosed
	}
	e.sealed = false
	record := encodeRecord(e.name, x, removed)
	if _, err := e.index.WriteAt(record, e.next); err != nil {
		return err
	}
	_, _ = e.sum.Write(record) // a hash takes everything
	e.next += recordSize
	return nil
}

// spoilLocked makes the map useless, which needs no space: it tells of data that is
// wrong, and that its checksums may fit. The next use begins with new files.
func (e *entry) spoilLocked() {
	e.doubtful = true
	if e.index != nil {
		_ = e.index.Truncate(0) // if even that fails, checksums are all there is
	}
}

// verify checks everything and reports whether the whole version is there, and nobody
// waits to hear whether it is right.
func (e *entry) verify(done <-chan struct{}) bool {
	for {
		e.mu.RLock()
		whole := e.wholeLocked()
		i := e.uncheckedLocked()
		var x extent
		if whole && i >= 0 {
			x = e.extents[i]
		}
		e.mu.RUnlock()
		if !whole || i < 0 {
			return whole
		}
		select {
		case <-done:
			return false
		default:
		}
		if !e.check(x) {
			return false
		}
	}
}

// wholeLocked reports whether the whole version is there, of bodies that have ended.
func (e *entry) wholeLocked() bool {
	return e.data != nil && e.unproven == 0 && e.extents.covers(span{0, e.size})
}

// uncheckedLocked returns the index of an extent that was not checked, or -1.
func (e *entry) uncheckedLocked() int {
	return slices.IndexFunc(e.extents, func(x extent) bool { return !x.checked })
}
