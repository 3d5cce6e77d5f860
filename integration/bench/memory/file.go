package memory

import (
	"bytes"
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// file is a regular file.
type file struct {
	fusefs.Inode
	attributes

	path    string
	relay   Relay  // or nil
	awaited []byte // what it will hold, or nil

	// attributes.mu guards the following.

	// data is, if something is awaited, the beginning of that.
	data   []byte
	dirty  bool    // written to, and not relayed yet
	upload *upload // under way since the first byte, or nil
}

var _ = (interface {
	fusefs.NodeGetattrer
	fusefs.NodeSetattrer
	fusefs.NodeOpener
	fusefs.NodeReader
	fusefs.NodeWriter
	fusefs.NodeFlusher
})((*file)(nil))

func (t *tree) newFile(mode uint32) *file {
	return &file{relay: t.relay, attributes: attributes{mode: mode & 0o7777, time: t.made}}
}

// openFlags returns the FOPEN flags for a program that opens a file so: as swiftfs
// has them.
func openFlags(flags uint32) uint32 {
	switch flags & syscall.O_ACCMODE {
	case syscall.O_WRONLY:
		return fuse.FOPEN_DIRECT_IO
	case syscall.O_RDONLY:
		return fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH
	}
	return fuse.FOPEN_KEEP_CACHE
}

// Getattr implements fusefs.NodeGetattrer.
func (f *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.tell(&out.Attr)
	return fusefs.OK
}

// tell fills in an answer, with the size.
func (f *file) tell(out *fuse.Attr) {
	f.attributes.tell(out)
	f.mu.Lock()
	defer f.mu.Unlock()
	out.Size = uint64(len(f.data))
}

// Setattr implements fusefs.NodeSetattrer.
func (f *file) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := f.truncate(size); errno != fusefs.OK {
			return errno
		}
	}
	f.set(in)
	f.tell(&out.Attr)
	return fusefs.OK
}

// truncate makes the file shorter, which is all that is needed.
func (f *file) truncate(size uint64) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size > uint64(len(f.data)) {
		return syscall.ENOTSUP
	}
	f.data = f.data[:size:size]
	return fusefs.OK
}

// Open implements fusefs.NodeOpener.
func (f *file) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		if errno := f.truncate(0); errno != fusefs.OK {
			return nil, 0, errno
		}
	}
	return nil, openFlags(flags), fusefs.OK
}

// Read implements fusefs.NodeReader.
func (f *file) Read(ctx context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	data := f.from(off)
	data = data[:min(len(data), len(dest))]
	if f.relay == nil || len(data) == 0 {
		return fuse.ReadResultData(data), fusefs.OK
	}
	dest = dest[:len(data)]
	errno := inputOutput(f.relay.Get(context.WithoutCancel(ctx), f.path, dest, off))
	return fuse.ReadResultData(dest), errno
}

// from returns the bytes from off on, which nobody changes: what is written later
// comes behind them or is elsewhere.
func (f *file) from(off int64) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data[min(off, int64(len(f.data))):]
}

// Write implements fusefs.NodeWriter. Programs write what follows.
func (f *file) Write(ctx context.Context, _ fusefs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := off + int64(len(data))
	f.dirty = true
	switch {
	case off != int64(len(f.data)):
		return 0, syscall.EIO
	case f.awaited == nil:
		f.data = append(f.data, data...)
	case end > int64(len(f.awaited)) || !bytes.Equal(data, f.awaited[off:end]):
		return 0, syscall.EIO
	default:
		f.data = f.awaited[:end]
		if f.relay != nil && f.upload == nil {
			f.beginLocked(ctx)
		}
		if f.upload != nil {
			f.upload.grown.Signal()
		}
	}
	return uint32(len(data)), fusefs.OK //nolint:gosec // at most maxRequest
}

// Flush implements fusefs.NodeFlusher.
func (f *file) Flush(ctx context.Context, _ fusefs.FileHandle) syscall.Errno {
	f.mu.Lock()
	if u := f.upload; u != nil {
		f.mu.Unlock()
		return u.finish()
	}
	defer f.mu.Unlock()
	if f.relay == nil || !f.dirty {
		return fusefs.OK
	}
	if errno := inputOutput(f.relay.Put(context.WithoutCancel(ctx), f.path, f.data)); errno != fusefs.OK {
		return errno
	}
	f.dirty = false
	return fusefs.OK
}
