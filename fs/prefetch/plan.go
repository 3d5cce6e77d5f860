package prefetch

import (
	"cmp"
	"context"
	"slices"
	"sort"
)

// followLocked returns the stream that a read of [off, end) belongs to, a new one
// if it continues none.
func (r *Reader) followLocked(off, end int64) *stream {
	r.clock++
	r.forgetIdleLocked()
	held := r.partAtLocked(off) != nil
	var best *stream
	bestDistance := int64(-1)
	for _, s := range r.streams {
		d := s.distance(off, end, r.clock, r.frontierLocked(s.pos), held, &r.cfg)
		if d >= 0 && (best == nil || d < bestDistance) {
			best, bestDistance = s, d
		}
	}
	if best == nil {
		best = newStream(off, end, r.recent)
		r.addStreamLocked(best)
	} else {
		best.note(off, end, &r.cfg)
		r.mergeLocked(best)
	}
	best.used = r.clock
	r.recent = best
	return best
}

// mergeLocked joins the streams that turn out to be one with s.
func (r *Reader) mergeLocked(s *stream) {
	r.streams = slices.DeleteFunc(r.streams, func(o *stream) bool {
		if o == s || !s.meets(o, &r.cfg) {
			return false
		}
		s.absorb(o)
		for _, p := range r.parts {
			if p.stream == o {
				p.stream = s
			}
		}
		return true
	})
}

// addStreamLocked makes room for s by forgetting the stream least likely to go on.
func (r *Reader) addStreamLocked(s *stream) {
	s.used = r.clock
	if len(r.streams) >= maxStreams {
		r.forgetLocked(r.leastUsefulLocked())
	}
	r.streams = append(r.streams, s)
}

// leastUsefulLocked prefers streams without evidence, so that random reads on the
// side do not push out a sequential reader's window.
func (r *Reader) leastUsefulLocked() *stream {
	return slices.MinFunc(r.streams, func(a, b *stream) int {
		if ka, kb := a.reads >= 2 || a.backs > 0, b.reads >= 2 || b.backs > 0; ka != kb {
			if kb {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.used, b.used)
	})
}

// partAtLocked returns the part that holds or will hold the byte at off, or nil.
func (r *Reader) partAtLocked(off int64) *part {
	if i := r.searchLocked(off); i < len(r.parts) && r.parts[i].lo <= off {
		return r.parts[i]
	}
	return nil
}

// searchLocked returns the index of the first part that ends after off.
func (r *Reader) searchLocked(off int64) int {
	return sort.Search(len(r.parts), func(i int) bool { return r.parts[i].end > off })
}

// frontierLocked returns the end of the bytes in memory or under way from off on.
func (r *Reader) frontierLocked(off int64) int64 {
	for i := r.searchLocked(off); i < len(r.parts) && r.parts[i].lo <= off; i++ {
		off = r.parts[i].end
	}
	return off
}

// gapLocked returns the largest range around [lo, hi), which no part touches, that
// no part touches.
func (r *Reader) gapLocked(lo, hi int64) (from, to int64) {
	i := r.searchLocked(lo)
	if i > 0 {
		from = r.parts[i-1].end
	}
	to = r.size
	if i < len(r.parts) {
		to = r.parts[i].lo
	}
	return min(from, lo), max(to, hi)
}

// coverLocked finds or starts a source for every byte of [off, end).
func (r *Reader) coverLocked(s *stream, off, end int64) []piece {
	var pieces []piece
	for at := off; at < end; {
		p := r.partAtLocked(at)
		hi := end
		if p != nil {
			hi = min(end, p.end)
		} else {
			if i := r.searchLocked(at); i < len(r.parts) {
				hi = min(hi, r.parts[i].lo)
			}
			hi = min(hi, at+max(r.cfg.MaxRequest, r.cfg.SmallObject))
			p = r.demandLocked(s, at, hi)
		}
		if p == nil {
			r.stats.Requests++
			r.stats.Direct++
		}
		pieces = append(pieces, piece{lo: at, hi: hi, part: p})
		at = hi
	}
	return pieces
}

// demandLocked starts a request for [lo, hi) and what the stream is likely to need
// around it. It returns nil when there is no memory even for [lo, hi).
func (r *Reader) demandLocked(s *stream, lo, hi int64) *part {
	from, to := s.extend(lo, hi, s.window(r.allowanceLocked(s), r.pace.requests(), &r.cfg), r.size, &r.cfg)
	gapLo, gapHi := r.gapLocked(lo, hi)
	from, to = max(from, gapLo), max(hi, r.clipLocked(s, hi, min(to, gapHi)))
	if from < lo || to > hi {
		if r.acct.reserveAhead(to - from) {
			return r.startLocked(s, from, to)
		}
	}
	if r.acct.reserve(hi-lo) || r.makeRoomLocked(s, hi-lo) {
		return r.startLocked(s, lo, hi)
	}
	return nil
}

// clipLocked shortens [lo, to) to what was not read by a stream that s is about to
// meet: the reads that opened it have only overtaken those of s.
func (r *Reader) clipLocked(s *stream, lo, to int64) int64 {
	for _, o := range r.streams {
		near := o.reads > 0 && r.clock-o.used <= reorderReads && o.pos-s.pos <= r.cfg.ReorderSpan
		if o != s && near && o.pos > lo {
			to = min(to, max(lo, o.start))
		}
	}
	return to
}

// makeRoomLocked reserves n bytes after taking memory from where it is missed least.
func (r *Reader) makeRoomLocked(s *stream, n int64) bool {
	r.dropLocked(func(p *part) bool { return p.stream != s })
	if r.acct.reserve(n) {
		return true
	}
	r.budget.reclaimIdle(&r.acct, n)
	return r.acct.reserve(n)
}

// allowanceLocked returns how far s may be ahead: its part of the Reader's part of
// the budget.
func (r *Reader) allowanceLocked(s *stream) int64 {
	busy := int64(1)
	for _, o := range r.streams {
		if o != s && o.sequential() {
			busy++
		}
	}
	share := r.acct.share()
	if share < r.cfg.MaxAhead {
		r.budget.reclaimIdle(&r.acct, r.cfg.MaxAhead-share)
		share = r.acct.share()
	}
	return min(r.cfg.MaxAhead, share) / busy
}

// aheadLocked starts the requests that s deserves beyond what is under way.
func (r *Reader) aheadLocked(s *stream) {
	if s.inRecord() {
		r.recordsAheadLocked(s)
		return
	}
	if !s.sequential() {
		return
	}
	w := s.window(r.allowanceLocked(s), r.pace.requests(), &r.cfg)
	for r.inflight < r.cfg.MaxParallel {
		at := r.frontierLocked(s.pos)
		if at >= r.size {
			return
		}
		_, gapHi := r.gapLocked(at, at)
		n := min(s.next(w, at, r.size, &r.cfg), r.clipLocked(s, at, gapHi)-at)
		if n <= 0 || !r.acct.reserveAhead(n) {
			return
		}
		r.startLocked(s, at, at+n)
	}
}

// recordsAheadLocked fetches the records that follow s at its stride, the more the
// longer the pattern has held.
func (r *Reader) recordsAheadLocked(s *stream) {
	if r.cfg.MaxAhead == 0 || s.reads != 1 {
		return
	}
	for i := range int64(min(s.hits, r.cfg.MaxParallel, maxStreams/2)) {
		next := s.predict(i + 1)
		end := min(next.start+next.expect, r.size)
		if next.start < 0 || next.start >= end || r.inflight >= r.cfg.MaxParallel {
			return
		}
		if r.partAtLocked(next.start) != nil {
			continue
		}
		_, gapHi := r.gapLocked(next.start, next.start)
		end = min(end, gapHi)
		if !r.acct.reserveAhead(end - next.start) {
			return
		}
		r.addStreamLocked(next)
		r.startLocked(next, next.start, end)
	}
}

// startLocked starts the request for [lo, hi), whose memory is reserved.
func (r *Reader) startLocked(s *stream, lo, hi int64) *part {
	ctx, cancel := context.WithCancelCause(r.ctx)
	n := (hi - lo + r.cfg.BlockSize - 1) / r.cfg.BlockSize
	p := &part{
		off: lo, limit: hi, end: hi, lo: lo, filled: lo,
		blockSize: r.cfg.BlockSize, blocks: make([]block, n),
		stream: s, cancel: cancel,
	}
	s.size = max(s.size, hi-lo)
	r.parts = slices.Insert(r.parts, r.searchLocked(lo), p)
	r.inflight++
	r.stats.Requests++
	r.wg.Go(func() { r.fetch(ctx, p) })
	return p
}
