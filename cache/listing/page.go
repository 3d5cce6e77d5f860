package listing

import (
	"slices"
	"strings"
	"time"
)

// page is the answer to one request; it does not change once it is made. A
// note, the answer about one name, is a page about the two names it is for.
type page struct {
	// from is the marker: the page knows names after it.
	from string
	// to is the last name the page knows, unless end is set: then it knows
	// all that follow.
	to   string
	end  bool
	rows rows
	// began is the logical time of the request.
	began uint64
	// fetched is the time of the request, by the clock.
	fetched time.Time
	// sheet is what the page is a part of, or nil, and before the number of
	// objects that the sheet has before those of the page.
	sheet  *sheet
	before int
}

func (p *page) start() uint64    { return p.began }
func (p *page) asked() time.Time { return p.fetched }

// row finds the row of that exact name.
func (p *page) row(name string) (Row, bool) {
	i, ok := p.rows.search(name)
	if !ok {
		return Row{}, false
	}
	return p.rows.row(i), true
}

// within is the part of the rows that lies in the window.
func (p *page) within(w window) rows {
	first, exact := p.rows.search(w.from)
	if exact {
		first++
	}
	if w.end {
		return p.rows.slice(first, p.rows.len())
	}
	end, exact := p.rows.search(w.to)
	if exact {
		end++
	}
	return p.rows.slice(first, max(first, end))
}

// cost is about what the page takes in memory.
func (p *page) cost() int64 {
	return p.partCost() + p.rows.pack.bytes()
}

// partCost is cost without the pack, which the pages of a sheet share.
func (p *page) partCost() int64 {
	const structBytes = 192
	return structBytes + int64(len(p.from)+len(p.to)) + p.rows.bytes()
}

// window is the range of names after from, up to and including to, or without
// bound if end is set.
type window struct {
	from, to string
	end      bool
}

// covers tells whether name is in the window.
func (w window) covers(name string) bool {
	return w.from < name && (w.end || name <= w.to)
}

// follows tells whether the names right after pos are in the window.
func (w window) follows(pos string) bool {
	return w.from <= pos && (w.end || pos < w.to)
}

// minus is what is left of w outside hole: no, one or two windows.
func (w window) minus(hole window) []window {
	var left []window
	if w.from < hole.from {
		before := window{from: w.from, to: hole.from}
		if !w.end && w.to <= hole.from {
			before.to = w.to
		}
		left = append(left, before)
	}
	if !hole.end && (w.end || w.to > hole.to) {
		left = append(left, window{from: max(w.from, hole.to), to: w.to, end: w.end})
	}
	return left
}

// span says which page knows a window of names.
type span struct {
	window
	// key is the page's key in the store, and began the page's own began: a
	// later page may have the same key.
	key   string
	began uint64
}

// index is a directory's spans: disjoint, sorted by from.
type index []span

// find is the span that covers name.
func (x index) find(name string) (span, bool) {
	i, _ := slices.BinarySearchFunc(x, name, compareSpan)
	if i > 0 && x[i-1].covers(name) {
		return x[i-1], true
	}
	return span{}, false
}

// after is the span that covers the names right after pos.
func (x index) after(pos string) (span, bool) {
	i, exact := slices.BinarySearchFunc(x, pos, compareSpan)
	if exact {
		i++
	}
	if i > 0 && x[i-1].follows(pos) {
		return x[i-1], true
	}
	return span{}, false
}

// before is the last span that ends at name or earlier.
func (x index) before(name string) (span, bool) {
	i, _ := slices.BinarySearchFunc(x, name, compareSpan)
	for i--; i >= 0; i-- {
		if !x[i].end && x[i].to <= name {
			return x[i], true
		}
	}
	return span{}, false
}

// with is the index after n was added: older spans make room for it, newer
// ones keep theirs.
func (x index) with(n span) index {
	pieces := []window{n.window}
	var result index
	for _, old := range x {
		if old.began > n.began {
			result = append(result, old)
			var rest []window
			for _, w := range pieces {
				rest = append(rest, w.minus(old.window)...)
			}
			pieces = rest
			continue
		}
		for _, w := range old.minus(n.window) {
			result = append(result, span{window: w, key: old.key, began: old.began})
		}
	}
	for _, w := range pieces {
		result = append(result, span{window: w, key: n.key, began: n.began})
	}
	slices.SortFunc(result, func(a, b span) int { return strings.Compare(a.from, b.from) })
	return result
}

// cut is the index without what it has in w.
func (x index) cut(w window) index {
	var result index
	for _, s := range x {
		for _, left := range s.minus(w) {
			result = append(result, span{window: left, key: s.key, began: s.began})
		}
	}
	return result
}

// samePage tells whether two spans are of one page.
func (s span) samePage(o span) bool { return o.key == s.key && o.began == s.began }

func compareSpan(s span, name string) int {
	return strings.Compare(s.from, name)
}
