package fs

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// drafts are all drafts of a mount. Those that nobody has open any more and that
// could not be stored are tried again here until it works, or the mount ends.
type drafts struct {
	ending chan struct{}  // closed when the mount ends
	wg     sync.WaitGroup // of those that are tried again

	mu    sync.Mutex // guards the following
	ended bool       // ending is closed
	// all has the drafts, and whether they are being tried again.
	all map[*draft]bool
	// tried counts the latter.
	tried int
}

// How long after a failed upload the next one begins, at first and at most.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

func newDrafts() *drafts {
	return &drafts{ending: make(chan struct{}), all: map[*draft]bool{}}
}

func (t *drafts) add(d *draft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[d] = false
}

func (t *drafts) remove(d *draft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, d)
}

// list returns all drafts.
func (t *drafts) list() []*draft {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*draft
	for d := range t.all {
		out = append(out, d)
	}
	return out
}

// keepTrying stores a draft that nobody has open, in the background. The memory of
// a stream is given back: others need it to write at all.
func (t *drafts) keepTrying(d *draft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[d] || t.ended {
		return
	}
	t.all[d] = true
	t.tried++
	t.wg.Go(func() {
		d.tryUntilStored(t.ending)
		t.mu.Lock()
		if _, ok := t.all[d]; ok {
			t.all[d] = false
		}
		t.tried--
		t.mu.Unlock()
		d.end()
	})
}

// tryUntilStored returns when the draft is stored, or the mount ends.
func (d *draft) tryUntilStored(ending <-chan struct{}) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	for {
		err := d.save(d.f.ctx)
		if err == nil {
			return
		}
		_, p, _ := d.node.place()
		d.f.log.Warn("a file could not be stored and is tried again; what was written is kept until then", "path", p, "error", err)
		d.yieldMemory(d.f.ctx)
		timer := time.NewTimer(wait.NextBackOff())
		select {
		case <-timer.C:
		case <-ending:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// save stores the draft with the turn of its own.
func (d *draft) save(ctx context.Context) error {
	d.turn <- struct{}{}
	defer d.give()
	return d.saveLocked(ctx)
}

// yieldMemory moves a stream to the local disk.
func (d *draft) yieldMemory(ctx context.Context) {
	d.turn <- struct{}{}
	defer d.give()
	d.yieldMemoryLocked(ctx)
}

func (d *draft) yieldMemoryLocked(ctx context.Context) {
	if d.stream == nil {
		return
	}
	if err := d.stageLocked(ctx); err != nil {
		_, p, _ := d.node.place()
		d.f.log.Warn("what could not be stored stays in memory, because there is no place for it on the local disk", "path", p, "error", err)
	}
}

// finish stores what is left when the mount is gone, as far as the server lets it:
// drafts that were being tried again, and those whose handles the kernel did not
// close because its connection broke.
func (t *drafts) finish(ctx context.Context) {
	t.mu.Lock()
	if !t.ended {
		t.ended = true
		close(t.ending)
	}
	t.mu.Unlock()
	t.wg.Wait()
	var saving sync.WaitGroup
	for _, d := range t.list() {
		saving.Go(func() { d.finish(ctx) })
	}
	saving.Wait()
}

func (d *draft) finish(ctx context.Context) {
	if err := d.save(ctx); err != nil {
		_, p, _ := d.node.place()
		d.f.log.Error("what was written is given up, because the mount has ended and it could not be stored", "path", p, "error", err)
	}
	d.node.mu.Lock()
	open := d.node.handles > 0
	d.writers, d.node.handles = 0, min(d.node.handles, 1)
	d.node.mu.Unlock()
	d.unsaved.Store(false)
	if open {
		d.node.closed()
	}
	d.end()
}

// forgotten returns the file at p if the kernel has forgotten it and it is being
// tried again, or nil.
func (t *drafts) forgotten(p place) *fileNode {
	for _, d := range t.trying() {
		if _, up := d.f.parentOf(&d.node.Inode); up == nil && d.node.where() == p {
			return d.node
		}
	}
	return nil
}

// trying returns the drafts that are being tried again.
func (t *drafts) trying() []*draft {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tried == 0 {
		return nil
	}
	var out []*draft
	for d, trying := range t.all {
		if trying {
			out = append(out, d)
		}
	}
	return out
}
