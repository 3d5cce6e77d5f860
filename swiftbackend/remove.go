package swiftbackend

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// DeleteObject deletes an object and, when info, which is what a HEAD tells of it,
// says that it is a large one, those of its segments that are its own.
//
// OpenStack Swift would delete all that a manifest names in one request, also
// what somebody else put together from objects of other containers. RGW does
// not tell what a manifest names. There that request is the only one that finds
// the segments of a renamed object.
func (c *Client) DeleteObject(ctx context.Context, container, object string, info ObjectInfo) error {
	if !info.Large() {
		return c.Delete(ctx, container, object)
	}
	segments, err := c.Segments(ctx, container, object, info)
	if err != nil {
		return err
	}
	n := Name{container, object}
	if info.SLO && len(segments) == 0 && !c.mayBeShared(ctx, n, info) {
		return c.deleteSLO(ctx, container, object)
	}
	if err := c.Delete(ctx, container, object); err != nil {
		return err
	}
	return c.DeleteSegments(ctx, c.unshared(ctx, n, info, ownSegments(n, segments)))
}

// OwnSegments returns those of a large object's segments that go with it; info is
// what a HEAD tells of it.
func (c *Client) OwnSegments(ctx context.Context, container, object string, info ObjectInfo) ([]Segment, error) {
	segments, err := c.Segments(ctx, container, object, info)
	n := Name{container, object}
	return c.unshared(ctx, n, info, ownSegments(n, segments)), err
}

// ownSegments returns those of an object's segments that go with it, unless
// another one shares them: they lie under its name in the container of segments,
// or have the form of an upload's under the name that the object had then. Others
// are objects in their own right, which a manifest only makes use of.
func ownSegments(n Name, segments []Segment) []Segment {
	var own []Segment
	for _, s := range segments {
		if s.OwnForm() || s.Container == n.Container+SegmentsSuffix && strings.HasPrefix(s.Name, n.Object+"/") {
			own = append(own, s)
		}
	}
	return own
}

// deleteSLO lets the server delete manifest and segments in one request.
func (c *Client) deleteSLO(ctx context.Context, container, object string) error {
	r := &request{
		method: http.MethodDelete, what: "large object", container: container, object: object,
		params: url.Values{"multipart-manifest": {"delete"}}, header: map[string]string{"Accept": "application/json"},
		hints: hints{retry409: true, slow: true},
	}
	resp, err := c.call(ctx, r, false)
	if err != nil {
		return err
	}
	defer drain(resp)
	answer, err := readBulkAnswer(r, resp.Body)
	if err != nil {
		return err
	}
	return answer.errors(r.op(), r.path(), 0)
}

// DeleteSegments deletes segments; those that are gone already are no error.
func (c *Client) DeleteSegments(ctx context.Context, segments []Segment) error {
	names := make([]Name, len(segments))
	for i, s := range segments {
		names[i] = Name{Container: s.Container, Object: s.Name}
	}
	return c.DeleteAll(ctx, names)
}
