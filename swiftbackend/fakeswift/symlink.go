package fakeswift

import (
	"net/http"
	"net/url"
	"strings"
)

// maxLinks is how many symlinks in a row a GET or HEAD follows.
const maxLinks = 2

// symlink is where a symlink object points: within its account.
type symlink struct {
	container, object string
	etag              string // the ETag that the target must have, for a static link, or ""
	size              int64  // of a static link's target
}

func (l *symlink) writeHeader(h http.Header) {
	h.Set("X-Symlink-Target", escapePath(l.container+"/"+l.object))
	if l.etag != "" {
		h.Set("X-Symlink-Target-Etag", l.etag)
	}
}

// openThrough is open that follows symlinks, unless the link itself is wanted.
func (s *Server) openThrough(a *account, container, object string, itself bool) (found, *failure) {
	var static string
	for hops := 0; ; hops++ {
		o, f := s.open(a, container, object)
		if f != nil {
			return o, f
		}
		if static != "" && o.etag != static {
			o.blob.release()
			return found{}, failf(http.StatusConflict, "Object Etag %s does not match X-Symlink-Target-Etag header", o.etag)
		}
		o.viaLink = hops > 0
		if o.link == nil || itself {
			return o, nil
		}
		o.blob.release()
		if hops == maxLinks {
			return found{}, failf(http.StatusConflict, "Too many levels of symbolic links, maximum allowed is %d", maxLinks)
		}
		container, object, static = o.link.container, o.link.object, o.link.etag
	}
}

// putSymlink stores a symlink, which has no bytes of its own.
func (q *request) putSymlink() *failure {
	if q.r.ContentLength != 0 {
		return failf(http.StatusBadRequest, "Symlink requests require a zero byte body")
	}
	link, f := q.parseSymlink()
	if f != nil {
		return f
	}
	v, f := q.newVersion()
	if f != nil {
		return f
	}
	if f := q.checkQuotas(0); f != nil {
		return f
	}
	v.link = link
	return q.storeBody(v)
}

func (q *request) parseSymlink() (*symlink, *failure) {
	h := q.r.Header
	target, err := url.PathUnescape(h.Get("X-Symlink-Target"))
	container, object, _ := strings.Cut(target, "/")
	if err != nil || container == "" || object == "" {
		return nil, failf(http.StatusPreconditionFailed,
			"X-Symlink-Target header must be of the form <container name>/<object name>")
	}
	if other := h.Get("X-Symlink-Target-Account"); other != "" && other != q.account.name {
		return nil, forbidden
	}
	if container == q.container && object == q.object {
		return nil, failf(http.StatusBadRequest, "Symlink cannot target itself")
	}
	link := &symlink{container: container, object: object, etag: unquoteETag(h.Get("X-Symlink-Target-Etag"))}
	if link.etag == "" {
		return link, nil
	}
	o, f := q.s.openThrough(q.account, container, object, false)
	if f != nil {
		return nil, failf(http.StatusConflict, "X-Symlink-Target does not exist")
	}
	defer o.blob.release()
	if o.etag != link.etag {
		return nil, failf(http.StatusConflict, "Object Etag %s does not match X-Symlink-Target-Etag header %s", o.etag, link.etag)
	}
	link.size = o.listedSize()
	return link, nil
}
