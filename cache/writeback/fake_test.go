package writeback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"swiftfs/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBase = errors.New("the server is away")

// version is a stored version.
type version struct {
	content []byte
	// gate, if it is not nil, lets one request through for each value.
	gate chan struct{}

	// mu guards the following.
	mu sync.Mutex
	// requests are the ranges that were asked for.
	requests []Range
	// failAfter is how many bytes come before an error, if it is not negative.
	failAfter int64
	canceled  int
}

func newVersion(content []byte) *version { return &version{content: content, failAfter: -1} }

func (v *version) Size() int64 { return int64(len(v.content)) }

func (v *version) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	v.mu.Lock()
	v.requests = append(v.requests, Range{off, off + length})
	failAfter := v.failAfter
	v.mu.Unlock()
	if off < 0 || length <= 0 || off+length > v.Size() {
		return nil, errors.New("not a range of this version")
	}
	if v.gate != nil {
		select {
		case <-v.gate:
		case <-ctx.Done():
			v.mu.Lock()
			v.canceled++
			v.mu.Unlock()
			return nil, ctx.Err()
		}
	}
	body := io.Reader(bytes.NewReader(v.content[off : off+length]))
	if failAfter >= 0 && failAfter < length {
		body = io.MultiReader(io.LimitReader(body, failAfter), failing{})
	}
	return io.NopCloser(body), nil
}

func (v *version) fail(after int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failAfter = after
}

func (v *version) asked() []Range {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.requests)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBase }

// disk is a localFile that fails on demand.
type disk struct {
	localFile

	// mu guards the following.
	mu sync.Mutex
	// left is how many more bytes fit, if it is not negative.
	left     int64
	readErr  error
	failures int
}

func (d *disk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left >= 0 && d.left < int64(len(p)) {
		d.failures++
		n, err := d.localFile.WriteAt(p[:d.left], off)
		d.left = 0
		return n, errors.Join(err, syscall.ENOSPC)
	}
	if d.left >= 0 {
		d.left -= int64(len(p))
	}
	return d.localFile.WriteAt(p, off)
}

func (d *disk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	err := d.readErr
	d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return d.localFile.ReadAt(p, off)
}

func (d *disk) allow(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = bytes
}

func newDir(t *testing.T, limit int64) *cache.Dir {
	t.Helper()
	dir, err := cache.Open(filepath.Join(t.TempDir(), "c"), limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if used := dir.Used(); used != 0 {
			t.Errorf("%d bytes of the cache directory are still reserved at the end", used)
		}
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newStage returns a stage of base in dir, whose disk the test can let fail.
func newStage(t *testing.T, dir *cache.Dir, base Base) (*Stage, *disk) {
	t.Helper()
	s, err := NewStage(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{localFile: s.file, left: -1}
	s.file = d
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, d
}

// randomBytes returns n bytes, none of which is zero: zeros are from holes.
func randomBytes(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(1 + rng.IntN(255))
	}
	return p
}

func content(n int) []byte { return randomBytes(rand.New(rand.NewPCG(uint64(n), 1)), n) }

func write(t *testing.T, s *Stage, p []byte, off int64) {
	t.Helper()
	if n, err := s.WriteAt(p, off); n != len(p) || err != nil {
		t.Fatalf("WriteAt %d bytes at %d: %d, %v", len(p), off, n, err)
	}
}

// expect fails if the stage does not have exactly this content.
func expect(t *testing.T, s *Stage, want []byte) {
	t.Helper()
	got := make([]byte, len(want)+1)
	n, err := s.ReadAt(t.Context(), got, 0)
	if err != io.EOF || n != len(want) { //nolint:errorlint // io.ReaderAt returns it as it is
		t.Fatalf("ReadAt: %d bytes, %v; want %d, EOF", n, err, len(want))
	}
	expectBytes(t, got[:n], want)
}

func expectBytes(t *testing.T, got, want []byte) {
	t.Helper()
	if bytes.HasPrefix(got, want) {
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("byte %d is %d, want %d", i, got[i], want[i])
		}
	}
}

// check fails if the sets of a stage contradict each other.
func check(t *testing.T, s *Stage) {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	whole := Range{0, s.size}
	for _, set := range []*rangeSet{&s.remote, &s.holes, &s.dirty} {
		for part := range set.in(Range{s.size, math.MaxInt64}) {
			t.Fatalf("%v is beyond the end at %d", part, s.size)
		}
	}
	for part := range s.remote.in(whole) {
		for both := range s.holes.in(part) {
			t.Fatalf("%v is both remote and a hole", both)
		}
		for both := range s.dirty.in(part) {
			t.Fatalf("%v is both remote and dirty", both)
		}
		if part.End > s.baseSize {
			t.Fatalf("%v is remote, but the base has %d bytes", part, s.baseSize)
		}
	}
	for piece, k := range s.piecesLocked(whole) {
		if k != local {
			continue
		}
		for part := range s.occupied.notIn(piece) {
			t.Fatalf("%v is local and has no space", part)
		}
	}
}
