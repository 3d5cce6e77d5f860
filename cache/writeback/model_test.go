package writeback

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

var modelSeed = flag.Uint64("writeback.seed", 0, "run the model test with this seed only, rather than with its own hundred")

// world is a stage and what it should have.
type world struct {
	t     *testing.T
	ctx   context.Context
	rng   *rand.Rand
	stage *Stage
	disk  *disk
	base  *version // or nil
	want  []byte
	// troubled: the disk or the directory is full at times, so that changes may fail
	// with ENOSPC and snapshots be lost.
	troubled bool
	snapshot *Snapshot // or nil
	then     []byte    // what the snapshot should have
	log      []string
}

// TestRandomEditsReadAsAByteSliceWould compares a stage, its snapshots and the
// versions uploaded from its dirty ranges with plain slices of bytes.
func TestRandomEditsReadAsAByteSliceWould(t *testing.T) {
	first, last := uint64(1), uint64(100)
	if *modelSeed != 0 {
		first, last = *modelSeed, *modelSeed
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}

func runModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	limit := int64(0)
	if seed%4 == 0 {
		limit = 40 << 10
	}
	w := &world{t: t, ctx: t.Context(), rng: rng, troubled: limit > 0 || seed%4 == 1}
	dir := newDir(t, limit)
	var base Base
	if rng.IntN(4) > 0 {
		w.want = randomBytes(rng, rng.IntN(60<<10))
		w.base = newVersion(bytes.Clone(w.want))
		base = w.base
	}
	w.stage, w.disk = newStage(t, dir, base)
	w.stage.block = []int64{1000, 4096, 8192, blockSize}[rng.IntN(4)]
	defer func() {
		if t.Failed() {
			t.Logf("last steps:\n%s", strings.Join(w.log[max(0, len(w.log)-25):], "\n"))
		}
	}()
	for range 150 {
		w.step()
		check(t, w.stage)
	}
	w.disk.allow(-1)
	if w.base != nil {
		w.base.fail(-1)
	}
	w.verify()
	w.closeSnapshot()
}

func (w *world) logf(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) step() {
	off := w.rng.IntN(len(w.want) + 1)
	length := 1 + w.rng.IntN([]int{10, 5000, 30000}[w.rng.IntN(3)])
	switch w.rng.IntN(16) {
	case 0, 1, 2, 3:
		w.write(off+w.rng.IntN(3)*w.rng.IntN(6000), length)
	case 4, 5:
		w.read(off, length)
	case 6:
		w.truncate(max(0, off+w.rng.IntN(9000)-3000))
	case 7:
		w.allocate(off, length, Mode(w.rng.IntN(5)))
	case 8:
		err := w.stage.Fill(w.ctx, int64(off), int64(length))
		w.logf("fill %d+%d: %v", off, length, err)
		w.allowed(err)
	case 9:
		w.seek()
	case 10:
		w.closeSnapshot()
		w.takeSnapshot()
	case 11, 12:
		w.upload()
	case 13:
		if w.base != nil {
			w.base.fail(int64(w.rng.IntN(5000) - 2500))
		}
	case 14:
		if w.troubled {
			w.disk.allow(int64(w.rng.IntN(20000) - 10000))
		}
	case 15:
		w.verify()
	}
}

// allowed fails the test for errors that were not provoked.
func (w *world) allowed(err error) {
	w.t.Helper()
	switch {
	case err == nil, errors.Is(err, errBase):
	case w.troubled && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrSnapshotLost)):
	default:
		w.t.Fatal(err)
	}
}

func (w *world) grow(size int) {
	if size > len(w.want) {
		w.want = append(w.want, make([]byte, size-len(w.want))...)
	}
}

func (w *world) write(off, length int) {
	p := randomBytes(w.rng, length)
	n, err := w.stage.WriteAt(p, int64(off))
	w.logf("write %d+%d: %d, %v", off, length, n, err)
	w.allowed(err)
	if errors.Is(err, errBase) || (n < length) != (err != nil) {
		w.t.Fatalf("a write of %d bytes returned %d, %v", length, n, err)
	}
	if n > 0 {
		w.grow(off + n)
		copy(w.want[off:], p[:n])
	}
}

func (w *world) read(off, length int) {
	p := make([]byte, length)
	n, err := w.stage.ReadAt(w.ctx, p, int64(off))
	w.logf("read %d+%d: %d, %v", off, length, n, err)
	if err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
		// The local disk being full is no reason not to read.
		if !errors.Is(err, errBase) {
			w.t.Fatal(err)
		}
		return
	}
	want := w.want[off:min(len(w.want), off+length)]
	if n != len(want) || (n < length) != (err == io.EOF) { //nolint:errorlint // as above
		w.t.Fatalf("a read of %d bytes at %d of %d returned %d, %v", length, off, len(w.want), n, err)
	}
	expectBytes(w.t, p, want)
}

func (w *world) truncate(size int) {
	w.logf("truncate %d", size)
	if err := w.stage.Truncate(int64(size)); err != nil {
		w.t.Fatal(err)
	}
	w.grow(size)
	w.want = w.want[:size:size]
}

func (w *world) allocate(off, length int, mode Mode) {
	off += w.rng.IntN(2) * w.rng.IntN(5000)
	err := w.stage.Allocate(int64(off), int64(length), mode)
	w.logf("allocate %d+%d mode %d: %v", off, length, mode, err)
	w.allowed(err)
	if err != nil {
		return
	}
	if mode == Reserve || mode == ZeroRange {
		w.grow(off + length)
	}
	if mode >= PunchHole && off < len(w.want) {
		clear(w.want[off:min(off+length, len(w.want))])
	}
}

// seek goes over the file by SeekData and SeekHole, and fails if there is anything
// in a hole.
func (w *world) seek() {
	off := int64(0)
	for off < int64(len(w.want)) {
		data, err := w.stage.SeekData(off)
		if errors.Is(err, ErrNoData) {
			data = int64(len(w.want))
		} else if err != nil {
			w.t.Fatal(err)
		}
		for i := off; i < data; i++ {
			if w.want[i] != 0 {
				w.t.Fatalf("SeekData(%d) = %d passes data at %d", off, data, i)
			}
		}
		if data == int64(len(w.want)) {
			return
		}
		if off, err = w.stage.SeekHole(data); err != nil || off <= data {
			w.t.Fatalf("SeekHole(%d), which is data: %d, %v", data, off, err)
		}
	}
	if _, err := w.stage.SeekHole(off); !errors.Is(err, ErrNoData) {
		w.t.Fatalf("SeekHole at the end: %v, want ErrNoData", err)
	}
}

func (w *world) takeSnapshot() {
	w.logf("snapshot")
	snapshot, err := w.stage.Snapshot()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.stage.Snapshot(); !errors.Is(err, ErrSnapshotExists) {
		w.t.Fatalf("a second snapshot: %v", err)
	}
	w.snapshot, w.then = snapshot, bytes.Clone(w.want)
}

func (w *world) closeSnapshot() {
	if w.snapshot == nil {
		return
	}
	w.logf("close snapshot")
	if err := w.snapshot.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.snapshot = nil
}

// upload makes a version of the snapshot: the base, but for the dirty ranges.
func (w *world) upload() {
	if w.snapshot == nil {
		w.takeSnapshot()
		return
	}
	stored := make([]byte, w.snapshot.Size())
	if w.base != nil {
		copy(stored, w.base.content)
	}
	for _, r := range w.snapshot.DirtyRanges() {
		body := w.snapshot.Reader(w.ctx, r.Off, r.Len())
		if _, err := io.ReadFull(body, stored[r.Off:r.End]); err != nil {
			w.logf("upload: %v", err)
			w.allowed(err)
			w.closeSnapshot()
			return
		}
	}
	w.logf("upload %d bytes of %d", w.snapshot.Size(), w.stage.Size())
	if len(stored) != len(w.then) {
		w.t.Fatalf("snapshot has %d bytes, want %d", len(stored), len(w.then))
	}
	expectBytes(w.t, stored, w.then)
	if err := w.stage.Clean(newVersion(make([]byte, len(stored)+1)), w.snapshot); err == nil {
		w.t.Fatal("a version of another size was taken for the snapshot")
	}
	w.base = newVersion(stored)
	if err := w.stage.Clean(w.base, w.snapshot); err != nil {
		w.t.Fatal(err)
	}
	w.snapshot = nil
	if dirty := w.stage.Dirty(); !dirty && !bytes.Equal(w.want, stored) {
		w.t.Fatal("the stage differs from its base, and is not dirty")
	}
}

// verify compares all that can be read, once the server is back.
func (w *world) verify() {
	w.logf("verify")
	if w.base != nil {
		w.base.fail(-1)
	}
	if got := w.stage.Size(); got != int64(len(w.want)) {
		w.t.Fatalf("size is %d, want %d", got, len(w.want))
	}
	expect(w.t, w.stage, w.want)
	if w.snapshot == nil {
		return
	}
	got := make([]byte, len(w.then)+1)
	n, err := w.snapshot.ReadAt(w.ctx, got, 0)
	if err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt returns it as it is
		w.allowed(err)
		return
	}
	if n != len(w.then) {
		w.t.Fatalf("snapshot has %d bytes, want %d", n, len(w.then))
	}
	expectBytes(w.t, got, w.then)
}
