package prefetch

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var errGone = errors.New("version is gone")

func TestReadReturnsAsSoonAsItsOwnBytesArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		src := &fakeSource{size: mib, chunk: 32 * kib}
		src.read = func(ctx context.Context, _ span, at int64) error {
			if at >= 64*kib {
				<-gate
			}
			return nil
		}
		r := newTestReader(t, src, NewBudget(64*mib))
		mustRead(t, r, 0, 64*kib) // hangs, which synctest reports, if it waits for more
		late := make(chan error, 1)
		go func() { late <- tryRead(t, r, 64*kib, 64*kib) }()
		synctest.Wait()
		if len(late) != 0 {
			t.Fatal("a read returned before its bytes arrived")
		}
		close(gate)
		if err := <-late; err != nil {
			t.Fatal(err)
		}
		src.wantAtMost(1, mib)
	})
}

func TestEndOfObject(t *testing.T) {
	src := &fakeSource{size: 10_000}
	r := newTestReader(t, src, NewBudget(64*mib))
	p := make([]byte, 4000)
	for _, tc := range []struct {
		off  int64
		n    int
		want error
	}{{0, 4000, nil}, {6000, 4000, nil}, {8000, 2000, io.EOF}, {10_000, 0, io.EOF}, {20_000, 0, io.EOF}} {
		n, err := r.ReadAt(t.Context(), p, tc.off)
		if n != tc.n || !errors.Is(err, tc.want) {
			t.Errorf("ReadAt(4000 bytes at %d) = %d, %v, want %d, %v", tc.off, n, err, tc.n, tc.want)
		}
		wantBytes(t, p[:n], tc.off)
	}
	if _, err := r.ReadAt(t.Context(), p, -1); err == nil {
		t.Error("a negative offset is accepted")
	}
	if n, err := r.ReadAt(t.Context(), nil, 0); n != 0 || err != nil {
		t.Errorf("empty read = %d, %v", n, err)
	}
}

func TestEmptyObjectMakesNoRequest(t *testing.T) {
	src := &fakeSource{size: 0}
	r := newTestReader(t, src, NewBudget(64*mib))
	if n, err := r.ReadAt(t.Context(), make([]byte, 10), 0); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt = %d, %v, want 0, io.EOF", n, err)
	}
	src.wantAtMost(0, 0)
}

func TestFailedRequestFailsItsReadsAndLaterReadsRetry(t *testing.T) {
	for _, budget := range []int64{64 * mib, 0} {
		var gone bool
		src := &fakeSource{size: gib}
		src.open = func(context.Context, span) error {
			if gone {
				return errGone
			}
			return nil
		}
		r := newTestReader(t, src, NewBudget(budget))
		mustRead(t, r, 0, 128*kib)
		gone = true
		for range 2 {
			if err := tryRead(t, r, 500*mib, 4096); !errors.Is(err, errGone) {
				t.Fatalf("got %v, want the Source's error", err)
			}
		}
		gone = false
		mustRead(t, r, 500*mib, 4096)
		if n := len(src.log()); n != 4 {
			t.Errorf("%d requests, want 4: one a read", n)
		}
	}
}

func TestFailedReadAheadHurtsNobodyUntilItsBytesAreNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bad = 3 * mib
		var mended atomic.Bool
		src := &fakeSource{size: gib}
		src.read = func(_ context.Context, _ span, at int64) error {
			if !mended.Load() && at >= bad {
				return errGone
			}
			return nil
		}
		src.chunk = 64 * kib
		r := newTestReader(t, src, NewBudget(256*mib))
		for off := int64(0); off < bad; off += 128 * kib {
			mustRead(t, r, off, 128*kib)
			synctest.Wait()
		}
		src.wantAtMost(10, 20*mib)
		if err := tryRead(t, r, bad, 128*kib); !errors.Is(err, errGone) {
			t.Fatalf("got %v, want the Source's error", err)
		}
		synctest.Wait() // what was being read ahead has failed too
		mended.Store(true)
		for off := int64(bad); off < 64*mib; off += 128 * kib {
			mustRead(t, r, off, 128*kib)
		}
		src.wantAtMost(25, 256*mib)
	})
}

func TestBodyOfTheWrongLengthIsAnError(t *testing.T) {
	for _, budget := range []int64{64 * mib, 0} {
		for _, tc := range []struct {
			name string
			got  int64
			want error
		}{{"empty", 0, io.ErrUnexpectedEOF}, {"short", mib - 1, io.ErrUnexpectedEOF}, {"long", mib + 1, errLongBody}} {
			src := &wrongLength{got: tc.got}
			r := NewReader(t.Context(), src, mib, NewBudget(budget), DefaultConfig())
			p := make([]byte, mib)
			if n, err := r.ReadAt(t.Context(), p, 0); n != 0 || !errors.Is(err, tc.want) {
				t.Errorf("%s body: ReadAt = %d, %v, want 0, %v", tc.name, n, err, tc.want)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// wrongLength is a Source whose bodies have got bytes, whatever was asked for.
type wrongLength struct{ got int64 }

func (s *wrongLength) ReadRange(context.Context, int64, int64) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(neverEnding{}, s.got)), nil
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// An error at the end of a body, such as a wrong checksum, must reach the reader.
func TestErrorAtTheEndOfTheBodyFailsTheLastBytes(t *testing.T) {
	src := &fakeSource{size: 100 * kib}
	src.read = func(_ context.Context, _ span, at int64) error {
		if at == 100*kib {
			return errGone
		}
		return nil
	}
	r := newTestReader(t, src, NewBudget(64*mib))
	if err := tryRead(t, r, 0, 100*kib); !errors.Is(err, errGone) {
		t.Errorf("got %v, want the error that the body ended with", err)
	}
}

func TestCancelledReadLeavesTheSharedFetchToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		src := &fakeSource{size: gib}
		src.read = func(ctx context.Context, _ span, _ int64) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		r := newTestReader(t, src, NewBudget(64*mib))
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := r.ReadAt(ctx, make([]byte, 4096), 0)
			first <- err
		}()
		synctest.Wait()
		go func() { second <- tryRead(t, r, 0, 4096) }()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled read returns %v", err)
		}
		close(gate)
		if err := <-second; err != nil {
			t.Errorf("the other read: %v", err)
		}
		src.wantAtMost(1, 256*kib)
	})
}

func TestCancelledReadWithoutMemoryReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib}
		src.read = func(ctx context.Context, _ span, _ int64) error {
			<-ctx.Done()
			return ctx.Err()
		}
		r := newTestReader(t, src, NewBudget(0))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := r.ReadAt(ctx, make([]byte, 4096), 0)
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled read returns %v", err)
		}
	})
}

func TestCloseEndsFetchesAndReads(t *testing.T) {
	for _, limit := range []int64{64 * mib, 0} {
		synctest.Test(t, func(t *testing.T) {
			src := &fakeSource{t: t, size: gib}
			src.read = func(ctx context.Context, _ span, _ int64) error {
				<-ctx.Done()
				return ctx.Err()
			}
			r := NewReader(t.Context(), src, gib, NewBudget(limit), DefaultConfig())
			errs := make(chan error, 10)
			for i := range int64(10) {
				go func() {
					_, err := r.ReadAt(t.Context(), make([]byte, 4096), i*50*mib)
					errs <- err
				}()
			}
			synctest.Wait()
			closeReader(t, r, src)
			for range 10 {
				if err := <-errs; !errors.Is(err, os.ErrClosed) {
					t.Errorf("read under way at Close returns %v", err)
				}
			}
			if _, err := r.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
				t.Errorf("read after Close returns %v", err)
			}
			closeReader(t, r, src) // a second time
		})
	}
}

func TestEndOfTheOwnersContextFailsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{t: t, size: gib}
		src.read = func(ctx context.Context, _ span, _ int64) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		r := NewReader(ctx, src, gib, NewBudget(64*mib), DefaultConfig())
		done := make(chan error, 1)
		go func() { done <- tryRead(t, r, 0, 4096) }()
		synctest.Wait()
		cancel(errGone)
		if err := <-done; !errors.Is(err, errGone) {
			t.Errorf("read returns %v, want the cause", err)
		}
		closeReader(t, r, src)
	})
}

// Random access by several readers at once, with failures now and then and too
// little memory at times, gives the right bytes or an error.
func TestRandomOperationsMatchTheObject(t *testing.T) {
	for seed := range uint64(16) {
		rng := rand.New(rand.NewPCG(seed, 7))
		size := []int64{1, 100_000, 3*mib + 17, 40*mib + 1, 200 * mib}[rng.IntN(5)]
		budget := NewBudget([]int64{0, 300 * kib, 3 * mib, 64 * mib}[rng.IntN(4)])
		src := &fakeSource{size: size, chunk: 1 + rng.IntN(200_000)}
		if rng.IntN(2) == 0 {
			src.open = func(_ context.Context, req span) error {
				if req.off%7 == 3 {
					return errGone
				}
				return nil
			}
		}
		t.Logf("seed %d: size %d, budget %d", seed, size, budget.Limit())
		r := newTestReader(t, src, budget)
		var wg sync.WaitGroup
		for range 4 {
			w := rand.New(rand.NewPCG(rng.Uint64(), 0))
			wg.Go(func() { randomWalk(t, r, w) })
		}
		wg.Wait()
		if budget.Peak() > budget.Limit() {
			t.Errorf("seed %d: %d bytes used of %d", seed, budget.Peak(), budget.Limit())
		}
		checkInvariants(t, r)
	}
}

// randomWalk mixes jumps, runs in both directions and reads of all sizes.
func randomWalk(t *testing.T, r *Reader, rng *rand.Rand) {
	var off int64
	step := int64(1)
	n := 4096
	for range 60 {
		switch rng.IntN(8) {
		case 0:
			off, step = rng.Int64N(r.size), int64(rng.IntN(4)-1)
		case 1:
			n = 1 + rng.IntN(1<<(8+rng.IntN(14)))
		}
		if err := tryRead(t, r, off, n); err != nil && !errors.Is(err, errGone) {
			t.Errorf("%d bytes at %d: %v", n, off, err)
		}
		off = min(max(0, off+step*int64(n)), r.size-1)
	}
}

// checkInvariants verifies the Reader's bookkeeping.
func checkInvariants(t *testing.T, r *Reader) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var held, last int64
	for _, p := range r.parts {
		if p.lo < last || p.end < p.lo {
			t.Errorf("parts overlap: [%d, %d) after %d", p.lo, p.end, last)
		}
		last = p.end
		for i := range p.blocks {
			if lo, hi := p.blockRange(i); !p.blocks[i].freed {
				held += hi - lo
			}
		}
	}
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	if held > r.acct.held {
		t.Errorf("parts hold %d bytes, reserved are %d", held, r.acct.held)
	}
}

func TestHeldBytesStayUntilTheyAreReleased(t *testing.T) {
	src := &fakeSource{size: 32 * mib}
	r := newTestReader(t, src, NewBudget(4*mib))
	var held []*Held
	for _, off := range []int64{0, 512 * kib, 3*mib + 7} {
		h, err := r.Hold(t.Context(), make([]byte, mib), off)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, h)
	}
	for off := int64(8 * mib); off < src.size; off += mib {
		mustRead(t, r, off, mib)
	}
	for i, off := range []int64{0, 512 * kib, 3*mib + 7} {
		at := off
		for _, part := range held[i].Bytes() {
			wantBytes(t, part, at)
			at += int64(len(part))
		}
		if at != off+mib {
			t.Errorf("%d bytes are held at %d, want 1 MiB", at-off, off)
		}
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = r.Close()
	}()
	for _, h := range held {
		select {
		case <-closed:
			t.Error("Close has not waited for what is held")
		default:
		}
		h.Release()
	}
	<-closed
}

func TestTheEndOfAnObjectHoldsLessAndBeyondItNothing(t *testing.T) {
	r := newTestReader(t, &fakeSource{size: 1000}, NewBudget(mib))
	h, err := r.Hold(t.Context(), make([]byte, 600), 500)
	if !errors.Is(err, io.EOF) || h == nil {
		t.Fatalf("at the end: %v, %v", h, err)
	}
	if n := len(slices.Concat(h.Bytes()...)); n != 500 {
		t.Errorf("%d bytes are held, want 500", n)
	}
	h.Release()
	if h, err := r.Hold(t.Context(), make([]byte, 600), 1000); !errors.Is(err, io.EOF) || h != nil {
		t.Errorf("beyond the end: %v, %v", h, err)
	}
}
