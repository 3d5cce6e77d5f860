package writeback

import (
	"context"
	"fmt"
	"io"
	"os"
)

// ReadAt reads as io.ReaderAt does. What is not local is fetched from the base,
// in blocks, and kept as far as there is space. If ctx ends, only this reader
// gives up. An error of the base is returned to those who wait, and forgotten.
func (s *Stage) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	r, err := rangeOf(off, int64(len(p)))
	if err != nil || len(p) == 0 {
		return 0, err
	}
	var have []*fetch
	for {
		n, complete, err := s.readHave(p, off, have)
		if complete || err != nil {
			return n, err
		}
		if have, err = s.fetch(ctx, r); err != nil {
			return 0, err
		}
	}
}

// readHave reads p at off from the local file and from what the given fetches
// brought, or reports that this is not all.
func (s *Stage) readHave(p []byte, off int64, have []*fetch) (n int, complete bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return 0, false, closedError()
	case off >= s.size:
		return 0, true, io.EOF
	}
	r := Range{off, min(off+int64(len(p)), s.size)}
	for piece, k := range s.piecesLocked(r) {
		dst := p[piece.Off-off : piece.End-off]
		if ok, err := s.readPieceLocked(dst, piece, k, have); !ok || err != nil {
			return 0, false, err
		}
	}
	if r.Len() < int64(len(p)) {
		err = io.EOF
	}
	return int(r.Len()), true, err
}

// readPieceLocked reads a piece into dst, or reports that it has to be fetched.
func (s *Stage) readPieceLocked(dst []byte, piece Range, k kind, have []*fetch) (bool, error) {
	switch k {
	case hole:
		clear(dst)
		return true, nil
	case remote:
		return s.copyFetchedLocked(dst, piece, have), nil
	case local:
	}
	n, err := s.file.ReadAt(dst, piece.Off)
	if n == len(dst) {
		return true, nil
	}
	if err == io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
		err = io.ErrUnexpectedEOF
	}
	return false, fmt.Errorf("cannot read what was kept: %w", err)
}

// copyFetchedLocked copies r from fetches that could not be kept, if they have
// all of it and are of the present base.
func (s *Stage) copyFetchedLocked(dst []byte, r Range, have []*fetch) bool {
	for _, f := range have {
		part := f.rng.overlap(Range{r.Off, r.End})
		if f.data == nil || f.epoch != s.epoch || part.Len() <= 0 || part.Off != r.Off {
			continue
		}
		n := copy(dst, f.data[part.Off-f.rng.Off:part.End-f.rng.Off])
		dst, r.Off = dst[n:], part.End
	}
	return r.Len() == 0
}

// SeekData returns the first offset from off on that has data, or ErrNoData. All
// that comes from the base counts as data.
func (s *Stage) SeekData(off int64) (int64, error) {
	return s.seek(off, func(k kind) bool { return k != hole })
}

// SeekHole returns the first offset from off on that is in a hole, or the size of
// the file. It returns ErrNoData if off is not within the file.
func (s *Stage) SeekHole(off int64) (int64, error) {
	found, err := s.seek(off, func(k kind) bool { return k == hole })
	if err == ErrNoData { //nolint:errorlint // of this package, and not wrapped
		if size := s.Size(); off >= 0 && off < size {
			return size, nil
		}
	}
	return found, err
}

func (s *Stage) seek(off int64, wanted func(kind) bool) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, closedError()
	}
	if off < 0 {
		return 0, ErrNoData
	}
	for piece, k := range s.piecesLocked(Range{off, s.size}) {
		if wanted(k) {
			return piece.Off, nil
		}
	}
	return 0, ErrNoData
}

func closedError() error { return fmt.Errorf("staged file: %w", os.ErrClosed) }
