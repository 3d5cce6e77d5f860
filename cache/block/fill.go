package block

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// mostDelay is how long writing may keep one body waiting: 64 ms a MiB of the
// largest requests, which a disk of 16 MB/s does.
const mostDelay = time.Second

// fill writes a body to disk as it passes by.
type fill struct {
	entry *entry
	end   int64 // of the body
	off   bool  // nothing more is to be written

	// win is the window that is being written, or empty; its bytes before at are on
	// disk.
	win  span
	at   int64
	hash xxhash.Digest
	// skip is the end of a window that another body writes.
	skip  int64
	done  []extent // by this body
	delay time.Duration
}

// write takes the bytes of the body that come at off.
func (f *fill) write(p []byte, off int64) {
	for len(p) > 0 && !f.off {
		if f.win.len() == 0 && off >= f.skip {
			f.begin(off)
		}
		to := f.skip
		if f.win.len() > 0 {
			to = f.win.end
		}
		n := min(int64(len(p)), to-off)
		if f.win.len() > 0 {
			f.store(p[:n])
		}
		p, off = p[n:], off+n
	}
}

// begin claims the window at off, and space for it.
func (f *fill) begin(off int64) {
	w := span{off, min(off-off%window+window, f.end)}
	f.skip = w.end
	e := f.entry
	if !e.claim(w) {
		return
	}
	if !e.store.reserve(e, cost(w)) {
		e.unclaim(w)
		return
	}
	if err := e.create(); err != nil {
		f.fail(w, err)
		return
	}
	f.win, f.at = w, off
	f.hash.Reset()
}

// store writes the next bytes of the window.
func (f *fill) store(p []byte) {
	began := time.Now()
	err := f.entry.writeAt(p, f.at)
	f.delay += time.Since(began)
	if err != nil {
		w := f.win
		f.win = span{}
		f.fail(w, err)
		return
	}
	_, _ = f.hash.Write(p) // a hash takes everything
	f.at += int64(len(p))
	if f.at == f.win.end {
		f.commit()
		f.off = f.delay > mostDelay
	}
}

// fail gives a window up because the disk does not take it.
func (f *fill) fail(w span, err error) {
	f.off = true
	if f.entry.discard(w) {
		f.entry.store.release(f.entry, cost(w))
	}
	if !errors.Is(err, os.ErrClosed) { // by an eviction, meanwhile
		f.entry.store.pause(err)
	}
}

// commit makes what was written of the window an extent.
func (f *fill) commit() {
	w := f.win
	f.win = span{}
	x := extent{span: span{w.off, f.at}, sum: f.hash.Sum64(), checked: true}
	if spare := cost(w) - cost(x.span); spare > 0 {
		f.entry.store.release(f.entry, spare)
	}
	if x.len() > 0 && f.entry.commit(x, len(f.done) == 0) {
		f.done = append(f.done, x)
	}
	f.entry.unclaim(w)
}

// finish ends the filling. If the body is not good, neither is what it brought.
func (f *fill) finish(good bool) {
	if f.win.len() > 0 {
		f.commit()
	}
	f.off = true
	if len(f.done) == 0 {
		return
	}
	if !good {
		f.entry.drop(f.done...)
	}
	f.entry.ended()
	f.done = nil
}

// claim takes a window for writing, unless any of it is there or being written, or the
// kernel reads the file: it would see the bytes before the end of their body.
func (e *entry) claim(w span) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.removed || !e.opened || e.pins > 0 || e.extents.overlaps(w) || slices.ContainsFunc(e.claims, w.overlaps) {
		return false
	}
	if len(e.claims) == 0 {
		e.lookLocked()
	}
	e.claims = append(e.claims, w)
	return true
}

func (e *entry) unclaim(w span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unclaimLocked(w)
}

// discard is unclaim for a window that is given up. It takes from the disk what was
// written of it, and reports whether its space is free.
func (e *entry) discard(w span) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unclaimLocked(w)
	return e.clearLocked(w)
}

func (e *entry) unclaimLocked(w span) {
	e.claims = slices.DeleteFunc(e.claims, func(o span) bool { return o == w })
	if len(e.claims) == 0 && e.data != nil {
		e.state = e.store.state(e.data)
	}
}

// writeAt writes bytes of a claimed window.
func (e *entry) writeAt(p []byte, off int64) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.data == nil {
		return nil // evicted; commit finds out, too
	}
	_, err := e.data.WriteAt(p, off)
	return err
}

// commit adds an extent whose bytes are on disk. The first of a body makes the entry
// wait for its end.
func (e *entry) commit(x extent, first bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.removed || e.appendLocked(x, false) != nil {
		return false
	}
	e.extents.add(x)
	e.store.extents.Add(1)
	if first {
		e.unproven++
	}
	return true
}

// ended is called at the end of a body that brought extents. Those that are wrong are
// not there any more.
func (e *entry) ended() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unproven--
}
