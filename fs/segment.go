package fs

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"swiftfs/swiftbackend"
)

// segment is one piece of a stream: the tail that is being written, or what was
// the tail before. Its upload may begin while it is still being written, and
// follows the writer to the end.
//
//	filled ── begin ──► followed ── end ──► complete ── uploaded ──► empty
//	   └─────── end ───────────────────────────┘  (begun at its end)
type segment struct {
	name string

	mu sync.Mutex // guards the following
	// data only grows once the upload has begun. It is given back when the
	// server has it.
	data buffer
	// ended says that no more will be written.
	ended bool
	// grew is closed when data has grown or ended, and then replaced.
	grew chan struct{}

	// done is nil before the upload begins, and closed when it is over, well or
	// not; then info and err can be read.
	done chan struct{}
	info swiftbackend.Segment
	err  error
	// sending says that the upload has its turn.
	sending atomic.Bool
	// sum is the MD5 of what was written; nil before the upload begins.
	sum *sum
	// kept says that the segment on the server is somebody else's now.
	kept bool
}

// idleLimit is how long an upload that follows a writer waits for more, and
// idleCheck how long when other uploads wait for their turn. Then the segment
// ends where it is: OpenStack Swift gives up on a client that sends nothing for
// 60 s, and slow writers must not hold up fast ones.
const (
	idleLimit = 10 * time.Second
	idleCheck = time.Second
)

func newSegment() *segment { return &segment{grew: make(chan struct{})} }

// size is the bytes written so far, also when they have been given back.
func (g *segment) size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.data.size
}

// from implements summed.
func (g *segment) from(off int64) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.data.from(off)
}

// room is how many bytes the blocks can have.
func (g *segment) room() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.data.capacity()
}

// addBlock gives the segment room, unless it has ended.
func (g *segment) addBlock(block *[]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.data.blocks = append(g.data.blocks, block)
	}
	return !g.ended
}

// begun reports whether the upload has begun; only the writer asks.
func (g *segment) begun() bool { return g.done != nil }

// put writes data at off, as far as the block there reaches and the limit of the
// segment's size allows: to the end, or over what no upload has begun to send. It
// writes nothing to a segment that has ended. The lock is held for the copy:
// an upload that ended the segment may give its blocks to others at any time.
func (g *segment) put(data []byte, off, limit int64) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return 0
	}
	g.checkPut(off, limit)
	n := g.data.copyIn(data, off, limit)
	g.data.size = max(g.data.size, off+int64(n))
	if g.begun() {
		g.wakeLocked()
	}
	return n
}

func (g *segment) wakeLocked() {
	close(g.grew)
	g.grew = make(chan struct{})
}

// end says that no more will be written.
func (g *segment) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		g.wakeLocked()
	}
}

func (g *segment) hasEnded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// failed returns the error of an upload that is over, without waiting.
func (g *segment) failed() error {
	if g.done == nil {
		return nil
	}
	select {
	case <-g.done:
		return g.err
	default:
		return nil
	}
}

// stored reports whether the server may have the segment, whole or not; its upload
// is over.
func (g *segment) stored() bool { return g.err == nil || !swiftbackend.Refused(g.err) }

// begin uploads the segment in the background. Its memory is given back when
// the server has it, and kept for another try when it has not.
func (g *segment) begin(f *FS, p place) {
	pool := f.writers
	g.done, g.err = make(chan struct{}), nil
	if g.sum == nil {
		g.sum = pool.sums.add(g)
	}
	pool.uploading.Add(1)
	pool.wg.Go(func() {
		defer close(g.done)
		defer pool.uploading.Add(-1)
		pool.queued.Add(1)
		g.err = pool.uploads.Acquire(f.ctx, 1)
		pool.queued.Add(-1)
		if g.err != nil {
			return
		}
		defer pool.uploads.Release(1)
		g.sending.Store(true)
		defer g.sending.Store(false)
		if g.info, g.err = g.upload(f.ctx, f, p); g.err == nil {
			g.mu.Lock()
			g.data.free(pool)
			g.mu.Unlock()
		} else {
			g.info = swiftbackend.Segment{Container: p.container + swiftbackend.SegmentsSuffix, Name: g.name}
		}
	})
}

// upload sends the segment as it is written and compares the server's checksum
// with its own, which is computed while the server's answer is waited for.
func (g *segment) upload(ctx context.Context, f *FS, p place) (swiftbackend.Segment, error) {
	ctx, cancel := context.WithCancel(ctx)
	sent, sentAll := context.WithCancel(ctx)
	var summing sync.WaitGroup
	defer summing.Wait()
	defer cancel()
	summing.Go(func() {
		if <-sent.Done(); ctx.Err() == nil {
			f.writers.sums.advance(g.sum)
		}
	})
	content := swiftbackend.Content{Size: swiftbackend.UnknownSize, Open: func() io.Reader { return g.follow(ctx, f.writers, sentAll) }}
	info, err := f.client.PutSegment(ctx, p.container, g.name, content)
	if err != nil {
		return info, err
	}
	if !g.hasEnded() {
		return info, &swiftbackend.Error{
			Op: "PUT segment", Path: info.Container + "/" + info.Name, Kind: swiftbackend.KindChecksum,
			Detail: "the server answered before everything was sent",
		}
	}
	if sum := f.writers.sums.complete(g.sum); info.ETag != sum {
		return info, &swiftbackend.Error{
			Op: "PUT segment", Path: info.Container + "/" + info.Name, Kind: swiftbackend.KindChecksum,
			Detail: "sent MD5 " + sum + ", the server has " + info.ETag,
		}
	}
	info.Size = g.size()
	return info, nil
}

// follow returns the content from the beginning, to its end and not only to
// where the writer is; then it calls atEnd. One that holds a place in the queue of
// pool ends the segment when the writer idles.
func (g *segment) follow(ctx context.Context, pool *writePool, atEnd func()) *follower {
	return &follower{g: g, ctx: ctx, pool: pool, atEnd: atEnd, closed: make(chan struct{})}
}

type follower struct {
	g     *segment
	ctx   context.Context
	pool  *writePool
	atEnd func()
	off   int64
	idle  time.Duration // since the writer wrote

	once   sync.Once
	closed chan struct{}
}

func (r *follower) Read(p []byte) (int, error) {
	data, err := r.next()
	n := copy(p, data)
	r.off += int64(n)
	return n, err
}

// WriteTo implements io.WriterTo: the blocks are written from where they are.
func (r *follower) WriteTo(w io.Writer) (int64, error) {
	begin := r.off
	for {
		data, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return r.off - begin, err
		}
		n, err := w.Write(data)
		r.off += int64(n)
		if err != nil {
			return r.off - begin, err
		}
	}
}

// next returns what there is of the next block, and waits if there is nothing
// yet.
func (r *follower) next() ([]byte, error) {
	for {
		r.g.mu.Lock()
		data, ended, grew := r.g.data.from(r.off), r.g.ended, r.g.grew
		r.g.mu.Unlock()
		if len(data) > 0 {
			r.idle = 0
			return data, nil
		}
		if ended {
			r.atEnd()
			return nil, io.EOF
		}
		if err := r.wait(grew); err != nil {
			return nil, err
		}
	}
}

func (r *follower) wait(grew <-chan struct{}) error {
	tick := time.NewTimer(idleCheck)
	defer tick.Stop()
	select {
	case <-grew:
	case <-tick.C:
		if r.idle += idleCheck; r.idle >= idleLimit || r.pool.queued.Load() > 0 {
			r.g.end()
		}
	case <-r.closed:
		return os.ErrClosed
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	return nil
}

// Close ends a Read that waits.
func (r *follower) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
