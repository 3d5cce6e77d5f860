package prefetch

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const gib = 1 << 30

func TestReadingOneGiBInOrderTakesAtMost70Requests(t *testing.T) {
	for _, n := range []int{128 * kib, 1 * mib} {
		src := &fakeSource{size: gib, blank: true}
		r := newTestReader(t, src, NewBudget(256*mib))
		p := make([]byte, n)
		for off := int64(0); off < gib; off += int64(n) {
			if _, err := r.ReadAt(t.Context(), p, off); err != nil {
				t.Fatal(err)
			}
		}
		src.wantAtMost(70, gib)
		src.wantNoOverlap()
		if s := r.Stats(); s.BytesServed != gib || s.BytesFetched != gib || s.BytesWasted != 0 || int(s.Requests) != len(src.log()) {
			t.Errorf("stats %+v", s)
		}
	}
}

// timed reads an object in order, over connections of a rate in MiB a second that
// also share one in all, and returns how long that took.
func timed(t *testing.T, src *fakeSource, budget *Budget, latency time.Duration, each, all int) time.Duration {
	t.Helper()
	src.blank, src.chunk = true, 64*kib
	perChunk := time.Second / time.Duration(each*mib/src.chunk)
	var mu sync.Mutex // guards free
	free := time.Now()
	src.open = func(context.Context, span) error { <-time.After(latency); return nil }
	src.read = func(context.Context, span, int64) error {
		mu.Lock()
		free = later(free, time.Now()).Add(time.Second / time.Duration(all*mib/src.chunk))
		at := later(free, time.Now().Add(perChunk))
		mu.Unlock()
		<-time.After(time.Until(at))
		return nil
	}
	r := newTestReader(t, src, budget)
	start := time.Now()
	p := make([]byte, mib)
	for off := int64(0); off < src.size; off += mib {
		if _, err := r.ReadAt(t.Context(), p, off); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestSlowConnectionsAreUsedManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib}
		budget := NewBudget(40 * mib)
		took := timed(t, src, budget, 20*time.Millisecond, 20, 10000)
		if one := gib / (20 * mib) * time.Second; took > one/6 {
			t.Errorf("took %v, one connection alone takes %v: want at most a sixth of it", took, one)
		}
		took = timed(t, src, budget, 20*time.Millisecond, 20, 10000)
		if one := gib / (20 * mib) * time.Second; took > one*10/75 {
			t.Errorf("when it is known that connections are slow: took %v, one connection alone takes %v", took, one)
		}
	})
}

func TestASlowNetworkIsNotAskedMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib}
		took := timed(t, src, NewBudget(40*mib), 20*time.Millisecond, 100, 20)
		if one := gib / (20 * mib) * time.Second; took > one*105/100 {
			t.Errorf("took %v, the network alone takes %v", took, one)
		}
		src.wantAtMost(80, gib)
	})
}

func TestFastConnectionsTakeFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib}
		took := timed(t, src, NewBudget(40*mib), time.Millisecond, 250, 10000)
		if one := gib / (250 * mib) * time.Second; took > one*6/10 {
			t.Errorf("took %v, one connection alone takes %v: want three fifths of it at most", took, one)
		}
		src.wantAtMost(60, gib)
	})
}

func TestAProgramThatIsSlowItselfKeepsRequestsFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib, blank: true, chunk: 64 * kib}
		src.read = func(context.Context, span, int64) error { <-time.After(3 * time.Millisecond); return nil } // 20 MiB/s
		r := newTestReader(t, src, NewBudget(40*mib))
		p := make([]byte, mib)
		for off := int64(0); off < src.size; off += mib {
			if _, err := r.ReadAt(t.Context(), p, off); err != nil {
				t.Fatal(err)
			}
			<-time.After(100 * time.Millisecond)
		}
		src.wantAtMost(60, gib)
	})
}
func TestKernelRequestsOutOfOrderCountAsSequential(t *testing.T) {
	for _, tc := range []struct{ size, underWay int }{{128 * kib, 2}, {128 * kib, 16}, {1 * mib, 4}} {
		const total = 128 * mib
		src := &fakeSource{size: total}
		r := newTestReader(t, src, NewBudget(256*mib))
		done := make([]chan struct{}, total/tc.size)
		var wg sync.WaitGroup
		for i := range done {
			done[i] = make(chan struct{})
			if i >= tc.underWay {
				<-done[i-tc.underWay]
			}
			wg.Go(func() {
				defer close(done[i])
				if err := tryRead(t, r, int64(i)*int64(tc.size), tc.size); err != nil {
					t.Errorf("read %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		src.wantAtMost(32, total)
		src.wantNoOverlap()
	}
}

func TestReadsShuffledWithinAWindowFetchNothingTwice(t *testing.T) {
	const total, n = 128 * mib, 128 * kib
	rng := rand.New(rand.NewPCG(1, 2))
	src := &fakeSource{size: total}
	r := newTestReader(t, src, NewBudget(256*mib))
	for base := int64(0); base < total; base += 6 * n {
		for _, i := range rng.Perm(6) {
			if off := base + int64(i)*n; off < total {
				mustRead(t, r, off, n)
			}
		}
	}
	src.wantAtMost(30, total)
	src.wantNoOverlap()
}

func TestHeadOfABigObjectCostsOneSmallRequest(t *testing.T) {
	for _, n := range []int{4 * kib, 16 * kib, 128 * kib} {
		synctest.Test(t, func(t *testing.T) {
			src := &fakeSource{size: gib}
			r := newTestReader(t, src, NewBudget(64*mib))
			mustRead(t, r, 0, n)
			synctest.Wait()
			src.wantAtMost(1, 256*kib)
		})
	}
}

func TestSmallObjectComesInOneRequest(t *testing.T) {
	for _, size := range []int64{1, 4095, 128 * kib, 300 * kib, mib} {
		synctest.Test(t, func(t *testing.T) {
			src := &fakeSource{size: size}
			r := newTestReader(t, src, NewBudget(64*mib))
			for off := int64(0); off < size; off += 4 * kib {
				mustRead(t, r, off, 4*kib)
			}
			synctest.Wait()
			src.wantAtMost(1, size)
			if used := r.budget.Used(); used != 0 {
				t.Errorf("%d bytes held after everything was read", used)
			}
		})
	}
}

func TestRandomReadsFetchAboutWhatWasAsked(t *testing.T) {
	for _, tc := range []struct {
		count, size, requests int
		total                 int64
	}{{200, 4 * kib, 202, 4 * mib}, {50, mib, 55, 60 * mib}} {
		for seed := range uint64(5) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				src := &fakeSource{size: gib}
				r := newTestReader(t, src, NewBudget(256*mib))
				for range tc.count {
					mustRead(t, r, rng.Int64N((gib-int64(tc.size))/4096)*4096, tc.size)
				}
				synctest.Wait()
				src.wantAtMost(tc.requests, tc.total)
			})
		}
	}
}

// A pread of 1 MiB arrives as eight requests of 128 KiB, and one more that the
// kernel reads ahead.
func TestRandomRecordsCutByTheKernelAreFetchedWhole(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			src := &fakeSource{size: gib}
			r := newTestReader(t, src, NewBudget(256*mib))
			for range 50 {
				off := rng.Int64N(gib-2*mib) / 4096 * 4096
				for i := range int64(9) {
					mustRead(t, r, off+i*128*kib, 128*kib)
				}
			}
			synctest.Wait()
			src.wantAtMost(65, 76*mib)
		})
	}
}

func TestStridedReaderFetchesOnlyItsRecords(t *testing.T) {
	for _, stride := range []int64{64 * kib, 3 * mib, -5 * mib} {
		synctest.Test(t, func(t *testing.T) {
			src := &fakeSource{size: gib}
			r := newTestReader(t, src, NewBudget(256*mib))
			const n = 16 * kib
			var ahead int
			off := int64(gib / 2)
			for range 100 {
				synctest.Wait()
				before := len(src.log())
				mustRead(t, r, off, n)
				synctest.Wait()
				if s := src.log()[before:]; len(s) == 0 || s[0].off != off {
					ahead++
				}
				off += stride
			}
			src.wantAtMost(104, 104*n)
			src.wantNoOverlap()
			if ahead < 90 {
				t.Errorf("%d of 100 records at stride %d were fetched ahead, want 90", ahead, stride)
			}
		})
	}
}

func TestBackwardReaderFetchesInLargeSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total, n = 32 * mib, 16 * kib
		src := &fakeSource{size: total}
		r := newTestReader(t, src, NewBudget(256*mib))
		for off := int64(total - n); off >= 0; off -= n {
			mustRead(t, r, off, n)
		}
		synctest.Wait()
		src.wantAtMost(45, total)
		src.wantNoOverlap()
	})
}

func TestInterleavedStreamsEachReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each, n = 64 * mib, 128 * kib
		rng := rand.New(rand.NewPCG(5, 6))
		src := &fakeSource{size: gib}
		r := newTestReader(t, src, NewBudget(256*mib))
		for off := int64(0); off < each; off += n {
			mustRead(t, r, off, n)
			mustRead(t, r, gib/2+off, n)
			if off%mib == 0 {
				mustRead(t, r, gib*3/4+rng.Int64N(gib/8), 4*kib) // noise on the side
			}
		}
		synctest.Wait()
		src.wantAtMost(64+40, 2*each+64*mib+mib)
		src.wantNoOverlap()
	})
}

func TestStoppingEarlyWastesInProportionToUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{size: gib}
		r := newTestReader(t, src, NewBudget(256*mib))
		for off := int64(0); off < mib; off += 128 * kib {
			mustRead(t, r, off, 128*kib)
		}
		synctest.Wait()
		src.wantAtMost(5, (1+evidenceFactor)*mib)
	})
}

func TestReadAheadOfZeroFetchesOnlyWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{t: t, size: gib}
		cfg := DefaultConfig()
		cfg.MaxAhead = 0
		r := NewReader(t.Context(), src, gib, NewBudget(64*mib), cfg)
		for off := int64(0); off < 4*mib; off += 128 * kib {
			mustRead(t, r, off, 128*kib)
		}
		synctest.Wait()
		src.wantAtMost(32, 4*mib)
		closeReader(t, r, src)
	})
}
