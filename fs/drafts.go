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
	ending chan struct{} // closed when the mount ends
	once   sync.Once
	wg     sync.WaitGroup // of those that are tried again

	mu sync.Mutex // guards the following
	// all has the drafts, and for those that are being tried again a channel that
	// wakes the trying.
	all map[*draft]chan struct{}
	// tried counts the latter.
	tried int
}

// How long after a failed upload the next one begins, at first and at most.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

func newDrafts() *drafts {
	return &drafts{ending: make(chan struct{}), all: map[*draft]chan struct{}{}}
}

func (t *drafts) add(d *draft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[d] = nil
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
	if t.all[d] != nil {
		return
	}
	wake := make(chan struct{}, 1)
	t.all[d] = wake
	t.tried++
	t.wg.Go(func() {
		d.tryUntilStored(wake, t.ending)
		t.mu.Lock()
		if _, ok := t.all[d]; ok {
			t.all[d] = nil
		}
		t.tried--
		t.mu.Unlock()
		d.end()
	})
}

func (d *draft) tryUntilStored(wake, ending <-chan struct{}) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	last := false
	for {
		err := d.save(d.f.ctx)
		if err == nil {
			return
		}
		_, p, _ := d.node.place()
		if last {
			d.f.log.Error("what was written is given up, because the mount ends and it could not be stored", "path", p, "error", err)
			return
		}
		d.f.log.Warn("a file could not be stored and is tried again; what was written is kept until then", "path", p, "error", err)
		d.yieldMemory(d.f.ctx)
		timer := time.NewTimer(wait.NextBackOff())
		select {
		case <-timer.C:
		case <-wake:
		case <-ending:
			last = true
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
	if d.stream == nil {
		return
	}
	if err := d.stageLocked(ctx); err != nil {
		_, p, _ := d.node.place()
		d.f.log.Warn("what could not be stored stays in memory, because there is no place for it on the local disk", "path", p, "error", err)
	}
}

// finish stores what is left when the mount is gone, as far as the server lets it:
// drafts that are being tried again, and those whose handles the kernel did not
// close because its connection broke.
func (t *drafts) finish(ctx context.Context) {
	t.once.Do(func() { close(t.ending) })
	t.wg.Wait()
	for _, d := range t.list() {
		if err := d.save(ctx); err != nil {
			_, p, _ := d.node.place()
			d.f.log.Error("what was written is given up, because the mount has ended and it could not be stored", "path", p, "error", err)
		}
		d.node.mu.Lock()
		d.writers, d.node.handles = 0, 0
		d.node.mu.Unlock()
		d.unsaved.Store(false)
		d.end()
	}
}

// forgotten returns the file at p if the kernel has forgotten it and it is being
// tried again, or nil.
func (t *drafts) forgotten(p place) *fileNode {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tried == 0 {
		return nil
	}
	for d, wake := range t.all {
		if _, up := d.f.parentOf(&d.node.Inode); wake != nil && up == nil && d.node.where() == p {
			return d.node
		}
	}
	return nil
}
