package fakeswift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A static large object is an object whose stored bytes are a manifest in JSON: a list of segments with their
// ETags and sizes, checked when it is stored and again when it is read.

// maxManifestSize bounds a manifest.
const maxManifestSize = 8 << 20

// manifest is what a static large object stands for.
type manifest struct {
	segments []segment
	size     int64
	etag     string // hex MD5 of the segments' ETags
}

func (m *manifest) quotedETag() string { return `"` + m.etag + `"` }

// segment is one entry of a manifest, in the form that is stored and given back.
type segment struct {
	Name         string `json:"name"` // "/container/object"
	Bytes        int64  `json:"bytes"`
	Hash         string `json:"hash"`
	ContentType  string `json:"content_type"`
	LastModified string `json:"last_modified"`
	Range        string `json:"range,omitempty"` // "first-last"
	SubSLO       bool   `json:"sub_slo,omitempty"`
}

func (sg *segment) split() (container, object string) {
	container, object, _ = strings.Cut(strings.TrimPrefix(sg.Name, "/"), "/")
	return container, object
}

// span is the part of the segment that the manifest takes.
func (sg *segment) span() span {
	if spans, ok := parseRange("bytes="+sg.Range, sg.Bytes); sg.Range != "" && ok && len(spans) == 1 {
		return spans[0]
	}
	return span{0, sg.Bytes}
}

// sentSegment is an entry as clients send it and as format=raw gives it back.
type sentSegment struct {
	Path  string       `json:"path"`
	ETag  *string      `json:"etag,omitempty"`
	Size  *json.Number `json:"size_bytes,omitempty"`
	Range string       `json:"range,omitempty"`
}

// putManifest stores a static large object.
func (q *request) putManifest() *failure {
	body, err := io.ReadAll(http.MaxBytesReader(nil, q.r.Body, maxManifestSize))
	if err != nil {
		return uploadFailure(err)
	}
	sent, f := q.parseManifest(body)
	if f != nil {
		return f
	}
	m, f := q.buildManifest(sent)
	if f != nil {
		return f
	}
	if sum := unquoteETag(q.r.Header.Get("Etag")); sum != "" && sum != m.etag {
		return &failure{status: http.StatusUnprocessableEntity}
	}
	v, f := q.newVersion()
	if f != nil {
		return f
	}
	stored, err := json.Marshal(m.segments)
	if err != nil {
		return failf(http.StatusInternalServerError, "%v", err)
	}
	c := q.account.container(q.container)
	if c == nil {
		return notFound
	}
	v.slo, v.blob, v.size, v.etag = m, newMemoryBlob(stored), int64(len(stored)), md5Hex(stored)
	return q.finishPut(c, v, m.quotedETag())
}

func (q *request) parseManifest(body []byte) ([]sentSegment, *failure) {
	var sent []sentSegment
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&sent); err != nil || sent == nil {
		return nil, failf(http.StatusBadRequest, "Manifest must be valid JSON.\n")
	}
	if limit := q.s.opts.Limits.MaxManifestSegments; len(sent) > limit {
		return nil, failf(http.StatusRequestEntityTooLarge, "Number of segments must be <= %d", limit)
	}
	return sent, nil
}

// buildManifest looks at every segment and collects what is wrong.
func (q *request) buildManifest(sent []sentSegment) (*manifest, *failure) {
	m := &manifest{segments: make([]segment, 0, len(sent))}
	var problems strings.Builder
	var etags strings.Builder
	for i, one := range sent {
		sg, problem := q.checkSent(one)
		if sp := sg.span(); problem == "" && sp.from == sp.to && i < len(sent)-1 {
			problem = "Too small; each segment must be at least 1 byte."
		}
		if problem != "" {
			fmt.Fprintf(&problems, "%s, %s\n", one.Path, problem)
			continue
		}
		m.segments = append(m.segments, sg)
		sp := sg.span()
		m.size += sp.to - sp.from
		etags.WriteString(sg.Hash)
		if sg.Range != "" {
			etags.WriteString(":" + sg.Range + ";")
		}
	}
	if problems.Len() > 0 {
		return nil, failf(http.StatusBadRequest, "Errors:\n%s", problems.String())
	}
	m.etag = md5Hex([]byte(etags.String()))
	return m, nil
}

// checkSent compares an entry with the object it names; problem is empty if they agree.
func (q *request) checkSent(one sentSegment) (sg segment, problem string) {
	sg.Name = "/" + strings.TrimPrefix(one.Path, "/")
	container, object := sg.split()
	if container == "" || object == "" {
		return sg, "path does not refer to an object. Path must be of the form /container/object."
	}
	v, f := q.s.openThrough(q.account, container, object, false)
	if f != nil {
		return sg, statusLine(f.status)
	}
	defer v.blob.release()
	sg.Bytes, sg.Hash = v.size, v.etag
	if v.slo != nil {
		sg.Bytes, sg.Hash, sg.SubSLO = v.slo.size, v.slo.etag, true
	}
	sg.ContentType = v.contentType
	// Swift takes this date from a Last-Modified header, so it has whole seconds.
	sg.LastModified = v.modified.seconds().Format("2006-01-02T15:04:05.000000")
	if one.Size != nil {
		if size, err := one.Size.Int64(); err != nil || size != sg.Bytes {
			return sg, "Size Mismatch"
		}
	}
	if one.ETag != nil && *one.ETag != "" && unquoteETag(*one.ETag) != sg.Hash {
		return sg, "Etag Mismatch"
	}
	if one.Range != "" {
		spans, ok := parseRange("bytes="+one.Range, sg.Bytes)
		switch whole := (span{0, sg.Bytes}); {
		case !ok || len(spans) != 1:
			return sg, "Unsatisfiable Range"
		case spans[0] != whole: // else it is no range
			sg.Range = fmt.Sprintf("%d-%d", spans[0].from, spans[0].to-1)
		}
	}
	return sg, ""
}

// manifestParts is the content of a static large object, with each segment looked at.
func (s *Server) manifestParts(a *account, m *manifest, depth int) ([]part, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("manifests nested too deep: %w", errSegment)
	}
	var parts []part
	for _, sg := range m.segments {
		sub, err := s.segmentParts(a, &sg, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sg.Name, err)
		}
		parts = append(parts, slice(sub, sg.span())...)
	}
	return parts, nil
}

func (s *Server) segmentParts(a *account, sg *segment, depth int) ([]part, error) {
	container, object := sg.split()
	if !sg.SubSLO {
		p := part{container: container, object: object, etag: sg.Hash, n: sg.Bytes}
		return []part{p}, s.checkSegment(a, p)
	}
	v, f := s.openThrough(a, container, object, false)
	if f != nil {
		return nil, errSegment
	}
	defer v.blob.release()
	if v.slo == nil || v.slo.etag != sg.Hash {
		return nil, errSegment
	}
	return s.manifestParts(a, v.slo, depth+1)
}

// getManifest answers ?multipart-manifest=get of a static large object.
func (q *request) getManifest(o found) *failure {
	body, etag := o.blob.data, o.etag
	if q.query.Get("format") == "raw" {
		var err error
		if body, err = json.Marshal(o.slo.sent()); err != nil {
			return failf(http.StatusInternalServerError, "%v", err)
		}
		etag = md5Hex(body)
	}
	if f := checkConditions(q.r.Header, etag, o.modified.seconds()); f != nil {
		return f
	}
	o.writeHeader(q.w.Header(), etag)
	q.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return q.sendContent(int64(len(body)), func(sp span) error {
		_, err := q.w.Write(body[sp.from:sp.to])
		return err
	})
}

// sent is the manifest in the form of a PUT.
func (m *manifest) sent() []sentSegment {
	sent := make([]sentSegment, len(m.segments))
	for i, sg := range m.segments {
		size := json.Number(fmt.Sprint(sg.Bytes))
		sent[i] = sentSegment{Path: sg.Name, ETag: &sg.Hash, Size: &size, Range: sg.Range}
	}
	return sent
}

// deleteManifest deletes a static large object together with its segments.
func (q *request) deleteManifest() *failure {
	var res bulkResult
	self := q.container + "/" + q.object
	o, f := q.s.open(q.account, q.container, q.object)
	switch {
	case f != nil:
		res.notFound++
	case o.slo == nil:
		res.fail(self, "Not an SLO manifest")
		o.blob.release()
	default:
		for _, path := range append(q.s.segmentPaths(q.account, o.slo, 0), self) {
			q.deletePath(path, &res)
		}
		o.blob.release()
	}
	return q.sendBulk(&res)
}

// segmentPaths lists the segments of a manifest, those of nested manifests before the nested manifest.
func (s *Server) segmentPaths(a *account, m *manifest, depth int) (paths []string) {
	for _, sg := range m.segments {
		container, object := sg.split()
		if sg.SubSLO && depth < maxNesting {
			if v, f := s.open(a, container, object); f == nil {
				if v.slo != nil {
					paths = append(paths, s.segmentPaths(a, v.slo, depth+1)...)
				}
				v.blob.release()
			}
		}
		paths = append(paths, container+"/"+object)
	}
	return paths
}
