package fs

import (
	"context"
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5; it finds damage, not malice
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

// stream is the content of a streamed draft, which is written from beginning to end:
// segments, which are being uploaded or have been, and a tail. As long as it
// may be one plain object the tail stays in memory; beyond that its upload
// begins while it is being written. The draft's turn guards the stream.
type stream struct {
	f *FS
	// where returns where the file is now: it may be renamed meanwhile.
	where func() place

	segments []*segment
	sealed   int64 // bytes in segments
	tail     *segment
	// prefix is common to the names of the segments; "" before the first.
	prefix string
	// tailNumber counts those uploads of a tail that had a name of their own.
	tailNumber int
	// tails are the uploads of a tail in memory that may still be on the
	// server, the latest last.
	tails []swiftbackend.Segment
	// named has the names in the last manifest that was stored; nil before it.
	named map[string]bool
	// unsure says that a manifest was sent and nobody knows whether it is
	// stored: nothing that it may name can be deleted.
	unsure bool
}

// followFrom is how much of a segment is there before its upload begins: no
// piece of a large object is smaller than what servers read at full speed.
const followFrom = 4 << 20

func newStream(f *FS, where func() place) stream {
	return stream{f: f, where: where, tail: newSegment()}
}

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
		at := off + int64(n) - s.sealed
		// A tail that is full is still in memory, and can be overwritten.
		if s.tail.hasEnded() || at >= s.segmentSize() {
			if err := s.seal(); err != nil {
				return n, err
			}
			at = off + int64(n) - s.sealed
		}
		if at == s.tail.room() {
			if err := s.grow(ctx); err != nil {
				return n, err
			}
			continue // growing may have made the tail a segment, or it ended
		}
		n += s.tail.put(data[n:], at, s.segmentSize())
		if err := s.followTail(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// segmentSize is how long the tail becomes. It grows with the file, so that few files
// need more segments than a static manifest has: as long as half of them are left, up
// to where four fit in the memory of all streams, which are then sent and hashed
// beside one another, and after that up to where two do.
func (s *stream) segmentSize() int64 {
	least, most := s.f.cfg.SegmentSize, s.f.cfg.writeMemory()/4
	if len(s.segments) >= s.f.client.Info().MaxSLOSegments/2 {
		most *= 2
	}
	return max(least, min(s.f.client.SegmentSizeFor(s.sealed, least), most))
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
	g.begin(s.f, s.where())
	return nil
}

// grow gives the tail one more block. When the memory of all streams is used up, it
// waits for what the server is storing of this one. If that is nothing, other
// handles' tails and then this one's become segments, so that nobody waits for what
// only a waiting handle could give back. It is errNoMemory when none can come back.
func (s *stream) grow(ctx context.Context) error {
	pool := s.f.writers
	room := s.tail.room()
	if room == 0 {
		s.tail.addBlock(pool.small())
		return nil
	}
	got, err := s.takeBlock(ctx)
	if err != nil {
		return err
	}
	if !got {
		pool.reclaim(s)
		if room > smallBlock && s.tail.size() == room {
			return s.seal()
		}
		if err := pool.await(ctx); err != nil {
			return err
		}
	}
	if !s.tail.addBlock(pool.large()) {
		pool.memory.Release(largeBlock)
	}
	return nil
}

// takeBlock takes a large block of memory, for which it waits as long as the server is
// storing any of the stream.
func (s *stream) takeBlock(ctx context.Context) (got bool, err error) {
	for {
		g := s.sending() // what ends later is awaited, and what ended before has given back its memory
		if s.f.writers.memory.TryAcquire(largeBlock) {
			return true, nil
		}
		if g == nil {
			return false, nil
		}
		if got, err := s.f.writers.acquireUntil(ctx, g.done); got || err != nil {
			return got, err
		}
	}
}

// sending returns a segment that the server is being sent, or nil. The tail is none
// of them, because it may wait for the writer; nor is one that waits for its turn,
// because tails may have all turns.
func (s *stream) sending() *segment {
	for _, g := range s.segments {
		if g.sending.Load() {
			return g
		}
	}
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

// resizes reports whether truncate can be carried out: in a tail that is still
// only in memory, and without uploading many zeros.
func (s *stream) resizes(size int64) bool {
	return size >= s.sealed && !s.tail.begun() && size-s.size() <= mostGap
}

// truncate makes the content longer by zeros, or shorter.
func (s *stream) truncate(ctx context.Context, size int64) error {
	if size < s.size() {
		s.tail.data.truncate(s.f.writers, size-s.sealed)
		return nil
	}
	return s.extend(ctx, size)
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
	s.sealed += s.tail.size()
	s.tail = newSegment()
	return nil
}

func (s *stream) segmentName(i int, suffix string) string {
	if s.prefix == "" {
		s.prefix = swiftbackend.SegmentPrefix(s.where().object, time.Now(), s.f.cfg.SegmentSize)
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
// tail. Segments that have failed are tried once more. A tail that the version before
// had and the new one has not is the caller's to delete, as all of that version is.
func (s *stream) publish(ctx context.Context, o swiftbackend.PutOptions) (swiftbackend.ObjectInfo, error) {
	if s.tail.begun() {
		if err := s.seal(); err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
	}
	if len(s.segments) == 0 {
		return s.f.client.Put(ctx, s.where().container, s.where().object, s.tail.data.content(), o)
	}
	all, err := s.await(ctx)
	if err != nil {
		return swiftbackend.ObjectInfo{}, err
	}
	static := s.f.client.StaticManifest(len(s.segments) + 1)
	var tail []swiftbackend.Segment
	if s.tail.size() > 0 {
		t, err := s.putTail(ctx, static)
		if err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
		tail = append(tail, t)
	}
	all = append(all, tail...)
	if !static {
		// A dynamic manifest is all that has its prefix.
		stale := slices.DeleteFunc(slices.Clone(s.tails), func(t swiftbackend.Segment) bool { return len(tail) > 0 && t.Name == tail[0].Name })
		if err := s.f.client.DeleteSegments(ctx, stale); err != nil {
			return swiftbackend.ObjectInfo{}, err
		}
	}
	info, err := s.f.client.PutManifest(ctx, s.where().container, s.where().object, s.prefix, all, o)
	if err != nil {
		s.unsure = s.unsure || !swiftbackend.Refused(err)
		return info, err
	}
	before := s.named
	s.named = map[string]bool{}
	for _, g := range all {
		s.named[g.Name] = true
	}
	if static {
		s.f.dropSegmentsLater(s.where(), slices.DeleteFunc(s.unnamed(s.tails), func(t swiftbackend.Segment) bool { return before[t.Name] }))
	}
	s.tails, s.unsure = tail, false
	return info, nil
}

// putTail uploads a tail in memory as a segment. For a static manifest it has a
// new name each time, because the manifest that stands names the one before; a
// dynamic one would take both.
func (s *stream) putTail(ctx context.Context, static bool) (swiftbackend.Segment, error) {
	n := 1
	if static {
		s.tailNumber++
		n = s.tailNumber
	}
	t, err := s.f.client.PutSegment(ctx, s.where().container, s.segmentName(len(s.segments), fmt.Sprintf("-%d", n)), s.tail.data.content())
	if err == nil {
		s.tails = append(s.tails, t)
	}
	return t, err
}

// unnamed returns those segments that the last manifest does not name.
func (s *stream) unnamed(segments []swiftbackend.Segment) []swiftbackend.Segment {
	var out []swiftbackend.Segment
	for _, g := range segments {
		if !s.named[g.Name] {
			out = append(out, g)
		}
	}
	return out
}

// namedAmong returns those segments that the last manifest names.
func (s *stream) namedAmong(segments []swiftbackend.Segment) []swiftbackend.Segment {
	return slices.DeleteFunc(slices.Clone(segments), func(g swiftbackend.Segment) bool { return !s.named[g.Name] })
}

// await waits for the uploads of all segments.
func (s *stream) await(ctx context.Context) ([]swiftbackend.Segment, error) {
	for _, g := range s.segments {
		<-g.done
		if g.err != nil {
			g.begin(s.f, s.where())
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

// drop gives the memory back. Segments that no manifest names are deleted; when
// the object was unlinked, that is all of them.
func (s *stream) drop(unlinked bool) {
	uploaded := s.tails
	s.tail.end()
	for _, g := range append(s.segments, s.tail) {
		if g.begun() {
			<-g.done
			if g.stored() && !g.kept {
				uploaded = append(uploaded, g.info)
			}
			s.f.writers.sums.drop(g.sum)
		}
		g.data.free(s.f.writers)
	}
	switch {
	case unlinked:
	case s.unsure:
		return
	default:
		uploaded = s.unnamed(uploaded)
	}
	s.f.dropSegmentsLater(s.where(), uploaded)
}

// content is the buffer as the body of a request.
func (b *buffer) content() swiftbackend.Content {
	sum := md5.New() //nolint:gosec // see the import
	for off := int64(0); off < b.size; {
		data := b.from(off)
		_, _ = sum.Write(data)
		off += int64(len(data))
	}
	return swiftbackend.Content{Size: b.size, MD5: hex.EncodeToString(sum.Sum(nil)), Open: b.reader}
}
