package writeback

import (
	"errors"
	"testing"
)

func TestARebasedStageIsAsDirtyAsItWasAndReadsTheVersionThatWasStored(t *testing.T) {
	old := content(5000)
	s, _ := newStage(t, newDir(t, 0), newVersion(old))
	write(t, s, []byte("edited"), 100)
	write(t, s, []byte("appended"), 5000)
	stored := append(append([]byte{}, old...), "appended"...)
	copy(stored[100:], "edited")
	version := newVersion(stored)
	if err := s.Rebase(version); err != nil {
		t.Fatal(err)
	}
	want := append([]byte{}, stored...)
	write(t, s, []byte("more"), 200)
	copy(want[200:], "more")
	expect(t, s, want)
	check(t, s)
	if len(version.asked()) == 0 {
		t.Error("nothing was read from the stored version")
	}
	if got := s.DirtyRanges(); len(got) != 3 || !s.Dirty() {
		t.Errorf("dirty are %v, want what was edited and appended, and what was since", got)
	}
}

func TestAStageIsNotRebasedOnWhatItCannotHaveMade(t *testing.T) {
	s, _ := newStage(t, newDir(t, 0), newVersion(content(5000)))
	if err := s.Rebase(newVersion(content(4000))); err == nil {
		t.Error("a version without bytes that the file has was taken")
	}
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Rebase(newVersion(content(5000))); !errors.Is(err, ErrSnapshotExists) {
		t.Errorf("during an upload: %v, want ErrSnapshotExists", err)
	}
	if err := snapshot.Close(); err != nil {
		t.Error(err)
	}
	expect(t, s, content(5000))
}
