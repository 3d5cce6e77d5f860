package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"sync"
	"syscall"

	"swiftfs/cache"
)

var (
	// ErrInvalid is the error of arguments that no file has: EINVAL.
	ErrInvalid = fmt.Errorf("negative offset or length: %w", syscall.EINVAL)
	// ErrTooLarge is the error of an end that no offset can tell: EFBIG.
	ErrTooLarge = fmt.Errorf("beyond the largest offset: %w", syscall.EFBIG)
	// ErrNoData is the error of a search that begins at or beyond the end of the
	// file, or finds no data before it: ENXIO.
	ErrNoData = fmt.Errorf("no data up to the end of the file: %w", syscall.ENXIO)
)

// Base reads the version of the file that is being edited.
type Base interface {
	// ReadRange returns the bytes from off on, length of them, of this version and
	// no other. The range is within the version and not empty. The caller closes
	// the reader; ctx ends it too.
	ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error)
	// Size returns the size of the version in bytes, always the same.
	Size() int64
}

// Stage is a file that is being edited. Its methods may be called by any number
// of goroutines; each write, and each read, happens at one moment.
type Stage struct {
	dir   *cache.Dir
	file  localFile
	block int64 // blockSize

	// fetching counts the goroutines that read from the base.
	fetching sync.WaitGroup

	// mu guards the following, and the content of file. It is held while the local
	// file is read or written, and never while the base is.
	mu       sync.RWMutex
	closed   bool
	base     Base // or nil
	baseSize int64
	// epoch counts the bases. What was fetched from an earlier one is not kept.
	epoch uint64
	size  int64
	// remote and holes are disjoint and within the file. What is in neither is in
	// the local file.
	remote   rangeSet // to be fetched from base
	holes    rangeSet // zeros, whatever the local file has there
	dirty    rangeSet // what may differ from base
	occupied rangeSet // whole pages, whose space is reserved in dir
	fetches  map[int64]*fetch
	runs     map[*run]struct{}
	snapshot *Snapshot // or nil
}

// NewStage returns a file with the content of base, or an empty one if base is
// nil. It takes no space in dir yet. The caller closes it, before dir.
func NewStage(dir *cache.Dir, base Base) (*Stage, error) {
	file, err := dir.TempFile()
	if err != nil {
		return nil, err
	}
	s := &Stage{
		dir: dir, file: diskFile{file}, block: blockSize, base: base,
		fetches: map[int64]*fetch{}, runs: map[*run]struct{}{},
	}
	if base != nil {
		s.baseSize = base.Size()
		s.size = s.baseSize
		s.remote.add(Range{0, s.size})
	}
	return s, nil
}

// Size returns the size of the file in bytes.
func (s *Stage) Size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size
}

// Complete reports whether all of the file is local, or zeros: it needs its base
// no more.
func (s *Stage) Complete() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.remote.empty()
}

// Detach has the file need its base no more, which is about to go, and reports
// whether it can: what is local counts as changed from now on, so that it is not given
// up for space.
func (s *Stage) Detach() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.remote.empty() {
		return false
	}
	s.changedLocked(Range{0, s.size})
	return true
}

// Dirty reports whether the file may differ from its base. A file without a base
// is dirty even if it is empty: nothing of it is stored.
func (s *Stage) Dirty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base == nil || s.size != s.baseSize || !s.dirty.empty()
}

// DirtyRanges returns what may differ from the base: sorted, not adjacent, within
// the file. Compare the sizes too: a file that was cut may have none.
func (s *Stage) DirtyRanges() []Range {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dirty.all()
}

// Clean makes version the base of the file, after the content of the snapshot was
// stored as version: what was not changed since the snapshot is not dirty any
// more. It ends the snapshot. Local data stays. In case of an error nothing has
// changed, and the snapshot goes on.
func (s *Stage) Clean(version Base, snapshot *Snapshot) error {
	if version == nil || version.Size() != snapshot.size {
		return fmt.Errorf("the stored version does not have the %d bytes of the snapshot", snapshot.size)
	}
	s.mu.Lock()
	if s.closed || s.snapshot != snapshot {
		s.mu.Unlock()
		return fmt.Errorf("snapshot: %w", os.ErrClosed)
	}
	s.base, s.baseSize = version, snapshot.size
	s.dirty = snapshot.changed
	// Those who wait for the earlier base ask again: where the file was dirty then,
	// what comes is not what it has now.
	s.epoch++
	clear(s.fetches)
	side := snapshot.endLocked()
	s.mu.Unlock()
	return closeSide(side)
}

// Rebase makes version the base of the file, which was stored from what a snapshot
// had that has ended since: its upload was taken for one that failed. What differs
// from the base before is as dirty as it was. In case of an error nothing has
// changed.
func (s *Stage) Rebase(version Base) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return closedError()
	case s.snapshot != nil:
		return ErrSnapshotExists
	}
	for part := range s.remote.in(Range{version.Size(), math.MaxInt64}) {
		return fmt.Errorf("the stored version has no bytes %d to %d", part.Off, part.End)
	}
	s.base, s.baseSize = version, version.Size()
	s.epoch++
	clear(s.fetches)
	return nil
}

// Close gives up the file, and what is dirty in it. Reads that wait for the base
// end with os.ErrClosed, and so does whatever comes later.
func (s *Stage) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for r := range s.runs {
		r.cancel()
	}
	var side *Stage
	if s.snapshot != nil {
		side = s.snapshot.endLocked()
	}
	s.dir.Release(s.occupied.remove(Range{0, math.MaxInt64}))
	err := s.file.Close()
	s.mu.Unlock()
	s.fetching.Wait()
	return errors.Join(err, closeSide(side))
}

// kind is where the content of a byte is.
type kind int

const (
	local  kind = iota // in the local file
	hole               // nowhere: it is zero
	remote             // in the base
)

// piecesLocked goes through r, which is within the file, by where its content is.
// Nothing may change meanwhile.
func (s *Stage) piecesLocked(r Range) iter.Seq2[Range, kind] {
	return func(yield func(Range, kind) bool) {
		for r.Len() > 0 {
			k := local
			isRemote, remoteEnd := s.remote.at(r.Off)
			isHole, holeEnd := s.holes.at(r.Off)
			end := min(remoteEnd, holeEnd)
			switch {
			case isRemote:
				k, end = remote, remoteEnd
			case isHole:
				k, end = hole, holeEnd
			}
			end = min(end, r.End)
			if !yield(Range{r.Off, end}, k) {
				return
			}
			r.Off = end
		}
	}
}

// rangeOf returns the range of length bytes at off.
func rangeOf(off, length int64) (Range, error) {
	switch {
	case off < 0 || length < 0:
		return Range{}, ErrInvalid
	case length > math.MaxInt64-off:
		return Range{}, ErrTooLarge
	}
	return Range{off, off + length}, nil
}
