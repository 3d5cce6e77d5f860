package fakeswift

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHeaderLine and maxHeaders bound what the HTTP layer of Swift reads.
const (
	maxHeaderLine = 8192
	maxHeaders    = 100
)

// checkHeaders refuses what does not get past Swift's HTTP layer.
func (q *request) checkHeaders() *failure {
	n := 0
	for name, values := range q.r.Header {
		for _, v := range values {
			if n++; len(name)+len(v)+4 > maxHeaderLine {
				return failf(http.StatusBadRequest, "Header Line Too Long")
			}
		}
	}
	if n > maxHeaders {
		return failf(http.StatusRequestHeaderFieldsTooLarge, "Headers Too Large")
	}
	return nil
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// canonical is a header name as Swift gives it back: underscores have become dashes.
func canonical(name string) string {
	return textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// userMeta returns the metadata headers that begin with prefix, such as "X-Object-Meta-".
func userMeta(h http.Header, prefix string) map[string]string {
	meta := make(map[string]string)
	for name, values := range h {
		if name = canonical(name); strings.HasPrefix(name, prefix) {
			meta[name] = strings.Join(values, ",")
		}
	}
	return meta
}

// checkMeta applies the limits on metadata.
func (l *Limits) checkMeta(meta map[string]string, prefix string) *failure {
	total := 0
	for name, value := range meta {
		name = strings.TrimPrefix(name, prefix)
		total += len(name) + len(value)
		switch {
		case name == "":
			return failf(http.StatusBadRequest, "Metadata name cannot be empty")
		case len(name) > l.MaxMetaName:
			return failf(http.StatusBadRequest, "Metadata name too long: %s%s", prefix, name)
		case len(value) > l.MaxMetaValue:
			return failf(http.StatusBadRequest, "Metadata value longer than %d: %s%s", l.MaxMetaValue, prefix, name)
		case !utf8.ValidString(value):
			return failf(http.StatusBadRequest, "Metadata must be valid UTF-8")
		}
	}
	if len(meta) > l.MaxMetaCount {
		return failf(http.StatusBadRequest, "Too many metadata items; max %d", l.MaxMetaCount)
	}
	if total > l.MaxMetaOverall {
		return failf(http.StatusBadRequest, "Total metadata too large; max %d", l.MaxMetaOverall)
	}
	return nil
}

// storedHeaders are the headers, besides X-Object-Meta-*, that an object keeps and gives back.
var storedHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
	"X-Object-Manifest", "X-Robots-Tag",
}

// objectMeta reads from the request what PUT and POST store in place of an object's old metadata.
func (q *request) objectMeta() (meta map[string]string, deleteAt int64, f *failure) {
	h := q.r.Header
	meta = userMeta(h, "X-Object-Meta-")
	if f = q.s.opts.Limits.checkMeta(meta, "X-Object-Meta-"); f != nil {
		return nil, 0, f
	}
	for _, name := range storedHeaders {
		if v := h.Get(name); v != "" {
			meta[name] = v
		}
	}
	if f = checkManifestHeader(meta["X-Object-Manifest"]); f != nil && q.s.has("dlo") {
		return nil, 0, f
	}
	deleteAt, f = q.deleteAt()
	return meta, deleteAt, f
}

// deleteAt reads X-Delete-After and X-Delete-At; 0 means for ever.
func (q *request) deleteAt() (int64, *failure) {
	now := q.s.opts.Now().Unix()
	if v := q.r.Header.Get("X-Delete-After"); v != "" {
		after, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0, failf(http.StatusBadRequest, "Non-integer X-Delete-After")
		}
		if after <= 0 {
			return 0, failf(http.StatusBadRequest, "X-Delete-After in past")
		}
		return now + after, nil
	}
	v := q.r.Header.Get("X-Delete-At")
	if v == "" {
		return 0, nil
	}
	at, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, failf(http.StatusBadRequest, "Non-integer X-Delete-At")
	}
	if at <= now {
		return 0, failf(http.StatusBadRequest, "X-Delete-At in past")
	}
	return at, nil
}

// contentType reads the type a PUT gives an object.
func (q *request) contentType() (string, *failure) {
	ct := q.r.Header.Get("Content-Type")
	if hasSwiftBytes(ct) {
		return "", failf(http.StatusBadRequest, "Invalid Content-Type, swift_bytes is not a valid parameter name.")
	}
	if ct == "" || isTrue(q.r.Header.Get("X-Detect-Content-Type")) {
		return guessContentType(q.object), nil
	}
	return ct, nil
}

// isTrue is Swift's reading of a boolean.
func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "true", "1", "yes", "on", "t", "y":
		return true
	}
	return false
}

// mergeMeta applies a POST of account or container metadata: values replace, empty values and X-Remove- delete.
func mergeMeta(meta map[string]string, h http.Header, level string, others ...string) {
	prefix := "X-" + level + "-Meta-"
	set := func(name, value string) {
		if value == "" {
			delete(meta, name)
		} else {
			meta[name] = value
		}
	}
	for name, value := range userMeta(h, prefix) {
		set(name, value)
	}
	for name := range userMeta(h, "X-Remove-"+level+"-Meta-") {
		delete(meta, prefix+strings.TrimPrefix(name, "X-Remove-"+level+"-Meta-"))
	}
	for _, name := range others {
		if values, ok := h[name]; ok {
			set(name, strings.Join(values, ","))
		}
		if _, ok := h["X-Remove-"+strings.TrimPrefix(name, "X-")]; ok {
			delete(meta, name)
		}
	}
}

// quota reads a quota from metadata; -1 if there is none.
func quota(meta map[string]string, name string) int64 {
	n, err := strconv.ParseInt(meta[name], 10, 64)
	if err != nil {
		return -1
	}
	return n
}
