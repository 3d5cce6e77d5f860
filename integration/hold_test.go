package integration

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// heldRequests are requests that wait at the server until they are released. One
// whose client has gone does not wait any longer, and is not carried out.
type heldRequests struct {
	t       *testing.T
	release context.CancelFunc

	mu      sync.Mutex // guards the following
	waiting int
	changed chan struct{} // closed when waiting changes
}

// holdRequests holds the requests that f matches; f.Do is its own. The test's end
// releases them.
func holdRequests(t *testing.T, srv *fakeswift.Server, f fakeswift.Fault) *heldRequests {
	t.Helper()
	ctx, release := context.WithCancel(context.Background())
	h := &heldRequests{t: t, changed: make(chan struct{})}
	f.Do = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if ctx.Err() != nil {
			next.ServeHTTP(w, r)
			return
		}
		h.count(1)
		left := sync.OnceFunc(func() { h.count(-1) })
		defer left()
		fakeswift.Stall(ctx)(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			left()
			next.ServeHTTP(w, r)
		}))
	}
	fault := srv.Inject(f)
	h.release = sync.OnceFunc(func() { fault.Remove(); release() })
	t.Cleanup(h.release)
	return h
}

func (h *heldRequests) count(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting += n
	close(h.changed)
	h.changed = make(chan struct{})
}

// await returns when so many requests wait, or more.
func (h *heldRequests) await(n int) {
	h.t.Helper()
	h.awaitThat(n, func(waiting int) bool { return waiting >= n })
}

// awaitNone returns when no request waits any more: those who made them are gone, or
// they were released.
func (h *heldRequests) awaitNone() {
	h.t.Helper()
	h.awaitThat(0, func(waiting int) bool { return waiting == 0 })
}

func (h *heldRequests) awaitThat(want int, holds func(waiting int) bool) {
	h.t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		h.mu.Lock()
		waiting, changed := h.waiting, h.changed
		h.mu.Unlock()
		if holds(waiting) {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			h.t.Fatalf("%d requests wait, want %d", waiting, want)
		}
	}
}
