package prefetch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestHundredReadersStayWithinTheBudget(t *testing.T) {
	const limit, readers, each, n = 32 * mib, 100, 1 * mib, 128 * kib
	budget := NewBudget(limit)
	var wg sync.WaitGroup
	for range readers {
		src := &fakeSource{size: gib}
		r := newTestReader(t, src, budget)
		wg.Go(func() {
			for off := int64(0); off < each; off += n {
				if err := tryRead(t, r, off, n); err != nil {
					t.Errorf("at %d: %v", off, err)
				}
			}
		})
	}
	wg.Wait()
	if peak := budget.Peak(); peak > limit || peak == 0 {
		t.Errorf("peak of %d bytes with a limit of %d", peak, limit)
	}
}

func TestReadsAreServedWithoutAnyMemory(t *testing.T) {
	budget := NewBudget(0)
	src := &fakeSource{size: 10 * mib}
	r := newTestReader(t, src, budget)
	for off := int64(0); off < src.size; off += mib {
		mustRead(t, r, off, mib)
	}
	src.wantAtMost(10, 10*mib)
	if s := r.Stats(); s.Direct != 10 || s.BytesFetched != 10*mib || budget.Peak() != 0 {
		t.Errorf("stats %+v, peak %d", s, budget.Peak())
	}
}

func TestTightBudgetShrinksTheWindowButKeepsReadingAhead(t *testing.T) {
	const limit, total = 4 * mib, 64 * mib
	budget := NewBudget(limit)
	src := &fakeSource{size: total}
	r := newTestReader(t, src, budget)
	for off := int64(0); off < total; off += 128 * kib {
		mustRead(t, r, off, 128*kib)
	}
	src.wantNoOverlap()
	src.wantAtMost(100, total)
	if s := r.Stats(); s.Direct != 0 || budget.Peak() > limit {
		t.Errorf("stats %+v, peak %d", s, budget.Peak())
	}
}

func TestTwoBusyReadersShareTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 64 * mib
		budget := NewBudget(limit)
		var rs [2]*Reader
		for i := range rs {
			rs[i] = newTestReader(t, &fakeSource{size: gib}, budget)
		}
		for off := int64(0); off < 64*mib; off += 128 * kib {
			for _, r := range rs {
				mustRead(t, r, off, 128*kib)
			}
		}
		synctest.Wait()
		for i, r := range rs {
			if r.acct.held < limit/4 || r.acct.held > limit/2 {
				t.Errorf("reader %d holds %d of %d bytes", i, r.acct.held, limit)
			}
		}
	})
}

func TestIdleReadersGiveUpMemoryToABusyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(4 * mib)
		for range 32 { // each keeps the rest of its first request: together all there is
			mustRead(t, newTestReader(t, &fakeSource{size: gib}, budget), 0, 4*kib)
		}
		synctest.Wait()
		if used := budget.Used(); used != budget.Limit() {
			t.Fatalf("%d bytes used of %d", used, budget.Limit())
		}
		src := &fakeSource{size: gib}
		busy := newTestReader(t, src, budget)
		mustRead(t, busy, 0, 128*kib)
		if d := busy.Stats().Direct; d != 1 {
			t.Errorf("%d direct reads while all others are in use, want 1", d)
		}
		<-time.After(idleAfter) // the bubble's clock: no real time passes
		for off := int64(128 * kib); off < 16*mib; off += 128 * kib {
			mustRead(t, busy, off, 128*kib)
		}
		if d := busy.Stats().Direct; d != 1 {
			t.Errorf("%d direct reads although the others are idle, want 1", d)
		}
		src.wantAtMost(40, 24*mib)
	})
}

func TestReadLargerThanTheBudgetSucceeds(t *testing.T) {
	budget := NewBudget(2 * mib)
	src := &fakeSource{size: 100 * mib}
	r := newTestReader(t, src, budget)
	mustRead(t, r, 10*mib, 40*mib)
	mustRead(t, r, 50*mib, 1*mib)
	if budget.Peak() > budget.Limit() {
		t.Errorf("peak of %d", budget.Peak())
	}
}

func TestMemoryUnderAReadIsNotReclaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		budget := NewBudget(128 * kib)
		src := &fakeSource{size: gib, read: func(context.Context, span, int64) error {
			<-gate
			return nil
		}}
		r := newTestReader(t, src, budget)
		done := make(chan error, 1)
		go func() { done <- tryRead(t, r, 0, 128*kib) }()
		synctest.Wait()
		<-time.After(idleAfter)
		mustRead(t, newTestReader(t, &fakeSource{size: gib}, budget), 0, 128*kib)
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		src.wantAtMost(1, 128*kib)
	})
}

func TestConfigIsValidated(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"no block size":            func(c *Config) { c.BlockSize = 0 },
		"no first request":         func(c *Config) { c.FirstRequest = 0 },
		"no parallelism":           func(c *Config) { c.MaxParallel = 0 },
		"requests below the first": func(c *Config) { c.MaxRequest = c.FirstRequest - 1 },
		"negative window":          func(c *Config) { c.MaxAhead = -1 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func BenchmarkSequential(b *testing.B) {
	const size = 256 * mib
	p := make([]byte, 128*kib)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(b.Context(), &fakeSource{size: size}, size, NewBudget(128*mib), DefaultConfig())
		for off := int64(0); off < size; off += int64(len(p)) {
			if _, err := r.ReadAt(b.Context(), p, off); err != nil {
				b.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
