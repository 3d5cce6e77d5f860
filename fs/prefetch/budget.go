package prefetch

import (
	"container/list"
	"sync"
	"time"
)

const (
	// pooledBlock is the buffer size worth recycling: sequential reading
	// allocates it hundreds of times a second, other sizes are rare or small.
	pooledBlock = 1 * mib
	// idleAfter is how long a Reader is unused before its memory may be taken by
	// another one. Programs that read in bursts pause for less.
	idleAfter = 2 * time.Second
	// slowFor is how long it counts that connections were found to be slow.
	slowFor = time.Minute
)

// Budget is the memory that all Readers of a mount share. It is safe for
// concurrent use.
type Budget struct {
	limit int64
	pool  sync.Pool // of *[]byte, each pooledBlock long

	// mu guards the following.
	mu      sync.Mutex
	used    int64
	peak    int64
	holders *list.List // of *account with held > 0, least recently used first
	slow    time.Time  // when connections were found to be slow last
}

// holder holds memory of a Budget, which it can give up.
type holder interface {
	// reclaim gives up what nobody uses at the moment, or nothing.
	reclaim()
}

// account is one holder's part of a Budget. The Budget's mu guards its fields
// except owner and budget, which do not change.
type account struct {
	budget  *Budget
	owner   holder
	held    int64
	lastUse time.Time
	elem    *list.Element // in budget.holders, or nil when nothing is held
}

// NewBudget returns a Budget of limit bytes. Without any (limit <= 0) Readers
// still work, at one request a read.
func NewBudget(limit int64) *Budget {
	return &Budget{limit: max(limit, 0), holders: list.New()}
}

// Limit returns the bytes given to NewBudget.
func (b *Budget) Limit() int64 { return b.limit }

// Used returns the bytes reserved now.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Peak returns the most bytes that were ever reserved at once.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}

// noteSlowConnections notes that many requests at once were worthwhile.
func (b *Budget) noteSlowConnections(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow = now
}

// connectionsSlow reports whether they were lately.
func (b *Budget) connectionsSlow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.slow.IsZero() && now.Sub(b.slow) < slowFor
}

// buffer returns n bytes of undefined content; n must have been reserved.
func (b *Budget) buffer(n int64) []byte {
	if n == pooledBlock {
		if buf, ok := b.pool.Get().(*[]byte); ok {
			return *buf
		}
	}
	return make([]byte, n)
}

// recycle takes a buffer back that nobody uses any more.
func (b *Budget) recycle(buf []byte) {
	if len(buf) == pooledBlock {
		b.pool.Put(&buf)
	}
}

// reclaimIdle makes idle Readers other than self's give up memory until need
// bytes were asked for. What is still being received comes back a moment later.
func (b *Budget) reclaimIdle(self *account, need int64) {
	for _, a := range b.idle(self, need) {
		a.owner.reclaim()
	}
}

func (b *Budget) idle(self *account, need int64) []*account {
	b.mu.Lock()
	defer b.mu.Unlock()
	var victims []*account
	now := time.Now()
	for e := b.holders.Front(); e != nil && need > 0; e = e.Next() {
		a, ok := e.Value.(*account)
		if !ok || now.Sub(a.lastUse) < idleAfter {
			break
		}
		if a != self {
			victims = append(victims, a)
			need -= a.held
		}
	}
	return victims
}

// touch notes that the Reader is in use.
func (a *account) touch() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.lastUse = time.Now()
	if a.elem != nil {
		a.budget.holders.MoveToBack(a.elem)
	}
}

// reserve takes n bytes if the Budget has them.
func (a *account) reserve(n int64) bool {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.reserveLocked(n)
}

// reserveAhead takes n bytes if the Budget has them and they are within the
// Reader's fair share.
func (a *account) reserveAhead(n int64) bool {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.held+n <= a.shareLocked() && a.reserveLocked(n)
}

// share returns how many bytes the Reader may hold for read-ahead.
func (a *account) share() int64 {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.shareLocked()
}

// shareLocked gives everybody an equal part, and beyond it whatever is free in
// one half of the budget: a lone busy Reader among many small ones runs at full speed,
// and a newcomer still finds memory.
func (a *account) shareLocked() int64 {
	b := a.budget
	n := int64(b.holders.Len())
	if a.elem == nil {
		n++
	}
	return max(b.limit/n, b.limit/2-(b.used-a.held))
}

func (a *account) reserveLocked(n int64) bool {
	b := a.budget
	if b.used+n > b.limit {
		return false
	}
	b.used += n
	b.peak = max(b.peak, b.used)
	a.held += n
	if a.elem == nil && a.held > 0 {
		a.lastUse = time.Now()
		a.elem = b.holders.PushBack(a)
	}
	return true
}

// release gives n reserved bytes back.
func (a *account) release(n int64) {
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	a.held -= n
	if a.held == 0 && a.elem != nil {
		b.holders.Remove(a.elem)
		a.elem = nil
	}
}
