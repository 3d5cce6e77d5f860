package fs

import (
	"bytes"
	"io"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

func TestBlocksFollowOneAnotherWithoutGap(t *testing.T) {
	for _, c := range []struct {
		off, at int64
		block   int
	}{
		{0, 0, 0}, {smallBlock - 1, smallBlock - 1, 0}, {smallBlock, 0, 1}, {smallBlock + largeBlock - 1, largeBlock - 1, 1},
		{smallBlock + largeBlock, 0, 2}, {smallBlock + 5*largeBlock + 7, 7, 6},
	} {
		if block, at := blockAt(c.off); block != c.block || at != c.at {
			t.Errorf("byte %d is in block %d at %d, want block %d at %d", c.off, block, at, c.block, c.at)
		}
	}
}

// filled returns a buffer with data in it, whose memory is the pool's.
func filled(t *testing.T, p *writePool, data []byte) buffer {
	t.Helper()
	var b buffer
	for int64(len(data)) > b.size {
		if b.size == b.capacity() {
			if len(b.blocks) == 0 {
				b.blocks = append(b.blocks, p.small())
			} else if p.memory.TryAcquire(largeBlock) {
				b.blocks = append(b.blocks, p.large())
			} else {
				t.Fatalf("no memory after %d bytes", b.size)
			}
		}
		n := b.copyIn(data[b.size:], b.size, int64(len(data)))
		if n <= 0 {
			t.Fatalf("nothing was copied at %d", b.size)
		}
		b.size += int64(n)
	}
	return b
}

func TestABufferGivesBackWhatWasPutIn(t *testing.T) {
	p := newWritePool(8*largeBlock, 1)
	for _, size := range []int{0, 1, smallBlock, smallBlock + 1, smallBlock + largeBlock, smallBlock + largeBlock + 1, 3 * largeBlock} {
		want := pattern(size, uint64(size))
		b := filled(t, p, want)
		for range 2 { // a body is read once for each attempt
			if got, err := io.ReadAll(b.reader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("of %d bytes %d come back, %v", size, len(got), err)
			}
			var got bytes.Buffer
			if n, err := io.Copy(&got, b.reader()); err != nil || n != int64(size) || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("of %d bytes %d are written, %v", size, n, err)
			}
		}
		if size >= 8 {
			b.copyIn([]byte("too much"), 0, 3)
			if got, _ := io.ReadAll(b.reader()); string(got[:3]) != "too" || got[3] != want[3] {
				t.Errorf("copying beyond the limit: %q", got[:8])
			}
		}
		b.free(p)
		if cap(b.blocks) > 0 {
			t.Errorf("of %d bytes the buffer keeps blocks that it has given back", size)
		}
	}
	if !p.memory.TryAcquire(8 * largeBlock) {
		t.Error("memory was not given back")
	}
}

// A connection that has failed may go on reading from the body of its request.
func TestASmallBlockIsUsedAgainOnceNobodyReadsIt(t *testing.T) {
	again := func(closed bool) bool {
		p := newWritePool(largeBlock, 1)
		b := filled(t, p, pattern(1000, 1))
		first, second := b.reader().(io.Closer), b.reader().(io.Closer)
		for _, r := range []io.Closer{first, first} { // twice, which is once
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if closed {
			if err := second.Close(); err != nil {
				t.Error(err)
			}
		}
		b.free(p)
		return p.smalls.Get() != nil
	}
	used := false
	for range 100 { // a pool may forget what it was given
		used = used || again(true)
		if again(false) {
			t.Fatal("a block that is being read was given away")
		}
	}
	if !used {
		t.Error("blocks that are not read any more are not used again")
	}
}

func TestShorteningABufferGivesMemoryBack(t *testing.T) {
	p := newWritePool(4*largeBlock, 1)
	want := pattern(smallBlock+4*largeBlock, 1)
	b := filled(t, p, want)
	for _, c := range []struct{ size, blocks int64 }{
		{smallBlock + 3*largeBlock + 1, 4}, {smallBlock + 3*largeBlock, 3}, {smallBlock + largeBlock, 1}, {smallBlock + 1, 1}, {smallBlock, 0}, {10, 0}, {0, 0},
	} {
		b.truncate(p, c.size)
		if free := (4 - c.blocks) * largeBlock; free > 0 {
			if !p.memory.TryAcquire(free) {
				t.Errorf("%d bytes need %d blocks, and not so much is free", c.size, c.blocks)
			} else {
				p.memory.Release(free)
			}
		}
		if got, _ := io.ReadAll(b.reader()); !bytes.Equal(got, want[:c.size]) {
			t.Errorf("of %d bytes %d are left", c.size, len(got))
		}
	}
}

func TestReclaimingTakesTheLargestTailThatNobodyIsWritingTo(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.SegmentSize = 16 << 20 })
	small, middle, busy := create(t, f, srv, "small"), create(t, f, srv, "middle"), create(t, f, srv, "busy")
	small.add(pattern(1000, 1))
	middle.add(pattern(3<<20, 2))
	busy.add(pattern(5<<20, 3))
	busy.draft.turn <- struct{}{}
	f.writers.reclaim(small.draft.stream)
	busy.draft.give()
	for _, c := range []struct {
		w    *testWriter
		want int
	}{{small, 0}, {middle, 1}, {busy, 0}} {
		if got := len(c.w.draft.stream.segments); got != c.want {
			t.Errorf("%s has %d segments, want %d", c.w.node.where().object, got, c.want)
		}
		c.w.close()
	}
}
