package fakeswift

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the ETag of Swift is an MD5
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// blob is the bytes of one object version, written once and then shared by every version that a POST or COPY
// derives from it. It is counted: each stored version and each running GET holds one reference.
type blob struct {
	refs atomic.Int32
	data []byte // in memory, or nil
	path string // in a file, or ""
}

// newMemoryBlob wraps data, which nobody may change afterwards; the caller holds the one reference.
func newMemoryBlob(data []byte) *blob {
	b := &blob{data: data}
	b.refs.Store(1)
	return b
}

func (b *blob) retain() *blob {
	b.refs.Add(1)
	return b
}

// release gives a reference back; the last one removes the file.
func (b *blob) release() {
	if b.refs.Add(-1) == 0 && b.path != "" {
		// The directory may have been removed with the test that owned it.
		_ = os.Remove(b.path)
	}
}

// writeTo sends n bytes from offset off.
func (b *blob) writeTo(w io.Writer, off, n int64) (err error) {
	if b.path == "" {
		_, err = w.Write(b.data[off : off+n])
		return err
	}
	f, err := os.Open(b.path)
	if err != nil {
		return fmt.Errorf("object data: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err = f.Seek(off, io.SeekStart); err != nil {
		return fmt.Errorf("object data: %w", err)
	}
	_, err = io.CopyN(w, f, n)
	return err
}

// errDisk marks a failure to write object data, as opposed to a failure to receive it.
var errDisk = errors.New("object data")

// blobStore makes blobs, in memory or in files of dir.
type blobStore struct{ dir string }

// blobWriter receives the bytes of a new blob and sums them on the way. Exactly one of commit and abort ends it.
type blobWriter struct {
	sum  hash.Hash
	n    int64
	buf  bytes.Buffer
	file *os.File // or nil in memory
}

// create begins a blob of about sizeHint bytes; -1 if unknown.
func (st *blobStore) create(sizeHint int64) (*blobWriter, error) {
	w := &blobWriter{sum: md5.New()} //nolint:gosec // see import
	if st.dir == "" {
		// A lying Content-Length must not cost memory before its bytes arrive.
		w.buf.Grow(int(min(max(sizeHint, 0), 64<<20)))
		return w, nil
	}
	f, err := os.CreateTemp(st.dir, "object-*")
	if err != nil {
		return nil, fmt.Errorf("object data: %w", err)
	}
	w.file = f
	return w, nil
}

// Write implements io.Writer.
func (w *blobWriter) Write(p []byte) (int, error) {
	_, _ = w.sum.Write(p)
	w.n += int64(len(p))
	if w.file == nil {
		return w.buf.Write(p)
	}
	n, err := w.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errDisk, err)
	}
	return n, nil
}

// etag is the hex MD5 of what was written so far.
func (w *blobWriter) etag() string { return hex.EncodeToString(w.sum.Sum(nil)) }

// commit turns the bytes into a blob of which the caller holds the one reference.
func (w *blobWriter) commit() (*blob, error) {
	b := newMemoryBlob(nil)
	if w.file == nil {
		b.data = w.buf.Bytes()
		return b, nil
	}
	b.path = w.file.Name()
	if err := w.file.Close(); err != nil {
		b.release()
		return nil, fmt.Errorf("object data: %w", err)
	}
	return b, nil
}

// abort throws the bytes away.
func (w *blobWriter) abort() {
	if w.file != nil {
		_ = w.file.Close()
		_ = os.Remove(w.file.Name())
	}
}

var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// fill copies r into w until its end.
func (w *blobWriter) fill(r io.Reader) error {
	buf := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(buf)
	// The struct hides ReadFrom and WriteTo, which would bypass the sum or the pooled buffer.
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
	return err
}

// md5Hex is the ETag of data.
func md5Hex(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // see import
	return hex.EncodeToString(sum[:])
}
