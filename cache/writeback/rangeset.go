package writeback

import (
	"iter"
	"math"
	"slices"
	"sort"
)

// Range is the bytes from Off up to, and without, End.
type Range struct{ Off, End int64 }

// Len returns the number of bytes.
func (r Range) Len() int64 { return r.End - r.Off }

// overlap returns the bytes that are in both; its Len is not positive if there
// are none.
func (r Range) overlap(other Range) Range {
	return Range{max(r.Off, other.Off), min(r.End, other.End)}
}

// chunkLen is how many ranges are moved at most for one that comes or goes. It
// makes the cost of a change the same in a file with a million of them.
const chunkLen = 512

// rangeSet is a set of bytes: sorted ranges that are neither empty nor adjacent.
// The zero value is the empty set. Ranges given to its methods may be empty.
type rangeSet struct {
	// chunks are the ranges in order. No chunk is empty.
	chunks [][]Range
	// maxChunk is chunkLen, if it is zero.
	maxChunk int
}

// place is a range's chunk and index in it. That of the end of a set is the index
// 0 of the chunk after the last.
type place struct{ chunk, i int }

// search returns the place of the first range whose End is greater than off.
func (s *rangeSet) search(off int64) place {
	chunk := sort.Search(len(s.chunks), func(i int) bool {
		ranges := s.chunks[i]
		return ranges[len(ranges)-1].End > off
	})
	if chunk == len(s.chunks) {
		return place{chunk, 0}
	}
	ranges := s.chunks[chunk]
	return place{chunk, sort.Search(len(ranges), func(i int) bool { return ranges[i].End > off })}
}

// get returns the range at p, or false if p is the end.
func (s *rangeSet) get(p place) (Range, bool) {
	if p.chunk == len(s.chunks) {
		return Range{}, false
	}
	return s.chunks[p.chunk][p.i], true
}

// next returns the place after p.
func (s *rangeSet) next(p place) place {
	if p.i++; p.i == len(s.chunks[p.chunk]) {
		return place{p.chunk + 1, 0}
	}
	return p
}

// replace puts ranges where those from first up to, and without, end are.
func (s *rangeSet) replace(first, end place, ranges ...Range) {
	switch {
	case first == end && first.i == 0 && first.chunk > 0:
		// Append to a chunk rather than begin one, as writing in order does.
		first = place{first.chunk - 1, len(s.chunks[first.chunk-1])}
		end = first
	case end.i == 0 && end.chunk > first.chunk:
		end = place{end.chunk - 1, len(s.chunks[end.chunk-1])}
	}
	if len(s.chunks) == 0 {
		s.chunks = append(s.chunks, nil)
	}
	changed := s.chunks[first.chunk]
	if first.chunk == end.chunk {
		changed = slices.Replace(changed, first.i, end.i, ranges...)
	} else {
		rest := s.chunks[end.chunk][end.i:]
		changed = append(append(changed[:first.i], ranges...), rest...)
	}
	limit := s.maxChunk
	if limit == 0 {
		limit = chunkLen
	}
	switch half := len(changed) / 2; {
	case len(changed) == 0:
		s.chunks = slices.Delete(s.chunks, first.chunk, end.chunk+1)
	case len(changed) > limit:
		s.chunks = slices.Replace(s.chunks, first.chunk, end.chunk+1, slices.Clone(changed[:half]), slices.Clone(changed[half:]))
	default:
		s.chunks = slices.Replace(s.chunks, first.chunk, end.chunk+1, changed)
	}
}

// at reports whether the byte at off is in the set, and up to where the answer is
// the same.
func (s *rangeSet) at(off int64) (bool, int64) {
	r, ok := s.get(s.search(off))
	switch {
	case !ok:
		return false, math.MaxInt64
	case r.Off <= off:
		return true, r.End
	}
	return false, r.Off
}

// add puts r into the set and returns how many of its bytes were not there.
func (s *rangeSet) add(r Range) int64 {
	if r.Len() <= 0 {
		return 0
	}
	// What touches r becomes one range with it.
	first := s.search(r.Off - 1)
	end, merged, added := first, r, r.Len()
	for {
		old, ok := s.get(end)
		if !ok || old.Off > r.End {
			break
		}
		added -= max(0, old.overlap(r).Len())
		merged = Range{min(merged.Off, old.Off), max(merged.End, old.End)}
		end = s.next(end)
	}
	s.replace(first, end, merged)
	return added
}

// remove takes r out of the set and returns how many of its bytes were there.
func (s *rangeSet) remove(r Range) int64 {
	first := s.search(r.Off)
	end, removed := first, int64(0)
	rest := make([]Range, 0, 2)
	for {
		old, ok := s.get(end)
		if !ok || old.Off >= r.End || r.Len() <= 0 {
			break
		}
		removed += old.overlap(r).Len()
		if old.Off < r.Off {
			rest = append(rest, Range{old.Off, r.Off})
		}
		if old.End > r.End {
			rest = append(rest, Range{r.End, old.End})
		}
		end = s.next(end)
	}
	if removed > 0 {
		s.replace(first, end, rest...)
	}
	return removed
}

// in goes through the parts of r that are in the set, in order. The set must not
// change meanwhile.
func (s *rangeSet) in(r Range) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for p := s.search(r.Off); ; p = s.next(p) {
			found, ok := s.get(p)
			if !ok || found.Off >= r.End {
				return
			}
			if part := found.overlap(r); part.Len() > 0 && !yield(part) {
				return
			}
		}
	}
}

// notIn goes through the parts of r that are not in the set, in order. The set
// must not change meanwhile.
func (s *rangeSet) notIn(r Range) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		off := r.Off
		for part := range s.in(r) {
			if part.Off > off && !yield(Range{off, part.Off}) {
				return
			}
			off = part.End
		}
		if off < r.End {
			yield(Range{off, r.End})
		}
	}
}

// empty reports whether nothing is in the set.
func (s *rangeSet) empty() bool { return len(s.chunks) == 0 }

// all returns a copy of the ranges, in order.
func (s *rangeSet) all() []Range { return slices.Concat(s.chunks...) }
