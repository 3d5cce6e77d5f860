package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPreserved is how much one change may make a Snapshot copy. Whoever changes
// more at once would wait too long for it.
const maxPreserved = 64 << 20

var (
	// ErrSnapshotExists is the error of a second snapshot at a time.
	ErrSnapshotExists = errors.New("the file has a snapshot already")
	// ErrSnapshotLost is the error of reading a snapshot after what it needs could
	// not be kept: too much was changed at once, or the disk is full. A new snapshot
	// can be taken.
	ErrSnapshotLost = errors.New("the snapshot is lost")
)

// Snapshot is the content of a Stage at one moment, for uploading it while writes
// go on. It costs what is changed meanwhile: the earlier bytes are copied first.
// It ends with Stage.Clean or Close. Its methods may be called by any number of
// goroutines.
type Snapshot struct {
	stage *Stage
	size  int64
	dirty []Range

	// The following are guarded by stage.mu.
	ended bool
	lost  error // or nil
	// changed is what was changed in the stage since.
	changed rangeSet
	// saved is what is to be read from side, because the stage has other bytes.
	saved rangeSet
	side  *Stage // or nil
}

// Snapshot returns the content as it is now. There can be one at a time: it is
// what Clean compares with, and a file has one upload at a time.
func (s *Stage) Snapshot() (*Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, closedError()
	}
	if s.snapshot != nil {
		return nil, ErrSnapshotExists
	}
	s.snapshot = &Snapshot{stage: s, size: s.size, dirty: s.dirty.all()}
	return s.snapshot, nil
}

// Size returns the size in bytes.
func (p *Snapshot) Size() int64 { return p.size }

// DirtyRanges returns what differs from the base that the stage had, as
// Stage.DirtyRanges did. The caller must not change it.
func (p *Snapshot) DirtyRanges() []Range { return p.dirty }

// Changed returns what was changed in the stage since the snapshot: what stays
// dirty after Clean.
func (p *Snapshot) Changed() []Range {
	p.stage.mu.RLock()
	defer p.stage.mu.RUnlock()
	return p.changed.all()
}

// Fill makes length bytes from off on local, as far as the snapshot has them and
// the stage still does.
func (p *Snapshot) Fill(ctx context.Context, off, length int64) error {
	r, err := rangeOf(off, length)
	if err != nil {
		return err
	}
	r.End = min(r.End, p.size)
	return p.stage.Fill(ctx, r.Off, max(0, r.Len()))
}

// Reader returns a reader of length bytes from off on, which always gives the
// same bytes. Its reads run under ctx.
func (p *Snapshot) Reader(ctx context.Context, off, length int64) *io.SectionReader {
	return io.NewSectionReader(snapshotReader{p, ctx}, off, length)
}

// snapshotReader is a Snapshot as an io.ReaderAt.
type snapshotReader struct {
	snapshot *Snapshot
	ctx      context.Context
}

// ReadAt implements io.ReaderAt.
func (r snapshotReader) ReadAt(b []byte, off int64) (int, error) {
	return r.snapshot.ReadAt(r.ctx, b, off)
}

// ReadAt reads as Stage.ReadAt does.
func (p *Snapshot) ReadAt(ctx context.Context, b []byte, off int64) (int, error) {
	r, err := rangeOf(off, int64(len(b)))
	if err != nil || len(b) == 0 {
		return 0, err
	}
	if off >= p.size {
		return 0, io.EOF
	}
	r.End = min(r.End, p.size)
	var have []*fetch
	for {
		saved, side, complete, err := p.readHave(b, r, have)
		if err != nil {
			return 0, err
		}
		if complete {
			return p.readSaved(ctx, b, r, saved, side)
		}
		if have, err = p.stage.fetch(ctx, r); err != nil {
			return 0, err
		}
	}
}

// readHave reads from the stage what is the same there, or reports that it has to
// be fetched first. It returns what to read from side, which stays as it is.
func (p *Snapshot) readHave(b []byte, r Range, have []*fetch) (saved []Range, side *Stage, complete bool, err error) {
	s := p.stage
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case p.ended:
		return nil, nil, false, fmt.Errorf("snapshot: %w", os.ErrClosed)
	case p.lost != nil:
		return nil, nil, false, p.lost
	}
	for part := range p.saved.notIn(r) {
		for piece, k := range s.piecesLocked(part) {
			dst := b[piece.Off-r.Off : piece.End-r.Off]
			if ok, err := s.readPieceLocked(dst, piece, k, have); !ok || err != nil {
				return nil, nil, false, err
			}
		}
	}
	for part := range p.saved.in(r) {
		saved = append(saved, part)
	}
	return saved, p.side, true, nil
}

// readSaved reads what the stage has other bytes for.
func (p *Snapshot) readSaved(ctx context.Context, b []byte, r Range, saved []Range, side *Stage) (int, error) {
	for _, part := range saved {
		n, err := side.ReadAt(ctx, b[part.Off-r.Off:part.End-r.Off], part.Off)
		if int64(n) < part.Len() {
			return 0, err
		}
	}
	if r.Len() < int64(len(b)) {
		return int(r.Len()), io.EOF
	}
	return int(r.Len()), nil
}

// Close ends the snapshot without an upload. Everything stays dirty.
func (p *Snapshot) Close() error {
	p.stage.mu.Lock()
	side := p.endLocked()
	p.stage.mu.Unlock()
	return closeSide(side)
}

// endLocked ends the snapshot and returns its side, which the caller closes when
// it has released the lock, or nil.
func (p *Snapshot) endLocked() *Stage {
	if p.ended {
		return nil
	}
	p.ended = true
	p.stage.snapshot = nil
	return p.side
}

func closeSide(side *Stage) error {
	if side == nil {
		return nil
	}
	return side.Close()
}

// preserveLocked keeps what the snapshot has of r, which is about to change. If
// that fails the snapshot is lost, and not the change: the snapshot can be
// taken again.
func (s *Stage) preserveLocked(r Range) {
	p := s.snapshot
	if p == nil || p.lost != nil {
		return
	}
	if err := p.saveLocked(r.overlap(Range{0, p.size})); err != nil {
		p.lost = fmt.Errorf("%w: %w", ErrSnapshotLost, err)
	}
}

// saveLocked moves what of r is not saved yet to the side.
func (p *Snapshot) saveLocked(r Range) error {
	var parts []Range
	var copied int64
	for part := range p.saved.notIn(r) {
		parts = append(parts, part)
		for piece, k := range p.stage.piecesLocked(part) {
			if k == local {
				copied += piece.Len()
			}
		}
	}
	if copied > maxPreserved {
		return fmt.Errorf("%d bytes changed at once", copied)
	}
	if len(parts) > 0 && p.side == nil {
		if err := p.openSideLocked(); err != nil {
			return err
		}
	}
	for _, part := range parts {
		for piece, k := range p.stage.piecesLocked(part) {
			if err := p.savePieceLocked(piece, k); err != nil {
				return err
			}
		}
		p.saved.add(part)
	}
	return nil
}

// openSideLocked makes the side: another stage of the same base, which has its
// own content only where something is saved.
func (p *Snapshot) openSideLocked() error {
	side, err := NewStage(p.stage.dir, p.stage.base)
	if err != nil {
		return err
	}
	side.block = p.stage.block
	if err := side.Truncate(p.size); err != nil {
		return errors.Join(err, side.Close())
	}
	p.side = side
	return nil
}

func (p *Snapshot) savePieceLocked(piece Range, k kind) error {
	switch k {
	case remote: // the side has the same base
		return nil
	case hole:
		return p.side.Allocate(piece.Off, piece.Len(), PunchHole)
	case local:
	}
	buf := make([]byte, min(piece.Len(), blockSize))
	for at := piece.Off; at < piece.End; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), piece.End-at)]
		if _, err := p.stage.readPieceLocked(buf, Range{at, at + int64(len(buf))}, local, nil); err != nil {
			return err
		}
		if _, err := p.side.WriteAt(buf, at); err != nil {
			return err
		}
	}
	return nil
}
