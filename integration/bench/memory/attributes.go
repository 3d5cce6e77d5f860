package memory

import (
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// attributes are those of a file or a directory that programs change.
type attributes struct {
	mu   sync.Mutex // guards the following
	mode uint32     // of permissions
	time time.Time  // of the last change
}

// set takes what a program changes. An owner is accepted and forgotten.
func (a *attributes) set(in *fuse.SetAttrIn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		a.mode = mode & 0o7777
	}
	if mtime, ok := in.GetMTime(); ok {
		a.time = mtime
	}
}

// tell fills in an answer.
func (a *attributes) tell(out *fuse.Attr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out.Mode, out.Nlink = a.mode, 1
	out.SetTimes(&a.time, &a.time, &a.time)
}
