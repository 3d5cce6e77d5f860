package fs

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// writePool is the memory and the parallelism that all files being written
// share.
type writePool struct {
	// memory is taken by large blocks, in bytes. What is in a segment comes
	// back when that is uploaded; what is in a tail may stay as long as its
	// program likes, so tails become segments when others need the memory.
	memory  *semaphore.Weighted
	total   int64 // of memory
	uploads *semaphore.Weighted
	queued  atomic.Int32 // uploads that wait for uploads
	// uploading counts the segments whose upload has begun and not ended.
	uploading atomic.Int32
	wg        sync.WaitGroup // uploads and deletions under way
	blocks    sync.Pool      // of *[]byte, largeBlock bytes each
	smalls    sync.Pool      // of *[]byte, smallBlock bytes each
	sums      sums           // of what is being uploaded

	// generation numbers the inodes of new files, which have no version yet.
	generation atomic.Uint64

	mu sync.Mutex // guards the following
	// streams are those of the open handles, with their turns.
	streams map[*stream]chan struct{}
}

const (
	// smallBlock is the first block of a tail. It is not counted, so that
	// any number of small files can always be written.
	smallBlock = 64 << 10
	largeBlock = 1 << 20
)

func newWritePool(memory int64, uploads int) *writePool {
	return &writePool{memory: semaphore.NewWeighted(memory), total: memory, uploads: semaphore.NewWeighted(int64(uploads)), streams: map[*stream]chan struct{}{}}
}

// newFile is the bit that generations of new files have and those of versions
// may have: a clash needs the very same hash.
const newFile = 1 << 63

func (p *writePool) nextGeneration() uint64 { return newFile | p.generation.Add(1) }

func (p *writePool) add(s *stream, turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams[s] = turn
}

func (p *writePool) remove(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.streams, s)
}

// wait waits for uploads and deletions.
func (p *writePool) wait() { p.wg.Wait() }

func (p *writePool) small() *[]byte {
	if b, ok := p.smalls.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, smallBlock)
	return &b
}

// large returns a large block, whose memory has been acquired.
func (p *writePool) large() *[]byte {
	if b, ok := p.blocks.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, largeBlock)
	return &b
}

// errNoMemory is the error of a stream that gets no memory: it has to go on on the
// local disk.
var errNoMemory = errors.New("the memory for uploads is used up")

// memoryCheck is how often a stream that waits for memory looks whether there is
// anything to wait for.
const memoryCheck = time.Second

// await takes a large block of memory once an upload has given one back. It is
// errNoMemory when no upload is under way: the rest is held by tails that are too
// small for a segment, or by what could not be uploaded, as long as their programs
// like.
func (p *writePool) await(ctx context.Context) error {
	for p.uploading.Load() > 0 {
		wait, cancel := context.WithTimeout(ctx, memoryCheck)
		err := p.memory.Acquire(wait, largeBlock)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	if !p.memory.TryAcquire(largeBlock) {
		return errNoMemory
	}
	return nil
}

// acquireUntil takes a large block of memory once there is one, unless done is
// closed before.
func (p *writePool) acquireUntil(ctx context.Context, done <-chan struct{}) (got bool, err error) {
	wait, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-done:
			cancel()
		case <-wait.Done():
		}
	})
	got = p.memory.Acquire(wait, largeBlock) == nil
	if !got {
		err = ctx.Err()
	}
	return got, err
}

// reclaim has the largest tail of another handle made a segment, so that its
// memory comes back. A handle that is busy writing seals its own.
func (p *writePool) reclaim(self *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var largest *stream
	var turn chan struct{}
	for s, t := range p.streams {
		if s == self {
			continue
		}
		select {
		case t <- struct{}{}:
		default:
			continue
		}
		if n := s.tail.size(); n > smallBlock+largeBlock && (largest == nil || n > largest.tail.size()) {
			if largest != nil {
				<-turn
			}
			largest, turn = s, t
			continue
		}
		<-t
	}
	if largest != nil {
		if err := largest.seal(); err != nil {
			largest.f.log.Debug("a tail could not be made a segment", "error", err)
		}
		<-turn
	}
}

// buffer is a piece of content in blocks: a small one, then large ones.
type buffer struct {
	blocks []*[]byte
	size   int64
	// readers counts those that are not closed; nil before the first. A connection
	// may still be reading from the body of a request that has failed.
	readers *atomic.Int32
}

// blockAt returns the block that has the byte at off, and where in it.
func blockAt(off int64) (i int, at int64) {
	if off < smallBlock {
		return 0, off
	}
	off -= smallBlock
	return 1 + int(off/largeBlock), off % largeBlock
}

// from returns the bytes at off, as far as they are in one block; none at the end.
func (b *buffer) from(off int64) []byte {
	if off >= b.size {
		return nil
	}
	i, at := blockAt(off)
	block := *b.blocks[i]
	return block[at:min(int64(len(block)), at+b.size-off)]
}

// capacity is how many bytes the blocks have room for.
func (b *buffer) capacity() int64 {
	if len(b.blocks) == 0 {
		return 0
	}
	return smallBlock + int64(len(b.blocks)-1)*largeBlock
}

// copyIn copies data to off, which is at most the buffer's size and below its
// capacity, as far as the block and the limit of the buffer's size allow. It
// returns how much that was; the size is the caller's to set.
func (b *buffer) copyIn(data []byte, off, limit int64) int {
	i, at := blockAt(off)
	return copy((*b.blocks[i])[at:], data[:min(int64(len(data)), limit-off)])
}

// truncate shortens the buffer.
func (b *buffer) truncate(pool *writePool, size int64) {
	b.size = size
	keep := 0
	if size > 0 {
		last, _ := blockAt(size - 1)
		keep = last + 1
	}
	b.freeFrom(pool, keep)
}

// free gives all memory back.
func (b *buffer) free(pool *writePool) { b.freeFrom(pool, 0) }

func (b *buffer) freeFrom(pool *writePool, keep int) {
	if keep >= len(b.blocks) {
		return
	}
	for _, block := range b.blocks[keep:] {
		if len(*block) == largeBlock {
			pool.blocks.Put(block)
			pool.memory.Release(largeBlock)
		} else if b.readers != nil && b.readers.Load() == 0 {
			pool.smalls.Put(block) // what segments were sent from may still be read
		}
	}
	// Another slice, because the old one would keep what is no longer in this one:
	// a stream remembers its segments until its manifest stands.
	b.blocks = append([]*[]byte(nil), b.blocks[:keep]...)
}

// reader gives the content from the beginning. It is the body of a request, which
// closes it; without that the small block is not used again.
func (b *buffer) reader() io.Reader {
	if b.readers == nil {
		b.readers = new(atomic.Int32)
	}
	b.readers.Add(1)
	return &blockReader{b: buffer{blocks: b.blocks, size: b.size}, readers: b.readers}
}

// blockReader reads a buffer as it was.
type blockReader struct {
	b       buffer
	off     int64
	readers *atomic.Int32
	closed  atomic.Bool
}

func (r *blockReader) Read(p []byte) (int, error) {
	n := copy(p, r.b.from(r.off))
	if r.off += int64(n); n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo implements io.WriterTo: the blocks are written from where they are.
func (r *blockReader) WriteTo(w io.Writer) (int64, error) {
	begin := r.off
	for data := r.b.from(r.off); len(data) > 0; data = r.b.from(r.off) {
		n, err := w.Write(data)
		r.off += int64(n)
		if err != nil {
			return r.off - begin, err
		}
	}
	return r.off - begin, nil
}

// Close says that the blocks are not read any more.
func (r *blockReader) Close() error {
	if !r.closed.Swap(true) {
		r.readers.Add(-1)
	}
	return nil
}
