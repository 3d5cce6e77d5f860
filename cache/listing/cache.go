package listing

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Lister lists a directory, one page at a time.
type Lister interface {
	// List makes one request for the rows of dir after marker, with delimiter
	// "/", and yields them in byte order. An error of yield ends it and is
	// returned. The page was the last one if end is set. It is called from
	// the cache's goroutines, for several pages at once; ctx ends with
	// Cache.Close, so that deadlines are the Lister's own.
	List(ctx context.Context, dir Dir, marker string, yield func(Row) error) (end bool, err error)
	// ListTree makes one request for all objects whose names begin with the
	// prefix of dir, without a delimiter, and is like List otherwise. A limit
	// that is not zero bounds the rows; the server may give fewer.
	ListTree(ctx context.Context, dir Dir, marker string, limit int, yield func(Row) error) (end bool, err error)
}

// Defaults of Config.
const (
	// DefaultTTL is how long a change made by others may stay unseen.
	DefaultTTL = time.Minute
	// DefaultBytes holds a million rows.
	DefaultBytes = 64 << 20
	// DefaultMaxDirs is one state, a few hundred bytes, for each directory
	// of a large tree.
	DefaultMaxDirs = 65536
	// DefaultMaxOverlay is about 20 MB of own changes.
	DefaultMaxOverlay = 65536
)

// Config is what a Cache is made with.
type Config struct {
	// TTL is how long an answer of the server is believed, and how long an
	// own change is not doubted. Zero keeps no answers at all.
	TTL time.Duration
	// Bytes bounds pages and notes; zero means DefaultBytes.
	Bytes int64
	// MaxDirs bounds the directory states without own changes; zero means
	// DefaultMaxDirs.
	MaxDirs int
	// MaxOverlay bounds the rows of own changes; zero means
	// DefaultMaxOverlay.
	MaxOverlay int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Verify asks the server itself, not a listing, whether the row of that
	// full name exists in dir. A name that ends in "/" exists also if there
	// is any object below it. It is called from the cache's goroutines with a
	// ctx that ends with Cache.Close.
	Verify func(ctx context.Context, dir Dir, name string) (row Row, exists bool, err error)
}

// Errors of the package.
var (
	// ErrClosed is the error of requests after Close.
	ErrClosed = errors.New("listing cache is closed")
	// ErrBadListing is the error of a listing that breaks its own rules: rows
	// out of order, or of another directory, or a page that leads nowhere.
	ErrBadListing = errors.New("bad listing from server")
)

// Stats counts since New.
type Stats struct {
	// Hits are lookups and pages of scans answered from memory.
	Hits uint64
	// Misses are lookups that found nothing known, and pages of scans that
	// had to be waited for.
	Misses uint64
	// Fetches are calls of Lister.List and Lister.ListTree.
	Fetches uint64
	// Verifications are calls of Config.Verify.
	Verifications uint64
}

// Cache holds listings, object metadata and the overlay of own changes. Its
// methods may be called by many goroutines at once.
type Cache struct {
	cfg    Config
	lister Lister
	store  *store
	wg     sync.WaitGroup

	hits, misses, fetches, verifications atomic.Uint64

	// mu guards the following, and all that hangs off the maps and lists.
	mu     sync.Mutex
	closed bool
	// clock is the logical time.
	clock uint64
	// invalid is when everything was invalidated.
	invalid uint64
	dirs    map[Dir]*dirState
	// idle has the directory states that can be dropped, latest used first.
	idle *list.List
	// evictable has the changes that MaxOverlay can drop, oldest first.
	evictable *list.List
	// changes counts all changes of all directories.
	changes int
	// walks has what programs go through, by the root.
	walks map[Dir]*walk
	// trees are the requests for sheets under way.
	trees []*treeFlight
	// work has the cancel functions of the requests under way.
	work map[uint64]context.CancelFunc
}

// New makes a cache over lister. It needs cfg.Verify. The caller owns the
// cache and closes it.
func New(cfg Config, lister Lister) (*Cache, error) {
	if lister == nil || cfg.Verify == nil {
		return nil, errors.New("listing cache: Lister and Config.Verify are required")
	}
	if cfg.Bytes <= 0 {
		cfg.Bytes = DefaultBytes
	}
	if cfg.MaxDirs <= 0 {
		cfg.MaxDirs = DefaultMaxDirs
	}
	if cfg.MaxOverlay <= 0 {
		cfg.MaxOverlay = DefaultMaxOverlay
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	store, err := newStore(cfg.Bytes, cfg.TTL, cfg.Now)
	if err != nil {
		return nil, err
	}
	return &Cache{
		cfg:       cfg,
		lister:    lister,
		store:     store,
		dirs:      make(map[Dir]*dirState),
		idle:      list.New(),
		evictable: list.New(),
		walks:     make(map[Dir]*walk),
		work:      make(map[uint64]context.CancelFunc),
	}, nil
}

// Close cancels the requests under way, waits for them and frees the memory.
// Requests after it fail with ErrClosed.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	for _, cancel := range c.work {
		cancel()
	}
	c.mu.Unlock()
	c.wg.Wait()
	c.store.close()
}

// Stats returns the counters.
func (c *Cache) Stats() Stats {
	return Stats{
		Hits:          c.hits.Load(),
		Misses:        c.misses.Load(),
		Fetches:       c.fetches.Load(),
		Verifications: c.verifications.Load(),
	}
}

// tickLocked is the next moment of the logical time.
func (c *Cache) tickLocked() uint64 {
	c.clock++
	return c.clock
}

// fresh tells whether what was known at that time is still believed.
func (c *Cache) fresh(at time.Time) bool {
	return c.cfg.Now().Sub(at) < c.cfg.TTL
}

// goLocked runs a request in the background. It gets the values of ctx but
// not its end, because others may wait for the same request.
func (c *Cache) goLocked(ctx context.Context, request func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	id := c.tickLocked()
	c.work[id] = cancel
	c.wg.Go(func() {
		defer func() {
			cancel()
			c.mu.Lock()
			delete(c.work, id)
			c.mu.Unlock()
		}()
		request(ctx)
	})
}

// call is the outcome of one request, for all who wait for it.
type call[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func newCall[T any]() *call[T] {
	return &call[T]{done: make(chan struct{})}
}

// finish publishes the outcome; it is called once.
func (k *call[T]) finish(value T, err error) {
	k.value, k.err = value, err
	close(k.done)
}

// wait returns the outcome, or the error of ctx if that ends first.
func (k *call[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-k.done:
		return k.value, k.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
