package writeback

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
)

func takeSnapshot(t *testing.T, s *Stage) *Snapshot {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := snapshot.Close(); err != nil {
			t.Error(err)
		}
	})
	return snapshot
}

func expectSnapshot(t *testing.T, snapshot *Snapshot, want []byte) {
	t.Helper()
	got, err := io.ReadAll(snapshot.Reader(t.Context(), 0, snapshot.Size()))
	if err != nil || len(got) != len(want) {
		t.Fatalf("snapshot: %d bytes, %v; want %d", len(got), err, len(want))
	}
	expectBytes(t, got, want)
}

func TestASnapshotStaysAsItWas(t *testing.T) {
	want := content(9000)
	s, _ := newStage(t, newDir(t, 0), newVersion(bytes.Clone(want)))
	write(t, s, []byte("abc"), 100)
	write(t, s, []byte("x"), 9999)
	want = append(want, make([]byte, 1000)...)
	copy(want[100:], "abc")
	want[9999] = 'x'

	snapshot := takeSnapshot(t, s)
	write(t, s, []byte("01234567"), 98)      // local and remote
	write(t, s, []byte("01234567"), 8996)    // remote and a hole
	write(t, s, []byte("beyond"), 1_000_000) // not in the snapshot
	if err := s.Truncate(5000); err != nil {
		t.Fatal(err)
	}
	if err := s.Allocate(4000, 100, PunchHole); err != nil {
		t.Fatal(err)
	}
	if got, want := snapshot.DirtyRanges(), []Range{{100, 103}, {9000, 10000}}; !slices.Equal(got, want) {
		t.Errorf("dirty ranges of the snapshot: %v, want %v", got, want)
	}
	if got, want := snapshot.Changed(), []Range{{98, 106}, {4000, 4100}}; !slices.Equal(got, want) {
		t.Errorf("changed since: %v, want %v", got, want)
	}
	expectSnapshot(t, snapshot, want)
	if err := s.Clean(newVersion(want), snapshot); err != nil {
		t.Fatal(err)
	}
	if got, want := s.DirtyRanges(), []Range{{98, 106}, {4000, 4100}}; !slices.Equal(got, want) || !s.Dirty() {
		t.Errorf("dirty after Clean: %v, want %v", got, want)
	}
	if _, err := snapshot.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading the snapshot after Clean: %v, want os.ErrClosed", err)
	}
	clear(want[4000:4100])
	copy(want[98:], "01234567")
	expect(t, s, want[:5000])
}

func TestASnapshotCostsOnlyWhatChanges(t *testing.T) {
	dir := newDir(t, 0)
	s, _ := newStage(t, dir, nil)
	write(t, s, content(1<<20), 0)
	snapshot := takeSnapshot(t, s)
	write(t, s, []byte("x"), 5000)
	if got := dir.Used(); got != 1<<20+pageSize {
		t.Errorf("%d bytes of space used, want one page more than the file", got)
	}
	expectSnapshot(t, snapshot, content(1<<20))
	if err := snapshot.Close(); err != nil {
		t.Fatal(err)
	}
	if got := dir.Used(); got != 1<<20 {
		t.Errorf("%d bytes of space used after Close", got)
	}
	if !s.Dirty() {
		t.Error("closing a snapshot made the file clean")
	}
}

func TestAFailedUploadLeavesEverythingDirty(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), nil)
	write(t, s, content(100), 0)
	snapshot := takeSnapshot(t, s)
	if err := s.Clean(newVersion(content(99)), snapshot); err == nil {
		t.Error("Clean took a version of another size")
	}
	if err := snapshot.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Clean(newVersion(content(100)), snapshot); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Clean with a closed snapshot: %v, want os.ErrClosed", err)
	}
	if got, want := s.DirtyRanges(), []Range{{0, 100}}; !slices.Equal(got, want) {
		t.Errorf("dirty ranges %v, want %v", got, want)
	}
}

func TestAWriteIsNotRefusedForASnapshot(t *testing.T) {
	const large, small = maxPreserved + 1, 10 * pageSize
	tests := map[string]struct {
		size, limit int64
		change      func(*Stage) error
	}{
		"too much at once": {large, 0, func(s *Stage) error { return s.Truncate(0) }},
		"no space for it":  {small, small, func(s *Stage) error { _, err := s.WriteAt(make([]byte, 10), 0); return err }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newStage(t, newDir(t, test.limit), nil)
			write(t, s, make([]byte, test.size), 0)
			snapshot := takeSnapshot(t, s)
			if err := test.change(s); err != nil {
				t.Error(err)
			}
			if _, err := snapshot.ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, ErrSnapshotLost) {
				t.Errorf("reading the snapshot: %v, want ErrSnapshotLost", err)
			}
			if err := snapshot.Close(); err != nil {
				t.Error(err)
			}
			expectSnapshot(t, takeSnapshot(t, s), make([]byte, s.Size()))
		})
	}
}

// TestWritersReadersAndUploadsGetAlong has writers, each of which knows what is in
// its own part of the file, readers of anything, and uploads that store what
// snapshots say.
func TestWritersReadersAndUploadsGetAlong(t *testing.T) {
	const writers, part, rounds = 4, 20000, 60
	s, _ := newStage(t, newDir(t, 0), newVersion(make([]byte, writers*part)))
	s.block = pageSize
	var wg, uploads sync.WaitGroup
	stop := make(chan struct{})
	for i := range writers {
		wg.Go(func() {
			p, got := make([]byte, part), make([]byte, part)
			for round := range rounds {
				for j := range p {
					p[j] = byte(round)
				}
				from := round * 97 % part
				if _, err := s.WriteAt(p[from:], int64(i*part+from)); err != nil {
					t.Error(err)
				}
				if _, err := s.ReadAt(t.Context(), got[from:], int64(i*part+from)); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(got[from:], p[from:]) {
					t.Errorf("writer %d, round %d: read something else", i, round)
				}
			}
		})
	}
	uploads.Go(func() {
		stored := make([]byte, writers*part)
		for {
			uploadOnce(t, s, stored)
			select {
			case <-stop:
				uploadOnce(t, s, stored)
				return
			default:
			}
		}
	})
	wg.Wait()
	close(stop)
	uploads.Wait()
	if s.Dirty() {
		t.Errorf("dirty at the end: %v", s.DirtyRanges())
	}
	check(t, s)
}

// uploadOnce brings stored, the content of the base, to what a snapshot has.
func uploadOnce(t *testing.T, s *Stage, stored []byte) {
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Error(err)
		return
	}
	for _, r := range snapshot.DirtyRanges() {
		for range 2 { // hash it, send it
			if _, err := io.ReadFull(snapshot.Reader(t.Context(), r.Off, r.Len()), stored[r.Off:r.End]); err != nil {
				t.Error(err)
			}
		}
	}
	whole, err := io.ReadAll(snapshot.Reader(t.Context(), 0, snapshot.Size()))
	if err != nil || !bytes.Equal(whole, stored) {
		t.Errorf("the dirty ranges do not make the snapshot of the base: %v", err)
	}
	s.mu.Lock()
	s.dropCleanLocked()
	s.mu.Unlock()
	if err := s.Clean(newVersion(bytes.Clone(stored)), snapshot); err != nil {
		t.Error(err)
	}
}
