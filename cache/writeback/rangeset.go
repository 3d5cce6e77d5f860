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

// rangeSet is a set of bytes: sorted ranges that are neither empty nor adjacent.
// The zero value is the empty set. Ranges given to its methods may be empty.
// Appending at the end, which is what most writers do, costs a binary search.
type rangeSet struct{ ranges []Range }

// from returns the index of the first range that ends after off, which is the
// one with the byte at off, if there is one.
func (s *rangeSet) from(off int64) int {
	return sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].End > off })
}

// at reports whether the byte at off is in the set, and up to where the answer is
// the same.
func (s *rangeSet) at(off int64) (bool, int64) {
	i := s.from(off)
	switch {
	case i == len(s.ranges):
		return false, math.MaxInt64
	case s.ranges[i].Off <= off:
		return true, s.ranges[i].End
	}
	return false, s.ranges[i].Off
}

// add puts r into the set and returns how many of its bytes were not there.
func (s *rangeSet) add(r Range) int64 {
	if r.Len() <= 0 {
		return 0
	}
	// What touches r becomes one range with it.
	first := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].End >= r.Off })
	end, merged, added := first, r, r.Len()
	for end < len(s.ranges) && s.ranges[end].Off <= r.End {
		old := s.ranges[end]
		added -= max(0, old.overlap(r).Len())
		merged = Range{min(merged.Off, old.Off), max(merged.End, old.End)}
		end++
	}
	s.ranges = slices.Replace(s.ranges, first, end, merged)
	return added
}

// remove takes r out of the set and returns how many of its bytes were there.
func (s *rangeSet) remove(r Range) int64 {
	if r.Len() <= 0 {
		return 0
	}
	first := s.from(r.Off)
	end, removed := first, int64(0)
	var rest []Range
	for end < len(s.ranges) && s.ranges[end].Off < r.End {
		old := s.ranges[end]
		removed += old.overlap(r).Len()
		for _, part := range []Range{{old.Off, r.Off}, {r.End, old.End}} {
			if part.Len() > 0 {
				rest = append(rest, part)
			}
		}
		end++
	}
	s.ranges = slices.Replace(s.ranges, first, end, rest...)
	return removed
}

// in goes through the parts of r that are in the set, in order. The set must not
// change meanwhile.
func (s *rangeSet) in(r Range) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for i := s.from(r.Off); i < len(s.ranges) && s.ranges[i].Off < r.End; i++ {
			if part := s.ranges[i].overlap(r); part.Len() > 0 && !yield(part) {
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
func (s *rangeSet) empty() bool { return len(s.ranges) == 0 }

// all returns a copy of the ranges, in order.
func (s *rangeSet) all() []Range { return slices.Clone(s.ranges) }
