package prefetch

import "slices"

// trimLocked releases what is behind the streams, and the parts of forgotten ones.
func (r *Reader) trimLocked() {
	var behind int64 = -1
	r.parts = slices.DeleteFunc(r.parts, func(p *part) bool {
		if p.stream == nil {
			return r.discardLocked(p)
		}
		if behind < 0 { // computed once, and only when there is something to trim
			behind = min(r.cfg.KeepBehind, r.acct.share()/4)
		}
		for p.lo < p.end && r.spentLocked(p, p.blockAt(p.lo), behind) {
			i := p.blockAt(p.lo)
			_, hi := p.blockRange(i)
			r.freeBlockLocked(p, i)
			p.lo = min(hi, p.end)
		}
		return p.lo >= p.end && p.done
	})
}

// spentLocked reports whether nobody is likely to read the block again.
func (r *Reader) spentLocked(p *part, i int, behind int64) bool {
	lo, hi := p.blockRange(i)
	hi = min(hi, p.end)
	s := p.stream
	if p.filled < hi || r.activeLocked(lo, hi) {
		return false
	}
	served := p.blocks[i].served >= hi-lo
	switch {
	case s.backward():
		return served || lo >= s.start+r.cfg.ReorderSpan
	case !served:
		return hi <= s.pos-r.cfg.ReorderSpan
	case s.pos >= r.size:
		return true
	case s.sequential():
		return hi <= s.pos-behind
	}
	return true
}

// activeLocked reports whether a read under way touches [lo, hi).
func (r *Reader) activeLocked(lo, hi int64) bool {
	return slices.ContainsFunc(r.active, func(rd *read) bool { return rd.off < hi && lo < rd.end })
}

// forgetIdleLocked forgets the streams that were not used for long.
func (r *Reader) forgetIdleLocked() {
	for _, s := range slices.Backward(r.streams) {
		if r.clock-s.used > streamIdleReads {
			r.forgetLocked(s)
		}
	}
}

// forgetLocked forgets a stream and releases its memory, or leaves it to the reads
// that use it.
func (r *Reader) forgetLocked(s *stream) {
	r.streams = slices.DeleteFunc(r.streams, func(o *stream) bool { return o == s })
	for _, p := range r.parts {
		if p.stream == s {
			p.stream = nil
		}
	}
	r.dropLocked(func(p *part) bool { return p.stream == nil })
}

// reclaim gives up all memory that no read uses, for another Reader. It does nothing
// when the Reader is busy.
func (r *Reader) reclaim() {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	r.dropLocked(func(*part) bool { return true })
}

// dropLocked discards the parts that match and that no read uses.
func (r *Reader) dropLocked(match func(*part) bool) {
	r.parts = slices.DeleteFunc(r.parts, func(p *part) bool { return match(p) && r.discardLocked(p) })
}

// discardLocked releases the part's memory, at once or when its goroutine ends,
// unless a read uses it. The caller removes a discarded part from r.parts.
func (r *Reader) discardLocked(p *part) bool {
	if r.activeLocked(p.lo, p.end) {
		return false
	}
	p.dropped = true
	p.stream = nil
	if p.done {
		r.freeLocked(p)
	} else {
		p.cancel(errDropped)
	}
	return true
}

// freeLocked returns all memory of a part whose goroutine has ended.
func (r *Reader) freeLocked(p *part) {
	for i := range p.blocks {
		r.freeBlockLocked(p, i)
	}
}

// freeBlockLocked returns the memory of one block that nobody uses.
func (r *Reader) freeBlockLocked(p *part, i int) {
	b := &p.blocks[i]
	if b.freed {
		return
	}
	b.freed = true
	lo, hi := p.blockRange(i)
	if b.buf != nil {
		r.stats.BytesWasted += max(0, min(hi, p.filled)-lo-b.served)
		r.budget.recycle(b.buf)
		b.buf = nil
	}
	r.acct.release(hi - lo)
}
