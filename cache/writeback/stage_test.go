package writeback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"

	"swiftfs/cache"
)

func TestANewFileIsDirtyUntilItIsStored(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), nil)
	expect(t, s, nil)
	if !s.Dirty() || len(s.DirtyRanges()) != 0 {
		t.Errorf("empty new file: dirty %v, %v; want true, no ranges", s.Dirty(), s.DirtyRanges())
	}
	clean(t, s, nil)
	if s.Dirty() {
		t.Error("dirty after it was stored")
	}
}

// clean stores what is in the stage, as the caller knows it.
func clean(t *testing.T, s *Stage, content []byte) *version {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	v := newVersion(bytes.Clone(content))
	if err := s.Clean(v, snapshot); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOnlyWhatChangedIsDirty(t *testing.T) {
	want := content(10000)
	s, _ := newStage(t, newDir(t, 0), newVersion(bytes.Clone(want)))
	if s.Dirty() {
		t.Error("dirty before any change")
	}
	write(t, s, []byte("abc"), 5)
	write(t, s, []byte("de"), 8)
	write(t, s, []byte("x"), 10002)
	if got, want := s.DirtyRanges(), []Range{{5, 10}, {10000, 10003}}; !slices.Equal(got, want) {
		t.Errorf("dirty ranges %v, want %v", got, want)
	}
	want = append(want, 0, 0, 'x')
	copy(want[5:], "abcde")
	expect(t, s, want)
	clean(t, s, want)
	if s.Dirty() || len(s.DirtyRanges()) != 0 {
		t.Errorf("dirty after it was stored: %v", s.DirtyRanges())
	}
	expect(t, s, want)
	if err := s.Truncate(7); err != nil {
		t.Fatal(err)
	}
	if !s.Dirty() || len(s.DirtyRanges()) != 0 {
		t.Errorf("after a cut: dirty %v, %v; want true, no ranges", s.Dirty(), s.DirtyRanges())
	}
}

func TestWhatIsCutOffDoesNotComeBack(t *testing.T) {
	want := content(10000)
	base := newVersion(bytes.Clone(want))
	s, _ := newStage(t, newDir(t, 0), base)
	for _, size := range []int64{100, 9000} {
		if err := s.Truncate(size); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, append(want[:100:100], make([]byte, 8900)...))
	if got, want := s.DirtyRanges(), []Range{{100, 9000}}; !slices.Equal(got, want) {
		t.Errorf("dirty ranges %v, want %v", got, want)
	}
	if got, want := base.asked(), []Range{{0, 100}}; !slices.Equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
}

func TestSeekTellsHolesFromData(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), newVersion(content(100)))
	if err := s.Truncate(200); err != nil {
		t.Fatal(err)
	}
	write(t, s, []byte("x"), 300)
	if err := s.Allocate(20, 10, PunchHole); err != nil {
		t.Fatal(err)
	}
	// Data at 0-20, 30-100 and 300.
	tests := []struct{ off, data, hole int64 }{
		{0, 0, 20}, {19, 19, 20}, {20, 30, 20}, {50, 50, 100}, {100, 300, 100}, {299, 300, 299},
		{300, 300, 301}, {301, -1, -1}, {-1, -1, -1}, {math.MaxInt64, -1, -1},
	}
	for _, test := range tests {
		for name, seek := range map[string]func(int64) (int64, error){"SeekData": s.SeekData, "SeekHole": s.SeekHole} {
			want := test.data
			if name == "SeekHole" {
				want = test.hole
			}
			got, err := seek(test.off)
			if want < 0 {
				if !errors.Is(err, ErrNoData) || !errors.Is(err, syscall.ENXIO) {
					t.Errorf("%s(%d): %d, %v; want ErrNoData, an ENXIO", name, test.off, got, err)
				}
			} else if got != want || err != nil {
				t.Errorf("%s(%d): %d, %v; want %d", name, test.off, got, err, want)
			}
		}
	}
}

func TestAllocateDoesWhatFallocateDoes(t *testing.T) {
	tests := []struct {
		name     string
		mode     Mode
		want     []byte
		wantUsed int64
	}{
		{"Reserve", Reserve, []byte("abcdefgh\x00\x00"), 4096},
		{"ReserveKeepSize", ReserveKeepSize, []byte("abcdefgh"), 4096},
		{"PunchHole", PunchHole, []byte("abcd\x00\x00\x00\x00"), 0},
		{"ZeroRange", ZeroRange, []byte("abcd\x00\x00\x00\x00\x00\x00"), 4096},
		{"ZeroRangeKeepSize", ZeroRangeKeepSize, []byte("abcd\x00\x00\x00\x00"), 4096},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := newDir(t, 0)
			s, _ := newStage(t, dir, newVersion([]byte("abcdefgh")))
			if err := s.Allocate(4, 6, test.mode); err != nil {
				t.Fatal(err)
			}
			if got := dir.Used(); got != test.wantUsed {
				t.Errorf("%d bytes of space used, want %d", got, test.wantUsed)
			}
			expect(t, s, test.want)
			check(t, s)
		})
	}
}

func TestArgumentsThatNoFileHasAreRefused(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), nil)
	p := []byte("x")
	_, readErr := s.ReadAt(t.Context(), p, -1)
	_, writeErr := s.WriteAt(p, -1)
	for name, err := range map[string]error{
		"ReadAt": readErr, "WriteAt": writeErr, "Truncate": s.Truncate(-1),
		"Allocate at -1": s.Allocate(-1, 1, Reserve), "Allocate nothing": s.Allocate(0, 0, Reserve),
		"Fill": s.Fill(t.Context(), 0, -1),
	} {
		if !errors.Is(err, ErrInvalid) || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v, want ErrInvalid, an EINVAL", name, err)
		}
	}
	if _, err := s.WriteAt(p, math.MaxInt64); !errors.Is(err, ErrTooLarge) || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("WriteAt at the largest offset: %v, want ErrTooLarge, an EFBIG", err)
	}
	if err := s.Truncate(math.MaxInt64); err != nil {
		t.Errorf("Truncate to the largest size: %v", err)
	}
	if err := s.Truncate(0); err != nil {
		t.Error(err)
	}
}

func TestAClosedFileSaysSo(t *testing.T) {
	dir := newDir(t, 0)
	s, _ := newStage(t, dir, newVersion(content(10)))
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, []byte("x"), 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1)
	_, readErr := s.ReadAt(t.Context(), p, 0)
	_, writeErr := s.WriteAt(p, 0)
	_, seekErr := s.SeekData(0)
	_, snapshotErr := s.Snapshot()
	_, oldErr := snapshot.ReadAt(t.Context(), p, 0)
	for name, err := range map[string]error{
		"ReadAt": readErr, "WriteAt": writeErr, "SeekData": seekErr, "Snapshot": snapshotErr, "Snapshot.ReadAt": oldErr,
		"Truncate": s.Truncate(0), "Allocate": s.Allocate(0, 1, Reserve), "Fill": s.Fill(t.Context(), 0, 9),
		"Clean": s.Clean(newVersion(content(10)), snapshot),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v, want os.ErrClosed", name, err)
		}
	}
	if err := errors.Join(s.Close(), snapshot.Close()); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestAFullDirectoryLosesNothing(t *testing.T) {
	dir := newDir(t, 3*pageSize)
	want := content(3 * pageSize)
	s, _ := newStage(t, dir, nil)
	write(t, s, want, 0)
	for name, err := range map[string]error{
		"WriteAt":  func() error { _, err := s.WriteAt([]byte("x"), int64(len(want))); return err }(),
		"Allocate": s.Allocate(int64(len(want)), 1, Reserve),
	} {
		if !errors.Is(err, cache.ErrFull) {
			t.Errorf("%s: %v, want ErrFull", name, err)
		}
	}
	expect(t, s, want)
	write(t, s, []byte("abc"), 5) // has its space already
	if err := s.Truncate(2 * pageSize); err != nil {
		t.Fatal(err)
	}
	write(t, s, []byte("abc"), 2*pageSize)
	if got := dir.Used(); got != 3*pageSize {
		t.Errorf("%d bytes used, want %d", got, 3*pageSize)
	}
}

func TestAFileThatLosesItsBaseKeepsWhatItHas(t *testing.T) {
	want := content(4 * pageSize)
	base := newVersion(bytes.Clone(want))
	s, _ := newStage(t, newDir(t, 4*pageSize), base)
	if s.Detach() {
		t.Error("a file that has nothing needs no base")
	}
	if err := s.Fill(t.Context(), 0, 4*pageSize); err != nil {
		t.Fatal(err)
	}
	if !s.Detach() {
		t.Error("a file that has all needs its base")
	}
	asked := len(base.asked())
	if _, err := s.WriteAt(content(2*pageSize), 4*pageSize); !errors.Is(err, cache.ErrFull) {
		t.Errorf("writing more than there is space for: %v, want ErrFull", err)
	}
	expect(t, s, want)
	if got := len(base.asked()); got != asked {
		t.Errorf("%d requests after the base was given up", got-asked)
	}
}

func TestWhatCanBeFetchedAgainGivesWayToWrites(t *testing.T) {
	want := content(4 * pageSize)
	base := newVersion(bytes.Clone(want))
	s, _ := newStage(t, newDir(t, 4*pageSize), base)
	write(t, s, []byte("abc"), pageSize)
	copy(want[pageSize:], "abc")
	expect(t, s, want)
	p := content(2 * pageSize)
	write(t, s, p, int64(len(want)))
	want = append(want, p...)
	check(t, s)
	expect(t, s, want) // there is no space to keep what this fetches
	expect(t, s, want)
	if err := s.Fill(t.Context(), 0, 4*pageSize); !errors.Is(err, cache.ErrFull) {
		t.Errorf("Fill: %v, want ErrFull", err)
	}
	if got := len(base.asked()); got < 4 {
		t.Errorf("%d requests; nothing was dropped", got)
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	want := content(20000)
	base := newVersion(bytes.Clone(want))
	s, disk := newStage(t, newDir(t, 0), base)
	disk.allow(100)
	n, err := s.WriteAt(content(300), 50)
	if n != 100 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteAt: %d, %v; want 100, ENOSPC", n, err)
	}
	copy(want[50:150], content(300))
	expect(t, s, want)
	if got, want := s.DirtyRanges(), []Range{{50, 150}}; !slices.Equal(got, want) {
		t.Errorf("dirty ranges %v, want %v", got, want)
	}
	disk.allow(-1)
	write(t, s, []byte("abc"), 0)
	copy(want, "abc")
	expect(t, s, want)
}

func TestABrokenDiskIsAnErrorAndNotZeros(t *testing.T) {
	s, disk := newStage(t, newDir(t, 0), nil)
	write(t, s, content(100), 0)
	for _, bad := range []error{syscall.EIO, io.EOF} {
		disk.readErr = bad
		n, err := s.ReadAt(t.Context(), make([]byte, 10), 0)
		if n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("ReadAt with %v on disk: %d, %v", bad, n, err)
		}
	}
	disk.readErr = nil
	expect(t, s, content(100))
}

func TestAReadThatIsOverBeginsNoRequest(t *testing.T) {
	base := newVersion(content(100))
	s, _ := newStage(t, newDir(t, 0), base)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ReadAt(ctx, make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt: %v", err)
	}
	if err := s.Fill(ctx, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("Fill: %v", err)
	}
	if got := base.asked(); len(got) != 0 {
		t.Errorf("asked for %v", got)
	}
}
