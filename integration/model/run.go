//go:build linux

package model

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// Subject is a file system under test.
type Subject interface {
	// Do does one operation that is a system call.
	Do(op Op) Result
	// CloseAll closes everything that is open.
	CloseAll() error
	// Foreign does one of the Foreign operations.
	Foreign(op Op) error
	// Remount takes the file system away, compares what is stored with the
	// memory, and brings it back.
	Remount(want *Memory) error
	// Stored reports whether the content of a file is stored, as close and
	// fsync have promised; nil if it is.
	Stored(path string, want []byte) error
}

// Failure is the first operation that did not do the same on both sides.
type Failure struct {
	Ops Ops // up to that operation
	Err error
}

// Like reports whether another failure looks like the same one: so that a shorter
// sequence shows what the longer one did.
func (f *Failure) Like(other *Failure) bool {
	return other != nil && f.last().Kind == other.last().Kind
}

func (f *Failure) last() Op { return f.Ops[len(f.Ops)-1] }

// Error returns the last operation and what is wrong with it.
func (f *Failure) Error() string {
	return fmt.Sprintf("after %d operations, %s: %v", len(f.Ops), f.last(), f.Err)
}

// Runner compares a subject with a local directory.
type Runner struct {
	Features Features
	Subject  Subject
	Local    *Local
	// Failed counts the operations that failed because the server did.
	Failed  int
	memory  *Memory
	trouble trouble
}

// NewRunner returns a runner; both file systems are empty.
func NewRunner(f Features, local *Local, s Subject) *Runner {
	return &Runner{Features: f, Subject: s, Local: local, memory: NewMemory()}
}

// Run does the operations that next returns until there are none, and at the
// end a Remount.
func (r *Runner) Run(next func(*Memory) (Op, bool)) *Failure {
	var done Ops
	for op, ok := next(r.memory); ok; op, ok = next(r.memory) {
		done = append(done, op)
		if err := r.step(op); err != nil {
			return &Failure{done, errors.Join(err, r.giveUp())}
		}
	}
	last := Op{Kind: Remount}
	if err := r.step(last); err != nil {
		return &Failure{append(done, last), err}
	}
	return nil
}

// Replay returns the operations one by one, for Run.
func Replay(ops Ops) func(*Memory) (Op, bool) {
	return func(*Memory) (Op, bool) {
		if len(ops) == 0 {
			return Op{}, false
		}
		op := ops[0]
		ops = ops[1:]
		return op, true
	}
}

// giveUp closes what is open after a failure.
func (r *Runner) giveUp() error {
	_ = r.Subject.CloseAll() // may fail for the reason that is reported already
	return r.Local.CloseAll()
}

func (r *Runner) step(op Op) error {
	if !r.memory.permits(r.Features, op) {
		return nil
	}
	switch op.Kind {
	case Remount:
		return r.remount()
	case ForeignPut, ForeignDelete, ForeignPost:
		return r.foreign(op)
	case Trouble:
		r.trouble = trouble{op.Len, op.Fill}
		return nil
	default:
		return r.both(op)
	}
}

// showAttributes lists the attributes of a file that is about to be overwritten:
// the mount promises to keep those that it has shown, and asks for no others.
func (r *Runner) showAttributes(op Op) {
	p := ""
	switch {
	case !r.Features.Xattrs:
	case op.Kind == Open && op.Flags&unix.O_TRUNC != 0, op.Kind == Truncate && op.Len == 0:
		p = op.Path
	case op.Kind == Ftruncate && op.Len == 0 && r.memory.open[op.H] != nil:
		p = r.memory.pathOf(r.memory.open[op.H].e)
	}
	if p != "" {
		_ = r.Subject.Do(Op{Kind: Listxattr, Path: p})
	}
}

// both does an operation on both sides and compares.
func (r *Runner) both(op Op) error {
	r.showAttributes(op)
	want := r.Local.Do(op)
	got, failed := r.do(op, want)
	before := r.memory.open[op.H]
	if err := r.memory.compare(r.Features, op, want, got); err != nil {
		return err
	}
	if err := r.memory.apply(op, want); err != nil {
		return fmt.Errorf("the local directory and the memory disagree: %w", err)
	}
	if !failed && want.Errno == 0 && got.Errno == 0 && (op.Kind == Close || op.Kind == Fsync) && before != nil {
		return r.stored(before)
	}
	return nil
}

// stored checks what close and fsync promise: that what was written through the
// handle is stored. What other handles wrote and have not stored may be or not.
func (r *Runner) stored(d *description) error {
	if !d.wrote {
		return nil
	}
	d.wrote = false
	p := r.memory.pathOf(d.e)
	if p == "" {
		return nil
	}
	for _, other := range r.memory.handles(d.e) {
		if other.wrote {
			return nil
		}
	}
	return r.Subject.Stored(p, d.e.data)
}

func (r *Runner) foreign(op Op) error {
	if err := r.Subject.Foreign(op); err != nil {
		return err
	}
	if err := r.Local.Foreign(op); err != nil {
		return err
	}
	return r.memory.apply(op, Result{})
}

// remount closes everything, checks what is stored, and looks at all of it
// through the new mount.
func (r *Runner) remount() error {
	if err := errors.Join(r.Local.CloseAll(), r.Subject.CloseAll()); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	r.memory.open = map[int]*description{}
	r.trouble = trouble{}
	if err := r.Subject.Remount(r.memory); err != nil {
		return err
	}
	return r.look()
}

// look compares all there is.
func (r *Runner) look() error {
	if err := r.both(Op{Kind: Readdir}); err != nil {
		return err
	}
	for p, e := range r.memory.all {
		for _, op := range r.looks(p, e) {
			if err := r.both(op); err != nil {
				return fmt.Errorf("%s: %w", op, err)
			}
		}
	}
	return nil
}

func (r *Runner) looks(p string, e *entry) Ops {
	ops := Ops{{Kind: Stat, Path: p}}
	switch e.kind {
	case unix.S_IFDIR:
		ops = append(ops, Op{Kind: Readdir, Path: p})
	case unix.S_IFLNK:
		return append(ops, Op{Kind: Readlink, Path: p})
	default:
		ops = append(ops, Op{Kind: Open, Path: p}, Op{Kind: Read, Len: int64(len(e.data)) + 1}, Op{Kind: Close})
	}
	if !r.Features.Xattrs {
		return ops
	}
	ops = append(ops, Op{Kind: Listxattr, Path: p})
	for _, name := range r.Local.Do(ops[len(ops)-1]).Names {
		ops = append(ops, Op{Kind: Getxattr, Path: p, To: name})
	}
	return ops
}

// Local is a local directory: the reference, and the subject of the tests of
// this package itself.
type Local struct{ *Caller }

// NewLocal returns a local directory.
func NewLocal(dir string) *Local { return &Local{NewCaller(dir)} }

// Foreign implements Subject: another client's version is another file.
func (l *Local) Foreign(op Op) error {
	p := l.path(op.Path)
	switch op.Kind {
	case ForeignDelete:
		return unix.Unlink(p)
	case ForeignPut:
		const slot = -1
		fresh := Op{Kind: Open, H: slot, Path: path.Dir(op.Path) + "/.foreign", Flags: unix.O_WRONLY | unix.O_CREAT, Mode: 0o644}
		for _, op := range (Ops{fresh, {Kind: Write, H: slot, Len: op.Len, Fill: op.Fill}, {Kind: Close, H: slot}}) {
			if r := l.Do(op); r.Errno != 0 {
				return r.Errno
			}
		}
		return unix.Rename(l.path(fresh.Path), p)
	default:
		return nil
	}
}

// Remount implements Subject.
func (l *Local) Remount(*Memory) error { return nil }

// Stored implements Subject.
func (l *Local) Stored(string, []byte) error { return nil }
