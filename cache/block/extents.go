package block

import (
	"slices"
	"sort"
)

// span is a range of bytes.
type span struct{ off, end int64 }

func (s span) len() int64 { return s.end - s.off }

func (s span) overlaps(o span) bool { return s.off < o.end && o.off < s.end }

// extent is a range that is on disk.
type extent struct {
	span
	sum uint64 // xxHash64 of the bytes
	// checked says that the bytes on disk are those of sum.
	checked bool
}

// extents are sorted and do not overlap.
type extents []extent

// search returns the index of the first extent that ends after off.
func (x extents) search(off int64) int {
	return sort.Search(len(x), func(i int) bool { return x[i].end > off })
}

// at returns the extent that has the byte at off, or nil.
func (x extents) at(off int64) *extent {
	if i := x.search(off); i < len(x) && x[i].off <= off {
		return &x[i]
	}
	return nil
}

// overlaps reports whether any extent has a byte of s.
func (x extents) overlaps(s span) bool {
	i := x.search(s.off)
	return i < len(x) && x[i].off < s.end
}

// gap returns the end of the range without extents that begins at off, within end. It
// is off if that byte is in an extent.
func (x extents) gap(off, end int64) int64 {
	if i := x.search(off); i < len(x) {
		return min(end, max(off, x[i].off))
	}
	return end
}

// covers reports whether every byte of s is in an extent.
func (x extents) covers(s span) bool {
	for i := x.search(s.off); s.off < s.end; i++ {
		if i >= len(x) || x[i].off > s.off {
			return false
		}
		s.off = x[i].end
	}
	return true
}

// remove takes away all extents that have a byte of s.
func (x *extents) remove(s span) {
	i := x.search(s.off)
	j := i
	for j < len(*x) && (*x)[j].off < s.end {
		j++
	}
	*x = slices.Delete(*x, i, j)
}

// add puts e in place of what it overlaps.
func (x *extents) add(e extent) {
	x.remove(e.span)
	*x = slices.Insert(*x, x.search(e.off), e)
}
