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

// SegmentSizeFor returns how large the segment should be that begins at offset
// of an object whose segments have at least so many bytes, and for an object of
// that size what all of them should have at least. It grows with the offset, so
// that a manifest holds what is far longer than its segments times the least
// size: the first sixteenth of the segments that a manifest may have are of the
// least size, and each later one is that part of what is before it. With the
// usual limits, 1,000 segments of up to 5 GiB, that is 3 TiB from a least size
// of 16 MiB; what is longer needs a dynamic manifest, since even 1,000 of the
// largest are less than 5 TiB.
func (c *Client) SegmentSizeFor(offset, least int64) int64 {
	const unit = 1 << 20
	part := max(1, int64(c.info.MaxSLOSegments)/16)
	size := (offset/part + unit - 1) / unit * unit
	return min(max(size, least), c.info.MaxFileSize)
}

// segmentType is the content type of segments.
const segmentType = "application/octet-stream"

// PutSegment stores one segment, creating its container, of the same storage
// policy as the object's, when it is missing.
func (c *Client) PutSegment(ctx context.Context, container, name string, content Content) (Segment, error) {
	segments := container + SegmentsSuffix
	var info ObjectInfo
	err := c.inSegmentContainer(ctx, container, func(ctx context.Context) (err error) {
		info, err = c.Put(ctx, segments, name, content, PutOptions{ContentType: segmentType})
		return err
	})
	if err != nil {
		return Segment{}, err
	}
	return Segment{Container: segments, Name: name, Size: content.Size, ETag: info.ETag}, nil
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
	pieces := make([]Piece, len(segments))
	for i, s := range segments {
		pieces[i] = wholeSegment(s)
	}
	return c.putPieces(ctx, container, object, prefix, pieces, o)
}

// putPieces is PutManifest for pieces, which only OpenStack Swift's static
// manifests can have as ranges.
func (c *Client) putPieces(ctx context.Context, container, object, prefix string, pieces []Piece, o PutOptions) (ObjectInfo, error) {
	if c.StaticManifest(len(pieces)) {
		return c.putSLO(ctx, container, object, pieces, o)
	}
	return c.putDLO(ctx, container, object, prefix, pieces, o)
}

type sloEntry struct {
	Path  string `json:"path"`
	ETag  string `json:"etag"`
	Size  int64  `json:"size_bytes"`
	Range string `json:"range,omitempty"`
}

func (c *Client) putSLO(ctx context.Context, container, object string, pieces []Piece, o PutOptions) (ObjectInfo, error) {
	entries := make([]sloEntry, len(pieces))
	for i := range pieces {
		p := &pieces[i]
		entries[i] = sloEntry{Path: "/" + p.Container + "/" + p.Name, ETag: p.ETag, Size: p.Size}
		if !p.whole() {
			entries[i].Range = p.span()
		}
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return ObjectInfo{}, err
	}
	r := &request{
		method: http.MethodPut, what: "manifest", container: container, object: object, header: o.header(),
		params: url.Values{"multipart-manifest": {"put"}}, hints: hints{retry409: true, on412: o.on412(), slow: true},
	}
	etag := manifestETag(pieces)
	if !c.info.RGW {
		// OpenStack Swift compares before it stores. RGW takes it for the
		// checksum of the text.
		r.header["ETag"] = etag
	}
	content := Content{Size: int64(len(text)), Open: func() io.Reader { return strings.NewReader(string(text)) }}
	info, err := c.put(ctx, r, content, etag)
	info.Size, info.SLO = totalLength(pieces), true
	return info, err
}

// manifestETag is the ETag of a large object: the MD5 of its segments' MD5s,
// each with its range if it is one.
func manifestETag(pieces []Piece) string {
	h := md5.New() //nolint:gosec // see the import
	for i := range pieces {
		p := &pieces[i]
		_, _ = io.WriteString(h, p.ETag)
		if !p.whole() {
			_, _ = io.WriteString(h, ":"+p.span()+";")
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// putDLO stores a dynamic manifest. What it amounts to is asked of one that nobody
// else knows, before the object is replaced: its segments are found by a listing,
// and that may lag, and a server without dynamic large objects takes the header
// and stores an empty object.
func (c *Client) putDLO(ctx context.Context, container, object, prefix string, pieces []Piece, o PutOptions) (ObjectInfo, error) {
	put := o
	put.Header = map[string]string{"X-Object-Manifest": quote(pieces[0].Container + "/" + prefix)}
	if err := c.tryDLO(ctx, Name{pieces[0].Container, strings.TrimSuffix(prefix, "/")}, put, pieces); err != nil {
		return ObjectInfo{}, err
	}
	maps.Copy(put.Header, o.Header)
	if _, err := c.Put(ctx, container, object, Content{MD5: emptyMD5}, put); err != nil {
		return ObjectInfo{}, err
	}
	info, err := c.Head(ctx, container, object)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Unsure = true // the manifest is stored
	}
	return info, err
}

// tryDLO stores a manifest under a name that is not among those of its segments,
// and removes it when it has shown what it stands for.
func (c *Client) tryDLO(ctx context.Context, at Name, o PutOptions, pieces []Piece) error {
	if _, err := c.Put(ctx, at.Container, at.Object, Content{MD5: emptyMD5}, PutOptions{ContentType: segmentType, Header: o.Header}); err != nil {
		return err
	}
	info, err := c.Head(ctx, at.Container, at.Object)
	c.deleteLeftovers(ctx, []Segment{{Container: at.Container, Name: at.Object}})
	size := totalLength(pieces)
	switch {
	case err != nil || info.Size == size:
		return err
	case info.Size == 0:
		return &Error{
			Op: "PUT manifest", Path: at.path(), Kind: KindTooLarge,
			Detail: fmt.Sprintf("a static manifest has up to %d segments, this one would have %d, and the server has no dynamic ones; larger segments may help",
				c.info.MaxSLOSegments, len(pieces)),
		}
	}
	return &Error{
		Op: "PUT manifest", Path: at.path(), Kind: KindChecksum,
		Detail: fmt.Sprintf("the dynamic large object shows %d of %d bytes", info.Size, size),
	}
}
