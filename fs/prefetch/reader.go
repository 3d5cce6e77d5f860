package prefetch

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// Source reads ranges of one pinned version of an object.
type Source interface {
	// ReadRange starts reading length bytes at offset; length is positive and the
	// range lies inside the object. The body gives exactly length bytes, then
	// io.EOF, or fails. ctx covers the body too: once it is cancelled, a
	// Read in progress returns. A version that is gone is an error, which the
	// Reader hands on wrapped. What can be retried was retried by the Source.
	// It is safe for concurrent use.
	ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Stats counts what a Reader did.
type Stats struct {
	Requests     int64 // requests made of the Source
	Direct       int64 // of these, requests made without memory, for one read each
	BytesFetched int64 // bytes that arrived
	BytesServed  int64 // bytes handed to reads
	BytesWasted  int64 // bytes that arrived and were released unread
}

// Reader reads one pinned version of an object with read-ahead. It is safe for
// concurrent use. Its owner must call Close.
type Reader struct {
	src    Source
	size   int64
	budget *Budget
	cfg    Config
	ctx    context.Context // of all fetches; ends with Close
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // goroutines of parts and reads under way

	// mu guards the following and the parts and streams in them.
	mu       sync.Mutex
	closed   bool
	acct     account
	parts    []*part // sorted by lo; their ranges [lo, end) do not overlap
	streams  []*stream
	recent   *stream // stream of the latest read, or nil
	active   []*read
	inflight int // parts whose goroutine runs
	pace     pace
	clock    int64 // reads so far
	stats    Stats
}

// read is one ReadAt under way.
type read struct {
	off, end int64
	pieces   []piece
}

// piece is a range of a read and where its bytes come from.
type piece struct {
	lo, hi int64
	part   *part // nil: a direct read, for want of memory
}

// NewReader returns a Reader of the size bytes that src holds. ctx belongs to the
// owner, normally the open handle; its end cancels all fetches. cfg must
// be valid.
func NewReader(ctx context.Context, src Source, size int64, budget *Budget, cfg Config) *Reader {
	r := &Reader{src: src, size: size, budget: budget, cfg: cfg, pace: startPace(budget)}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.acct = account{budget: budget, owner: r}
	return r
}

// ReadAt reads len(p) bytes at off. Fewer bytes come only at the end of the
// object, together with io.EOF; every other error comes with 0 bytes. When
// ctx ends, ReadAt stops waiting, but what it started to fetch goes on for
// others. An error is that of the one fetch: the same read may succeed later.
// After Close the error wraps os.ErrClosed.
func (r *Reader) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	h, err := r.Hold(ctx, p, off)
	if h == nil {
		return 0, err
	}
	defer h.Release()
	n := 0
	for _, part := range h.Bytes() {
		if len(part) > 0 && &part[0] != &p[n] {
			copy(p[n:], part)
		}
		n += len(part)
	}
	return n, err
}

// Held is what a read gives without a copy: the Reader's own memory, or parts of
// the caller's where it has none.
type Held struct {
	r     *Reader
	rd    *read
	parts [][]byte
}

// Bytes returns the bytes read, in parts that nobody may change. They are valid
// until Release.
func (h *Held) Bytes() [][]byte { return h.parts }

// Release gives the memory back to the Reader. It must be called, once.
func (h *Held) Release() { h.r.finish(h.rd, true) }

// Hold is ReadAt without the copy: p is used only for bytes that the Reader has no
// memory for. The result is nil if there are no bytes. Close waits for the
// Release of what is held.
func (r *Reader) Hold(ctx context.Context, p []byte, off int64) (*Held, error) {
	switch {
	case off < 0:
		return nil, fmt.Errorf("prefetch: negative offset %d", off)
	case len(p) == 0:
		return nil, nil
	case off >= r.size:
		return nil, io.EOF
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	n := min(int64(len(p)), r.size-off)
	rd, err := r.begin(off, off+n)
	if err != nil {
		return nil, err
	}
	parts, err := r.serve(ctx, rd, p[:n])
	if err != nil {
		r.finish(rd, false)
		return nil, err
	}
	h := &Held{r, rd, parts}
	if n < int64(len(p)) {
		return h, io.EOF
	}
	return h, nil
}

// begin plans a read and starts the requests it needs.
func (r *Reader) begin(off, end int64) (*read, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, rangeError(off, end, os.ErrClosed)
	}
	r.wg.Add(1)
	r.acct.touch()
	rd := &read{off: off, end: end}
	r.active = append(r.active, rd)
	s := r.followLocked(off, end)
	rd.pieces = r.coverLocked(s, off, end)
	r.aheadLocked(s)
	return rd, nil
}

// serve waits for the read's bytes, and returns where they are. Those without memory are read to dst.
func (r *Reader) serve(ctx context.Context, rd *read, dst []byte) ([][]byte, error) {
	parts := make([][]byte, 0, len(rd.pieces)+1) // most reads touch two blocks at most
	for _, pc := range rd.pieces {
		if pc.part == nil {
			to := dst[pc.lo-rd.off : pc.hi-rd.off]
			if err := r.readDirect(ctx, to, pc.lo); err != nil {
				return nil, err
			}
			parts = append(parts, to)
			continue
		}
		if err := r.await(ctx, pc.part, pc.hi); err != nil {
			return nil, err
		}
		parts = pc.part.appendBytes(parts, pc.lo, pc.hi)
	}
	return parts, nil
}

// finish gives up the read's claim on memory.
func (r *Reader) finish(rd *read, served bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.wg.Done()
	r.active = slices.DeleteFunc(r.active, func(o *read) bool { return o == rd })
	if served {
		r.stats.BytesServed += rd.end - rd.off
		for _, pc := range rd.pieces {
			if pc.part != nil {
				pc.part.serveLocked(pc.lo, pc.hi)
			}
		}
	}
	r.trimLocked()
}

// readDirect fills dst from a request of its own.
func (r *Reader) readDirect(ctx context.Context, dst []byte, off int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.ctx, func() { cancel(context.Cause(r.ctx)) })()

	err := r.fillDirect(ctx, dst, off)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return rangeError(off, off+int64(len(dst)), err)
}

func (r *Reader) fillDirect(ctx context.Context, dst []byte, off int64) error {
	body, err := r.src.ReadRange(ctx, off, int64(len(dst)))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // every byte was checked in by then
	var have int
	return readBody(body, dst, true, func(n int) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stats.BytesFetched += int64(n - have)
		have = n
		return nil
	})
}

// Close cancels all fetches, waits for them and for the reads under way, which
// fail, and returns all memory. A second Close does nothing.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel(os.ErrClosed)
	r.wg.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams, r.recent = nil, nil
	r.dropLocked(func(*part) bool { return true })
	return nil
}

// Stats returns the counts so far.
func (r *Reader) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}
