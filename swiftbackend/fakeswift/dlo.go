package fakeswift

import (
	"crypto/md5" //nolint:gosec // the ETag of Swift is an MD5
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A dynamic large object is an object whose X-Object-Manifest header names a container and a prefix: its content
// is that of all objects listed there, at the time of each request.

// checkManifestHeader applies the form that X-Object-Manifest must have, if it is sent.
func checkManifestHeader(value string) *failure {
	if value == "" {
		return nil
	}
	container, prefix, _ := strings.Cut(value, "/")
	if container == "" || prefix == "" || strings.HasPrefix(prefix, "/") || strings.ContainsAny(value, "?&") {
		return failf(http.StatusBadRequest, "X-Object-Manifest must be in the format container/prefix")
	}
	return nil
}

// prefixContent is the content of a dynamic large object.
func (s *Server) prefixContent(a *account, header string, body bool) (content, error) {
	if decoded, err := url.PathUnescape(header); err == nil {
		header = decoded
	}
	container, prefix, _ := strings.Cut(strings.TrimPrefix(header, "/"), "/")
	var rows []listRow[*version]
	if c := a.container(container); c != nil {
		c.mu.RLock()
		vw := c.listingLocked()
		rows = list(vw.objects, listQuery{prefix: prefix, limit: vw.objects.n})
		c.mu.RUnlock()
	}
	sum := md5.New() //nolint:gosec // see import
	var whole content
	for _, r := range rows {
		_, _ = sum.Write([]byte(r.val.etag))
		whole.size += r.val.listedSize()
		if !body {
			continue
		}
		parts := []part{{container: container, object: r.name, etag: r.val.etag, n: r.val.size}}
		if r.val.slo != nil {
			var err error
			if parts, err = s.manifestParts(a, r.val.slo, 1); err != nil {
				return whole, err
			}
		} else if err := s.checkSegment(a, parts[0]); err != nil {
			return whole, err
		}
		whole.parts = append(whole.parts, parts...)
	}
	whole.etag = `"` + hex.EncodeToString(sum.Sum(nil)) + `"`
	return whole, nil
}

// checkSegment looks whether a segment is there and what it should be.
func (s *Server) checkSegment(a *account, p part) error {
	v, err := s.segment(a, p.container, p.object, p.etag)
	if err != nil {
		return fmt.Errorf("%s/%s: %w", p.container, p.object, err)
	}
	v.blob.release()
	return nil
}
