package fs

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// growing is data that comes bit by bit, in pieces as a buffer has them.
type growing struct {
	data []byte

	mu sync.Mutex // guards the following
	n  int64
}

func (g *growing) size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

func (g *growing) from(off int64) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.data[off:min(g.n, (off/100_000+1)*100_000)]
}

// grow makes n more bytes come, or what is left.
func (g *growing) grow(n int) (all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n = min(g.n+int64(n), int64(len(g.data)))
	return g.n == int64(len(g.data))
}

func wantSum(t *testing.T, s *sums, n *sum, data []byte) {
	t.Helper()
	for range 2 {
		if got, want := s.complete(n), md5Hex(string(data)); got != want {
			t.Fatalf("the sum of %d bytes is %s, want %s", len(data), got, want)
		}
	}
}

func wantNothingOpen(t *testing.T, s *sums) {
	t.Helper()
	if len(s.open) > 0 || len(s.idle) != s.lanes {
		t.Errorf("%d sums are open, and %d of %d lanes are free", len(s.open), len(s.idle), s.lanes)
	}
}

func TestSumsOfEverySizeAreThoseOfMD5(t *testing.T) {
	var s sums
	defer s.close()
	var sizes []int
	for _, border := range []int{0, 55, 56, 63, 64, 119, 128, 100_000, laneStep, 3 * laneStep, leastCompany, 2*leastCompany + 100} {
		sizes = append(sizes, max(0, border-1), border, border+1)
	}
	for i, size := range sizes {
		data := pattern(size, uint64(i))
		wantSum(t, &s, s.add(&growing{data: data, n: int64(size)}), data)
		wantNothingOpen(t, &s)
	}
}

func TestSumsOfUnlikeSizesAreComputedTogether(t *testing.T) {
	data := pattern(4*leastCompany, 1)
	for _, company := range []int{1, leastLanes - 1, leastLanes, mostLanes, mostLanes + 3} {
		var s sums
		var sums []*sum
		size := func(i int) int { return leastCompany + i*150_001 }
		for i := range company {
			sums = append(sums, s.add(&growing{data: data[:size(i)], n: int64(size(i))}))
		}
		if got := s.complete(sums[0]); got != md5Hex(string(data[:leastCompany])) {
			t.Errorf("the sum of %d bytes, with %d beside it, is %s", leastCompany, company-1, got)
		}
		if together := s.lanes; vectors() && (together > 0) != (company >= leastLanes) {
			t.Errorf("%d sums were computed in %d lanes", company, together)
		}
		for i := range company {
			wantSum(t, &s, sums[i], data[:size(i)])
		}
		wantNothingOpen(t, &s)
		s.close()
	}
}

// Sums are begun, grow, and end at any time, some of them without being asked for.
func TestSumsThatGrowSideBySideDoNotMix(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			var s sums
			defer s.close()
			r := rand.New(rand.NewPCG(seed, 0))
			type one struct {
				*growing
				sum *sum
			}
			var open []one
			for done := 0; done < 15; {
				if len(open) < 1+r.IntN(8) {
					g := &growing{data: pattern(r.IntN(3<<20), r.Uint64())}
					open = append(open, one{g, s.add(g)})
					continue
				}
				i := r.IntN(len(open))
				all := open[i].grow(r.IntN(2 << 20))
				switch {
				case r.IntN(20) == 0:
					s.drop(open[i].sum)
				case all:
					wantSum(t, &s, open[i].sum, open[i].data)
				default:
					continue
				}
				done++
				open = append(open[:i], open[i+1:]...)
			}
			for _, o := range open {
				s.drop(o.sum)
			}
			wantNothingOpen(t, &s)
		})
	}
}

func TestSumsAreComputedByManyAtOnce(t *testing.T) {
	var s sums
	defer s.close()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 6 {
				g := &growing{data: pattern((1+w%3)<<20+i, uint64(w*10+i))}
				n := s.add(g)
				for !g.grow(100_000) {
				}
				if got, want := s.complete(n), md5Hex(string(g.data)); got != want {
					t.Errorf("the sum of %d bytes is %s, want %s", len(g.data), got, want)
				}
			}
		})
	}
	wg.Wait()
	wantNothingOpen(t, &s)
}

func TestSumsGoOnWithoutLanesAfterTheClose(t *testing.T) {
	var s sums
	var all []*growing
	var sums []*sum
	for i := range 5 {
		g := &growing{data: pattern(5<<20+i, uint64(i)), n: 3 << 20}
		all, sums = append(all, g), append(sums, s.add(g))
	}
	all[0].grow(5 << 20)
	wantSum(t, &s, sums[0], all[0].data)
	if begun := sums[1].off > 0; begun != vectors() {
		t.Errorf("the sums beside the first have begun: %v, and there are vectors: %v", begun, vectors())
	}
	var wg sync.WaitGroup
	wg.Go(s.close)
	for i, g := range all {
		wg.Go(func() {
			g.grow(5 << 20)
			if got, want := s.complete(sums[i]), md5Hex(string(g.data)); got != want {
				t.Errorf("the sum of %d bytes is %s, want %s", len(g.data), got, want)
			}
		})
	}
	wg.Wait()
	late := &growing{data: pattern(1000, 9), n: 1000}
	wantSum(t, &s, s.add(late), late.data)
	if len(s.open) > 0 {
		t.Errorf("%d sums are open", len(s.open))
	}
}

func BenchmarkSums(b *testing.B) {
	for _, together := range []int{1, 2, 3, 4, 8} {
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			var s sums
			defer s.close()
			data := pattern(16*mib, 1)
			b.SetBytes(int64(together) * 16 * mib)
			for b.Loop() {
				var all []*sum
				for range together {
					all = append(all, s.add(&growing{data: data, n: 16 * mib}))
				}
				for _, n := range all {
					s.complete(n)
				}
			}
		})
	}
}
