package block

import "slices"

// page is the unit in which space is counted.
const page = 4096

// pages returns n, made up to whole pages.
func pages(n int64) int64 { return (n + page - 1) / page * page }

// cost is the space that a window takes: its pages, and its part of the map, which
// counts beside the first page of that.
func cost(w span) int64 {
	return pages(w.end) - w.off/page*page + 2*recordSize
}

// clearLocked gives the pages of s back to the disk, nothing of which is there or
// being written any more, and reports whether they are free. A page that has bytes of
// something else stays, which has taken the space of it, too.
func (e *entry) clearLocked(s span) bool {
	if e.data == nil {
		return true // there are no files, or nothing is in them
	}
	if e.pins > 0 {
		return false // the kernel would read zeros
	}
	hole := span{s.off / page * page, pages(s.end)}
	if e.occupiedLocked(span{hole.off, s.off}) {
		hole.off += page
	}
	if e.occupiedLocked(span{s.end, hole.end}) {
		hole.end -= page
	}
	if hole.len() <= 0 {
		return true
	}
	quiet := len(e.claims) == 0
	if quiet {
		e.lookLocked()
	}
	err := punch(e.data, hole)
	if quiet {
		e.state = e.store.state(e.data)
	}
	return err == nil
}

// occupiedLocked reports whether any byte of s is there or being written.
func (e *entry) occupiedLocked(s span) bool {
	return s.len() > 0 && (e.extents.overlaps(s) || slices.ContainsFunc(e.claims, s.overlaps))
}
