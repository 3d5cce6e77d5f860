package fs

import (
	"maps"
	"sync"
)

// recent is a map of bounded size: it has two generations of at most so many
// values, and forgets what only the older one has when a third begins.
type recent[K comparable, V any] struct {
	most int

	mu sync.Mutex // guards the following
	// young takes new values, old has those before them.
	young, old map[K]V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, young: map[K]V{}}
}

func (r *recent[K, V]) get(k K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[k]
	if !ok {
		if v, ok = r.old[k]; ok {
			r.putLocked(k, v)
		}
	}
	return v, ok
}

func (r *recent[K, V]) put(k K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.putLocked(k, v)
}

func (r *recent[K, V]) putLocked(k K, v V) {
	if len(r.young) >= r.most {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[k] = v
}

// forgetAll forgets the keys that match.
func (r *recent[K, V]) forgetAll(match func(K) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, generation := range []map[K]V{r.young, r.old} {
		maps.DeleteFunc(generation, func(k K, _ V) bool { return match(k) })
	}
}

func (r *recent[K, V]) forget(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, k)
	delete(r.old, k)
}
