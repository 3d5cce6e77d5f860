package writeback

import (
	"errors"
	"fmt"
	"syscall"
)

// Mode is what Allocate does.
type Mode int

// The modes have the meaning of those of fallocate(2).
const (
	// Reserve takes the space for a range, and makes the file large enough for it.
	// Bytes stay as they are. It is local space: the server may still refuse.
	Reserve Mode = iota
	// ReserveKeepSize is Reserve without making the file larger.
	ReserveKeepSize
	// PunchHole makes a range zero and gives its space back, within the file.
	PunchHole
	// ZeroRange makes a range zero and takes the space for it, and makes the file
	// large enough for it.
	ZeroRange
	// ZeroRangeKeepSize is ZeroRange without making the file larger.
	ZeroRangeKeepSize
)

// Allocate works on the space of length bytes from off on. In case of an error
// nothing has changed.
func (s *Stage) Allocate(off, length int64, mode Mode) error {
	r, err := rangeOf(off, length)
	if err != nil {
		return err
	}
	if length == 0 {
		return ErrInvalid
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedError()
	}
	if mode != PunchHole {
		err := s.allocateLocked(r)
		if errors.Is(err, syscall.ENOSPC) && s.makeRoomLocked(length) {
			err = s.allocateLocked(r)
		}
		if err != nil {
			return err
		}
	}
	if mode != Reserve && mode != ReserveKeepSize {
		s.zeroLocked(r, mode == PunchHole)
	}
	if mode == Reserve || mode == ZeroRange {
		s.growLocked(r.End)
	}
	return nil
}

// allocateLocked takes the space of r in the local file.
func (s *Stage) allocateLocked(r Range) error {
	fresh, err := s.reserveLocked(r)
	if err != nil {
		return err
	}
	if err := s.file.allocate(r); err != nil {
		s.unreserveLocked(fresh)
		return fmt.Errorf("cannot allocate in the cache directory: %w", err)
	}
	return nil
}

// zeroLocked makes what of r is within the file a hole.
func (s *Stage) zeroLocked(r Range, free bool) {
	r.End = min(r.End, s.size)
	if r.Len() <= 0 {
		return
	}
	s.preserveLocked(r)
	s.remote.remove(r)
	s.holes.add(r)
	s.changedLocked(r)
	if free {
		s.freeLocked(r)
	}
}
