package swiftbackend

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Range is a run of bytes.
type Range struct{ Off, Length int64 }

func (r Range) end() int64 { return r.Off + r.Length }

// Revision is a new version of an object, of which parts are as in the stored
// one.
type Revision struct {
	// Base is what a HEAD tells of the stored version. Without an ETag there is
	// none: all is new, and whatever is stored is replaced.
	Base ObjectInfo
	// Pieces are those of the base, if they are known, as from Layout or from the
	// revision that made it.
	Pieces []Piece

	Size int64 // of the new content
	// Changed are the ranges of the new content that differ from the base at the
	// same place; sorted and disjoint. What is behind the base's end is changed
	// in any case.
	Changed []Range
	// Open gives a range of the new content. What has not changed comes from the
	// base, at the cost of a download, and is asked for as little as may be. The
	// same range is asked for once an attempt, and for a plain object once more
	// before, for its checksum. A reader that can be closed is closed.
	Open func(ctx context.Context, off, length int64) io.Reader

	PlainSize   int64 // up to which the new version is one plain object
	SegmentSize int64 // of new segments; an object that is very long has larger ones
	Concurrency int   // uploads at once
}

// Revised is what a Revision has become. With an error, and an ETag in Info, it is
// what the server may have stored all the same.
type Revised struct {
	Info   ObjectInfo
	Pieces []Piece // none of a plain object
	// Unused are the segments that belonged to the base and that the new version
	// does not need. They are the caller's to delete, see DeleteSegments.
	Unused []Segment
}

// KeptOptions are those that give a new version what the stored one has beside
// its bytes.
func KeptOptions(info ObjectInfo) PutOptions {
	o := PutOptions{ContentType: info.ContentType, Meta: maps.Clone(info.Meta), Header: keptHeaders(info.Header)}
	delete(o.Header, "X-Object-Manifest")
	return o
}

// Revise stores a new version of an object and sends only what it needs of it.
//
// A small one is one PUT. Else the new version is a manifest of segments of the
// base and of new ones. Where the server honours ranges in manifests, a new
// segment has what changed, and at least 1 MiB, with what is beside it; where it
// does not, a segment that changed anywhere is sent as a whole. A base that
// somebody put in one piece becomes a segment by a copy that the server makes.
// What was changed often is sent anew when it has become too many pieces. A
// server without static manifests copies the segments that stay, because a
// dynamic one cannot name some of another's. A large base whose pieces are not
// known is sent as a whole.
//
// KindChanged says that the base is not what is stored, and that nothing was
// replaced. No server compares at the moment of the replacement: a change by
// another client during the upload is lost. What was stored stays complete until
// the new version is, and what was uploaded for nothing is deleted, unless
// nobody knows whether the server has stored the manifest.
func (c *Client) Revise(ctx context.Context, container, object string, r Revision, o PutOptions) (Revised, error) {
	v := &revising{c: c, container: container, object: object, r: r, o: o}
	if err := v.prepare(ctx); err != nil {
		return Revised{}, err
	}
	var out Revised
	var err error
	if r.Size <= r.PlainSize {
		out.Info, err = v.putPlain(ctx)
	} else {
		out.Info, err = v.putLarge(ctx)
	}
	if err != nil {
		if v.sent == "" || Refused(err) {
			return Revised{}, err
		}
		out.Info = ObjectInfo{Size: r.Size, ETag: v.sent}
	}
	out.Pieces, out.Unused = v.pieces, v.unused(ctx)
	return out, err
}

// revising is one Revise under way.
type revising struct {
	c         *Client
	container string
	object    string
	r         Revision
	o         PutOptions

	base   []Piece // of the base; a plain one is a piece that is still to be made
	copied bool    // base is a copy of a plain object, or will be
	parts  []part
	names  names
	pieces []Piece // of the new version
	// sent is the ETag that the new version has or would have, once its PUT has
	// begun.
	sent string
}

// prepare finds out what the base is made of, what is kept of it, and whether it
// is what is stored.
func (v *revising) prepare(ctx context.Context) error {
	base := &v.r.Base
	v.base = v.r.Pieces
	told := base.ETag == ""
	if base.Large() && v.base == nil {
		var err error
		if v.base, err = v.c.Layout(ctx, v.container, v.object, *base); err != nil {
			return err
		}
		// A static manifest that was read has told its version.
		told = base.SLO && len(v.base) > 0 && !v.c.info.RGW
	}
	if totalLength(v.base) != base.Size {
		v.base = nil
	}
	v.names = newNames(v.object, v.r.SegmentSize)
	if v.r.Size > v.r.PlainSize {
		v.plan()
	}
	if told || v.copied { // the copy will tell
		return nil
	}
	return v.checkBase(ctx)
}

// plan decides what is kept of the base, and with that whether a plain one is
// worth a copy.
func (v *revising) plan() {
	if base := &v.r.Base; v.copyable() {
		v.base = []Piece{wholeSegment(Segment{Container: v.container + SegmentsSuffix, Name: v.names.next(), Size: base.Size, ETag: base.ETag})}
		v.parts = v.c.newPlanner(&v.r, v.base).plan(v.base, v.r.Changed)
		if v.copied = slices.ContainsFunc(v.parts, func(s part) bool { return !s.fresh }); v.copied {
			return
		}
		v.base = nil
	}
	v.parts = v.c.newPlanner(&v.r, v.base).plan(v.base, v.r.Changed)
}

// copyable reports whether the base is one object that may become a segment.
func (v *revising) copyable() bool {
	base := &v.r.Base
	return base.ETag != "" && !base.Large() && base.Size > v.r.PlainSize && base.Size <= v.c.info.MaxFileSize
}

func (v *revising) checkBase(ctx context.Context) error {
	now, err := v.c.Head(ctx, v.container, v.object)
	if err == nil && now.ETag != v.r.Base.ETag {
		err = &Error{
			Op: "revise object", Path: v.container + "/" + v.object, Kind: KindChanged,
			Detail: "its ETag is " + now.ETag + ", not " + v.r.Base.ETag,
		}
	}
	return err
}

// putPlain stores the new version as a plain object. It is read once for the
// checksum, so that the server compares before it replaces anything.
func (v *revising) putPlain(ctx context.Context) (ObjectInfo, error) {
	open := func() io.Reader { return v.r.Open(ctx, 0, v.r.Size) }
	content := Content{Size: v.r.Size, MD5: emptyMD5, Open: open}
	if v.r.Size > 0 {
		sum := md5.New() //nolint:gosec // see the import
		body := open()
		n, err := io.Copy(sum, body)
		if closer, ok := body.(io.Closer); ok {
			_ = closer.Close()
		}
		if err == nil && n != v.r.Size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return ObjectInfo{}, wrap("revise object", v.container+"/"+v.object, &hints{}, err)
		}
		content.MD5 = hex.EncodeToString(sum.Sum(nil))
	}
	v.sent = content.MD5
	return v.c.Put(ctx, v.container, v.object, content, v.o)
}

// putLarge uploads what is fresh and stores the manifest.
func (v *revising) putLarge(ctx context.Context) (info ObjectInfo, err error) {
	static := v.c.StaticManifest(len(v.parts))
	if !static {
		// A dynamic manifest has whole segments.
		for i := range v.parts {
			if s := &v.parts[i]; !s.fresh && !s.whole() {
				s.fresh = true
			}
		}
	} else if !v.c.rangesHonoured() {
		v.names.replaceIn(v.object, v.base)
	}
	var made []Segment
	undo := true
	defer func() {
		if err != nil && undo {
			v.c.deleteLeftovers(ctx, made)
		}
	}()
	if v.copied {
		made = append(made, v.base[0].Segment)
		if _, err := v.c.copySegment(ctx, Name{v.container, v.object}, v.base[0].Segment, v.container, v.base[0].Name); err != nil {
			return ObjectInfo{}, err
		}
	}
	more, err := v.upload(ctx, static)
	made = append(made, more...)
	if err != nil {
		return ObjectInfo{}, err
	}
	v.sent = manifestETag(v.pieces)
	info, err = v.c.putPieces(ctx, v.container, v.object, v.names.prefix, v.pieces, v.o)
	undo = Refused(err)
	if err == nil && v.c.info.RGW {
		info, err = v.verify(ctx)
	}
	return info, err
}

// upload makes the segments that the new version does not find: fresh ones, and
// copies of others for a dynamic manifest, which must be in one series. It
// returns all that it began to make, also when it fails: then it begins no more,
// but waits for what is under way, so that it can be deleted.
func (v *revising) upload(ctx context.Context, static bool) ([]Segment, error) {
	var g errgroup.Group
	var failed atomic.Bool
	g.SetLimit(max(1, v.r.Concurrency))
	v.pieces = make([]Piece, len(v.parts))
	var made []Segment
	for i, s := range v.parts {
		v.pieces[i] = s.Piece
		if !s.fresh && (static || v.names.has(s.Name)) {
			continue
		}
		if failed.Load() {
			break
		}
		name := v.names.of(&s)
		made = append(made, Segment{Container: v.container + SegmentsSuffix, Name: name})
		g.Go(func() error {
			var segment Segment
			var err error
			if s.fresh {
				segment, err = v.putFresh(ctx, name, s)
			} else {
				segment, err = v.c.copySegment(ctx, Name{s.Container, s.Name}, s.Segment, v.container, name)
			}
			v.pieces[i] = wholeSegment(segment)
			failed.CompareAndSwap(false, err != nil)
			return err
		})
	}
	return made, g.Wait()
}

// putFresh uploads a part and compares the server's checksum with that of what
// was sent.
func (v *revising) putFresh(ctx context.Context, name string, s part) (Segment, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sent := &sentSum{length: s.Length, failed: cancel}
	content := Content{Size: s.Length, Open: func() io.Reader { return sent.reader(v.r.Open(ctx, s.at, s.Length)) }}
	segment, err := v.c.PutSegment(ctx, v.container, name, content)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			err = wrap("revise object", v.container+"/"+v.object, &hints{}, cause)
		}
		return segment, err
	}
	if sum := sent.last(); sum != segment.ETag {
		return segment, &Error{
			Op: "PUT segment", Path: segment.Container + "/" + name, Kind: KindChecksum,
			Detail: "sent MD5 " + sum + ", the server has " + segment.ETag,
		}
	}
	return segment, nil
}

// verify asks RGW, which believes what a manifest says of its segments, what has
// become of it.
func (v *revising) verify(ctx context.Context) (ObjectInfo, error) {
	info, err := v.c.Head(ctx, v.container, v.object)
	if err == nil && (info.Size != v.r.Size || info.ETag != manifestETag(v.pieces)) {
		err = &Error{
			Op: "PUT manifest", Path: v.container + "/" + v.object, Kind: KindChecksum,
			Detail: fmt.Sprintf("the object shows %d of %d bytes, ETag %s", info.Size, v.r.Size, info.ETag),
		}
	}
	return info, err
}

// unused returns the base's own segments that the new version does not name, nor
// another object.
func (v *revising) unused(ctx context.Context) []Segment {
	if v.r.Base.ETag == "" || !v.r.Base.Large() {
		return nil
	}
	named := usedOf(v.pieces)
	n := Name{v.container, v.object}
	rest := slices.DeleteFunc(ownSegments(n, segmentsOf(v.base)), func(s Segment) bool {
		_, ok := named[Name{s.Container, s.Name}]
		return ok
	})
	return v.c.unshared(ctx, n, v.r.Base, rest)
}
