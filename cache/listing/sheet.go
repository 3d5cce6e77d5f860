package listing

import (
	"fmt"
	"strings"
	"time"
)

// sheet is the answer to one request for all objects of a subtree: the pages of
// all directories that lie wholly or partly in it. Each has what a listing of
// that directory alone would have.
type sheet struct {
	root Dir
	// from is the marker, to the last name; end is set if nothing follows.
	from, to string
	end      bool
	// objects is how many names there are.
	objects int
	// parts are the pages by the directories' prefixes.
	parts map[string]*page
	// pack has the rows of all parts.
	pack *pack
	// first says that the walk was not going on from the sheet before.
	first bool
	// began and fetched are the same as those of a page.
	began   uint64
	fetched time.Time
}

// sheetReader makes a sheet of names in their order.
type sheetReader struct {
	*sheet

	// open are the directories that the next name may lie in, each within the
	// one before. The first is the root.
	open   []openPart
	packer *packer
}

type openPart struct {
	prefix string
	page   *page
}

func newSheetReader(root Dir, marker string, began uint64, fetched time.Time) *sheetReader {
	s := &sheet{root: root, from: marker, to: marker, parts: make(map[string]*page), began: began, fetched: fetched}
	r := &sheetReader{sheet: s, packer: newPacker()}
	r.enter(root.Prefix, marker)
	// What is left of the directories that the marker lies in.
	for i := len(root.Prefix); i < len(marker); i++ {
		if marker[i] == '/' {
			r.enter(marker[:i+1], marker)
		}
	}
	return r
}

// enter opens the page of a directory, of which the names after from follow.
func (r *sheetReader) enter(prefix, from string) {
	prefix = strings.Clone(prefix) // the rest of the name is not kept
	p := &page{
		from: from, to: from, rows: rows{prefix: prefix},
		began: r.began, fetched: r.fetched, sheet: r.sheet, before: r.objects,
	}
	r.parts[prefix] = p
	r.open = append(r.open, openPart{prefix, p})
}

// add takes the next object.
func (r *sheetReader) add(row Row) error {
	if row.Name <= r.to || !strings.HasPrefix(row.Name, r.root.Prefix) {
		return fmt.Errorf("%w: object %q after %q in %q", ErrBadListing, row.Name, r.to, r.root.Prefix)
	}
	if err := r.packer.checkRoom(); err != nil {
		return err
	}
	top := len(r.open) - 1
	for !strings.HasPrefix(row.Name, r.open[top].prefix) {
		r.open[top].page.end = true // the directory was left
		top--
	}
	r.open = r.open[:top+1]
	for i := len(r.open[top].prefix); i < len(row.Name); i++ {
		if row.Name[i] != '/' {
			continue
		}
		prefix := row.Name[:i+1]
		r.push(&Row{Name: prefix, Subdir: true})
		r.enter(prefix, "")
	}
	r.push(&row)
	r.objects++
	r.to = row.Name
	return nil
}

// push appends a row to the page of the innermost directory.
func (r *sheetReader) push(row *Row) {
	p := r.open[len(r.open)-1].page
	r.packer.add(&p.rows, row)
	p.to = row.Name
}

// finish closes the sheet; end is set if nothing follows.
func (r *sheetReader) finish(end bool) (*sheet, error) {
	if r.objects == 0 && !end {
		return nil, fmt.Errorf("%w: nothing new after %q", ErrBadListing, r.from)
	}
	r.end, r.pack = end, r.packer.pack
	all := make([]*rows, 0, len(r.parts))
	for _, p := range r.parts {
		all = append(all, &p.rows)
		p.to = strings.Clone(p.to)
	}
	r.packer.finish(all...)
	for _, o := range r.open {
		o.page.to, o.page.end = r.to, end
	}
	return r.sheet, nil
}

// part is the page of dir, or nil if the sheet does not tell about it.
func (s *sheet) part(dir Dir) *page {
	if p := s.parts[dir.Prefix]; p != nil || !dir.within(s.root) {
		return p
	}
	past := s.end || s.to > dir.Prefix && !strings.HasPrefix(s.to, dir.Prefix)
	if s.from >= dir.Prefix || !past {
		return nil
	}
	return &page{end: true, began: s.began, fetched: s.fetched, sheet: s}
}

// cost is about what the sheet takes in memory.
func (s *sheet) cost() int64 {
	const entryBytes = 64
	cost := s.pack.bytes()
	for _, p := range s.parts {
		cost += p.partCost() + entryBytes
	}
	return cost
}

func (s *sheet) start() uint64    { return s.began }
func (s *sheet) asked() time.Time { return s.fetched }
