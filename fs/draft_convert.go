package fs

import (
	"context"
	"errors"
	"io"

	"swiftfs/cache"
	"swiftfs/cache/writeback"
	"swiftfs/swiftbackend"
)

// stageStreamLocked moves the content of a streamed draft to a stage; the turn is
// the caller's. Segments that have been uploaded stay on the server, and the stage
// reads them from there; what is in memory, because it is the tail or could not be
// uploaded, goes to the local file.
func (d *draft) stageStreamLocked(ctx context.Context, dir *cache.Dir) error {
	s := d.stream
	if !d.unsaved.Load() && len(s.segments) > 0 {
		row := d.node.current()
		stage, err := writeback.NewStage(dir, d.node.version(&row))
		if err != nil {
			return err
		}
		return d.replaceStream(stage, base{stored: true})
	}
	if s.tail.begun() {
		if err := s.seal(); err != nil {
			return err
		}
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	uploaded := newSegmentsBase(d.f, s)
	var version writeback.Base
	if uploaded != nil {
		version = uploaded
	}
	stage, err := writeback.NewStage(dir, version)
	if err == nil {
		err = s.copyMemory(stage)
	}
	if err == nil && !d.unsaved.Load() {
		err = d.stored(stage)
	}
	if err != nil {
		if stage != nil {
			err = errors.Join(err, stage.Close())
		}
		return err
	}
	b := base{stored: !d.unsaved.Load(), named: s.unsure}
	if uploaded != nil {
		b.pieces = uploaded.pieces
	}
	handed := s.handOver()
	b.loose = s.unnamed(handed)
	if !b.stored {
		b.shared = s.namedAmong(append(handed, s.tails...))
	}
	return d.replaceStream(stage, b)
}

// stored makes the stored version the base of a stage that has all of it.
func (d *draft) stored(stage *writeback.Stage) error {
	row := d.node.current()
	snapshot, err := stage.Snapshot()
	if err != nil {
		return err
	}
	return stage.Clean(d.node.version(&row), snapshot)
}

// replaceStream makes stage the content in place of the stream, whose memory is
// given back. Its segments are the base's now.
func (d *draft) replaceStream(stage *writeback.Stage, b base) error {
	s := d.stream
	s.handOver()
	s.drop(false)
	d.f.writers.remove(s)
	d.stream, d.base = nil, b
	d.setStage(stage)
	return nil
}

// settle waits for the uploads of all segments, however they end.
func (s *stream) settle(ctx context.Context) error {
	for _, g := range s.segments {
		select {
		case <-g.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// copyMemory writes to stage what is in memory: segments that could not be
// uploaded, and the tail.
func (s *stream) copyMemory(stage *writeback.Stage) error {
	off := int64(0)
	for _, g := range s.segments {
		if g.err != nil {
			if err := copyTo(stage, g.data.reader(), off); err != nil {
				return err
			}
		}
		off += g.size()
	}
	return copyTo(stage, s.tail.data.reader(), off)
}

func copyTo(stage *writeback.Stage, r io.Reader, off int64) error {
	_, err := io.Copy(io.NewOffsetWriter(stageWriter{stage}, off), r)
	return err
}

// stageWriter is a stage as an io.WriterAt.
type stageWriter struct{ *writeback.Stage }

// handOver leaves the segments that are on the server to the caller.
func (s *stream) handOver() (stored []swiftbackend.Segment) {
	for _, g := range s.segments {
		if g.stored() {
			g.kept = true
			stored = append(stored, g.info)
		}
	}
	return stored
}

// segmentsBase reads the uploaded beginning of a stream, which no manifest names
// yet. A segment that could not be uploaded is a gap; the stage has those bytes.
type segmentsBase struct {
	f      *FS
	pieces []swiftbackend.Piece
	size   int64
}

var _ writeback.Base = (*segmentsBase)(nil)

// newSegmentsBase returns the segments of a stream whose uploads have ended, or
// nil if there are none.
func newSegmentsBase(f *FS, s *stream) *segmentsBase {
	b := &segmentsBase{f: f}
	for _, g := range s.segments {
		p := swiftbackend.Piece{Segment: swiftbackend.Segment{Size: g.size()}, Length: g.size()}
		if g.err == nil {
			p.Segment = g.info
		}
		b.pieces = append(b.pieces, p)
		b.size += p.Length
	}
	if len(b.pieces) == 0 {
		return nil
	}
	return b
}

// Size implements writeback.Base.
func (b *segmentsBase) Size() int64 { return b.size }

// ReadRange implements writeback.Base.
func (b *segmentsBase) ReadRange(ctx context.Context, off, length int64) (io.ReadCloser, error) {
	r := &piecesReader{ctx: ctx, f: b.f}
	at := int64(0)
	for _, p := range b.pieces {
		from, to := max(off, at), min(off+length, at+p.Length)
		if from < to {
			part := p
			part.Off += from - at
			part.Length = to - from
			r.pieces = append(r.pieces, part)
		}
		at += p.Length
	}
	return r, nil
}

// piecesReader reads pieces one after the other.
type piecesReader struct {
	ctx    context.Context
	f      *FS
	pieces []swiftbackend.Piece
	body   io.ReadCloser // of the first piece, or nil
}

func (r *piecesReader) Read(p []byte) (int, error) {
	for len(r.pieces) > 0 {
		if r.body == nil {
			piece := r.pieces[0]
			var err error
			r.body, _, err = r.f.client.Get(r.ctx, piece.Container, piece.Name,
				swiftbackend.GetOptions{Offset: piece.Off, Length: piece.Length, IfMatch: piece.ETag})
			if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
				err = &swiftbackend.Error{
					Op: "read segment", Path: piece.Container + "/" + piece.Name, Kind: swiftbackend.KindChanged,
					Detail: "it was uploaded, and somebody has deleted it", Err: err,
				}
			}
			if err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(p)
		if !isEOF(err) {
			return n, err
		}
		_ = r.Close()
		r.body, r.pieces = nil, r.pieces[1:]
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// Close implements io.Closer.
func (r *piecesReader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
