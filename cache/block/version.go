package block

import (
	"context"
	"errors"
	"io"
	"os"
)

// mostChecked is the size up to which all of a version that an earlier process
// left without a seal is checked when it is to be pinned. It takes a quarter of a
// second a GiB, if the file is in memory. Of a larger one reading checks what it
// reads.
const mostChecked = 1 << 30

// errLong means that a Source broke its contract.
var errLong = errors.New("block: the body is longer than the requested range")

// Source reads ranges of one version of an object.
type Source interface {
	// ReadRange starts reading length bytes at offset. The body gives exactly as
	// many, then io.EOF, or fails.
	ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Version is one version of an object, for reading: from the disk what is there,
// from its Source the rest, which is on disk then. It is safe for concurrent use.
// Its owner must call Close, after all reads.
type Version struct {
	entry *entry
	src   Source
	size  int64
}

// Open returns the version that k says and src has.
func (s *Store) Open(k Key, src Source) *Version {
	e := s.use(k)
	e.open(k.Size)
	return &Version{entry: e, src: src, size: k.Size}
}

// Close ends the use of v.
func (v *Version) Close() { v.entry.store.leave(v.entry) }

// ReadAt reads len(p) bytes at off if all of them are on disk, and reports whether
// that was so. It never asks the Source.
func (v *Version) ReadAt(p []byte, off int64) bool {
	return off >= 0 && off+int64(len(p)) <= v.size && v.entry.readAt(p, off)
}

// Size returns the size of the version.
func (v *Version) Size() int64 { return v.size }

// ReadRange implements Source.
func (v *Version) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	b := &body{ctx: ctx, version: v, at: offset, end: offset + length}
	if _, ok := v.entry.present(offset); !ok {
		if err := b.fetch(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Pin returns the file that has the whole version and nothing else, if all of it is
// on disk and right; what came in a body is not known to be right before its end. It
// stays so until Unpin. Nobody may write to it.
func (v *Version) Pin(ctx context.Context) (*os.File, bool) {
	e := v.entry
	if v.size == 0 || !e.quick() || !e.verify(ctx.Done()) {
		return nil, false
	}
	return e.pin()
}

// Unpin ends what Pin began.
func (v *Version) Unpin() {
	e := v.entry
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pins--
}

// pin keeps the file as it is, if what verify found is still so.
func (e *entry) pin() (*os.File, bool) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.wholeLocked() || e.uncheckedLocked() >= 0 {
		return nil, false
	}
	e.pins++
	return e.data, true
}

// quick reports whether it does not take long to check what was not checked yet.
func (e *entry) quick() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var n int64
	for _, x := range e.extents {
		if !x.checked {
			n += x.len()
		}
	}
	return n <= mostChecked
}

// body reads a range of a Version.
type body struct {
	ctx     context.Context
	version *Version
	at, end int64

	// fetched is what is being fetched, up to until, or nil.
	fetched io.ReadCloser
	until   int64
	fill    fill
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if b.fetched != nil {
			n, err := b.readFetched(p)
			if n > 0 || err != nil {
				return n, err
			}
			if b.fetched != nil {
				return 0, nil
			}
			continue
		}
		if b.at >= b.end {
			return 0, io.EOF
		}
		if to, ok := b.version.entry.present(b.at); ok {
			n := min(int64(len(p)), to-b.at, b.end-b.at)
			if b.version.entry.readAt(p[:n], b.at) {
				b.at += n
				return int(n), nil
			}
		}
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		if err := b.fetch(); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// fetch asks for the bytes from at on that are not on disk.
func (b *body) fetch() error {
	b.until = b.version.entry.gap(b.at, b.end)
	if b.until <= b.at {
		return nil // it is on disk since
	}
	fetched, err := b.version.src.ReadRange(b.ctx, b.at, b.until-b.at)
	if err != nil {
		return err
	}
	b.fetched = fetched
	b.fill = fill{entry: b.version.entry, end: b.until}
	return nil
}

// readFetched reads what is being fetched, and its end, which comes after the last
// bytes and may say that they are wrong.
func (b *body) readFetched(p []byte) (int, error) {
	var n int
	var err error
	if left := b.until - b.at; left > 0 {
		n, err = b.fetched.Read(p[:min(int64(len(p)), left)])
	} else {
		err = expectEnd(b.fetched)
	}
	b.fill.write(p[:n], b.at)
	b.at += int64(n)
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF: //nolint:errorlint // a Reader returns io.EOF itself
	case b.at < b.until:
		err = io.ErrUnexpectedEOF
	default:
		b.fill.finish(true)
		_ = b.fetched.Close()
		b.fetched = nil
		return n, nil
	}
	b.fill.finish(endOf(b.ctx, err))
	return n, err
}

// endOf reports whether err is the end of ctx, and not what happened at the same time.
func endOf(ctx context.Context, err error) bool {
	cause := context.Cause(ctx)
	return cause != nil && (errors.Is(err, cause) || errors.Is(err, ctx.Err()))
}

// expectEnd reads the end of a body that has given all its bytes.
func expectEnd(r io.Reader) error {
	n, err := r.Read(make([]byte, 1))
	if n > 0 {
		return errLong
	}
	return err
}

// Close implements io.Closer.
func (b *body) Close() error {
	if b.fetched == nil {
		return nil
	}
	b.fill.finish(true)
	return b.fetched.Close()
}
