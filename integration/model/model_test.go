//go:build linux

package model

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTwoLocalDirectoriesDoTheSame proves that the harness sees no difference
// where there is none: between two directories of one file system, and between
// them and the memory.
func TestTwoLocalDirectoriesDoTheSame(t *testing.T) {
	run := func(next func(*Memory) (Op, bool)) *Failure {
		return NewRunner(Everything(), NewLocal(t.TempDir()), NewLocal(t.TempDir())).Run(next)
	}
	for seed := range uint64(20) {
		if f := run(NewGenerator(Everything(), seed, 500).Next); f != nil {
			t.Fatalf("seed %d: %v\n%v", seed, f, Shrink(f.Ops, func(ops Ops) bool { return f.Like(run(Replay(ops))) }))
		}
	}
}

// TestEveryKindOfOperationSucceedsNowAndThen keeps the generator from making
// what only fails, which would prove nothing.
func TestEveryKindOfOperationSucceedsNowAndThen(t *testing.T) {
	counted := &counting{Local: NewLocal(t.TempDir()), done: map[Kind]int{}, succeeded: map[Kind]int{}}
	r := NewRunner(Everything(), NewLocal(t.TempDir()), counted)
	if f := r.Run(NewGenerator(Everything(), 1, 5000).Next); f != nil {
		t.Fatal(f)
	}
	for k := Open; k < Remount; k++ {
		if counted.done[k] < 10 || counted.succeeded[k] < 3 {
			t.Errorf("%s succeeded %d times of %d", k, counted.succeeded[k], counted.done[k])
		}
	}
}

// counting counts what succeeds.
type counting struct {
	*Local
	done, succeeded map[Kind]int
}

func (c *counting) Do(op Op) Result {
	r := c.Local.Do(op)
	c.done[op.Kind]++
	if r.Errno == 0 {
		c.succeeded[op.Kind]++
	}
	return r
}

// broken is a file system that is wrong in one way.
type broken struct {
	*Local
	do func(b *broken, op Op) Result
}

func (b *broken) Do(op Op) Result { return b.do(b, op) }

func TestABrokenFileSystemIsFoundOutAndShrunk(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(b *broken, op Op) Result
		longest int // operations that are enough to show it
	}{
		"drops writes at odd offsets": {func(b *broken, op Op) Result {
			if op.Kind == Pwrite && op.Off%2 == 1 && b.open[op.H] != 0 {
				return Result{N: op.Len}
			}
			return b.Local.Do(op)
		}, 4},
		"forgets to truncate": {func(b *broken, op Op) Result {
			if op.Kind == Open {
				op.Flags &^= unix.O_TRUNC
			}
			return b.Local.Do(op)
		}, 5},
		"leaves the old name": {func(b *broken, op Op) Result {
			if op.Kind == Rename && op.Flags == 0 && b.Local.Do(Op{Kind: Stat, Path: op.Path}).Errno == 0 {
				return failed(unix.Link(b.path(op.Path), b.path(op.To)))
			}
			return b.Local.Do(op)
		}, 4},
		"calls zeros a success": {func(b *broken, op Op) Result {
			r := b.Local.Do(op)
			if op.Kind == Pread && op.Off > 100 {
				clear(r.Data)
			}
			return r
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(next func(*Memory) (Op, bool)) *Failure {
				return NewRunner(Everything(), NewLocal(t.TempDir()), &broken{NewLocal(t.TempDir()), c.do}).Run(next)
			}
			found := run(NewGenerator(Everything(), 3, 3000).Next)
			if found == nil {
				t.Fatal("not found in 3000 operations")
			}
			least := Shrink(found.Ops, func(ops Ops) bool { return found.Like(run(Replay(ops))) })
			if len(least) > c.longest {
				t.Errorf("shrunk from %d to %d operations, want at most %d: %v", len(found.Ops), len(least), c.longest, least)
			}
		})
	}
}

// A subject whose promise does not hold is one whose operations all succeed.
type forgetful struct{ *Local }

func (f forgetful) Stored(string, []byte) error { return errors.New("not stored") }

func TestABrokenPromiseIsFoundOut(t *testing.T) {
	r := NewRunner(Everything(), NewLocal(t.TempDir()), forgetful{NewLocal(t.TempDir())})
	f := r.Run(Replay(Ops{{Kind: Open, H: 1, Path: "a", Flags: unix.O_WRONLY | unix.O_CREAT}, {Kind: Write, H: 1, Len: 1}, {Kind: Close, H: 1}}))
	if f == nil || !strings.Contains(f.Error(), "not stored") || len(f.Ops) != 3 {
		t.Errorf("got %v", f)
	}
}

func TestOperationsPrintAsGo(t *testing.T) {
	got := Ops{
		{Kind: Open, H: 1, Path: "d e/a", Flags: unix.O_RDWR | unix.O_CREAT | unix.O_EXCL, Mode: 0o640},
		{Kind: CopyRange, H: 1, H2: 2, Off: 3, Off2: 4, Len: 5},
		{Kind: Remount},
	}.String()
	want := "model.Ops{\n" +
		"\t{Kind: model.Open, H: 1, Path: \"d e/a\", Flags: unix.O_RDWR | unix.O_CREAT | unix.O_EXCL, Mode: 0640},\n" +
		"\t{Kind: model.CopyRange, H: 1, H2: 2, Off: 3, Off2: 4, Len: 5},\n" +
		"\t{Kind: model.Remount},\n}"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
