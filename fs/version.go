package fs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"swiftfs/cache/block"
	"swiftfs/cache/listing"
	"swiftfs/cache/writeback"
	"swiftfs/fs/prefetch"
	"swiftfs/swiftbackend"
)

// versionReader reads a file for one handle: its draft while it has one, else the
// stored version, with reading ahead.
type versionReader struct {
	node *fileNode

	mu sync.Mutex // guards the following
	// reader reads the version of row; nil before the first read: opening asks
	// nothing.
	reader *prefetch.Reader
	row    listing.Row
	// parcel has the bytes of row if they were read ahead, or is nil.
	parcel *prefetch.Parcel
	// cached is what reader reads from, with what is on disk, or nil.
	cached *block.Version
}

// readAt reads at off, into dest if the bytes are not in memory anyway. The result
// is to be released, if it is not nil; at the end of the file there is none.
func (r *versionReader) readAt(ctx context.Context, dest []byte, off int64) (*readResult, error) {
	for {
		if d := r.node.currentDraft(); d != nil {
			var ok bool
			res, err := r.patiently(ctx, func(ctx context.Context) (*readResult, error) {
				n, ours, err := d.readAt(ctx, dest, off)
				ok = ours
				return &readResult{parts: [][]byte{dest[:n]}}, err
			})
			if ok {
				return res, err
			}
		}
		reader, cached, row := r.open()
		if off >= row.Size {
			return nil, io.EOF
		}
		if most := dest[:min(int64(len(dest)), row.Size-off)]; cached != nil && cached.ReadAt(most, off) {
			return &readResult{parts: [][]byte{most}}, nil
		}
		res, err := r.patiently(ctx, func(ctx context.Context) (*readResult, error) {
			held, err := reader.Hold(ctx, dest, off)
			if held == nil {
				return nil, err
			}
			return &readResult{held.Bytes(), held}, err
		})
		if err == nil || isEOF(err) || !r.replaced(&row) {
			return res, err
		}
	}
}

// replaced reports whether this mount has stored another version than that of row
// since it was taken, or another reader of the handle has.
func (r *versionReader) replaced(row *listing.Row) bool {
	now := r.node.current()
	return now.ETag != row.ETag || now.Name != row.Name || r.node.currentDraft().hasContent()
}

// patiently reads once more when the caller was interrupted: the data is on its
// way, for this read repeated or for nobody.
func (r *versionReader) patiently(ctx context.Context, read func(context.Context) (*readResult, error)) (*readResult, error) {
	res, err := read(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		patient, cancel := r.node.f.patient(ctx)
		defer cancel()
		return read(patient)
	}
	return res, err
}

// open returns the reader of the version that the node stands for at this moment.
func (r *versionReader) open() (*prefetch.Reader, *block.Version, listing.Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.node.current()
	if r.reader != nil && r.row.ETag == row.ETag && r.row.Size == row.Size {
		return r.reader, r.cached, row
	}
	r.closeLocked()
	f := r.node.f
	var source prefetch.Source = r.node.version(&row)
	if r.parcel = f.nearby.read(r.node, &row); r.parcel != nil {
		source = &fetchedVersion{r.node.version(&row), r.parcel}
	}
	if r.cached = r.node.onDisk(&row, source); r.cached != nil {
		source = r.cached
	}
	r.reader, r.row = prefetch.NewReader(f.ctx, source, row.Size, f.readers, f.ahead), row
	return r.reader, r.cached, row
}

func (r *versionReader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closeLocked()
}

// closeLocked gives the reader up, and after it what it reads from.
func (r *versionReader) closeLocked() {
	if r.reader != nil {
		_ = r.reader.Close()
	}
	if r.cached != nil {
		r.cached.Close()
	}
	if r.parcel != nil {
		r.parcel.Return()
	}
	r.reader, r.cached, r.parcel = nil, nil, nil
}

// objectVersion is one version of a file's object, for reading.
type objectVersion struct {
	node *fileNode
	etag string
	size int64
}

var (
	_ prefetch.Source = (*objectVersion)(nil)
	_ writeback.Base  = (*objectVersion)(nil)
)

func (n *fileNode) version(row *listing.Row) *objectVersion {
	return &objectVersion{node: n, etag: row.ETag, size: row.Size}
}

// Size implements writeback.Base.
func (v *objectVersion) Size() int64 { return v.size }

// wholeLimit is the size up to which the whole of an object is received before
// any of it is given on, so that a damaged one is never seen in part.
const wholeLimit = 1 << 20

// ReadRange implements prefetch.Source and writeback.Base.
func (v *objectVersion) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	body, err := v.get(ctx, off, length)
	if err != nil || off > 0 || length < v.size || length > wholeLimit {
		return body, err
	}
	data, err := readWhole(body, length)
	if swiftbackend.KindOf(err) == swiftbackend.KindChecksum {
		v.node.f.log.Warn("an object arrived damaged, reading it again", "path", v.node.where(), "error", err)
		if body, err = v.get(ctx, off, length); err != nil {
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
// changed one for those who have it open; but the object may have been renamed
// since the request was made.
func (v *objectVersion) get(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	for {
		p := v.node.where()
		body, _, err := v.node.f.client.Get(ctx, p.container, p.object, swiftbackend.GetOptions{Offset: off, Length: length, IfMatch: v.etag})
		switch swiftbackend.KindOf(err) {
		case swiftbackend.KindNotExist, swiftbackend.KindRange, swiftbackend.KindChanged:
			if v.node.where() != p {
				continue
			}
			return nil, &swiftbackend.Error{Op: "read", Path: p.String(), Kind: swiftbackend.KindChanged, Err: err}
		default:
			return body, err
		}
	}
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
