package swiftbackend

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Piece is a run of a large object's content: a segment, or a range of one.
type Piece struct {
	Segment       // with the size and the ETag of the whole segment
	Off     int64 // where in the segment the piece begins
	Length  int64
	// Nested says that the segment is a large object itself.
	Nested bool
}

// wholeSegment is the piece that is all of a segment.
func wholeSegment(s Segment) Piece { return Piece{Segment: s, Length: s.Size} }

// whole reports whether the piece is all of its segment.
func (p *Piece) whole() bool { return p.Off == 0 && p.Length == p.Size }

// span is the piece's range in the form of manifests.
func (p *Piece) span() string { return fmt.Sprintf("%d-%d", p.Off, p.Off+p.Length-1) }

func totalLength(pieces []Piece) int64 {
	var n int64
	for i := range pieces {
		n += pieces[i].Length
	}
	return n
}

// segmentsOf returns the segments that pieces are of, each once.
func segmentsOf(pieces []Piece) []Segment {
	var segments []Segment
	seen := map[Name]bool{}
	for i := range pieces {
		s := pieces[i].Segment
		if n := (Name{s.Container, s.Name}); s.Name != "" && !seen[n] {
			seen[n] = true
			segments = append(segments, s)
		}
	}
	return segments
}

// Layout returns what a large object is made of, in order; info is what a HEAD
// tells of it. KindChanged says that it is another version by now. No pieces
// mean that they are not known: RGW does not give a static manifest back, so
// that they are found by their names there, see Segments; a manifest may hold
// bytes itself; and the segments of a dynamic one may not be listed yet.
func (c *Client) Layout(ctx context.Context, container, object string, info ObjectInfo) ([]Piece, error) {
	pieces, err := c.pieces(ctx, container, object, info)
	if err != nil || len(pieces) == 0 {
		return nil, err
	}
	for i := range pieces {
		if pieces[i].Name == "" {
			return nil, nil
		}
	}
	etag := manifestETag(pieces)
	switch {
	case info.SLO && etag != info.ETag:
		return nil, &Error{Op: "GET manifest", Path: container + "/" + object, Kind: KindChanged, Detail: "its ETag is " + etag + ", not " + info.ETag}
	case etag != info.ETag || totalLength(pieces) != info.Size:
		return nil, nil
	}
	return pieces, nil
}

// pieces asks for what the large object is made of now, and compares nothing.
// A piece without a name stands for bytes that a manifest holds itself.
func (c *Client) pieces(ctx context.Context, container, object string, info ObjectInfo) ([]Piece, error) {
	switch {
	case info.DLO != "":
		in, prefix, _ := strings.Cut(info.DLO, "/")
		return c.listPieces(ctx, in, prefix, func(string) bool { return true })
	case !info.SLO:
		return nil, nil
	}
	pieces, err := c.readManifest(ctx, container, object)
	if err != nil || len(pieces) > 0 {
		return pieces, err
	}
	own := func(name string) bool {
		rest, ok := strings.CutPrefix(name, object)
		return ok && segmentForm.MatchString(rest) && strings.LastIndex(rest, "/slo/") == 0
	}
	pieces, err = c.listPieces(ctx, container+SegmentsSuffix, object+"/slo/", own)
	if KindOf(err) == KindNotExist {
		return nil, nil
	}
	return uploadOf(pieces, info.ETag), err
}

// Segments returns the segments of a large object, for removing them once the
// object has been replaced. RGW does not give a static manifest back; there
// they are those segments of one series under the object's name that amount to
// its ETag, and none if no series' do: other series' segments may be another
// object's, which was renamed.
func (c *Client) Segments(ctx context.Context, container, object string, info ObjectInfo) ([]Segment, error) {
	pieces, err := c.pieces(ctx, container, object, info)
	return segmentsOf(pieces), err
}

// segmentForm is the end of a segment's name, behind that of its object: the
// prefix of its series, its number, and what tells those of one number apart.
var segmentForm = regexp.MustCompile(`/slo/[0-9.]+/[0-9a-f]+/[0-9]+/[0-9]{8}(-[0-9]+)?$`)

// OwnForm reports whether a segment is where uploads put those of some object:
// its name has the form that SegmentPrefix begins, in a container of segments.
// A renamed object has them under its former name.
func (s *Segment) OwnForm() bool {
	return strings.HasSuffix(s.Container, SegmentsSuffix) && segmentForm.MatchString(s.Name)
}

// seriesOf is the part of a segment's name that its series shares, number what
// is its place there.
func seriesOf(name string) (prefix, number string) {
	i := strings.LastIndexByte(name, '/') + 1
	number, _, _ = strings.Cut(name[i:], "-")
	return name[:i], number
}

// uploadOf returns those pieces, which are in the order of their names, that
// are of one series and amount to etag: all of it, or the latest of each number
// when some that were replaced have not been removed. If two series do, one may be
// a renamed object's of the same content, and nobody knows which.
func uploadOf(pieces []Piece, etag string) (upload []Piece) {
	for len(pieces) > 0 {
		prefix, _ := seriesOf(pieces[0].Name)
		n := 1
		for n < len(pieces) && strings.HasPrefix(pieces[n].Name, prefix) {
			n++
		}
		series := pieces[:n]
		if manifestETag(series) != etag {
			series = latestOfEach(series)
		}
		if manifestETag(series) == etag {
			if upload != nil {
				return nil
			}
			upload = series
		}
		pieces = pieces[n:]
	}
	return upload
}

func latestOfEach(pieces []Piece) []Piece {
	var latest []Piece
	last := ""
	for _, p := range pieces {
		_, number := seriesOf(p.Name)
		if number == last {
			before := latest[len(latest)-1].Name
			if len(p.Name) > len(before) || len(p.Name) == len(before) && p.Name > before {
				latest[len(latest)-1] = p
			}
			continue
		}
		latest, last = append(latest, p), number
	}
	return latest
}

// mostManifest is more than a manifest has on any server: mostPieces entries of
// some 600 bytes.
const mostManifest = 64 << 20

// manifestEntry is one of a static manifest that is given back.
type manifestEntry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Hash   string `json:"hash"`
	Range  string `json:"range"`
	Nested bool   `json:"sub_slo"`
}

func (e *manifestEntry) piece() (Piece, error) {
	in, name, _ := strings.Cut(strings.TrimPrefix(e.Name, "/"), "/")
	p := wholeSegment(Segment{Container: in, Name: name, Size: e.Bytes, ETag: e.Hash})
	p.Nested = e.Nested
	if e.Range == "" {
		return p, nil
	}
	var last int64
	if _, err := fmt.Sscanf(e.Range, "%d-%d", &p.Off, &last); err != nil {
		return p, fmt.Errorf("range %q: %w", e.Range, err)
	}
	p.Length = last - p.Off + 1
	return p, nil
}

// readManifest asks for a static manifest; none if RGW is asked, which answers
// with nothing.
func (c *Client) readManifest(ctx context.Context, container, object string) ([]Piece, error) {
	info, pieces, err := c.getManifest(ctx, container, object, url.Values{"multipart-manifest": {"get"}})
	if err == nil && !info.SLO && !c.info.RGW {
		// What came is the content of another version.
		err = &Error{Op: "GET manifest", Path: container + "/" + object, Kind: KindChanged, Detail: "it is no static large object now"}
	}
	return pieces, err
}

// Manifest is Segments of a static large object and, where the server gives
// manifests back, what a HEAD tells but for the type, in one request.
func (c *Client) Manifest(ctx context.Context, container, object string) (ObjectInfo, []Segment, error) {
	info, pieces, err := c.getManifest(ctx, container, object, asItIs)
	return info, segmentsOf(pieces), err
}

// getManifest asks for what is stored in place of what it stands for: the pieces
// of a static manifest, none of anything else.
func (c *Client) getManifest(ctx context.Context, container, object string, params url.Values) (ObjectInfo, []Piece, error) {
	r := &request{method: http.MethodGet, what: "manifest", container: container, object: object, params: params}
	resp, err := c.call(ctx, r, false)
	if err != nil {
		return ObjectInfo{}, nil, err
	}
	defer drain(resp)
	info := objectInfo(resp.Header, resp.ContentLength)
	if !info.SLO || c.info.RGW {
		return info, nil, nil
	}
	var entries []manifestEntry
	if err := decodeJSON(resp.Body, mostManifest, &entries); err != nil {
		return info, nil, r.wrap(fmt.Errorf("reading the manifest: %w", err))
	}
	pieces := make([]Piece, len(entries))
	for i := range entries {
		if pieces[i], err = entries[i].piece(); err != nil {
			return info, nil, r.wrap(fmt.Errorf("reading the manifest: %w", err))
		}
	}
	// The headers tell of the text.
	info.ETag, info.Size, info.ContentType = manifestETag(pieces), totalLength(pieces), ""
	return info, pieces, nil
}

func (c *Client) listPieces(ctx context.Context, container, prefix string, own func(name string) bool) ([]Piece, error) {
	var pieces []Piece
	o := ListOptions{Prefix: prefix}
	for {
		end, err := c.ListObjects(ctx, container, o, func(row ObjectRow) error {
			o.Marker = row.Name
			if own(row.Name) {
				p := wholeSegment(Segment{Container: container, Name: row.Name, Size: row.Bytes, ETag: row.Hash})
				p.Nested = row.SLOETag != ""
				pieces = append(pieces, p)
			}
			return nil
		})
		if err != nil || end {
			return pieces, err
		}
	}
}
