package writeback

import (
	"errors"
	"fmt"
	"math"
	"syscall"
)

// WriteAt writes as io.WriterAt does. It never reads from the base: a block that
// is written in part stays partly remote. If the local disk fails, it returns how
// much was written before; the rest of the file is as it was.
func (s *Stage) WriteAt(p []byte, off int64) (int, error) {
	r, err := rangeOf(off, int64(len(p)))
	if err != nil || len(p) == 0 {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, closedError()
	}
	s.preserveLocked(r)
	n, err := s.writeLocked(p, off)
	if errors.Is(err, syscall.ENOSPC) && s.makeRoomLocked(int64(len(p)-n)) {
		var more int
		more, err = s.writeLocked(p[n:], off+int64(n))
		n += more
	}
	return n, err
}

// writeLocked writes p to the local file, and notes what of it is there now.
func (s *Stage) writeLocked(p []byte, off int64) (int, error) {
	fresh, err := s.reserveLocked(Range{off, off + int64(len(p))})
	if err != nil {
		return 0, err
	}
	n, err := s.file.WriteAt(p, off)
	if err != nil {
		err = fmt.Errorf("cannot write to the cache directory: %w", err)
	}
	if n == 0 {
		s.unreserveLocked(fresh)
		return 0, err
	}
	r := Range{off, off + int64(n)}
	s.growLocked(off)
	s.remote.remove(r)
	s.holes.remove(r)
	s.size = max(s.size, r.End)
	s.changedLocked(r)
	return n, err
}

// Truncate sets the size of the file. What is cut off is gone, in the base too:
// if the file grows again, zeros are there.
func (s *Stage) Truncate(size int64) error {
	if size < 0 {
		return ErrInvalid
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedError()
	}
	s.growLocked(size)
	if size == s.size {
		return nil
	}
	s.preserveLocked(Range{size, s.size})
	tail := Range{size, math.MaxInt64}
	s.remote.remove(tail)
	s.holes.remove(tail)
	s.dirty.remove(tail)
	if s.snapshot != nil {
		s.snapshot.changed.remove(tail)
	}
	s.size = size
	s.freeLocked(tail)
	return nil
}

// growLocked makes the file at least size bytes long, with a hole.
func (s *Stage) growLocked(size int64) {
	if size <= s.size {
		return
	}
	grown := Range{s.size, size}
	s.holes.add(grown)
	s.size = size
	s.changedLocked(grown)
}

// changedLocked notes that r has other bytes than it had.
func (s *Stage) changedLocked(r Range) {
	s.dirty.add(r)
	if s.snapshot != nil {
		s.snapshot.changed.add(r)
	}
}
