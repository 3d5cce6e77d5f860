package swiftbackend

import (
	"context"
	"crypto/md5" //nolint:gosec // the ETag of a manifest is an MD5 of MD5s
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// SegmentsSuffix is what the name of the container of a container's segments
// ends in, by a convention that the swift CLI and rclone share.
const SegmentsSuffix = "_segments"

// Segment is one piece of a large object.
type Segment struct {
	Container string
	Name      string
	Size      int64
	ETag      string
}

// SegmentPrefix returns a fresh prefix for the segments of one upload of
// object, of the swift CLI's form object/slo/mtime/size/segment-size/, with a
// random part in the place of the size, which is not known while a program
// still writes.
func SegmentPrefix(object string, now time.Time, segmentSize int64) string {
	var unique [8]byte
	_, _ = rand.Read(unique[:]) // never fails, by its documentation
	return fmt.Sprintf("%s/slo/%d.%06d/%s/%d/", object, now.Unix(), now.Nanosecond()/1000, hex.EncodeToString(unique[:]), segmentSize)
}

// PutSegment stores one segment, creating its container, of the same storage
// policy as the object's, when it is missing.
func (c *Client) PutSegment(ctx context.Context, container, name string, content Content) (Segment, error) {
	segments := container + SegmentsSuffix
	info, err := c.Put(ctx, segments, name, content, PutOptions{ContentType: "application/octet-stream"})
	if KindOf(err) == KindNotExist {
		if err = c.createSegmentContainer(ctx, container, segments); err != nil {
			return Segment{}, err
		}
		info, err = c.Put(ctx, segments, name, content, PutOptions{ContentType: "application/octet-stream"})
	}
	if err != nil {
		return Segment{}, err
	}
	return Segment{Container: segments, Name: name, Size: content.Size, ETag: info.ETag}, nil
}

func (c *Client) createSegmentContainer(ctx context.Context, container, segments string) error {
	base, err := c.Container(ctx, container)
	if err != nil {
		return err
	}
	var header map[string]string
	if base.Policy != "" {
		header = map[string]string{"X-Storage-Policy": base.Policy}
	}
	_, err = c.CreateContainer(ctx, segments, header)
	return err
}

// StaticManifest reports whether a large object of so many segments gets a static
// manifest, which names each of them, or a dynamic one, which names a prefix.
func (c *Client) StaticManifest(segments int) bool {
	return c.info.SLO && segments <= c.info.MaxSLOSegments
}

// PutManifest makes object the sequence of segments: a static large object
// where the server has them and takes as many, else a dynamic one, for which
// prefix must be common to exactly these segments. The object that was there
// stays until the manifest is complete.
func (c *Client) PutManifest(ctx context.Context, container, object, prefix string, segments []Segment, o PutOptions) (ObjectInfo, error) {
	var size int64
	for _, s := range segments {
		size += s.Size
	}
	if c.StaticManifest(len(segments)) {
		return c.putSLO(ctx, container, object, segments, size, o)
	}
	return c.putDLO(ctx, container, object, prefix, segments, size, o)
}

type sloEntry struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
	Size int64  `json:"size_bytes"`
}

func (c *Client) putSLO(ctx context.Context, container, object string, segments []Segment, size int64, o PutOptions) (ObjectInfo, error) {
	entries := make([]sloEntry, len(segments))
	for i, s := range segments {
		entries[i] = sloEntry{Path: "/" + s.Container + "/" + s.Name, ETag: s.ETag, Size: s.Size}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return ObjectInfo{}, err
	}
	r := &request{
		method: http.MethodPut, what: "manifest", container: container, object: object, header: o.header(),
		params: url.Values{"multipart-manifest": {"put"}}, hints: hints{retry409: true, on412: o.on412(), slow: true},
	}
	content := Content{Size: int64(len(text)), Open: func() io.Reader { return strings.NewReader(string(text)) }}
	info, err := c.put(ctx, r, content, manifestETag(segments))
	info.Size, info.SLO = size, true
	return info, err
}

// manifestETag is the ETag of a large object: the MD5 of its segments' MD5s.
func manifestETag(segments []Segment) string {
	h := md5.New() //nolint:gosec // see the import
	for _, s := range segments {
		_, _ = io.WriteString(h, s.ETag)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// putDLO stores a dynamic manifest and then asks what it amounts to: its
// segments are found by a listing, and that may lag.
func (c *Client) putDLO(ctx context.Context, container, object, prefix string, segments []Segment, size int64, o PutOptions) (ObjectInfo, error) {
	put := o
	put.Header = map[string]string{"X-Object-Manifest": quote(segments[0].Container + "/" + prefix)}
	maps.Copy(put.Header, o.Header)
	if _, err := c.Put(ctx, container, object, Content{MD5: emptyMD5}, put); err != nil {
		return ObjectInfo{}, err
	}
	info, err := c.Head(ctx, container, object)
	if err != nil {
		return ObjectInfo{}, err
	}
	if info.Size != size {
		return ObjectInfo{}, &Error{
			Op: "PUT manifest", Path: container + "/" + object, Kind: KindChecksum,
			Detail: fmt.Sprintf("the dynamic large object shows %d of %d bytes", info.Size, size),
		}
	}
	return info, nil
}

// DeleteObject deletes an object and, when info says that it is a large one,
// its own segments.
func (c *Client) DeleteObject(ctx context.Context, container, object string, info ObjectInfo) error {
	switch {
	case info.SLO:
		return c.deleteSLO(ctx, container, object)
	case info.DLO != "":
		segments, err := c.Segments(ctx, container, object, info)
		if err != nil {
			return err
		}
		if err := c.Delete(ctx, container, object); err != nil {
			return err
		}
		return c.DeleteSegments(ctx, segments)
	}
	return c.Delete(ctx, container, object)
}

// deleteSLO lets the server delete manifest and segments in one request.
func (c *Client) deleteSLO(ctx context.Context, container, object string) error {
	r := &request{
		method: http.MethodDelete, what: "large object", container: container, object: object,
		params: url.Values{"multipart-manifest": {"delete"}}, header: map[string]string{"Accept": "application/json"},
		hints: hints{retry409: true, slow: true},
	}
	resp, err := c.call(ctx, r, false)
	if err != nil {
		return err
	}
	defer drain(resp)
	answer, err := readBulkAnswer(r, resp.Body)
	if err != nil {
		return err
	}
	return answer.errors(r.op(), r.path())
}

// DeleteSegments deletes segments; those that are gone already are no error.
func (c *Client) DeleteSegments(ctx context.Context, segments []Segment) error {
	names := make([]Name, len(segments))
	for i, s := range segments {
		names[i] = Name{Container: s.Container, Object: s.Name}
	}
	return c.DeleteAll(ctx, names)
}

// Segments returns the segments of a large object, for removing them once the
// object has been replaced. RGW does not give a static manifest back; there
// they are those segments of one upload under the object's name that amount to
// its ETag, and none if no upload's do: other uploads' segments may be another
// object's, which was renamed.
func (c *Client) Segments(ctx context.Context, container, object string, info ObjectInfo) ([]Segment, error) {
	switch {
	case info.DLO != "":
		in, prefix, _ := strings.Cut(info.DLO, "/")
		return c.listSegments(ctx, in, prefix, func(string) bool { return true })
	case !info.SLO:
		return nil, nil
	}
	segments, err := c.readManifest(ctx, container, object)
	if err != nil || len(segments) > 0 {
		return segments, err
	}
	own := func(name string) bool {
		rest, ok := strings.CutPrefix(name, object)
		return ok && segmentForm.MatchString(rest) && strings.LastIndex(rest, "/slo/") == 0
	}
	segments, err = c.listSegments(ctx, container+SegmentsSuffix, object+"/slo/", own)
	if KindOf(err) == KindNotExist {
		return nil, nil
	}
	return uploadOf(segments, info.ETag), err
}

// segmentForm is the end of a segment's name, behind that of its object.
var segmentForm = regexp.MustCompile(`/slo/[0-9.]+/[0-9a-f]+/[0-9]+/[0-9]{8}(-[0-9]+)?$`)

// OwnForm reports whether a segment is where uploads put those of some object:
// its name has the form that SegmentPrefix begins, in a container of segments.
// A renamed object has them under its former name.
func (s *Segment) OwnForm() bool {
	return strings.HasSuffix(s.Container, SegmentsSuffix) && segmentForm.MatchString(s.Name)
}

// uploadOf returns those segments, which are in the order of their names, that
// have one prefix and amount to etag.
func uploadOf(segments []Segment, etag string) []Segment {
	prefix := func(s Segment) string { return s.Name[:strings.LastIndexByte(s.Name, '/')] }
	for len(segments) > 0 {
		n := 1
		for n < len(segments) && prefix(segments[n]) == prefix(segments[0]) {
			n++
		}
		if manifestETag(segments[:n]) == etag {
			return segments[:n]
		}
		segments = segments[n:]
	}
	return nil
}

func (c *Client) readManifest(ctx context.Context, container, object string) ([]Segment, error) {
	r := &request{
		method: http.MethodGet, what: "manifest", container: container, object: object, params: url.Values{"multipart-manifest": {"get"}},
	}
	resp, err := c.call(ctx, r, false)
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	var entries []struct {
		Name  string `json:"name"`
		Bytes int64  `json:"bytes"`
		Hash  string `json:"hash"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&entries); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // RGW answers with nothing
		}
		return nil, r.wrap(fmt.Errorf("reading the manifest: %w", err))
	}
	segments := make([]Segment, len(entries))
	for i, e := range entries {
		in, name, _ := strings.Cut(strings.TrimPrefix(e.Name, "/"), "/")
		segments[i] = Segment{Container: in, Name: name, Size: e.Bytes, ETag: e.Hash}
	}
	return segments, nil
}

func (c *Client) listSegments(ctx context.Context, container, prefix string, own func(name string) bool) ([]Segment, error) {
	var segments []Segment
	o := ListOptions{Prefix: prefix}
	for {
		end, err := c.ListObjects(ctx, container, o, func(row ObjectRow) error {
			o.Marker = row.Name
			if own(row.Name) {
				segments = append(segments, Segment{Container: container, Name: row.Name, Size: row.Bytes, ETag: row.Hash})
			}
			return nil
		})
		if err != nil || end {
			return segments, err
		}
	}
}
