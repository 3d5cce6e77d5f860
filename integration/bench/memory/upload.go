package memory

import (
	"context"
	"io"
	"sync"
	"syscall"
)

// upload sends an awaited file while a program writes it.
type upload struct {
	file *file
	at   int           // what was sent
	done chan struct{} // closed when it has ended
	err  error         // valid then

	// file.mu guards the following.
	grown  *sync.Cond // signalled when the file has more bytes, and when it is closed
	closed bool
}

// beginLocked starts the upload of f.
func (f *file) beginLocked(ctx context.Context) {
	u := &upload{file: f, done: make(chan struct{}), grown: sync.NewCond(&f.mu)}
	f.upload = u
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(u.done)
		u.err = f.relay.Send(ctx, f.path, int64(len(f.awaited)), u)
	}()
}

// finish is the Flush of a file that is being sent, and waits for the end.
func (u *upload) finish() syscall.Errno {
	u.file.mu.Lock()
	u.closed = true
	u.grown.Signal()
	u.file.mu.Unlock()
	<-u.done
	return inputOutput(u.err)
}

// Read implements io.Reader: it waits for the program that writes.
func (u *upload) Read(p []byte) (int, error) {
	data := u.written()
	if len(data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, data)
	u.at += n
	return n, nil
}

// written returns what was written and not sent yet, once there is anything, or
// nothing at the end.
func (u *upload) written() []byte {
	f := u.file
	f.mu.Lock()
	defer f.mu.Unlock()
	for u.at == len(f.data) && u.at < len(f.awaited) && !u.closed {
		u.grown.Wait()
	}
	return f.data[u.at:]
}
