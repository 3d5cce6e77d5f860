package prefetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patternLen is prime, so that bytes at offsets a block apart differ.
const patternLen = 65521

// pattern is the content of every object, repeated; it is stored long enough
// that any window of 1 MiB is one slice of it.
var pattern = func() []byte {
	p := make([]byte, patternLen)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return bytes.Repeat(p, 2+2*mib/patternLen)
}()

func wantBytes(t *testing.T, got []byte, off int64) {
	t.Helper()
	for len(got) > 0 {
		n := min(len(got), mib)
		at := off % patternLen
		if !bytes.Equal(got[:n], pattern[at:at+int64(n)]) {
			t.Fatalf("wrong bytes in the %d at %d", n, off)
		}
		got, off = got[n:], off+int64(n)
	}
}

// span is one request a fakeSource got.
type span struct{ off, n int64 }

// fakeSource generates the pattern, counts, and misbehaves on demand.
type fakeSource struct {
	t     *testing.T
	size  int64
	chunk int  // most bytes a body gives at once, or 0
	blank bool // bodies only count; what they read is undefined

	// open, if set, runs in each ReadRange and may fail it.
	open func(ctx context.Context, req span) error
	// read, if set, runs before each Read of a body at offset at; it may wait or fail.
	read func(ctx context.Context, req span, at int64) error

	// mu guards the following.
	mu       sync.Mutex
	requests []span
	unclosed int
}

func (s *fakeSource) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	if off < 0 || n <= 0 || off+n > s.size {
		s.t.Errorf("request for %d bytes at %d is outside the object of %d", n, off, s.size)
	}
	req := span{off, n}
	s.mu.Lock()
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if s.open != nil {
		if err := s.open(ctx, req); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.unclosed++
	s.mu.Unlock()
	return &fakeBody{src: s, ctx: ctx, req: req, at: off}, nil
}

type fakeBody struct {
	src *fakeSource
	ctx context.Context
	req span
	at  int64
}

func (b *fakeBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.src.read != nil {
		if err := b.src.read(b.ctx, b.req, b.at); err != nil {
			return 0, err
		}
	}
	left := b.req.off + b.req.n - b.at
	if left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), left, mib))
	if b.src.chunk > 0 {
		n = min(n, b.src.chunk)
	}
	if !b.src.blank {
		copy(p[:n], pattern[b.at%patternLen:])
	}
	b.at += int64(n)
	return n, nil
}

func (b *fakeBody) Close() error {
	b.src.mu.Lock()
	defer b.src.mu.Unlock()
	b.src.unclosed--
	return nil
}

// log returns the requests so far.
func (s *fakeSource) log() []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// wantAtMost checks the number and total size of the requests so far.
func (s *fakeSource) wantAtMost(requests int, total int64) {
	s.t.Helper()
	log := s.log()
	var sum int64
	for _, r := range log {
		sum += r.n
	}
	s.t.Logf("%d requests, %d bytes", len(log), sum)
	if len(log) > requests || sum > total {
		s.t.Errorf("%d requests of %d bytes in all, want at most %d and %d; the first: %v", len(log), sum, requests, total, log[:min(len(log), 20)])
	}
}

// wantNoOverlap checks that no byte was requested twice.
func (s *fakeSource) wantNoOverlap() {
	s.t.Helper()
	log := s.log()
	slices.SortFunc(log, func(a, b span) int { return int(a.off - b.off) })
	for i := 1; i < len(log); i++ {
		if log[i-1].off+log[i-1].n > log[i].off {
			s.t.Errorf("requested twice: %v and %v", log[i-1], log[i])
		}
	}
}

// newTestReader returns a Reader that is closed, and checked for leaks, at the end.
func newTestReader(t *testing.T, src *fakeSource, budget *Budget) *Reader {
	t.Helper()
	src.t = t
	r := NewReader(t.Context(), src, src.size, budget, DefaultConfig())
	t.Cleanup(func() { closeReader(t, r, src) })
	return r
}

// closeReader closes r and checks that nothing of it is left.
func closeReader(t *testing.T, r *Reader, src *fakeSource) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if r.acct.held != 0 {
		t.Errorf("%d bytes of memory held after Close", r.acct.held)
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.unclosed != 0 {
		t.Errorf("%d bodies left open", src.unclosed)
	}
}

// mustRead reads n bytes at off and checks them.
func mustRead(t *testing.T, r *Reader, off int64, n int) {
	t.Helper()
	if err := tryRead(t, r, off, n); err != nil {
		t.Fatalf("ReadAt %d bytes at %d: %v", n, off, err)
	}
}

// tryRead is mustRead that returns the Reader's error.
func tryRead(t *testing.T, r *Reader, off int64, n int) error {
	t.Helper()
	p := make([]byte, n)
	got, err := r.ReadAt(t.Context(), p, off)
	want := int(min(int64(n), r.size-off))
	switch {
	case err == nil && got != n:
		return fmt.Errorf("short read of %d without error", got)
	case errors.Is(err, io.EOF) && (got != want || got == n):
		return fmt.Errorf("io.EOF with %d bytes of %d", got, want)
	case err != nil && !errors.Is(err, io.EOF):
		if got != 0 {
			t.Errorf("%d bytes together with error %v", got, err)
		}
		return err
	}
	wantBytes(t, p[:got], off)
	return nil
}
