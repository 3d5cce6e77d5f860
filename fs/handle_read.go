package fs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/fs/prefetch"
	"swiftfs/swiftbackend"
)

// readHandle is a file open for reading, pinned to the version it was opened
// at: it gives that version's bytes or ESTALE.
type readHandle struct {
	f   *FS
	p   place
	row listing.Row

	mu sync.Mutex // guards the following
	// reader is nil until the first read: opening asks nothing.
	reader *prefetch.Reader
}

var _ = (interface {
	fusefs.FileReader
	fusefs.FileReleaser
	fusefs.FileGetattrer
	fusefs.FileFsyncer
})((*readHandle)(nil))

func newReadHandle(f *FS, p place, row listing.Row) *readHandle {
	return &readHandle{f: f, p: p, row: row}
}

// Read implements fusefs.FileReader.
func (h *readHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if off >= h.row.Size {
		return fuse.ReadResultData(nil), 0
	}
	n, err := h.open().ReadAt(ctx, dest, off)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		// The data is on its way, for this read repeated or for nobody.
		patient, cancel := h.f.patient(ctx)
		n, err = h.open().ReadAt(patient, dest, off)
		cancel()
	}
	if err != nil && !isEOF(err) {
		return nil, h.f.fail("read", h.p.String(), err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

func (h *readHandle) open() *prefetch.Reader {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader == nil {
		h.reader = prefetch.NewReader(h.f.ctx, &pinned{f: h.f, p: h.p, etag: h.row.ETag, size: h.row.Size}, h.row.Size, h.f.readers, h.f.ahead)
	}
	return h.reader
}

// Getattr implements fusefs.FileGetattrer: the version that is open.
func (h *readHandle) Getattr(_ context.Context, out *fuse.AttrOut) syscall.Errno {
	h.f.fileAttr(&out.Attr, h.row.Size, h.row.Modified)
	return 0
}

// Fsync implements fusefs.FileFsyncer: a reader has nothing to store.
func (h *readHandle) Fsync(context.Context, uint32) syscall.Errno { return 0 }

// Release implements fusefs.FileReleaser.
func (h *readHandle) Release(context.Context) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader != nil {
		_ = h.reader.Close()
	}
	return 0
}

// pinned reads ranges of one version of an object.
type pinned struct {
	f    *FS
	p    place
	etag string
	size int64
}

// wholeLimit is the size up to which the whole of an object is received before
// any of it is given on, so that a damaged one is never seen in part.
const wholeLimit = 1 << 20

// ReadRange implements prefetch.Source.
func (s *pinned) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	body, err := s.get(ctx, off, length)
	if err != nil || off > 0 || length < s.size || length > wholeLimit {
		return body, err
	}
	data, err := readWhole(body, length)
	if swiftbackend.KindOf(err) == swiftbackend.KindChecksum {
		s.f.log.Warn("an object arrived damaged, reading it again", "path", s.p, "error", err)
		if body, err = s.get(ctx, off, length); err != nil {
			return nil, err
		}
		data, err = readWhole(body, length)
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// get asks for a range. A version that is gone, deleted or replaced, is a
// changed one for those who have it open.
func (s *pinned) get(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	body, _, err := s.f.client.Get(ctx, s.p.container, s.p.object, swiftbackend.GetOptions{Offset: off, Length: length, IfMatch: s.etag})
	if k := swiftbackend.KindOf(err); k == swiftbackend.KindNotExist || k == swiftbackend.KindRange {
		return nil, &swiftbackend.Error{Op: "read", Path: s.p.String(), Kind: swiftbackend.KindChanged, Err: err}
	}
	return body, err
}

func readWhole(body io.ReadCloser, length int64) ([]byte, error) {
	defer func() { _ = body.Close() }()
	data := make([]byte, length)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, err
	}
	// The end of the body is where its checksum is compared.
	if _, err := body.Read(make([]byte, 1)); !isEOF(err) {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return data, nil
}
