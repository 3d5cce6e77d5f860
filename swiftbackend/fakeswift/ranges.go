package fakeswift

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// span is the bytes [from, to) of an object.
type span struct{ from, to int64 }

func (sp span) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", sp.from, sp.to-1, size)
}

// maxRanges is the number of ranges beyond which a request is refused as unsatisfiable.
const maxRanges = 50

// parseRange reads a Range header for an object of this size. ok is false if there is none, or none that makes
// sense, and the whole object is the answer; no spans with ok mean 416.
func parseRange(header string, size int64) (spans []span, ok bool) {
	list, found := strings.CutPrefix(header, "bytes=")
	if !found {
		return nil, false
	}
	for one := range strings.SplitSeq(list, ",") {
		first, last, found := strings.Cut(strings.TrimSpace(one), "-")
		if !found {
			return nil, false
		}
		sp, ok := parseSpan(first, last, size)
		if !ok {
			return nil, false
		}
		if sp.from < sp.to {
			spans = append(spans, sp)
		}
	}
	if len(spans) > maxRanges {
		return nil, true
	}
	return spans, true
}

// parseSpan reads one range; an unsatisfiable one is empty, a malformed one not ok.
func parseSpan(first, last string, size int64) (sp span, ok bool) {
	from, errFrom := strconv.ParseInt(first, 10, 64)
	to, errTo := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errTo == nil && to >= 0:
		return span{max(0, size-to), size}, true
	case errFrom != nil || from < 0:
		return sp, false
	case last == "":
		return span{from, size}, true
	case errTo != nil || to < from:
		return sp, false
	}
	return span{from, min(to+1, size)}, true
}

// sendContent answers a GET or HEAD with a content of this size: whole, one range, several, or 416. The headers that
// describe the object are set already; body writes one span of it.
func (q *request) sendContent(size int64, body func(span) error) *failure {
	h := q.w.Header()
	if q.r.Method == http.MethodHead {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	spans, ok := parseRange(q.r.Header.Get("Range"), size)
	switch {
	case !ok:
		h.Set("Content-Length", strconv.FormatInt(size, 10))
		q.w.WriteHeader(http.StatusOK)
		q.stream(body, span{0, size})
	case len(spans) == 0:
		return &failure{
			status: http.StatusRequestedRangeNotSatisfiable,
			header: http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", size)}},
		}
	case len(spans) == 1:
		h.Set("Content-Length", strconv.FormatInt(spans[0].to-spans[0].from, 10))
		h.Set("Content-Range", spans[0].contentRange(size))
		q.w.WriteHeader(http.StatusPartialContent)
		q.stream(body, spans[0])
	default:
		q.sendMultipart(size, spans, body)
	}
	return nil
}

// sendMultipart answers with several ranges.
func (q *request) sendMultipart(size int64, spans []span, body func(span) error) {
	boundary := strings.ToLower(rand.Text())
	h := q.w.Header()
	partType := h.Get("Content-Type")
	h.Set("Content-Type", "multipart/byteranges;boundary="+boundary)
	heads := make([]string, len(spans))
	tail := "--" + boundary + "--"
	length := int64(len(tail))
	for i, sp := range spans {
		heads[i] = "--" + boundary + "\r\nContent-Type: " + partType + "\r\nContent-Range: " + sp.contentRange(size) + "\r\n\r\n"
		length += int64(len(heads[i])) + sp.to - sp.from + 2
	}
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	q.w.WriteHeader(http.StatusPartialContent)
	for i, sp := range spans {
		_, _ = q.w.Write([]byte(heads[i]))
		if !q.stream(body, sp) {
			return
		}
		_, _ = q.w.Write([]byte("\r\n"))
	}
	_, _ = q.w.Write([]byte(tail))
}

// stream writes one span. What goes wrong now, a client that left or a segment that vanished, can only show as
// an answer shorter than announced.
func (q *request) stream(body func(span) error, sp span) bool {
	return sp.from == sp.to || body(sp) == nil
}
