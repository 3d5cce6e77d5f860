package prefetch

const (
	// maxStreams is how many places of reading a Reader remembers. More than a
	// few threads on one handle are rare; each costs a comparison a read.
	maxStreams = 8
	// streamIdleReads is after how many reads elsewhere a stream is forgotten
	// with its memory.
	streamIdleReads = 256
	// reorderReads is within how many reads a read that was overtaken arrives; the
	// kernel has two under way for one program.
	reorderReads = 2 * maxStreams
	// evidenceFactor is how many bytes may be ahead for each byte read: at most
	// this many times the use is wasted when reading stops.
	evidenceFactor = 4
	// growth is how much larger than the last a request is, and minGrowth how
	// much larger it must be: waiting a little for more evidence saves requests.
	growth, minGrowth = 4, 3
	// maxRecord is the longest record that is fetched on a guess.
	maxRecord = 4 * mib
)

// stream is one place where reading goes on. It is plain state without memory or
// locks of its own: note feeds it, the other methods draw conclusions.
type stream struct {
	start, pos int64 // the span read so far; pos is the end of the farthest read
	from       int64 // pos before the latest read
	run        int64 // bytes read within the span
	reads      int   // reads that moved pos; 0 for a predicted record not read yet
	backs      int   // reads in a row that moved start back
	size       int64 // length of the largest request, from which the next one grows
	stalled    int64 // no read-ahead until pos is beyond this: a request failed here
	used       int64 // Reader.clock at the latest read

	stride int64    // distance to the start of the stream before
	priors [3]int64 // spans of the streams before, latest first
	expect int64    // length of this record if most streams before were equally long, else 0
	hits   int      // records in a row at equal stride
}

// newStream opens a stream for a read of [off, end); prev is the stream used
// before, or nil.
func newStream(off, end int64, prev *stream) *stream {
	s := &stream{start: off, pos: end, from: off, run: end - off, reads: 1}
	if prev == nil {
		return s
	}
	s.priors = [3]int64{prev.pos - prev.start, prev.priors[0], prev.priors[1]}
	s.stride = off - prev.start
	s.expect = record(s.priors)
	if s.expect > 0 && s.stride == prev.stride {
		s.hits = prev.hits + 1
	}
	return s
}

// predict returns the record that follows s after i strides.
func (s *stream) predict(i int64) *stream {
	at := s.start + i*s.stride
	return &stream{start: at, pos: at, from: at, stride: s.stride, priors: s.priors, expect: s.expect, hits: s.hits + int(i)}
}

// record returns the length that two of three records agree on, or 0. The odd one
// out is a record that happened to follow another one.
func record(spans [3]int64) int64 {
	for _, pair := range [][2]int64{{spans[0], spans[1]}, {spans[0], spans[2]}, {spans[1], spans[2]}} {
		if n := max(pair[0], pair[1]); n <= maxRecord && similar(pair[0], pair[1]) {
			return n
		}
	}
	return 0
}

// similar reports whether two record lengths differ by the kernel's
// own read-ahead only.
func similar(a, b int64) bool {
	return min(a, b) > 0 && max(a, b)-min(a, b) <= min(a, b)/4
}

// distance returns how far a read of [off, end) is from continuing s, or -1 if it
// does not. clock counts this read, frontier is the end of the bytes in memory or under way after s.pos;
// held tells whether the byte at off is.
func (s *stream) distance(off, end, clock, frontier int64, held bool, cfg *Config) int64 {
	switch {
	case off == s.pos:
		return 0
	case s.reads == 0:
		return -1
	case off > s.pos:
		dense := (s.run+end-off)*2 >= end-s.start
		if off < frontier || (off-s.pos <= cfg.SkipSpan && dense && clock-s.used <= reorderReads) {
			return off - s.pos
		}
	case off >= s.start:
		if held && s.pos-off <= cfg.ReorderSpan {
			return s.pos - off
		}
	case end >= s.start && end <= s.pos:
		return s.start - off + 1 // a stream that continues forward goes first
	}
	return -1
}

// note records a read of [off, end) that continues s.
func (s *stream) note(off, end int64, cfg *Config) {
	s.from = s.pos
	switch {
	case off < s.start:
		s.run += s.start - off
		s.start = off
		s.backs++
	case end > s.pos:
		if off-s.pos > max(cfg.SkipSpan, cfg.ReorderSpan) { // a jump within what is in memory: evidence starts over
			s.start, s.run, s.from = off, 0, off
		}
		s.run += end - max(off, s.from)
		s.pos = end
		s.reads++
		s.backs = 0
	default:
		s.run += end - off // overtaken by later reads
	}
	s.run = min(s.run, s.pos-s.start)
	if s.run > max(cfg.MaxAhead, mib) { // old evidence fades, so that a new habit shows soon
		s.run /= 2
		if half := (s.pos - s.start) / 2; s.backs > 0 {
			s.pos = s.start + half
		} else {
			s.start = s.pos - half
		}
	}
}

// meets reports whether s and o are one sequential reader, whose first requests
// came so far out of order that they opened two streams: the lower one has
// reached the upper one's beginning and is not far behind its end. A second reader
// that goes through the same bytes again starts inside the other's span instead,
// until it catches up.
func (s *stream) meets(o *stream, cfg *Config) bool {
	if s.reads == 0 || o.reads == 0 || s.backward() || o.backward() {
		return false
	}
	if s.pos == o.pos {
		return true
	}
	lower, upper := s, o
	if o.start < s.start {
		lower, upper = o, s
	}
	return lower.start < upper.start && lower.pos >= upper.start && lower.pos < upper.pos &&
		upper.pos-lower.pos <= cfg.ReorderSpan
}

// absorb makes s continue o as well.
func (s *stream) absorb(o *stream) {
	s.start, s.pos = min(s.start, o.start), max(s.pos, o.pos)
	s.run = min(s.run+o.run, s.pos-s.start)
	s.reads += o.reads
	s.backs = 0
	s.size = max(s.size, o.size)
	s.stalled = max(s.stalled, o.stalled)
	s.expect, s.hits = 0, 0
}

// stall forgets the evidence after a failed request at the given offset: the next
// request there is made for a read that needs it, not ahead.
func (s *stream) stall(at int64) {
	s.stalled = at + 1
	s.start, s.run, s.size, s.expect, s.hits = s.pos, 0, 0, 0, 0
}

// sequential reports whether s moves forward over most of the bytes it passes.
func (s *stream) sequential() bool {
	return s.reads >= 2 && !s.backward() && s.run*2 >= s.pos-s.start && s.pos >= s.stalled
}

// backward reports whether s moves towards the beginning.
func (s *stream) backward() bool { return s.backs >= 2 }

// inRecord reports whether s is still inside the record it was expected to be.
func (s *stream) inRecord() bool { return s.expect > 0 && s.pos <= s.start+s.expect }

// window is what a stream may fetch, within its share of the memory.
type window struct {
	ahead   int64 // bytes beyond pos
	request int64 // largest request
}

func (s *stream) window(ahead, requests int64, cfg *Config) window {
	return window{
		ahead:   min(ahead, evidenceFactor*s.run),
		request: min(cfg.MaxRequest, max(ahead/requests, cfg.FirstRequest)),
	}
}

// next returns the length of the request to make ahead at frontier, or 0 if there
// is not enough evidence for one yet.
func (s *stream) next(w window, frontier, size int64, cfg *Config) int64 {
	room := s.pos + w.ahead - frontier
	n := min(max(growth*s.size, cfg.FirstRequest), w.request, room, size-frontier)
	enough := min(max(minGrowth*s.size, cfg.FirstRequest), w.request, size-frontier)
	if n < enough {
		return 0
	}
	return n
}

// extend returns the range to fetch for a read that misses [lo, hi).
func (s *stream) extend(lo, hi int64, w window, size int64, cfg *Config) (from, to int64) {
	switch {
	case size <= cfg.FirstRequest || (lo == 0 && size <= cfg.SmallObject):
		return 0, size
	case s.inRecord():
		return lo, max(hi, min(s.start+s.expect, size))
	case s.backward():
		return max(0, min(lo, hi-min(s.run, cfg.BlockSize))), hi
	case s.sequential() && hi >= s.pos: // what lies before pos was read or is being read
		n := min(max(growth*s.size, cfg.FirstRequest), w.request)
		to = max(hi, min(lo+n, s.pos+w.ahead, size))
		return min(lo, max(s.from, lo-cfg.SkipSpan)), to
	case lo == 0:
		return 0, max(hi, min(cfg.FirstRequest, size))
	}
	return lo, hi
}
