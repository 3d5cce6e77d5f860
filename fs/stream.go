package fs

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5; it finds damage, not malice
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

// stream is the content of a file that is written from beginning to end:
// segments, which are being uploaded or have been, and a tail. As long as it
// may be one plain object the tail stays in memory; beyond that its upload
// begins while it is being written. The handle's turn guards the stream.
type stream struct {
	f *FS
	p place

	segments []*segment
	sealed   int64 // bytes in segments
	tail     *segment
	// prefix is common to the names of the segments; "" before the first.
	prefix string
	// tails counts the uploads of a tail in memory, each of which has a name of
	// its own.
	tails int
	// tailStored is the tail as it was uploaded last, or nil.
	tailStored *swiftbackend.Segment
	// published says that a manifest names the segments, or some of them.
	published bool
}

// followFrom is how much of a segment is there before its upload begins: no
// piece of a large object is smaller than what servers read at full speed.
const followFrom = 4 << 20

func newStream(f *FS, p place) stream { return stream{f: f, p: p, tail: newSegment()} }

func (s *stream) size() int64 { return s.sealed + s.tail.size() }

// accepts reports whether a write can be carried out: behind the end, where a
// gap reads as zeros, or in a tail that is still only in memory.
func (s *stream) accepts(off int64) bool {
	if s.tail.begun() {
		return off >= s.size()
	}
	return off >= s.sealed
}

// writeAt writes data, and zeros into a gap before it. It returns how much of
// data was taken.
func (s *stream) writeAt(ctx context.Context, data []byte, off int64) (int, error) {
	if err := s.failure(); err != nil {
		return 0, err
	}
	if err := s.extend(ctx, off); err != nil {
		return 0, err
	}
	n := 0
	for n < len(data) {
		if s.tail.hasEnded() || s.tail.size() >= s.f.cfg.SegmentSize {
			if err := s.seal(); err != nil {
				return n, err
			}
		}
		at := off + int64(n) - s.sealed
		if at == s.tail.data.capacity() {
			if err := s.grow(ctx); err != nil {
				return n, err
			}
			continue // growing may have made the tail a segment
		}
		n += s.tail.put(data[n:], at, s.f.cfg.SegmentSize)
		if err := s.followTail(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// followTail begins the upload of a tail that is large enough and certainly a
// segment.
func (s *stream) followTail() error {
	from := s.f.cfg.plainSize() + 1
	if len(s.segments) > 0 {
		from = followFrom
	}
	if s.tail.begun() || s.tail.size() < from {
		return nil
	}
	return s.begin(s.tail)
}

// begin names a segment and begins its upload.
func (s *stream) begin(g *segment) error {
	g.name = s.segmentName(len(s.segments), "")
	if longest := s.f.client.Info().MaxObjectName; len(g.name) > longest {
		return fmt.Errorf("the name of the file leaves no room for those of its segments, which have up to %d bytes: %w", longest, syscall.ENAMETOOLONG)
	}
	g.begin(s.f, s.p)
	return nil
}

// grow gives the tail one more block. When the memory of all streams is used
// up, other handles' tails and then this one's become segments, so that nobody
// waits for what only a waiting handle could give back.
func (s *stream) grow(ctx context.Context) error {
	pool := s.f.writers
	blocks := len(s.tail.data.blocks)
	if blocks == 0 {
		s.tail.addBlock(pool.small())
		return nil
	}
	if !pool.memory.TryAcquire(largeBlock) {
		pool.reclaim(s)
		if blocks > 1 && s.tail.size() == s.tail.data.capacity() {
			return s.seal()
		}
		if err := pool.memory.Acquire(ctx, largeBlock); err != nil {
			return err
		}
	}
	s.tail.addBlock(pool.large())
	return nil
}

// extend writes zeros up to size.
func (s *stream) extend(ctx context.Context, size int64) error {
	for s.size() < size {
		gap := min(size-s.size(), int64(len(zeros)))
		if _, err := s.writeAt(ctx, zeros[:gap], s.size()); err != nil {
			return err
		}
	}
	return nil
}

var zeros = make([]byte, 64<<10)

// truncate makes the content longer by zeros, or shorter as far as it is still
// only in memory.
func (s *stream) truncate(ctx context.Context, size int64) error {
	if size >= s.size() {
		return s.extend(ctx, size)
	}
	if size < s.sealed || s.tail.begun() {
		return fmt.Errorf("cutting off what has been uploaded: %w", syscall.EOPNOTSUPP)
	}
	s.tail.data.truncate(s.f.writers, size-s.sealed)
	return nil
}

// seal ends the tail, which becomes a segment, and begins another.
func (s *stream) seal() error {
	if !s.tail.begun() {
		if err := s.begin(s.tail); err != nil {
			return err
		}
	}
	s.tail.end()
	s.segments = append(s.segments, s.tail)
	s.sealed += s.tail.length()
	s.tail = newSegment()
	return nil
}

func (s *stream) segmentName(i int, suffix string) string {
	if s.prefix == "" {
		s.prefix = swiftbackend.SegmentPrefix(s.p.object, time.Now(), s.f.cfg.SegmentSize)
	}
	return fmt.Sprintf("%s%08d%s", s.prefix, i, suffix)
}

// failure returns the error of a segment whose upload has failed, without
// waiting.
func (s *stream) failure() error {
	for _, g := range s.segments {
		if err := g.failed(); err != nil {
			return err
		}
	}
	return s.tail.failed()
}

// publish makes the content the object: in one PUT, or as the segments and the
// tail. Segments that have failed are tried once more.
func (s *stream) publish(ctx context.Context, o swiftbackend.PutOptions) (swiftbackend.ObjectInfo, error) {
	if s.tail.begun() {
		if err := s.seal(); err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
	}
	if len(s.segments) == 0 {
		return s.f.client.Put(ctx, s.p.container, s.p.object, s.tail.data.content(), o)
	}
	all, err := s.await(ctx)
	if err != nil {
		return swiftbackend.ObjectInfo{}, err
	}
	static := s.f.client.StaticManifest(len(s.segments) + 1)
	old := s.tailStored
	if s.tail.size() > 0 {
		tail, err := s.putTail(ctx, static)
		if err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
		s.tailStored = &tail
		all = append(all, tail)
	} else {
		s.tailStored = nil
	}
	superseded := old != nil && (s.tailStored == nil || s.tailStored.Name != old.Name)
	if superseded && !static {
		// A dynamic manifest is all that has its prefix.
		if err := s.f.client.DeleteSegments(ctx, []swiftbackend.Segment{*old}); err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
	}
	info, err := s.f.client.PutManifest(ctx, s.p.container, s.p.object, s.prefix, all, o)
	if err != nil {
		return info, err
	}
	s.published = true
	if superseded && static {
		s.f.dropSegmentsLater(s.p, []swiftbackend.Segment{*old})
	}
	return info, nil
}

// putTail uploads a tail in memory as a segment. For a static manifest it has a
// new name each time, because the manifest that stands names the one before; a
// dynamic one would take both.
func (s *stream) putTail(ctx context.Context, static bool) (swiftbackend.Segment, error) {
	if static || s.tails == 0 {
		s.tails++
	}
	name := s.segmentName(len(s.segments), fmt.Sprintf("-%d", s.tails))
	return s.f.client.PutSegment(ctx, s.p.container, name, s.tail.data.content())
}

// await waits for the uploads of all segments.
func (s *stream) await(ctx context.Context) ([]swiftbackend.Segment, error) {
	for _, g := range s.segments {
		<-g.done
		if g.err != nil {
			g.begin(s.f, s.p)
		}
	}
	all := make([]swiftbackend.Segment, len(s.segments))
	var errs []error
	for i, g := range s.segments {
		select {
		case <-g.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		all[i] = g.info
		errs = append(errs, g.err)
	}
	return all, errors.Join(errs...)
}

// segmentNames returns the names that the manifest has now.
func (s *stream) segmentNames() map[string]bool {
	names := map[string]bool{}
	for _, g := range s.segments {
		names[g.name] = true
	}
	if s.tailStored != nil {
		names[s.tailStored.Name] = true
	}
	return names
}

// drop gives the memory back. Segments that no manifest names are deleted: all
// of them when there never was one, or when the object was unlinked.
func (s *stream) drop(unlinked bool) {
	var uploaded []swiftbackend.Segment
	s.tail.end()
	for _, g := range append(s.segments, s.tail) {
		if g.begun() {
			<-g.done
			if g.err == nil {
				uploaded = append(uploaded, g.info)
			}
		}
		g.data.free(s.f.writers)
	}
	if s.tailStored != nil {
		uploaded = append(uploaded, *s.tailStored)
	}
	if unlinked || !s.published {
		s.f.dropSegmentsLater(s.p, uploaded)
	}
}

// content is the buffer as the body of a request.
func (b *buffer) content() swiftbackend.Content {
	sum := md5.New() //nolint:gosec // see the import
	_, _ = io.Copy(sum, b.reader())
	return swiftbackend.Content{Size: b.size, MD5: hex.EncodeToString(sum.Sum(nil)), Open: b.reader}
}
