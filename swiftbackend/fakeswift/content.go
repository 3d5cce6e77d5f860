package fakeswift

import (
	"errors"
	"io"
	"net/http"
)

// content is what a GET of an object sends: its own bytes, or those of the segments that its manifest names.
type content struct {
	s     *Server
	a     *account
	size  int64
	etag  string // quoted for large objects
	parts []part
}

// part is a run of bytes of one object: of the blob if there is one, else of the object that has this name when
// the part is reached, which must have this ETag. So a segment that goes away during a GET cuts it short.
type part struct {
	container, object string
	etag              string
	off, n            int64
	blob              *blob // of the version being read, which holds the reference; or nil
}

// maxNesting is how deep manifests may name manifests.
const maxNesting = 10

// errSegment is a segment that is gone or has changed.
var errSegment = errors.New("segment is not what the manifest says")

// plainContent is the bytes that are stored, whatever they mean.
func plainContent(v *version) content {
	return content{size: v.size, etag: v.etag, parts: []part{{n: v.size, blob: v.blob}}}
}

// isDLO reports whether the version stands for the segments its X-Object-Manifest names.
func (s *Server) isDLO(v *version) bool { return v.meta["X-Object-Manifest"] != "" && s.has("dlo") }

// contentOf is what v stands for. With body, the content will be sent: its segments are looked at, and 500 is the
// answer if one is not what the manifest says. The caller keeps its reference to v's blob as long as it uses the content.
func (s *Server) contentOf(a *account, v *version, body bool) (content, *failure) {
	var c content
	switch {
	case v.slo != nil:
		c = content{size: v.slo.size, etag: v.slo.quotedETag()}
		if body {
			parts, err := s.manifestParts(a, v.slo, 0)
			if err != nil {
				return c, failf(http.StatusInternalServerError, "%v", err)
			}
			c.parts = parts
		}
	case s.isDLO(v):
		var err error
		if c, err = s.prefixContent(a, v.meta["X-Object-Manifest"], body); err != nil {
			return c, failf(http.StatusInternalServerError, "%v", err)
		}
	default:
		c = plainContent(v)
	}
	c.s, c.a = s, a
	return c, nil
}

// writeTo sends one span of the content.
func (c *content) writeTo(w io.Writer, sp span) error {
	start := int64(0)
	for _, p := range c.parts {
		from, to := max(sp.from, start), min(sp.to, start+p.n)
		if from < to {
			if err := c.writePart(w, p, p.off+from-start, to-from); err != nil {
				return err
			}
		}
		start += p.n
	}
	return nil
}

func (c *content) writePart(w io.Writer, p part, off, n int64) error {
	if p.blob != nil {
		return p.blob.writeTo(w, off, n)
	}
	v, err := c.s.segment(c.a, p.container, p.object, p.etag)
	if err != nil {
		return err
	}
	defer v.blob.release()
	if off+n > v.size {
		return errSegment
	}
	return v.blob.writeTo(w, off, n)
}

// segment opens a plain segment that must have this ETag. The caller releases its blob.
func (s *Server) segment(a *account, container, object, etag string) (found, error) {
	v, f := s.openThrough(a, container, object, false)
	if f != nil {
		return found{}, errSegment
	}
	if v.etag != etag {
		v.blob.release()
		return found{}, errSegment
	}
	return v, nil
}

// slice returns the parts of the span sp of parts.
func slice(parts []part, sp span) (sliced []part) {
	start := int64(0)
	for _, p := range parts {
		from, to := max(sp.from, start), min(sp.to, start+p.n)
		if from < to {
			p.off, p.n, start = p.off+from-start, to-from, start+p.n
			sliced = append(sliced, p)
			continue
		}
		start += p.n
	}
	return sliced
}
