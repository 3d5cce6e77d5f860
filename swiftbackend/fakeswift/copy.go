package fakeswift

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// copyObject answers COPY with a Destination.
func (q *request) copyObject() *failure {
	container, object, ok := splitPath(q.r.Header.Get("Destination"))
	if !ok {
		return failf(http.StatusPreconditionFailed,
			"Destination header must be of the form <container name>/<object name>")
	}
	if other := q.r.Header.Get("Destination-Account"); other != "" && other != q.account.name {
		return forbidden
	}
	source := [2]string{q.container, q.object}
	q.container, q.object = container, object
	return q.copy(source[0], source[1])
}

// copyFrom answers PUT with X-Copy-From.
func (q *request) copyFrom() *failure {
	if q.r.ContentLength != 0 {
		return failf(http.StatusBadRequest, "Copy requests require a zero byte body")
	}
	container, object, ok := splitPath(q.r.Header.Get("X-Copy-From"))
	if !ok {
		return failf(http.StatusPreconditionFailed,
			"X-Copy-From header must be of the form <container name>/<object name>")
	}
	if other := q.r.Header.Get("X-Copy-From-Account"); other != "" && other != q.account.name {
		return forbidden
	}
	return q.copy(container, object)
}

// splitPath decodes the container/object of a header.
func splitPath(value string) (container, object string, ok bool) {
	decoded, err := url.PathUnescape(value)
	if err != nil {
		return "", "", false
	}
	container, object, _ = strings.Cut(strings.TrimPrefix(decoded, "/"), "/")
	return container, object, container != "" && object != ""
}

// copy stores the source object under the name of the request. The conditional headers apply to the source.
func (q *request) copy(container, object string) *failure {
	if len(q.object) > q.s.opts.Limits.MaxObjectName {
		return badRequest
	}
	src, f := q.s.openThrough(q.account, container, object, q.query.Get("symlink") == "get")
	if f != nil {
		return f
	}
	defer src.blob.release()
	dst := q.account.container(q.container)
	if dst == nil {
		return notFound
	}
	asManifest := q.query.Get("multipart-manifest") == "get"
	body, f := q.copiedContent(src.version, asManifest)
	if f != nil {
		return f
	}
	if f := checkConditions(q.r.Header, body.etag, src.modified.seconds()); f != nil {
		return f
	}
	if f := q.checkQuotas(body.size); f != nil {
		return f
	}
	v, f := q.copiedVersion(src.version, asManifest)
	if f != nil {
		return f
	}
	if f := q.copyBytes(v, src.version, body, asManifest); f != nil {
		return f
	}
	h := q.w.Header()
	for name, value := range v.meta {
		h.Set(name, value)
	}
	h.Set("X-Copied-From", escapePath(container+"/"+object))
	h.Set("X-Copied-From-Account", q.account.name)
	h.Set("X-Copied-From-Last-Modified", src.modified.lastModified())
	etag := v.etag
	if v.slo != nil {
		etag = v.slo.quotedETag()
	}
	return q.finishPut(dst, v, etag)
}

// copiedContent is what a copy takes: the manifest itself, or all that it stands for.
func (q *request) copiedContent(src *version, asManifest bool) (content, *failure) {
	if asManifest {
		return plainContent(src), nil
	}
	body, f := q.s.contentOf(q.account, src, true)
	if f == nil && body.size > q.s.opts.Limits.MaxFileSize {
		return body, tooLarge
	}
	return body, f
}

// copiedVersion makes the version without its bytes: the source's metadata, unless X-Fresh-Metadata, with the
// request's on top.
func (q *request) copiedVersion(src *version, asManifest bool) (*version, *failure) {
	meta, deleteAt, f := q.objectMeta()
	if f != nil {
		return nil, f
	}
	if hasSwiftBytes(q.r.Header.Get("Content-Type")) {
		return nil, badRequest
	}
	v := &version{
		created: q.at, modified: q.at, meta: make(map[string]string), deleteAt: deleteAt, link: src.link,
		contentType: firstOf(q.r.Header.Get("Content-Type"), src.contentType),
	}
	if !isTrue(q.r.Header.Get("X-Fresh-Metadata")) {
		v.meta = maps.Clone(src.meta)
		if v.deleteAt == 0 {
			v.deleteAt = src.deleteAt
		}
	}
	delete(v.meta, "X-Object-Manifest")
	if header := src.meta["X-Object-Manifest"]; header != "" && asManifest {
		v.meta["X-Object-Manifest"] = header
	}
	maps.Copy(v.meta, meta)
	return v, nil
}

// copyBytes gives v its bytes: those of the source, shared, or a joined copy of a large object's segments.
func (q *request) copyBytes(v, src *version, body content, asManifest bool) *failure {
	if asManifest || (src.slo == nil && !q.s.isDLO(src)) {
		v.blob, v.size, v.etag, v.slo = src.blob.retain(), src.size, src.etag, src.slo
		return nil
	}
	w, err := q.s.store.create(body.size)
	if err != nil {
		return failf(http.StatusInsufficientStorage, "%v", err)
	}
	if err := body.writeTo(w, span{0, body.size}); err != nil {
		w.abort()
		return failf(http.StatusInternalServerError, "%v", err)
	}
	if v.blob, err = w.commit(); err != nil {
		return failf(http.StatusInsufficientStorage, "%v", err)
	}
	v.size, v.etag = w.n, w.etag()
	return nil
}
