package swiftbackend

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5; it finds damage, not malice
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ObjectInfo is what a HEAD or GET of an object tells.
type ObjectInfo struct {
	ETag        string // without quotes
	Size        int64  // bytes of the content, also of a large object
	ContentType string
	Modified    time.Time         // to the fraction of a second where the server tells it
	Meta        map[string]string // X-Object-Meta-*, by canonical name after the prefix
	SLO         bool
	DLO         string // unquoted "container/prefix" of a dynamic large object, or ""
	Header      http.Header
}

// Large reports whether the object is a manifest of segments.
func (o *ObjectInfo) Large() bool { return o.SLO || o.DLO != "" }

// Head asks for an object's size, version and metadata.
func (c *Client) Head(ctx context.Context, container, object string) (ObjectInfo, error) {
	h, _, err := c.quietly(ctx, &request{method: http.MethodHead, what: "object", container: container, object: object})
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(h, number(h, "Content-Length")), nil
}

// HeadLink is Head, but of a native symlink it tells about the link itself, which
// need not lead anywhere.
func (c *Client) HeadLink(ctx context.Context, container, object string) (ObjectInfo, error) {
	r := &request{method: http.MethodHead, what: "object", container: container, object: object}
	if c.info.Symlink {
		r.params = url.Values{"symlink": {"get"}}
	}
	h, _, err := c.quietly(ctx, r)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(h, number(h, "Content-Length")), nil
}

func objectInfo(h http.Header, size int64) ObjectInfo {
	o := ObjectInfo{
		ETag: unquoteETag(h.Get("Etag")), Size: size, ContentType: h.Get("Content-Type"), Modified: modified(h),
		SLO: strings.EqualFold(h.Get("X-Static-Large-Object"), "true"), Header: h,
	}
	if m := h.Get("X-Object-Manifest"); m != "" {
		if p, err := url.PathUnescape(m); err == nil {
			m = p
		}
		o.DLO = m
	}
	const prefix = "X-Object-Meta-"
	for k, v := range h {
		name, ok := strings.CutPrefix(k, prefix)
		// RGW's own note on an SLO, which is none of its user's metadata.
		if ok && len(v) > 0 && name != "Static-Large-Object" {
			if o.Meta == nil {
				o.Meta = map[string]string{}
			}
			o.Meta[name] = v[0]
		}
	}
	return o
}

// modified prefers X-Timestamp, which has the fraction that the listing has;
// Last-Modified is whole seconds, rounded up by OpenStack Swift.
func modified(h http.Header) time.Time {
	if t, ok := parseTimestamp(h.Get("X-Timestamp")); ok {
		return t
	}
	if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil {
		return t
	}
	return time.Time{}
}

// parseTimestamp reads decimal seconds since 1970, as "1795402699.59547".
func parseTimestamp(s string) (time.Time, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if len(frac) > 9 {
		frac = frac[:9]
	}
	nsec := int64(0)
	if frac != "" {
		n, err := strconv.ParseInt(frac+strings.Repeat("0", 9-len(frac)), 10, 64)
		if err != nil || n < 0 {
			return time.Time{}, false
		}
		nsec = n
	}
	return time.Unix(sec, nsec).UTC(), true
}

// GetOptions choose what of an object is read.
type GetOptions struct {
	Offset int64
	Length int64 // bytes; -1 to the end
	// IfMatch pins the version: an object with another ETag, without quotes, is
	// KindChanged.
	IfMatch string
}

// Get reads an object or a range of it. The body gives exactly the bytes asked
// for or an error: when its connection breaks, it is taken up again where it
// stopped, from the same version. The whole of a plain object is compared with
// its ETag when the end is reached; a difference is KindChecksum. The body is
// the caller's to close, and ends with ctx.
func (c *Client) Get(ctx context.Context, container, object string, o GetOptions) (io.ReadCloser, ObjectInfo, error) {
	b := &body{ctx: ctx, c: c, container: container, object: object, offset: o.Offset, left: o.Length, etag: o.IfMatch}
	info, err := b.open()
	if err != nil {
		return nil, ObjectInfo{}, err
	}
	if o.Offset == 0 && b.left == info.Size && !info.Large() && len(info.ETag) == 2*md5.Size {
		b.sum = md5.New() //nolint:gosec // see the import
	}
	return b, info, nil
}

// bodyResumptions bounds how often one body is taken up again after its
// connection broke without having brought a byte.
const bodyResumptions = 5

// body is the content of one GET, over as many connections as it takes.
type body struct {
	ctx       context.Context
	c         *Client
	container string
	object    string

	offset int64 // of the next byte
	left   int64 // bytes still to come; -1 until known
	etag   string
	sum    hash.Hash // or nil: this is not the whole of a plain object
	broken int       // breaks in a row that brought nothing
	rc     io.ReadCloser
	err    error // what ended it
}

// open asks for what is left.
func (b *body) open() (ObjectInfo, error) {
	r := b.request()
	resp, err := b.c.stream(b.ctx, r, 0, nil)
	if err != nil {
		return ObjectInfo{}, err
	}
	info := objectInfo(resp.Header, resp.ContentLength)
	if b.etag != "" && info.ETag != b.etag {
		_ = resp.Body.Close()
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindChanged, Detail: "the ETag is " + info.ETag + ", not " + b.etag}
	}
	if resp.StatusCode == http.StatusPartialContent {
		if strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes */") { // RGW, of an empty dynamic large object
			_ = resp.Body.Close()
			return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindRange, Status: resp.StatusCode, Detail: "the object is empty"}
		}
		first, total, err := parseContentRange(resp.Header.Get("Content-Range"))
		if err != nil || first != b.offset {
			_ = resp.Body.Close()
			return ObjectInfo{}, r.wrap(fmt.Errorf("the server answered range %q to a request from byte %d", resp.Header.Get("Content-Range"), b.offset))
		}
		info.Size = total
	} else if b.offset > 0 {
		_ = resp.Body.Close()
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindUnsupported, Status: resp.StatusCode, Detail: "the server ignores ranges"}
	}
	if info.Size < 0 {
		// OpenStack Swift does not know the length of a dynamic large object of more
		// segments than a listing has, nor gives ranges of it: where a connection
		// breaks nobody can tell from its end.
		_ = resp.Body.Close()
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindUnsupported, Status: resp.StatusCode, Detail: "the server does not tell how long the object is"}
	}
	if b.left < 0 {
		b.left = info.Size - b.offset
	}
	b.left = min(b.left, info.Size-b.offset)
	b.etag, b.rc = info.ETag, resp.Body
	return info, nil
}

func (b *body) request() *request {
	r := &request{
		method: http.MethodGet, what: "object", container: b.container, object: b.object,
		header: map[string]string{},
	}
	// RGW compares If-Match with the ETag of the manifest itself, which it never
	// shows: there, and where it may be RGW, only the answer tells the version.
	if b.etag != "" && b.c.info.Known && !b.c.info.RGW {
		r.header["If-Match"] = b.etag
		r.hints.on412 = KindChanged
	}
	switch {
	case b.left >= 0:
		r.header["Range"] = fmt.Sprintf("bytes=%d-%d", b.offset, b.offset+b.left-1)
	case b.offset > 0:
		r.header["Range"] = fmt.Sprintf("bytes=%d-", b.offset)
	}
	return r
}

func (b *body) Read(p []byte) (int, error) {
	for b.err == nil {
		if b.left == 0 {
			b.err = b.verify()
			break
		}
		n, err := b.rc.Read(p[:min(int64(len(p)), b.left)])
		b.offset += int64(n)
		b.left -= int64(n)
		if b.sum != nil {
			_, _ = b.sum.Write(p[:n])
		}
		if n > 0 {
			b.broken = 0
			return n, nil
		}
		if err != nil {
			b.resume(err)
		}
	}
	return 0, b.err
}

// resume takes the body up again after its connection broke with err.
func (b *body) resume(err error) {
	_ = b.rc.Close()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	b.broken++
	if b.ctx.Err() != nil || b.broken > resumptions(err, bodyResumptions) {
		b.err = b.request().wrap(err)
		return
	}
	b.c.log.Debug("body broke off, taking it up again", "container", b.container, "object", b.object, "offset", b.offset, "error", err)
	if _, err := b.open(); err != nil {
		b.err = err
	}
}

// resumptions is how often in a row to take something up again that broke off
// with err: most times, but a stall has used up the time of a whole attempt.
func resumptions(err error, most int) int {
	if errors.Is(err, errStalled) {
		return leastTries - 1
	}
	return most
}

// verify compares the checksum of a whole plain object with its ETag.
func (b *body) verify() error {
	if b.sum == nil {
		return io.EOF
	}
	if got := hex.EncodeToString(b.sum.Sum(nil)); got != b.etag {
		return &Error{Op: "GET object", Path: b.container + "/" + b.object, Kind: KindChecksum, Detail: "received bytes have MD5 " + got + ", the server's ETag is " + b.etag}
	}
	return io.EOF
}

func (b *body) Close() error { return b.rc.Close() }

// parseContentRange reads "bytes 1-3/10", a range of a length that is known.
func parseContentRange(s string) (first, total int64, err error) {
	var last int64
	if _, err := fmt.Sscanf(s, "bytes %d-%d/%d", &first, &last, &total); err != nil {
		return 0, 0, fmt.Errorf("Content-Range %q: %w", s, err)
	}
	if first < 0 || last < first || total <= last {
		return 0, 0, fmt.Errorf("Content-Range %q is no range of an object", s)
	}
	return first, total, nil
}
