package writeback

import (
	"io"
	"math"
	"os"
)

// pageSize is the unit in which space is counted, which file systems on disk
// have, too.
const pageSize = 4096

// localFile is what a Stage needs of its file on disk.
type localFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// free gives the space of r back, which is whole pages; nobody reads it before
	// it is written again. An End of math.MaxInt64 is the end of the file.
	free(r Range) error
	// allocate takes the space of r, and leaves the bytes that are there. A file
	// system that cannot do that is no error.
	allocate(r Range) error
}

// diskFile is the localFile of real disks.
type diskFile struct{ *os.File }

func (f diskFile) free(r Range) error {
	if r.End == math.MaxInt64 {
		return f.Truncate(r.Off)
	}
	return punch(f.File, r)
}

func (f diskFile) allocate(r Range) error { return allocate(f.File, r) }

// pagesAround returns the pages that r touches.
func pagesAround(r Range) Range {
	r.Off -= r.Off % pageSize
	if rest := r.End % pageSize; rest != 0 {
		r.End = min(r.End-rest, math.MaxInt64-pageSize) + pageSize
	}
	return r
}

// pagesWithin returns the pages that are in r as a whole. An End of math.MaxInt64
// stays.
func pagesWithin(r Range) Range {
	if rest := r.Off % pageSize; rest != 0 {
		r.Off = min(r.Off-rest, math.MaxInt64-pageSize) + pageSize
	}
	if r.End != math.MaxInt64 {
		r.End -= r.End % pageSize
	}
	return r
}

// reserveLocked takes the space for r in the cache directory's account, and
// returns the pages that were not taken before.
func (s *Stage) reserveLocked(r Range) ([]Range, error) {
	var fresh []Range
	var need int64
	for part := range s.occupied.notIn(pagesAround(r)) {
		fresh = append(fresh, part)
		need += part.Len()
	}
	if err := s.dir.Reserve(need); err != nil {
		return nil, err
	}
	for _, part := range fresh {
		s.occupied.add(part)
	}
	return fresh, nil
}

// unreserveLocked gives back what reserveLocked returned.
func (s *Stage) unreserveLocked(fresh []Range) {
	for _, part := range fresh {
		s.dir.Release(s.occupied.remove(part))
	}
}

// freeLocked gives back the pages within r, none of whose bytes is local. What
// cannot be given back stays reserved.
func (s *Stage) freeLocked(r Range) {
	r = pagesWithin(r)
	taken := false
	for range s.occupied.in(r) {
		taken = true
		break
	}
	if !taken || s.file.free(r) != nil {
		return
	}
	s.dir.Release(s.occupied.remove(r))
}

// makeRoomLocked finds space for n bytes after the disk or the directory was full,
// and reports whether there is more than before.
func (s *Stage) makeRoomLocked(n int64) bool {
	evicted := s.dir.Evict(n)
	return evicted >= n || s.dropCleanLocked()+evicted > 0
}

// dropCleanLocked makes remote again what is local and the same as in the base,
// and returns how much space that gave back.
func (s *Stage) dropCleanLocked() int64 {
	var drop []Range
	for clean := range s.dirty.notIn(Range{0, s.size}) {
		for piece, k := range s.piecesLocked(clean) {
			if pages := pagesWithin(piece); k == local && pages.Len() > 0 {
				drop = append(drop, pages)
			}
		}
	}
	var dropped int64
	for _, pages := range drop {
		if s.file.free(pages) != nil {
			break
		}
		s.remote.add(pages)
		n := s.occupied.remove(pages)
		s.dir.Release(n)
		dropped += n
	}
	return dropped
}
