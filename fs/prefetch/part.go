package prefetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

var (
	// errDropped ends the fetch of a part that nobody wants any more. No read sees it.
	errDropped = errors.New("prefetch: no longer wanted")
	// errLongBody means that the Source broke its contract: offsets are not what they seem.
	errLongBody = errors.New("body is longer than the requested range")
)

// maxEmptyReads is how often a body may return neither bytes nor an error.
const maxEmptyReads = 100

// part is one request and the memory it fills. The Reader's mu guards it, except for
// the content of blocks: the part's goroutine writes behind filled, reads that
// are active read before it.
//
//	off      lo           filled         end
//	 |released|  in memory  |  on the way  |
type part struct {
	off    int64 // first byte requested
	limit  int64 // end of the range requested
	end    int64 // end of the range that can be served: limit, or filled after a failure
	lo     int64 // first byte still in memory
	filled int64 // end of the bytes that have arrived

	blockSize int64
	blocks    []block // from off on

	began time.Time // when the first bytes arrived

	stream  *stream // whose memory this is, or nil once that stream is forgotten
	waiters []waiter
	err     error // why the bytes from filled on will not come, or nil
	done    bool  // the goroutine has ended
	dropped bool  // not in Reader.parts any more; the goroutine frees the rest
	cancel  context.CancelCauseFunc
}

type block struct {
	buf    []byte // nil before the first byte arrives and after release
	served int64  // bytes handed to reads
	freed  bool   // its memory is back in the Budget
}

// waiter is a read that waits for the bytes before need.
type waiter struct {
	need  int64
	ready chan struct{}
}

// blockRange returns the range of block i.
func (p *part) blockRange(i int) (lo, hi int64) {
	lo = p.off + int64(i)*p.blockSize
	return lo, min(lo+p.blockSize, p.limit)
}

// blockAt returns the index of the block that holds the byte at.
func (p *part) blockAt(at int64) int { return int((at - p.off) / p.blockSize) }

// appendBytes appends where [at, end) is in memory; the bytes must have arrived and
// must be under an active read.
func (p *part) appendBytes(to [][]byte, at, end int64) [][]byte {
	for at < end {
		i := p.blockAt(at)
		lo, hi := p.blockRange(i)
		hi = min(hi, end)
		to = append(to, p.blocks[i].buf[at-lo:hi-lo])
		at = hi
	}
	return to
}

// serveLocked notes that [lo, hi) was handed to a read.
func (p *part) serveLocked(lo, hi int64) {
	for lo < hi {
		i := p.blockAt(lo)
		_, blockEnd := p.blockRange(i)
		n := min(hi, blockEnd) - lo
		p.blocks[i].served += n
		lo += n
	}
}

// wakeLocked wakes the waiters whose bytes are there, or all after the end.
func (p *part) wakeLocked() {
	p.waiters = slices.DeleteFunc(p.waiters, func(w waiter) bool {
		if w.need <= p.filled || p.err != nil {
			close(w.ready)
			return true
		}
		return false
	})
}

// fetch runs in the part's goroutine.
func (r *Reader) fetch(ctx context.Context, p *part) {
	defer p.cancel(nil)
	err := r.receive(ctx, p)
	r.mu.Lock()
	defer r.mu.Unlock()
	p.done = true
	r.inflight--
	if err != nil {
		r.failLocked(p, fetchError(ctx, p, err))
	}
	if p.dropped {
		r.freeLocked(p)
		return
	}
	r.trimLocked()
}

// fetchError tells why bytes do not come: the reason for a cancellation rather
// than the way the Source noticed it.
func fetchError(ctx context.Context, p *part, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return rangeError(p.off, p.limit, err)
}

func rangeError(lo, hi int64, err error) error {
	return fmt.Errorf("prefetch: %d bytes at %d: %w", hi-lo, lo, err)
}

// receive reads the whole body into the part's blocks.
func (r *Reader) receive(ctx context.Context, p *part) error {
	body, err := r.src.ReadRange(ctx, p.off, p.limit-p.off)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // every byte was checked in by then; nothing is left to go wrong
	for i := range p.blocks {
		lo, hi := p.blockRange(i)
		buf, err := r.attach(p, i, hi-lo)
		if err != nil {
			return err
		}
		err = readBody(body, buf, hi == p.limit, func(n int) error { return r.arrive(p, lo+int64(n)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// attach gives block i its buffer.
func (r *Reader) attach(p *part, i int, n int64) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.dropped {
		return nil, errDropped
	}
	p.blocks[i].buf = r.budget.buffer(n)
	return p.blocks[i].buf, nil
}

// arrive makes the bytes before to available.
func (r *Reader) arrive(p *part, to int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.BytesFetched += to - p.filled
	if p.filled == p.off {
		p.began = time.Now()
	}
	p.filled = to
	if to == p.limit {
		now := time.Now()
		if r.pace.arrived(to-p.off, now.Sub(p.began), now, min(r.cfg.MaxAhead, r.acct.share())) {
			r.budget.noteSlowConnections(now)
		}
	}
	p.wakeLocked()
	if p.dropped {
		return errDropped
	}
	return nil
}

// readBody fills buf from body and reports each progress. When buf ends the
// body (last), the body must end too: the last bytes are reported only then.
// Reading up to the end also lets an HTTP connection be used again.
func readBody(body io.Reader, buf []byte, last bool, progress func(n int) error) error {
	var n, empty int
	for n < len(buf) {
		m, err := body.Read(buf[n:])
		n += m
		switch {
		case n < len(buf):
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
		case errors.Is(err, io.EOF):
			err = nil // if there should be more, the next block finds out
		case err == nil && last:
			err = expectEnd(body)
		}
		if n == len(buf) && err != nil {
			return err
		}
		if m > 0 {
			empty = 0
			if perr := progress(n); perr != nil {
				return perr
			}
		} else if empty++; empty > maxEmptyReads && err == nil {
			err = io.ErrNoProgress
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expectEnd reads the end of a body that has given all its bytes.
func expectEnd(body io.Reader) error {
	var one [1]byte
	for range maxEmptyReads {
		n, err := body.Read(one[:])
		switch {
		case n > 0:
			return errLongBody
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// failLocked ends a part early: what arrived stays, the rest can be asked for again.
func (r *Reader) failLocked(p *part, err error) {
	p.err = err
	p.end = p.filled
	p.wakeLocked()
	for i := range p.blocks {
		if lo, _ := p.blockRange(i); lo >= p.filled && lo >= p.lo {
			r.freeBlockLocked(p, i)
		}
	}
	if p.stream != nil {
		p.stream.stall(p.filled)
	}
	if p.lo >= p.end && !p.dropped {
		r.freeLocked(p)
		r.parts = slices.DeleteFunc(r.parts, func(o *part) bool { return o == p })
	}
}

// await returns when the bytes of p before need are there, or will not come, or
// the caller gives up.
func (r *Reader) await(ctx context.Context, p *part, need int64) error {
	r.mu.Lock()
	if p.filled >= need || p.err != nil {
		defer r.mu.Unlock()
		return p.outcomeLocked(need)
	}
	w := waiter{need: need, ready: make(chan struct{})}
	p.waiters = append(p.waiters, w)
	r.mu.Unlock()

	began := time.Now()
	select {
	case <-w.ready:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pace.wait(time.Since(began))
		return p.outcomeLocked(need)
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		p.waiters = slices.DeleteFunc(p.waiters, func(o waiter) bool { return o.ready == w.ready })
		return ctx.Err()
	}
}

func (p *part) outcomeLocked(need int64) error {
	if p.filled >= need {
		return nil
	}
	return p.err
}
