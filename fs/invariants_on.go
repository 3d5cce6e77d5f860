//go:build invariants

package fs

import "fmt"

// checkReturned stops the program when no stream is open and memory of the pool
// is not back.
func (p *writePool) checkReturned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.streams) > 0 {
		return // a connection to the kernel that broke closes nothing
	}
	if !p.memory.TryAcquire(p.total) {
		panic("the streams are closed and have not given all their memory back")
	}
	p.memory.Release(p.total)
}

// checkPut stops the program when a write would leave a gap or a block.
func (g *segment) checkPut(off, limit int64) {
	if off > g.data.size || off >= g.data.capacity() || off >= limit {
		panic(fmt.Sprintf("a write at byte %d of a segment with %d bytes in %d, of at most %d", off, g.data.size, g.data.capacity(), limit))
	}
}
