package prefetch

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// object is a fetch that gives n bytes at once.
func object(n int64) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return pattern[:n], nil }
}

func TestAShelfGivesWhatWasFetchedOnce(t *testing.T) {
	budget := NewBudget(mib)
	s := NewShelf[string](t.Context(), budget, 4)
	for range 2 {
		if !s.Fetch("a", 100, object(100)) {
			t.Error("fetching is refused")
		}
	}
	p := s.Take("a")
	if p == nil || s.Take("a") != nil || s.Take("b") != nil {
		t.Fatal("taken are not a, once")
	}
	if got, err := p.Bytes(t.Context()); err != nil || !bytes.Equal(got, pattern[:100]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if budget.Used() != 100 {
		t.Errorf("%d bytes are in use, want 100", budget.Used())
	}
	p.Return()
	p.Return()
	if _, err := p.Bytes(t.Context()); err == nil || budget.Used() != 0 {
		t.Errorf("after its return: %v, %d bytes in use", err, budget.Used())
	}
	s.Close()
	if s.Fetch("c", 1, object(1)) {
		t.Error("a closed shelf fetches")
	}
}

func TestWhatNobodyTakesIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(mib)
		s := NewShelf[int](t.Context(), budget, 4)
		defer s.Close()
		s.Fetch(1, 1000, object(1000))
		<-time.After(shelfLife / 2)
		s.Fetch(2, 10, object(10))
		<-time.After(shelfLife/2 + time.Millisecond)
		synctest.Wait()
		if budget.Used() != 10 {
			t.Errorf("%d bytes are in use, want those of the second object", budget.Used())
		}
		<-time.After(shelfLife)
		synctest.Wait()
		if budget.Used() != 0 || s.Take(2) != nil {
			t.Error("the second object is still here")
		}
		s.Fetch(3, 5, object(5))
		<-time.After(2 * shelfLife)
		synctest.Wait()
		if budget.Used() != 0 {
			t.Error("the third object is still here")
		}
	})
}

func TestAShelfStaysWithinItsBounds(t *testing.T) {
	budget := NewBudget(64 * mib)
	s := NewShelf[int](t.Context(), budget, 3)
	wait := func(ctx context.Context) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for i := range 3 {
		if !s.Fetch(i, mib, wait) {
			t.Fatalf("fetch %d is refused", i)
		}
	}
	if s.Fetch(3, mib, wait) {
		t.Error("a fourth fetch is under way, want three at most")
	}
	s.Close()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are in use after Close", budget.Used())
	}

	s = NewShelf[int](t.Context(), budget, 16)
	defer s.Close()
	held := 0
	for i := range 64 {
		if s.Fetch(i, mib, object(mib)) {
			held++
		}
	}
	if held > shelfBytes/mib {
		t.Errorf("%d MiB lie here, want %d at most", held, shelfBytes/mib)
	}
}

func TestAShelfGivesUpItsMemoryWhenAReaderNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(2 * mib)
		s := NewShelf[int](t.Context(), budget, 4)
		defer s.Close()
		s.Fetch(1, mib, object(mib))
		<-time.After(idleAfter)
		r := newTestReader(t, &fakeSource{size: 10 * mib}, budget)
		mustRead(t, r, mib, 2*mib)
		if got := r.Stats().Direct; got != 0 {
			t.Errorf("%d requests found no memory", got)
		}
	})
}

func TestAfterAFailureAShelfPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(mib)
		s := NewShelf[int](t.Context(), budget, 4)
		defer s.Close()
		fail := errors.New("no")
		release := make(chan struct{})
		s.Fetch(1, 10, func(context.Context) ([]byte, error) { <-release; return nil, fail })
		p := s.Take(1)
		close(release)
		if _, err := p.Bytes(t.Context()); !errors.Is(err, fail) {
			t.Errorf("the bytes of a failed fetch: %v", err)
		}
		p.Return()
		synctest.Wait()
		if s.Fetch(2, 10, object(10)) || budget.Used() != 0 {
			t.Errorf("another fetch begins at once, %d bytes are in use", budget.Used())
		}
		<-time.After(shelfPause)
		if !s.Fetch(2, 10, object(10)) {
			t.Error("nothing is fetched after the pause")
		}
	})
}

func TestWhoGivesUpWaitingLeavesTheFetch(t *testing.T) {
	s := NewShelf[int](t.Context(), NewBudget(mib), 4)
	defer s.Close()
	release := make(chan struct{})
	s.Fetch(1, 10, func(context.Context) ([]byte, error) { <-release; return pattern[:10], nil })
	p := s.Take(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Bytes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ends with %v", err)
	}
	close(release)
	if got, err := p.Bytes(t.Context()); err != nil || len(got) != 10 {
		t.Errorf("later: %d bytes, %v", len(got), err)
	}
	p.Return()
}
