package fakeswift

import (
	"net/http"
	"net/url"
	"strconv"
)

// serveObject answers requests for objects.
func (q *request) serveObject() *failure {
	if len(q.object) > q.s.opts.Limits.MaxObjectName {
		return failf(http.StatusBadRequest, "Object name length of %d longer than %d",
			len(q.object), q.s.opts.Limits.MaxObjectName)
	}
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		return q.getObject()
	case http.MethodPut:
		return q.putObject()
	case http.MethodPost:
		return q.postObject()
	case "COPY":
		return q.copyObject()
	case http.MethodDelete:
		return q.deleteObject()
	}
	return notAllowed
}

// found is an object version with a reference to its blob, under the name it was found by.
type found struct {
	*version
	container, object string
	viaLink           bool
}

// open finds a present, unexpired version, or answers 404. The caller releases its blob.
func (s *Server) open(a *account, container, object string) (found, *failure) {
	c := a.container(container)
	if c == nil {
		return found{}, notFound
	}
	v := c.open(object)
	if v == nil {
		return found{}, notFound
	}
	if v.expired(s.opts.Now().Unix()) {
		v.blob.release()
		return found{}, notFound
	}
	return found{version: v, container: container, object: object}, nil
}

func (q *request) getObject() *failure {
	o, f := q.s.openThrough(q.account, q.container, q.object, q.query.Get("symlink") == "get")
	if f != nil {
		return f
	}
	defer o.blob.release()
	if o.viaLink {
		target := url.URL{Path: "/v1/" + q.account.name + "/" + o.container + "/" + o.object}
		q.w.Header().Set("Content-Location", target.EscapedPath())
	}
	if o.slo != nil && q.query.Get("multipart-manifest") == "get" {
		return q.getManifest(o)
	}
	body := plainContent(o.version)
	if q.query.Get("multipart-manifest") != "get" {
		if body, f = q.s.contentOf(q.account, o.version, q.r.Method == http.MethodGet); f != nil {
			return f
		}
	}
	etag := body.etag
	if f := checkConditions(q.r.Header, etag, o.modified.seconds()); f != nil {
		return f
	}
	o.writeHeader(q.w.Header(), etag)
	return q.sendContent(body.size, func(sp span) error { return body.writeTo(q.w, sp) })
}

// writeHeader sets the headers that describe the version.
func (v *version) writeHeader(h http.Header, etag string) {
	for name, value := range v.meta {
		h.Set(name, value)
	}
	h.Set("Content-Type", v.contentType)
	h.Set("Etag", etag)
	h.Set("Last-Modified", v.modified.lastModified())
	h.Set("X-Timestamp", v.modified.header())
	h.Set("Accept-Ranges", "bytes")
	if v.deleteAt != 0 {
		h.Set("X-Delete-At", strconv.FormatInt(v.deleteAt, 10))
	}
	if v.slo != nil {
		h.Set("X-Static-Large-Object", "True")
		h.Set("X-Manifest-Etag", v.etag)
	}
	if v.link != nil {
		v.link.writeHeader(h)
	}
}

// postObject replaces an object's metadata.
func (q *request) postObject() *failure {
	meta, deleteAt, f := q.objectMeta()
	if f != nil {
		return f
	}
	if hasSwiftBytes(q.r.Header.Get("Content-Type")) {
		return badRequest
	}
	if q.s.has("symlink") && q.r.Header.Get("X-Symlink-Target") != "" {
		return failf(http.StatusBadRequest, "A PUT request is required to set a symlink target")
	}
	o, f := q.s.open(q.account, q.container, q.object)
	if f != nil {
		return f
	}
	defer o.blob.release()
	c := q.account.container(q.container)
	if c == nil || !c.update(q.object, q.s.switches.lag.Load(), func(old *version) *version {
		v := *old
		v.meta, v.deleteAt, v.modified = meta, deleteAt, q.at
		v.contentType = firstOf(q.r.Header.Get("Content-Type"), old.contentType)
		return &v
	}) {
		return notFound
	}
	if o.link != nil {
		target := q.s.storageURL(q.r, "", q.account.name) + "/" + escapePath(o.link.container+"/"+o.link.object)
		return &failure{
			status: http.StatusTemporaryRedirect,
			text:   "The requested POST was applied to a symlink. POST directly to the target to apply requested metadata.",
			header: http.Header{"Location": {target}},
		}
	}
	send(q.w, http.StatusAccepted, "text/html; charset=UTF-8", []byte("<html><h1>Accepted</h1><p>The request is accepted for processing.</p></html>"))
	return nil
}

// update stores a version derived from the present one, with the same bytes; false if there is none.
func (c *container) update(name string, lag bool, derive func(*version) *version) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.now.objects.get(name)
	if !ok {
		return false
	}
	if lag {
		c.lagLocked()
	}
	// The reference of the old version becomes that of the new one, which shares its blob.
	c.now.put(name, derive(old))
	return true
}

func (q *request) deleteObject() *failure {
	if q.query.Get("multipart-manifest") == "delete" && q.s.has("slo") {
		return q.deleteManifest()
	}
	if f := q.s.removeObject(q.account, q.container, q.object, q.at); f != nil {
		return f
	}
	q.w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// removeObject deletes one object as of at.
func (s *Server) removeObject(a *account, container, object string, at timestamp) *failure {
	o, f := s.open(a, container, object)
	if f != nil {
		return f
	}
	o.blob.release()
	c := a.container(container)
	if c == nil || !c.remove(object, at, s.switches.lag.Load()) {
		return notFound
	}
	return nil
}

// escapePath percent-encodes a container/object path.
func escapePath(path string) string { return (&url.URL{Path: path}).EscapedPath() }
