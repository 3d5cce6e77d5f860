package memory

import (
	"context"
	"io"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// Relay is a server that has the bytes of the files. Each of its methods is one
// request, and whoever calls the file system waits for it. Paths are those in the
// mount. Requests are not interrupted: the runtime of a Go program sends itself signals
// all the time, and expects none of its calls to fail for it.
type Relay interface {
	// Send stores a file of that size while it is being written, and reports whether the
	// server has the bytes that body gave.
	Send(ctx context.Context, path string, size int64, body io.Reader) error
	// Put stores any other file that was written, when it is closed.
	Put(ctx context.Context, path string, data []byte) error
	// Delete deletes a file.
	Delete(ctx context.Context, path string) error
	// Get fills p with bytes of a file from offset on.
	Get(ctx context.Context, path string, p []byte, offset int64) error
}

// inputOutput is the errno of a failing relay.
func inputOutput(err error) syscall.Errno {
	if err != nil {
		return syscall.EIO
	}
	return fusefs.OK
}
