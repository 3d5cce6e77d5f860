package fakeswift

import (
	"net/http"
	"strings"
	"time"
)

// checkConditions applies the conditional headers of a GET or HEAD to an object with this ETag and
// Last-Modified: 304 or 412, or nil to go on. If-Range is ignored, as Swift does.
func checkConditions(h http.Header, etag string, modified time.Time) *failure {
	answer := func(status int) *failure {
		return &failure{status: status, header: http.Header{
			"Etag": {etag}, "Last-Modified": {modified.Format(http.TimeFormat)},
		}}
	}
	if v := h.Get("If-None-Match"); v != "" && matchesETag(v, etag) {
		return answer(http.StatusNotModified)
	}
	if v := h.Get("If-Match"); v != "" && !matchesETag(v, etag) {
		return answer(http.StatusPreconditionFailed)
	}
	if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !modified.After(t) {
		return answer(http.StatusNotModified)
	}
	if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && modified.After(t) {
		return answer(http.StatusPreconditionFailed)
	}
	return nil
}

// matchesETag reports whether a list of ETags, quoted or not, or "*" has this one.
func matchesETag(list, etag string) bool {
	etag = unquoteETag(etag)
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || unquoteETag(one) == etag {
			return true
		}
	}
	return false
}

// unquoteETag strips the quotes that clients may or may not send.
func unquoteETag(etag string) string { return strings.Trim(strings.TrimSpace(etag), `"`) }
