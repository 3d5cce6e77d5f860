package swiftbackend

import (
	"context"
	"maps"
	"net/http"
	"net/url"
)

// CloneOptions are what a clone has instead of what its source has.
type CloneOptions struct {
	ContentType string // "" keeps the source's
	// SourceType is what the source has once it is told its other name, which
	// changes its date; "" keeps what it has.
	SourceType string
}

// Clone gives what is stored under from a second name, with its type, metadata,
// encoding and expiry, and without its bytes passing the client: a plain object
// is copied by the server, a large one gets a second manifest of the same
// segments, a native symlink a second link. What was stored under to is
// replaced once the clone is complete.
//
// info is what a listing or a HEAD tells of the source. A large object, which has
// to be told by SLO or DLO, keeps its segments when one of the two is deleted later,
// see shared.go; it is asked about once more if info has no headers. The clone's ETag
// is compared: KindConflict says that the source was replaced meanwhile, and that
// the clone may be of either version.
func (c *Client) Clone(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	switch {
	case c.info.RGW:
		return c.cloneOnRGW(ctx, from, to, info, o)
	case info.Large():
		return c.cloneLarge(ctx, from, to, info, o)
	}
	return c.clone(ctx, from, to, info, o, asItIs, nil)
}

// asItIs asks for a manifest or a link in place of what it stands for.
var asItIs = url.Values{"multipart-manifest": {"get"}, "symlink": {"get"}}

// clone lets the server copy. OpenStack Swift keeps all there is.
func (c *Client) clone(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions, params url.Values, header map[string]string) (ObjectInfo, error) {
	r := &request{
		method: "COPY", what: "object", container: from.Container, object: from.Object, params: params,
		header: map[string]string{"Destination": quote(to.path())}, hints: hints{retry409: true, slow: true},
	}
	maps.Copy(r.header, header)
	if o.ContentType != "" {
		r.header["Content-Type"] = o.ContentType
	}
	h, _, err := c.quietly(ctx, r)
	if err != nil {
		return ObjectInfo{}, err
	}
	clone := objectInfo(h, info.Size)
	if clone.Modified.IsZero() {
		clone.Modified, _ = http.ParseTime(h.Get("Date"))
	}
	// The manifest of a large object is copied as what it is: a dynamic one is
	// empty. RGW shows a static one's ETag only to those who ask for it.
	if clone.ETag == emptyMD5 && c.info.RGW && info.SLO {
		modified := clone.Modified
		if clone, err = c.Head(ctx, to.Container, to.Object); err != nil {
			return ObjectInfo{}, err
		}
		clone.Modified = modified
	}
	if clone.ETag == info.ETag || clone.ETag == emptyMD5 && info.DLO != "" {
		return clone, nil
	}
	return clone, conflict(r.op(), from, clone.ETag, info.ETag)
}

// conflict is the error of an object that was replaced while it was copied.
func conflict(op string, from Name, etag, want string) *Error {
	return &Error{Op: op, Path: from.path(), Kind: KindConflict, Detail: "the ETag is " + etag + ", not " + want}
}

// cloneOnRGW asks what the object is first. RGW's COPY shares the segments of a
// static manifest whatever is asked of it, but joins those of a dynamic one, and
// it drops the expiry. A listing shows neither.
func (c *Client) cloneOnRGW(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	now, err := c.Head(ctx, from.Container, from.Object)
	if err != nil {
		return ObjectInfo{}, err
	}
	// A listing shows manifests with the ETag of nothing.
	if now.ETag != info.ETag && info.ETag != emptyMD5 {
		return ObjectInfo{}, conflict("COPY object", from, now.ETag, info.ETag)
	}
	header := c.droppedByCopy(now)
	switch {
	case now.DLO != "":
		return c.cloneDynamic(ctx, from, to, o)
	case now.SLO:
		// A POST would have listings lose its size: only the clone is told.
		header = c.otherNameHeader(from)
		maps.Copy(header, c.droppedByCopy(now))
	}
	return c.clone(ctx, from, to, now, o, asItIs, header)
}

// droppedByCopy are those of an object's headers that a copy has only if they are
// given again.
func (c *Client) droppedByCopy(info ObjectInfo) map[string]string {
	if v := info.Header.Get("X-Delete-At"); v != "" && c.info.RGW {
		return map[string]string{"X-Delete-At": v}
	}
	return nil
}

// cloneDynamic stores a second manifest of a prefix's segments.
func (c *Client) cloneDynamic(ctx context.Context, from, to Name, o CloneOptions) (ObjectInfo, error) {
	info, err := c.Head(ctx, from.Container, from.Object)
	if err != nil {
		return ObjectInfo{}, err
	}
	if err := c.tellOtherName(ctx, from, to, info, o.SourceType); err != nil {
		return ObjectInfo{}, err
	}
	put := PutOptions{ContentType: info.ContentType, Meta: c.otherNameMeta(from), Header: map[string]string{}}
	for k, v := range info.Meta {
		if !IsOtherName(k) {
			put.Meta[k] = v
		}
	}
	if o.ContentType != "" {
		put.ContentType = o.ContentType
	}
	for _, k := range []string{"X-Object-Manifest", "Content-Encoding", "Content-Disposition", "X-Delete-At"} {
		if v := info.Header.Get(k); v != "" {
			put.Header[k] = v
		}
	}
	clone, err := c.Put(ctx, to.Container, to.Object, Content{MD5: emptyMD5}, put)
	clone.DLO = info.DLO
	return clone, err
}

// Move gives an object another name: Clone, then Delete. The segments of a
// large object stay where they are, under names made from the old one. When
// Move fails the object still has its old name, and perhaps both.
func (c *Client) Move(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	moved, err := c.Clone(ctx, from, to, info, o)
	if err != nil {
		return ObjectInfo{}, err
	}
	return moved, c.Delete(ctx, from.Container, from.Object)
}
