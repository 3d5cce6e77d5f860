package writeback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// hugeVersion has any number of bytes that can be computed.
type hugeVersion struct {
	size int64

	// mu guards the following.
	mu       sync.Mutex
	requests []Range
}

func (v *hugeVersion) Size() int64 { return v.size }

func (v *hugeVersion) ReadRange(_ context.Context, off, length int64) (io.ReadCloser, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests = append(v.requests, Range{off, off + length})
	return io.NopCloser(&io.LimitedReader{R: counting(off), N: length}), nil
}

// counting reads as if each byte were the number of its MiB.
type counting int64

func (c counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(int64(c) / (1 << 20))
	}
	return len(p), nil
}

func TestEditingAHugeObjectFetchesOnlyWhatIsRead(t *testing.T) {
	dir := newDir(t, 0)
	base := &hugeVersion{size: 1 << 40}
	s, _ := newStage(t, dir, base)
	write(t, s, content(4096), 10<<30)
	write(t, s, []byte("x"), 1<<40)
	if len(base.requests) != 0 {
		t.Errorf("writing asked for %v", base.requests)
	}
	if got := dir.Used(); got != 8192 {
		t.Errorf("writing uses %d bytes of space, want 8192", got)
	}
	if _, err := s.ReadAt(t.Context(), make([]byte, 4096), 1<<20+5000); err != nil {
		t.Fatal(err)
	}
	if want := []Range{{1 << 20, 2 << 20}}; !slices.Equal(base.requests, want) {
		t.Errorf("reading 4 KiB asked for %v, want %v", base.requests, want)
	}
}

func TestFillAsksForLongRangesOnce(t *testing.T) {
	base := &hugeVersion{size: 1 << 40}
	s, _ := newStage(t, newDir(t, 0), base)
	write(t, s, []byte("x"), 20<<20)
	for range 2 {
		if err := s.Fill(t.Context(), 4<<20, 32<<20); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(base.requests, func(a, b Range) int { return int(a.Off - b.Off) })
	// 16 MiB each; the byte at 20 MiB is there already.
	if want := []Range{{4 << 20, 20 << 20}, {20<<20 + 1, 36 << 20}}; !slices.Equal(base.requests, want) {
		t.Errorf("asked for %v, want %v", base.requests, want)
	}
}

func TestReadersOfABlockShareItsFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newVersion(content(3000))
		base.gate = make(chan struct{}, 1)
		s, _ := newStage(t, newDir(t, 0), base)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				p := make([]byte, 100)
				if _, err := s.ReadAt(t.Context(), p, int64(i*100)); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(p, base.content[i*100:][:100]) {
					t.Errorf("reader %d got other bytes", i)
				}
			})
		}
		synctest.Wait()
		write(t, s, base.content[:10], 0) // nobody holds the lock
		base.gate <- struct{}{}
		wg.Wait()
		if got := base.asked(); len(got) != 1 {
			t.Errorf("asked for %v, want one request", got)
		}
	})
}

func TestARequestEndsWhenTheLastReaderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newVersion(content(3000))
		base.gate = make(chan struct{}, 1)
		s, _ := newStage(t, newDir(t, 0), base)
		var wg sync.WaitGroup
		var cancels []context.CancelFunc
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			wg.Go(func() {
				if _, err := s.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
					t.Errorf("ReadAt: %v, want context.Canceled", err)
				}
			})
			synctest.Wait()
		}
		cancels[0]()
		synctest.Wait()
		if base.canceled != 0 {
			t.Error("the reader that began the request ended it for the other")
		}
		cancels[1]()
		wg.Wait()
		synctest.Wait()
		if base.canceled != 1 || len(base.asked()) != 1 {
			t.Errorf("%d of %d requests ended, want 1 of 1", base.canceled, len(base.asked()))
		}
		base.gate <- struct{}{}
		expect(t, s, base.content)
	})
}

// stubbornVersion does not notice that its first request was ended, before the
// gate opens.
type stubbornVersion struct {
	*version
	gate  chan struct{}
	asked atomic.Bool
}

func (v *stubbornVersion) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	body, err := v.version.ReadRange(ctx, off, length)
	if !v.asked.Swap(true) {
		<-v.gate
		err = ctx.Err()
	}
	return body, err
}

func TestNobodyWaitsForARequestThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := &stubbornVersion{version: newVersion(content(3000)), gate: make(chan struct{})}
		s, _ := newStage(t, newDir(t, 0), base)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
				t.Errorf("ReadAt: %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		wg.Go(func() { expect(t, s, base.content) })
		synctest.Wait()
		close(base.gate)
		wg.Wait()
	})
}

func TestCloseEndsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := newVersion(content(3000))
		base.gate = make(chan struct{})
		s, _ := newStage(t, newDir(t, 0), base)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, os.ErrClosed) {
				t.Errorf("ReadAt: %v, want os.ErrClosed", err)
			}
		})
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
}

func TestAFetchThatBeganBeforeAnUploadIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 2 * pageSize
		base := newVersion(content(size))
		base.gate = make(chan struct{}, 1)
		s, _ := newStage(t, newDir(t, 0), base)
		stored := bytes.Repeat([]byte{7}, size)
		var wg sync.WaitGroup
		wg.Go(func() { // has not arrived when everything else is done
			if _, err := s.ReadAt(t.Context(), make([]byte, size), 0); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		write(t, s, stored, 0)
		clean(t, s, stored)
		s.mu.Lock()
		dropped := s.dropCleanLocked()
		s.mu.Unlock()
		if dropped != size {
			t.Errorf("dropped %d bytes, want %d", dropped, size)
		}
		base.gate <- struct{}{}
		wg.Wait()
		expect(t, s, stored)
	})
}

func TestAnErrorOfTheBaseIsForgotten(t *testing.T) {
	want := content(5000)
	base := newVersion(bytes.Clone(want))
	s, _ := newStage(t, newDir(t, 0), base)
	for _, after := range []int64{0, 4999} {
		base.fail(after)
		if n, err := s.ReadAt(t.Context(), make([]byte, 10), 0); n != 0 || !errors.Is(err, errBase) {
			t.Errorf("ReadAt: %d, %v; want 0 and the error of the base", n, err)
		}
	}
	write(t, s, []byte("abc"), 1000)
	copy(want[1000:], "abc")
	base.fail(-1)
	expect(t, s, want)
}

// wrongVersion says more or less than it is asked for.
type wrongVersion struct {
	*version
	more int64
	err  error
}

func (v wrongVersion) ReadRange(context.Context, int64, int64) (io.ReadCloser, error) {
	body := io.Reader(bytes.NewReader(make([]byte, v.Size()+v.more)))
	if v.err != nil {
		body = io.MultiReader(body, failing{})
	}
	return io.NopCloser(body), nil
}

func TestAnAnswerOfAnotherLengthIsAnError(t *testing.T) {
	for name, base := range map[string]wrongVersion{
		"too short":           {newVersion(content(100)), -1, nil},
		"too long":            {newVersion(content(100)), 1, nil},
		"wrong, known at end": {newVersion(content(100)), 0, errBase},
	} {
		s, _ := newStage(t, newDir(t, 0), base)
		n, err := s.ReadAt(t.Context(), make([]byte, 10), 0)
		if n != 0 || err == nil || err == io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
			t.Errorf("%s: ReadAt returned %d, %v", name, n, err)
		}
	}
}

func TestWhatWasFetchedFromAnEarlierBaseIsNotRead(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), newVersion(content(100)))
	s.mu.Lock()
	// What a reader has that could not be kept, when somebody else calls Clean.
	old := &fetch{rng: Range{0, 100}, epoch: s.epoch, data: make([]byte, 100)}
	s.mu.Unlock()
	p := make([]byte, 10)
	if _, complete, err := s.readHave(p, 0, []*fetch{old}); !complete || err != nil {
		t.Fatalf("before Clean: %v, %v; want that it is read", complete, err)
	}
	clean(t, s, content(100))
	if _, complete, err := s.readHave(p, 0, []*fetch{old}); complete || err != nil {
		t.Errorf("after Clean: %v, %v; want that it is fetched again", complete, err)
	}
}
