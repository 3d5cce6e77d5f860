package swiftbackend

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// copySegment lets the server make a segment of an object, which must be what
// want says of it.
func (c *Client) copySegment(ctx context.Context, from Name, want Segment, container, name string) (Segment, error) {
	segments := container + SegmentsSuffix
	o := CopyOptions{PutOptions: PutOptions{ContentType: segmentType}, Fresh: true}
	var info ObjectInfo
	err := c.inSegmentContainer(ctx, container, func(ctx context.Context) (err error) {
		info, err = c.Copy(ctx, from.Container, from.Object, segments, name, o)
		return err
	})
	if err == nil && info.ETag != want.ETag {
		err = &Error{Op: "COPY object", Path: from.path(), Kind: KindChanged, Detail: "the copy's ETag is " + info.ETag + ", not " + want.ETag}
	}
	if err != nil {
		return Segment{}, err
	}
	return Segment{Container: segments, Name: name, Size: want.Size, ETag: want.ETag}, nil
}

// leftoversLimit is how long a failed operation takes to clean up behind itself.
const leftoversLimit = 30 * time.Second

// deleteLeftovers deletes what nothing names, as far as it can, also when ctx has
// ended.
func (c *Client) deleteLeftovers(ctx context.Context, segments []Segment) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leftoversLimit)
	defer cancel()
	if err := c.DeleteSegments(ctx, segments); err != nil {
		c.log.Warn("segments that were uploaded for nothing could not be deleted", "segments", len(segments), "error", err)
	}
}

// names are those of the new segments of one operation.
type names struct {
	prefix string
	count  int
	// numbers are those that the pieces of the old version have in the series that
	// is continued, or nil: new segments then are a series of their own.
	numbers []int
	stamp   int64
}

func newNames(object string, segmentSize int64) names {
	return names{prefix: SegmentPrefix(object, time.Now(), segmentSize)}
}

// has reports whether a segment is one of the series.
func (n *names) has(segment string) bool { return strings.HasPrefix(segment, n.prefix) }

// next is the name of one more segment of a series of its own.
func (n *names) next() string {
	n.count++
	return fmt.Sprintf("%s%08d", n.prefix, n.count-1)
}

// replaceIn continues the series of pieces, if they are one of object's. Where
// manifests cannot be read a large object is found by its names: all of one
// series, in their order. So a new segment gets the number of the one that it
// replaces, and the time, which tells them apart while both are there.
func (n *names) replaceIn(object string, pieces []Piece) {
	if len(pieces) == 0 {
		return
	}
	prefix, _ := seriesOf(pieces[0].Name)
	var numbers []int
	for i := range pieces {
		series, text := seriesOf(pieces[i].Name)
		number, err := strconv.Atoi(text)
		if err != nil || series != prefix || !pieces[i].OwnForm() || !strings.HasPrefix(series, object+"/slo/") || i > 0 && number <= numbers[i-1] {
			return
		}
		numbers = append(numbers, number)
	}
	n.prefix, n.numbers, n.stamp = prefix, numbers, time.Now().UnixMicro()
}

// of is the name of the segment that a part becomes.
func (n *names) of(s *part) string {
	if n.numbers == nil {
		return n.next()
	}
	old := len(n.numbers)
	number := n.numbers[min(s.number, old-1)] + max(0, s.number-old+1)
	return fmt.Sprintf("%s%08d-%d", n.prefix, number, n.stamp)
}

// sentSum is the checksum of what a body gave when all of it was read last.
type sentSum struct {
	length int64
	failed func(error) // takes why the bytes could not be had

	mu  sync.Mutex // guards the following
	sum string
}

func (s *sentSum) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum
}

// reader passes r on and sums up what it gives.
func (s *sentSum) reader(r io.Reader) io.ReadCloser {
	return &summedReader{to: s, r: r, left: s.length, sum: md5.New()} //nolint:gosec // see the import
}

// summedReader is one attempt: the one before may still be read while the next
// begins.
type summedReader struct {
	to   *sentSum
	r    io.Reader
	left int64
	sum  hash.Hash
}

func (s *summedReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	_, _ = s.sum.Write(p[:n])
	if s.left -= int64(n); n > 0 && s.left == 0 {
		// Before the last bytes are sent: the server's answer may be faster than
		// the end of the body.
		s.to.mu.Lock()
		s.to.sum = hex.EncodeToString(s.sum.Sum(nil))
		s.to.mu.Unlock()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.to.failed(err)
	}
	return n, err
}

func (s *summedReader) Close() error {
	if closer, ok := s.r.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
