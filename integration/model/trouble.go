//go:build linux

package model

import (
	"path"
	"syscall"

	"golang.org/x/sys/unix"
)

// trouble is for how many more operations the server fails, and in which way.
type trouble struct {
	left int64
	seed uint64
}

// Troubled is a subject whose server can be made to fail.
type Troubled interface {
	Subject
	// Trouble makes requests fail at random until calm is called.
	Trouble(seed uint64) (calm func())
}

// do does an operation on the subject. One that fails for the server's sake is
// repeated without trouble, as a user would: then it must succeed, or show that
// it had succeeded before; in any case the outcome must be that of one success.
// failed says that the first answer was an error.
func (r *Runner) do(op Op, want Result) (got Result, failed bool) {
	s, ok := r.Subject.(Troubled)
	if !ok || r.trouble.left == 0 {
		return r.Subject.Do(op), false
	}
	r.trouble.left--
	calm := s.Trouble(r.trouble.seed + uint64(r.trouble.left))
	got = s.Do(op)
	calm()
	if !serversFault(op, got.Errno) {
		return got, false
	}
	r.Failed++
	if op.Kind == Close {
		return Result{}, true // the descriptor is closed in any case; what was written is kept
	}
	const tries = 20 // on a busy machine a request may fail without trouble too
	for range tries {
		got = resume(s, op, got)
		if !serversFault(op, got.Errno) {
			return accept(s, op, want, got), true
		}
	}
	return got, true
}

func serversFault(op Op, e syscall.Errno) bool {
	mapped := op.Kind == MapRead || op.Kind == MapWrite
	return e == unix.EIO || e == unix.ETIMEDOUT || e == unix.EINTR || e == unix.EFAULT && mapped // SIGBUS, to a program
}

// resume repeats an operation. One that moves the position of the file goes on
// where it stopped.
func resume(s Subject, op Op, before Result) Result {
	if op.Kind != Read && op.Kind != Write {
		return s.Do(op)
	}
	rest := op
	rest.Off += before.N // the content that is written
	rest.Len -= before.N
	after := s.Do(rest)
	after.N += before.N
	if op.Kind == Read {
		after.Data = append(before.Data, after.Data...)
	}
	return after
}

// already are the errors which show that an operation has been carried out, though
// its answer was an error.
var already = map[Kind]syscall.Errno{
	Mkdir: unix.EEXIST, Symlink: unix.EEXIST, Open: unix.EEXIST, Setxattr: unix.EEXIST,
	Unlink: unix.ENOENT, Rmdir: unix.ENOENT, Rename: unix.ENOENT, Removexattr: unix.ENODATA,
}

// accept makes a success of the answer to a repetition that says that the first
// attempt had succeeded, as the local directory's did.
func accept(s Subject, op Op, want, got Result) Result {
	if want.Errno != 0 {
		return got
	}
	if op.Kind == Rename && got.Errno == unix.ENOTEMPTY {
		// All was copied, and so much of the old directory deleted that nothing is
		// left to tell it from another one that is empty.
		return removeTree(s, op.Path)
	}
	if op.Kind == Rename && got.Errno == unix.EEXIST {
		// The copy was kept, because the old name may have been gone.
		op.Flags &^= unix.RENAME_NOREPLACE
		got = s.Do(op)
	}
	if errno, ok := already[op.Kind]; !ok || got.Errno != errno {
		return got
	}
	if op.Kind == Open {
		op.Flags &^= unix.O_EXCL
		return s.Do(op)
	}
	return Result{}
}

// removeTree does what rm -r does.
func removeTree(s Subject, p string) Result {
	for _, name := range s.Do(Op{Kind: Readdir, Path: p}).Names {
		below := path.Join(p, name)
		if st := s.Do(Op{Kind: Stat, Path: below}).Stat; st != nil && st.Type == unix.S_IFDIR {
			removeTree(s, below)
		} else {
			s.Do(Op{Kind: Unlink, Path: below})
		}
	}
	return s.Do(Op{Kind: Rmdir, Path: p})
}
