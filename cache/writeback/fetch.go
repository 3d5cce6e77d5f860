package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

const (
	// blockSize is what is fetched at least, aligned: large enough for a request to
	// be worth its latency, small enough for a database that reads pages.
	blockSize = 1 << 20
	// maxRun is how many blocks one request may bring. Filling a segment takes few
	// requests, and a reader that needs one of the blocks waits for one request.
	maxRun = 16
	// fillers is how many requests a Fill has under way.
	fillers = 4
)

// fetch is the part of a block that is being brought from the base.
type fetch struct {
	block int64
	rng   Range
	epoch uint64
	run   *run

	// done is closed when the fetch has ended and the following are set.
	done chan struct{}
	// err says why nothing came.
	err error
	// unkept says why the bytes are not in the local file; they are in data then.
	unkept error
	data   []byte
}

// run is one request, for blocks that follow each other.
type run struct {
	base    Base
	fetches []*fetch
	ctx     context.Context
	cancel  context.CancelFunc
	// waiters is guarded by Stage.mu.
	waiters int
}

// Fill makes length bytes from off on local, as far as the file has them. They
// stay local until a write needs the space.
func (s *Stage) Fill(ctx context.Context, off, length int64) error {
	r, err := rangeOf(off, length)
	if err != nil {
		return err
	}
	r.End = min(r.End, s.Size())
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for at := r.Off; at < r.End && each.Err() == nil; {
		end := min(at-at%s.block+maxRun*s.block, r.End)
		window := Range{at, end}
		group.Go(func() error { return s.fill(each, window) })
		at = end
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// fill makes r local.
func (s *Stage) fill(ctx context.Context, r Range) error {
	for {
		fetched, err := s.fetch(ctx, r)
		if err != nil || len(fetched) == 0 {
			return err
		}
		for _, f := range fetched {
			if f.unkept != nil {
				return f.unkept
			}
		}
	}
}

// fetch brings what of r is remote, and returns how that went for each block.
func (s *Stage) fetch(ctx context.Context, r Range) ([]*fetch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, closedError()
	}
	joined := s.joinLocked(ctx, r)
	s.mu.Unlock()
	defer s.leave(joined)
	for _, f := range joined {
		select {
		case <-f.done:
			if f.err != nil {
				return nil, f.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return joined, nil
}

// joinLocked returns the fetches that bring what of r is remote, which includes
// new ones for blocks that nobody waits for yet. The caller leaves them.
func (s *Stage) joinLocked(ctx context.Context, r Range) []*fetch {
	var joined []*fetch
	var open *run
	last := int64(-1)
	for part := range s.remote.in(r) {
		for block := part.Off / s.block; block*s.block < part.End; block++ {
			if block == last {
				continue
			}
			last = block
			f := s.fetches[block]
			if f == nil {
				open = s.appendLocked(ctx, open, block)
				f = open.fetches[len(open.fetches)-1]
			}
			f.run.waiters++
			joined = append(joined, f)
		}
	}
	s.startLocked(open)
	return joined
}

// appendLocked adds a fetch of what of the block is remote to the open run, or to
// a new one if it cannot be part of the same request; it starts the old one then.
func (s *Stage) appendLocked(ctx context.Context, open *run, block int64) *run {
	f := &fetch{block: block, epoch: s.epoch, done: make(chan struct{})}
	for part := range s.remote.in(Range{block * s.block, (block + 1) * s.block}) {
		if f.rng.End == 0 {
			f.rng = part
		}
		f.rng.End = part.End
	}
	if open == nil || len(open.fetches) == maxRun || open.fetches[len(open.fetches)-1].rng.End != f.rng.Off {
		s.startLocked(open)
		open = s.newRunLocked(ctx)
	}
	f.run = open
	open.fetches = append(open.fetches, f)
	s.fetches[block] = f
	return open
}

// newRunLocked returns a run that goes on until nobody waits for it any more,
// whatever happens to the one who began it.
func (s *Stage) newRunLocked(ctx context.Context) *run {
	r := &run{base: s.base}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.runs[r] = struct{}{}
	return r
}

// startLocked sends the request of a run; nil is none.
func (s *Stage) startLocked(r *run) {
	if r != nil {
		s.fetching.Go(func() { s.receive(r) })
	}
}

// leave ends the wait for fetches. A run that nobody waits for is given up, and
// what it would have brought can be fetched anew.
func (s *Stage) leave(joined []*fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range joined {
		f.run.waiters--
		if f.run.waiters > 0 {
			continue
		}
		f.run.cancel()
		for _, other := range f.run.fetches {
			s.forgetLocked(other)
		}
	}
}

func (s *Stage) forgetLocked(f *fetch) {
	if s.fetches[f.block] == f {
		delete(s.fetches, f.block)
	}
}

// receive does the request of a run, and ends each of its fetches.
func (s *Stage) receive(r *run) {
	arrived, err := s.receiveAll(r)
	r.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.closed {
		err = closedError()
	}
	for _, f := range r.fetches[arrived:] {
		f.err = err
		s.forgetLocked(f)
		close(f.done)
	}
	delete(s.runs, r)
}

// receiveAll returns how many fetches have ended well, and why the next did not.
func (s *Stage) receiveAll(r *run) (int, error) {
	whole := Range{r.fetches[0].rng.Off, r.fetches[len(r.fetches)-1].rng.End}
	body, err := r.base.ReadRange(r.ctx, whole.Off, whole.Len())
	if err != nil {
		return 0, fmt.Errorf("cannot read the stored version: %w", err)
	}
	defer func() { _ = body.Close() }()
	var buf []byte
	for i, f := range r.fetches {
		if int64(cap(buf)) < f.rng.Len() {
			buf = make([]byte, f.rng.Len())
		}
		buf = buf[:f.rng.Len()]
		_, err := io.ReadFull(body, buf)
		if err == nil && i == len(r.fetches)-1 {
			err = expectEnd(body)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return i, fmt.Errorf("cannot read the stored version: %w", err)
		}
		if !s.arrived(f, buf) {
			buf = nil
		}
	}
	return len(r.fetches), nil
}

// expectEnd returns an error if body has more than was asked for, or ends with an
// error: some readers know only then that what they gave was wrong.
func expectEnd(body io.Reader) error {
	var more [1]byte
	n, err := io.ReadFull(body, more[:])
	switch {
	case n > 0:
		return errors.New("more bytes than asked for")
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// arrived ends a fetch with its bytes. It reports whether they are in the local
// file as far as they are needed; else the fetch has taken data.
func (s *Stage) arrived(f *fetch, data []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.unkept = s.keepLocked(f, data)
	if f.unkept != nil {
		f.data = data
	}
	s.forgetLocked(f)
	close(f.done)
	return f.unkept == nil
}

// keepLocked writes to the local file what of the fetched bytes is still remote.
func (s *Stage) keepLocked(f *fetch, data []byte) error {
	if s.closed || f.epoch != s.epoch {
		return nil
	}
	var parts []Range
	for part := range s.remote.in(f.rng) {
		parts = append(parts, part)
	}
	for _, part := range parts {
		fresh, err := s.reserveLocked(part)
		if err != nil {
			return err
		}
		if _, err := s.file.WriteAt(data[part.Off-f.rng.Off:part.End-f.rng.Off], part.Off); err != nil {
			s.unreserveLocked(fresh)
			return fmt.Errorf("cannot keep what was fetched: %w", err)
		}
		s.remote.remove(part)
	}
	return nil
}
