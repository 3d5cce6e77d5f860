package prefetch

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// shelfBytes is the most that lies on a Shelf, however large the Budget is.
	shelfBytes = 16 * mib
	// shelfLife is how long what was fetched waits for its reader.
	shelfLife = 5 * time.Second
	// shelfPause is how long nothing is fetched after a fetch has failed: those
	// who need the object find out themselves what is wrong.
	shelfPause = time.Second
)

// errReturned is the error of a Parcel whose bytes have been given up.
var errReturned = errors.New("prefetch: given up")

// Shelf holds small objects that were fetched whole before their readers came,
// each under a key that stands for one version. It is safe for concurrent use.
// Its owner must call Close.
type Shelf[K comparable] struct {
	most   int // fetches under way
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // the goroutines of fetches

	// mu guards the following and the parcels.
	mu       sync.Mutex
	acct     account
	closed   bool
	parcels  map[K]*Parcel // those that nobody has taken
	underWay int
	paused   time.Time   // no fetch begins before this
	sweeper  *time.Timer // or nil, while nothing lies here
}

// Parcel is one object of a Shelf, arrived or on its way.
type Parcel struct {
	mu     *sync.Mutex // the Shelf's
	acct   *account
	size   int64
	since  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when data or err is there

	// the Shelf's mu guards the following
	data     []byte
	err      error
	returned bool // nobody wants it any more
}

// NewShelf returns a Shelf that fetches at most so many objects at once, with memory of
// budget. ctx belongs to the owner; its end cancels all fetches.
func NewShelf[K comparable](ctx context.Context, budget *Budget, most int) *Shelf[K] {
	s := &Shelf[K]{most: min(most, mostAheadFiles), parcels: map[K]*Parcel{}}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.acct = account{budget: budget, owner: s}
	return s
}

// Fetch has get fetch an object of so many bytes, unless it is here already. It
// returns false if that has to wait: for memory, for other fetches, or because
// one has failed a moment ago.
func (s *Shelf[K]) Fetch(key K, size int64, get func(context.Context) ([]byte, error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parcels[key] != nil {
		return true
	}
	now := time.Now()
	if s.closed || s.underWay >= s.most || now.Before(s.paused) || s.acct.held+size > shelfBytes || !s.acct.reserveAhead(size) {
		return false
	}
	ctx, cancel := context.WithCancel(s.ctx)
	p := &Parcel{mu: &s.mu, acct: &s.acct, size: size, since: now, cancel: cancel, done: make(chan struct{})}
	s.parcels[key] = p
	s.underWay++
	if s.sweeper == nil {
		s.sweeper = time.AfterFunc(shelfLife, s.sweep)
	}
	s.wg.Go(func() {
		data, err := get(ctx)
		s.arrived(key, p, data, err)
	})
	return true
}

func (s *Shelf[K]) arrived(key K, p *Parcel, data []byte, err error) {
	p.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay--
	p.data, p.err = data, err
	close(p.done)
	if err != nil && !p.returned {
		s.paused = time.Now().Add(shelfPause)
		if s.parcels[key] == p {
			delete(s.parcels, key)
			p.returned = true
		}
	}
	if p.returned {
		p.freeLocked()
	}
}

// Take returns the object under a key, which is the caller's to return, or nil.
func (s *Shelf[K]) Take(key K) *Parcel {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parcels[key]
	if p != nil {
		delete(s.parcels, key)
		s.acct.touch()
	}
	return p
}

// Bytes returns the whole object, once it is there. An error says that the caller
// has to fetch it himself, unless ctx has ended.
func (p *Parcel) Bytes(ctx context.Context) ([]byte, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data, p.err
}

// Return gives the object's memory back. A fetch under way is cancelled.
func (p *Parcel) Return() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.returnLocked()
}

func (p *Parcel) returnLocked() {
	if p.returned {
		return
	}
	p.returned = true
	select {
	case <-p.done:
		p.freeLocked()
	default:
		p.cancel()
	}
}

// freeLocked gives the memory back, after the fetch has ended.
func (p *Parcel) freeLocked() {
	p.acct.release(p.size)
	p.data = nil
	if p.err == nil {
		p.err = errReturned
	}
}

// sweep drops what has waited too long.
func (s *Shelf[K]) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := shelfLife
	for key, p := range s.parcels {
		if left := shelfLife - time.Since(p.since); left > 0 {
			next = min(next, left)
			continue
		}
		delete(s.parcels, key)
		p.returnLocked()
	}
	if len(s.parcels) == 0 || s.closed {
		s.sweeper = nil
		return
	}
	s.sweeper.Reset(next)
}

// reclaim implements holder.
func (s *Shelf[K]) reclaim() {
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	s.clearLocked()
}

func (s *Shelf[K]) clearLocked() {
	for key, p := range s.parcels {
		delete(s.parcels, key)
		p.returnLocked()
	}
}

// Close cancels all fetches, waits for them and returns the memory of what
// nobody has taken.
func (s *Shelf[K]) Close() {
	s.mu.Lock()
	s.closed = true
	s.clearLocked()
	if s.sweeper != nil {
		s.sweeper.Stop()
	}
	s.mu.Unlock()
	s.cancel(os.ErrClosed)
	s.wg.Wait()
}
