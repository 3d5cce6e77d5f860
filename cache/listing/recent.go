package listing

import (
	"container/list"
	"sync"
)

// recent holds the values used last, up to a bound in bytes. Ristretto refuses a
// new key for as long as older ones were asked for more often, at the very moment
// that somebody waits for the page; and each page that is asked for again is new
// to it again. What is in use must not depend on that.
type recent struct {
	most  int64
	fresh func(value) bool

	// mu guards the following.
	mu sync.Mutex
	// items are the held values by key, and order has them, latest used first.
	items map[string]*list.Element
	order *list.List
	bytes int64
	// swept is the number of items left when old ones were dropped last, and added
	// how many came since.
	swept, added int
}

// held is a value in memory with its key.
type held struct {
	key   string
	value value
}

// leastHeld is how many values are held whatever they cost: that of a lookup
// which had it fetched, and those that walks are reading and have fetched ahead.
const leastHeld = 4

func newRecent(most int64, fresh func(value) bool) *recent {
	return &recent{most: most, fresh: fresh, items: make(map[string]*list.Element), order: list.New()}
}

// get is the value of that key, or nil, and makes it the latest if used is set.
func (r *recent) get(key string, used bool) value {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.items[key]
	if e == nil {
		return nil
	}
	v := heldIn(e).value
	if !r.fresh(v) {
		r.dropLocked(e)
		return nil
	}
	if used {
		r.order.MoveToFront(e)
	}
	return v
}

// put makes a value the latest, in place of an older one of its key, and returns
// those for which there is no room any more.
func (r *recent) put(h held) (fallen []held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.items[h.key]; e != nil {
		if heldIn(e).value.start() > h.value.start() {
			return nil
		}
		r.dropLocked(e)
	}
	r.items[h.key] = r.order.PushFront(h)
	r.bytes += h.cost()
	r.sweepLocked()
	for r.bytes > r.most && r.order.Len() > leastHeld {
		e := r.order.Back()
		r.dropLocked(e)
		if h := heldIn(e); r.fresh(h.value) {
			fallen = append(fallen, h)
		}
	}
	return fallen
}

// sweepLocked drops what is not believed any more, once so many values have come
// that looking at all of them costs each little.
func (r *recent) sweepLocked() {
	const looks = 8 // at most so many for each that comes
	if r.added++; r.added*looks < r.swept {
		return
	}
	for e := r.order.Front(); e != nil; {
		next := e.Next()
		if !r.fresh(heldIn(e).value) {
			r.dropLocked(e)
		}
		e = next
	}
	r.swept, r.added = r.order.Len(), 0
}

func (r *recent) dropLocked(e *list.Element) {
	h := heldIn(e)
	r.order.Remove(e)
	delete(r.items, h.key)
	r.bytes -= h.cost()
}

func (r *recent) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.items)
	r.order.Init()
	r.bytes = 0
}

// cost is about what h takes in memory.
func (h held) cost() int64 {
	const entryBytes = 200 // in map and list
	return h.value.cost() + int64(len(h.key)) + entryBytes
}

func heldIn(e *list.Element) held {
	h, _ := e.Value.(held)
	return h
}
