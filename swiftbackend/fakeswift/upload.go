package fakeswift

import (
	"errors"
	"net/http"
	"strings"
)

// putObject stores an object. Everything that can refuse it is asked before the body is read: net/http sends
// 100 Continue with the first read.
func (q *request) putObject() *failure {
	h := q.r.Header
	if h.Get("X-Copy-From") != "" {
		return q.copyFrom()
	}
	if f := q.checkUpload(); f != nil {
		return f
	}
	if q.s.has("slo") && q.query.Get("multipart-manifest") == "put" {
		return q.putManifest()
	}
	if q.s.has("symlink") && h.Get("X-Symlink-Target") != "" {
		return q.putSymlink()
	}
	if f := q.checkQuotas(max(q.r.ContentLength, 0)); f != nil {
		return f
	}
	v, f := q.newVersion()
	if f != nil {
		return f
	}
	return q.storeBody(v)
}

// checkUpload asks what a PUT with a body needs: an existing container, no If-None-Match in the way, a length.
func (q *request) checkUpload() *failure {
	if q.account.container(q.container) == nil {
		return notFound
	}
	if f := q.checkIfNoneMatch(); f != nil {
		return f
	}
	chunked := len(q.r.TransferEncoding) > 0 || q.r.ContentLength < 0
	if !chunked && q.r.Header.Get("Content-Length") == "" && q.r.ContentLength == 0 {
		return &failure{status: http.StatusLengthRequired}
	}
	if q.r.ContentLength > q.s.opts.Limits.MaxFileSize {
		return tooLarge
	}
	return nil
}

// checkIfNoneMatch refuses to replace an object where the client forbids it. It is asked once, before the body,
// as Swift does: two PUTs at once may both pass.
func (q *request) checkIfNoneMatch() *failure {
	switch v := strings.TrimSpace(q.r.Header.Get("If-None-Match")); v {
	case "":
		return nil
	case "*":
		o, f := q.s.open(q.account, q.container, q.object)
		if f != nil {
			return nil
		}
		o.blob.release()
		return &failure{status: http.StatusPreconditionFailed}
	}
	return failf(http.StatusBadRequest, "If-None-Match only supports *")
}

// checkQuotas refuses bytes more that container or account may not hold. As in Swift the size of a chunked
// upload and of the object to be replaced do not count.
func (q *request) checkQuotas(bytes int64) *failure {
	c := q.account.container(q.container)
	if c == nil {
		return notFound
	}
	objects, used := c.totals()
	c.mu.RLock()
	maxBytes, maxCount := quota(c.meta, "X-Container-Meta-Quota-Bytes"), quota(c.meta, "X-Container-Meta-Quota-Count")
	c.mu.RUnlock()
	if (maxBytes >= 0 && used+bytes > maxBytes) || (maxCount >= 0 && int64(objects)+1 > maxCount) {
		return overQuota
	}
	q.account.mu.RLock()
	maxBytes = quota(q.account.meta, "X-Account-Meta-Quota-Bytes")
	q.account.mu.RUnlock()
	if maxBytes < 0 {
		return nil
	}
	if _, _, used := q.account.totals(); used+bytes > maxBytes {
		return overQuota
	}
	return nil
}

// newVersion makes a version from the headers of a PUT; its bytes are still to come.
func (q *request) newVersion() (*version, *failure) {
	meta, deleteAt, f := q.objectMeta()
	if f != nil {
		return nil, f
	}
	contentType, f := q.contentType()
	if f != nil {
		return nil, f
	}
	return &version{contentType: contentType, created: q.at, modified: q.at, meta: meta, deleteAt: deleteAt}, nil
}

// receive reads the body into a new blob; sum is compared with the body's MD5 unless empty.
func (q *request) receive(limit int64, sum string) (*blob, *blobWriter, *failure) {
	w, err := q.s.store.create(q.r.ContentLength)
	if err != nil {
		return nil, nil, failf(http.StatusInsufficientStorage, "%v", err)
	}
	body := http.MaxBytesReader(nil, q.r.Body, limit)
	if err := w.fill(body); err != nil {
		w.abort()
		return nil, nil, uploadFailure(err)
	}
	if sum = unquoteETag(sum); sum != "" && !strings.EqualFold(sum, w.etag()) {
		w.abort()
		return nil, nil, &failure{status: http.StatusUnprocessableEntity}
	}
	b, err := w.commit()
	if err != nil {
		return nil, nil, failf(http.StatusInsufficientStorage, "%v", err)
	}
	return b, w, nil
}

// uploadFailure tells a body that is too long or cut off from a disk that is full.
func uploadFailure(err error) *failure {
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return tooLarge
	case errors.Is(err, errDisk):
		return failf(http.StatusInsufficientStorage, "%v", err)
	}
	return disconnected
}

// storeBody reads the body, stores the version and answers.
func (q *request) storeBody(v *version) *failure {
	c := q.account.container(q.container)
	if c == nil {
		return notFound
	}
	defer c.beginUpload()()
	b, w, f := q.receive(q.s.opts.Limits.MaxFileSize, q.r.Header.Get("Etag"))
	if f != nil {
		return f
	}
	v.blob, v.size, v.etag = b, w.n, w.etag()
	return q.finishPut(c, v, v.etag)
}

// finishPut stores a complete version and answers 201 with this ETag.
func (q *request) finishPut(c *container, v *version, etag string) *failure {
	if !c.store(q.object, v, q.s.switches.lag.Load()) {
		return notFound
	}
	h := q.w.Header()
	h.Set("Etag", etag)
	h.Set("Last-Modified", v.created.lastModified())
	send(q.w, http.StatusCreated, "text/html; charset=UTF-8", nil)
	return nil
}
