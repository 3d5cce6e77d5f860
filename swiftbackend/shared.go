package swiftbackend

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A large object that is renamed has two manifests of the same segments for a
// moment, and for good if the rename is cut off then. Neither may take the
// segments from the other. So each tells in its metadata what the other is called:
// the old one before there is a new one, which has the former name from the
// beginning. Whoever deletes an object's segments leaves those that the object of
// that name has. The same is asked about the name that a segment has got from its
// object, for manifests whose metadata somebody has replaced.
//
// That is enough as long as no more than two share: an object whose other name is
// still there does not get a third one, but a copy of its segments. Those that it
// alone had are left to Orphans then.
//
// RGW can only tell the new one, because a POST takes the size of a static large
// object from listings, and does not say what a manifest names. So there the
// new one leaves all segments to the old one, if that has the same ETag; and when
// the old one is deleted first, or revised, its twin is not found.

// otherName begins the names of the metadata with the other name, which is too
// long for one header if it is long itself. All but the last end in otherNameGoesOn.
const (
	otherName       = "Other-Name-"
	otherNameGoesOn = "&"
)

// IsOtherName reports whether metadata of an object, by its name behind
// "X-Object-Meta-", is what large objects have to know each other by that may
// have the same segments. It goes with the segments: a new version of some of them
// keeps it.
func IsOtherName(meta string) bool {
	number, ok := strings.CutPrefix(meta, otherName)
	_, err := strconv.ParseUint(number, 10, 16)
	return ok && err == nil
}

// KeepOtherName gives the metadata of a new version what the old one has of that.
func KeepOtherName(meta *map[string]string, old map[string]string) {
	for k, v := range old {
		if IsOtherName(k) {
			if *meta == nil {
				*meta = map[string]string{}
			}
			(*meta)[k] = v
		}
	}
}

// otherNameMeta returns the metadata that say that n is the other name.
func (c *Client) otherNameMeta(n Name) map[string]string {
	text := strings.ReplaceAll(url.QueryEscape(n.path()), "%2F", "/")
	if short := ":" + base64.RawURLEncoding.EncodeToString([]byte(n.path())); len(short) < len(text) {
		text = short
	}
	meta := map[string]string{}
	most := max(c.info.MaxMetaValue-len(otherNameGoesOn), 1)
	for len(text) > most {
		meta[otherName+strconv.Itoa(len(meta))] = text[:most] + otherNameGoesOn
		text = text[most:]
	}
	meta[otherName+strconv.Itoa(len(meta))] = text
	return meta
}

// otherNameIn reads what otherNameMeta has made.
func otherNameIn(meta map[string]string) (n Name, ok bool) {
	var text strings.Builder
	for i, more := 0, true; more; i++ {
		piece, ok := meta[otherName+strconv.Itoa(i)]
		if !ok {
			return Name{}, false
		}
		piece, more = strings.CutSuffix(piece, otherNameGoesOn)
		text.WriteString(piece)
	}
	path, err := url.QueryUnescape(text.String())
	if short, ok := strings.CutPrefix(text.String(), ":"); ok {
		var decoded []byte
		decoded, err = base64.RawURLEncoding.DecodeString(short)
		path = string(decoded)
	}
	if err != nil {
		return Name{}, false
	}
	n.Container, n.Object, ok = strings.Cut(path, "/")
	return n, ok
}

// withoutOtherName drops it from the metadata of what shares no segments.
func withoutOtherName(meta map[string]string) {
	for k := range meta {
		if IsOtherName(k) {
			delete(meta, k)
		}
	}
}

// cloneLarge stores a second manifest of an object's segments. It takes a POST, and
// a HEAD before it if info has no headers, and one more request if the object has
// another name already. An object that cannot be given one in its metadata, because
// there is no room for it, has its segments copied, too.
func (c *Client) cloneLarge(ctx context.Context, from, to Name, info ObjectInfo, o CloneOptions) (ObjectInfo, error) {
	if info.Header == nil {
		h, _, err := c.quietly(ctx, &request{method: http.MethodHead, what: "object", container: from.Container, object: from.Object, params: linkAsItIs})
		if err != nil {
			return ObjectInfo{}, err
		}
		now := objectInfo(h, number(h, "Content-Length"))
		if now.ETag != info.ETag {
			return ObjectInfo{}, conflict("COPY object", from, now.ETag, info.ETag)
		}
		info = now
	}
	why := "another object has the same segments, which a rename that was cut off leaves behind"
	if !c.sharedAlready(ctx, from, to, info) {
		why = "there is no room in its metadata for its other name"
		err := c.tellOtherName(ctx, from, to, info, o.SourceType)
		if err == nil {
			var clone ObjectInfo
			if clone, err = c.clone(ctx, from, to, info, o, asItIs, c.otherNameHeader(from)); KindOf(err) != KindInvalid {
				return clone, err
			}
		}
		if KindOf(err) != KindInvalid {
			return ObjectInfo{}, err
		}
	}
	c.log.Warn("a large object gets another name with a copy of its segments", "old", from.path(), "new", to.path(), "because", why)
	return c.Duplicate(ctx, from, to, ObjectInfo{ETag: info.ETag, Size: info.Size, SLO: info.SLO, DLO: info.DLO}, o)
}

// tellOtherName gives the object at n its other name, and else leaves it as it is.
func (c *Client) tellOtherName(ctx context.Context, n, other Name, info ObjectInfo, contentType string) error {
	o := PutOptions{ContentType: contentType, Meta: c.otherNameMeta(other), Header: keptHeaders(info.Header)}
	for k, v := range info.Meta {
		if !IsOtherName(k) {
			o.Meta[k] = v
		}
	}
	return c.Post(ctx, n.Container, n.Object, o)
}

// otherNameHeader is what a second manifest has beside what it has from the first,
// which is at n.
func (c *Client) otherNameHeader(n Name) map[string]string {
	return PutOptions{Meta: c.otherNameMeta(n)}.header()
}

// sharedAlready reports whether the object at n, which is to get the name to, may
// share segments with a third.
func (c *Client) sharedAlready(ctx context.Context, n, to Name, info ObjectInfo) bool {
	other, ok := otherNameIn(info.Meta)
	if !ok || other == n || other == to {
		return false
	}
	named, err := c.namedBy(ctx, other, info.ETag)
	if err != nil || named.nothing() {
		return err != nil
	}
	segments, err := c.Segments(ctx, n.Container, n.Object, info)
	return err != nil || slices.ContainsFunc(segments, named.has)
}

// unshared returns those of an object's segments that no other object may have.
// What cannot be found out leaves them all where they are.
func (c *Client) unshared(ctx context.Context, n Name, info ObjectInfo, segments []Segment) []Segment {
	for _, other := range otherNames(n, info.Meta, segments) {
		if len(segments) == 0 {
			break
		}
		named, err := c.namedBy(ctx, other, info.ETag)
		if err != nil {
			c.log.Warn("the segments of a large object stay, because another one may have them", "path", n.path(), "other", other.path(), "error", err)
			return nil
		}
		segments = slices.DeleteFunc(segments, named.has)
	}
	return segments
}

// mayBeShared is unshared for an object whose segments are not known.
func (c *Client) mayBeShared(ctx context.Context, n Name, info ObjectInfo) bool {
	unknown := []Segment{{}}
	return len(c.unshared(ctx, n, info, unknown)) == 0
}

// otherNames are the names, beside n, that an object's metadata and its segments
// tell.
func otherNames(n Name, meta map[string]string, segments []Segment) []Name {
	var all []Name
	add := func(other Name) {
		if other != n && !slices.Contains(all, other) {
			all = append(all, other)
		}
	}
	if other, ok := otherNameIn(meta); ok {
		add(other)
	}
	for i := range segments {
		if s := &segments[i]; s.OwnForm() {
			add(Name{strings.TrimSuffix(s.Container, SegmentsSuffix), s.Name[:segmentForm.FindStringIndex(s.Name)[0]]})
		}
	}
	return all
}

// namedSegments are those that a manifest names.
type namedSegments struct {
	all      bool
	segments map[Name]bool
	prefix   Name // of a dynamic one, or zero
}

func (s *namedSegments) nothing() bool {
	return !s.all && len(s.segments) == 0 && s.prefix == Name{}
}

func (s *namedSegments) has(g Segment) bool {
	dynamic := s.prefix != Name{} && s.prefix.Container == g.Container && strings.HasPrefix(g.Name, s.prefix.Object)
	return s.all || dynamic || s.segments[Name{g.Container, g.Name}]
}

// namedBy asks what the manifest at n names; nothing if there is none. RGW does
// not tell: there a static one counts if it has the ETag of the object in
// question, because then it may be its twin.
func (c *Client) namedBy(ctx context.Context, n Name, etag string) (*namedSegments, error) {
	var info ObjectInfo
	var pieces []Piece
	var err error
	if c.info.RGW {
		info, err = c.Head(ctx, n.Container, n.Object)
	} else {
		info, pieces, err = c.getManifest(ctx, n.Container, n.Object, asItIs)
	}
	named := &namedSegments{segments: map[Name]bool{}}
	if err != nil {
		return named, unlessGone(err)
	}
	named.all = c.info.RGW && info.SLO && info.ETag == etag
	named.prefix.Container, named.prefix.Object, _ = strings.Cut(info.DLO, "/")
	for _, s := range segmentsOf(pieces) {
		named.segments[Name{s.Container, s.Name}] = true
	}
	return named, nil
}
