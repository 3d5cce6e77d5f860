package swiftbackend

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// parallelCopies is how many segments of one object the server copies at once.
const parallelCopies = 4

// linkAsItIs asks for a link in place of its target. Not for a manifest: whatever
// the source has become meanwhile, a copy must not share its segments.
var linkAsItIs = url.Values{"symlink": {"get"}}

// Duplicate makes an independent copy of what is stored under from, with its
// type, metadata, encoding and expiry, and without its bytes passing the client.
// The copy shares nothing with its source: each may be changed and deleted
// without the other. What was stored under to is replaced once the copy is
// complete.
//
// A plain object is one copy by the server. A large one is copied segment by
// segment, several at once, and so becomes a static large object of the same
// pieces: each copy has an ETag to compare, none takes longer than one segment
// does, and the result is as cheap to change as its source. (One request could
// make OpenStack Swift join up to 5 GiB into a plain object; it takes long, and
// nobody knows the ETag it should have.) Only what has no pieces that can be
// copied by themselves is joined. A native symlink is copied as the link.
//
// info is what a HEAD or a listing tells of the source; what a listing tells of a
// static large object, with SLO set; of a link, what a listing tells. KindConflict says that the source was replaced
// meanwhile. KindUnsupported says that the server cannot make such a copy, as
// RGW of a large object whose segments are not known.
func (c *Client) Duplicate(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	if !c.info.RGW && !info.Large() && !(info.ETag == emptyMD5 && info.Header == nil) {
		return c.clone(ctx, from, to, info, o, linkAsItIs, nil)
	}
	// A listing does not tell a dynamic manifest, or a link, from nothing, and RGW's
	// shows no manifest at all.
	h, _, err := c.quietly(ctx, &request{method: http.MethodHead, what: "object", container: from.Container, object: from.Object, params: linkAsItIs})
	if err != nil {
		return ObjectInfo{}, err
	}
	now := objectInfo(h, number(h, "Content-Length"))
	if now.ETag != info.ETag && info.ETag != emptyMD5 {
		return ObjectInfo{}, conflict("COPY object", from, now.ETag, info.ETag)
	}
	if !now.Large() {
		return c.clone(ctx, from, to, now, o, linkAsItIs, c.droppedByCopy(now))
	}
	return c.duplicateLarge(ctx, from, to, now, o)
}

// duplicateLarge copies the segments of a large object.
func (c *Client) duplicateLarge(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	pieces, err := c.Layout(ctx, from.Container, from.Object, info)
	if err != nil {
		return ObjectInfo{}, err
	}
	if len(pieces) == 0 || slices.ContainsFunc(pieces, func(p Piece) bool { return p.Nested }) {
		return c.join(ctx, from, to, info, o)
	}
	names := newNames(to.Object, pieces[0].Size)
	made, copies, err := c.copySegments(ctx, segmentsOf(pieces), to.Container, &names)
	if err != nil {
		c.deleteLeftovers(ctx, made)
		return ObjectInfo{}, err
	}
	for i := range pieces {
		pieces[i].Segment = copies[Name{pieces[i].Container, pieces[i].Name}]
	}
	put := KeptOptions(info)
	withoutOtherName(put.Meta)
	if o.ContentType != "" {
		put.ContentType = o.ContentType
	}
	copied, err := c.putPieces(ctx, to.Container, to.Object, names.prefix, pieces, put)
	if Refused(err) {
		c.deleteLeftovers(ctx, made)
	}
	return copied, err
}

// copySegments copies segments into a series, and tells which became which. It
// returns all that it began to make, also when it fails.
func (c *Client) copySegments(ctx context.Context, segments []Segment, container string, names *names) (made []Segment, copies map[Name]Segment, err error) {
	var g errgroup.Group
	var failed atomic.Bool
	g.SetLimit(parallelCopies)
	copies = map[Name]Segment{}
	for _, s := range segments {
		if failed.Load() {
			break
		}
		one := Segment{Container: container + SegmentsSuffix, Name: names.next(), Size: s.Size, ETag: s.ETag}
		made = append(made, one)
		copies[Name{s.Container, s.Name}] = one
		g.Go(func() error {
			_, err := c.copySegment(ctx, Name{s.Container, s.Name}, s, container, one.Name)
			failed.CompareAndSwap(false, err != nil)
			return err
		})
	}
	return made, copies, g.Wait()
}

// join lets OpenStack Swift make a plain object of all that a manifest stands
// for. Nothing but its size can be compared.
func (c *Client) join(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	unsupported := &Error{Op: "COPY object", Path: from.path(), Kind: KindUnsupported, Detail: "the segments of the large object are not known"}
	if c.info.RGW || info.Size > c.info.MaxFileSize {
		return ObjectInfo{}, unsupported
	}
	if _, err := c.Copy(ctx, from.Container, from.Object, to.Container, to.Object, CopyOptions{PutOptions: PutOptions{ContentType: o.ContentType}}); err != nil {
		return ObjectInfo{}, err
	}
	joined, err := c.Head(ctx, to.Container, to.Object)
	if err == nil && joined.Size != info.Size {
		err = &Error{Op: "COPY object", Path: from.path(), Kind: KindConflict, Detail: "the copy has another size"}
	}
	return joined, err
}
