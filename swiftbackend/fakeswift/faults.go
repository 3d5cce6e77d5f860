package fakeswift

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// Fault makes chosen requests go wrong. Kind, Match, Skip and Times select together; zero fields select everything.
type Fault struct {
	Kind  Kind
	Match func(*http.Request) bool
	Skip  int // this many matching requests pass first
	Times int // and then this many are hit; 0 means all
	Do    Action
}

// Action is what a fault does to a request. It may answer it, or call next to have it carried out.
type Action func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Injected is a fault in place.
type Injected struct {
	fault Fault
	set   *faultSet
	hits  atomic.Int64

	mu   sync.Mutex // guards the following
	seen int
}

// Hits returns how many requests the fault has hit.
func (i *Injected) Hits() int { return int(i.hits.Load()) }

// Remove takes the fault away; requests that it is holding up stay so.
func (i *Injected) Remove() {
	i.set.mu.Lock()
	defer i.set.mu.Unlock()
	// A new slice: serve may be walking the old one.
	kept := make([]*Injected, 0, len(i.set.faults))
	for _, other := range i.set.faults {
		if other != i {
			kept = append(kept, other)
		}
	}
	i.set.faults = kept
}

// take reports whether the fault hits this request, and counts it.
func (i *Injected) take(r *http.Request, k Kind) bool {
	if !i.fault.Kind.matches(k) || (i.fault.Match != nil && !i.fault.Match(r)) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.seen++
	nth := i.seen - i.fault.Skip
	if nth <= 0 || (i.fault.Times > 0 && nth > i.fault.Times) {
		return false
	}
	i.hits.Add(1)
	return true
}

// faultSet holds the faults in the order of their injection.
type faultSet struct {
	mu     sync.Mutex // guards the following
	faults []*Injected
}

// Inject puts a fault in place until it is removed. Several faults that hit one request act one inside the other,
// the one injected first outermost.
func (s *Server) Inject(f Fault) *Injected {
	i := &Injected{fault: f, set: &s.faults}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append(slices.Clip(s.faults.faults), i)
	return i
}

// FailEvery makes the given part (0 to 1) of all requests but logins and /info fail in a random way: 500, 503,
// reset before, within or after. Equal seeds give equal decisions in the order of arrival.
func (s *Server) FailEvery(rate float64, seed uint64) *Injected {
	var mu sync.Mutex // guards rng
	rng := rand.New(rand.NewPCG(seed, seed))
	return s.Inject(Fault{
		Match: func(r *http.Request) bool {
			if level := s.parsePath(r.URL.Path).level; level == Auth || level == Info {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			return rng.Float64() < rate
		},
		Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			mu.Lock()
			pick, n := rng.IntN(5), rng.Int64N(64<<10)
			mu.Unlock()
			actions := []Action{
				Status(http.StatusInternalServerError), Status(http.StatusServiceUnavailable),
				ResetBefore(), ResetMidBody(n), ResetAfter(),
			}
			actions[pick](w, r, next)
		},
	})
}

// serve passes the request through the faults that hit it.
func (fs *faultSet) serve(w http.ResponseWriter, r *http.Request, k Kind, handle http.Handler) {
	fs.mu.Lock()
	faults := fs.faults
	fs.mu.Unlock()
	for n, i := range faults {
		if i.take(r, k) {
			rest := &faultSet{faults: faults[n+1:]}
			i.fault.Do(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rest.serve(w, r, k, handle)
			}))
			return
		}
	}
	handle.ServeHTTP(w, r)
}

// MatchObject matches requests for one object or, with an empty object, for a container and everything in it.
func (s *Server) MatchObject(container, object string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		rt := s.parsePath(r.URL.Path)
		return rt.container == container && (object == "" || rt.object == object)
	}
}
