package swiftbackend_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

const (
	kib        = 1 << 10
	mib        = 1 << 20
	reviseUnit = 4 * mib
)

// noiseMade is what noise is taken of, made once: random bytes are slow under
// the race detector.
var noiseMade = sync.OnceValue(func() string {
	b := make([]byte, 40*mib)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return string(b)
})

// noise is size bytes that differ from those of another seed.
func noise(seed, size int) string { return noiseMade()[seed*4099:][:size] }

// readThrough gives the new content of a file of which only some ranges are
// known here: the rest is read from the stored version.
type readThrough struct {
	c    *swiftbackend.Client
	etag string
	size int64 // of the stored version
	data string
	here []swiftbackend.Range
}

func (r *readThrough) open(ctx context.Context, off, length int64) io.Reader {
	var readers []io.Reader
	for end := off + length; off < end; {
		next, local := end, off >= r.size
		for _, h := range r.here {
			switch {
			case off >= h.Off && off < h.Off+h.Length:
				next, local = min(next, h.Off+h.Length), true
			case h.Off > off:
				next = min(next, h.Off)
			}
		}
		if !local {
			next = min(next, r.size)
			readers = append(readers, r.remote(ctx, off, next-off))
		} else {
			readers = append(readers, strings.NewReader(r.data[off:next]))
		}
		off = next
	}
	return io.MultiReader(readers...)
}

func (r *readThrough) remote(ctx context.Context, off, length int64) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		body, _, err := r.c.Get(ctx, "box", "object", swiftbackend.GetOptions{Offset: off, Length: length, IfMatch: r.etag})
		if err == nil {
			_, err = io.Copy(pw, body)
			_ = body.Close()
		}
		pw.CloseWithError(err)
	}()
	return pr
}

// revisable is an object and what its revisions take.
type revisable struct {
	*testing.T
	srv  *fakeswift.Server
	c    *swiftbackend.Client
	data string
}

func newRevisable(t *testing.T, size int, large bool, change ...func(*swiftbackend.Config)) *revisable {
	t.Helper()
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("box")
	r := &revisable{T: t, srv: srv, c: dial(t, srv, change...), data: noise(1, size)}
	if !large {
		r.srv.PutObject("box", "object", "text/plain", []byte(r.data))
		return r
	}
	prefix := swiftbackend.SegmentPrefix("object", time.Now(), reviseUnit)
	var segments []swiftbackend.Segment
	for off := 0; off < len(r.data); off += reviseUnit {
		s := swiftbackend.Segment{Container: "box_segments", Name: fmt.Sprintf("%s%08d", prefix, off/reviseUnit), Size: reviseUnit}
		piece := r.data[off : off+reviseUnit]
		s.ETag = md5Of(piece)
		r.srv.PutObject(s.Container, s.Name, "", []byte(piece))
		segments = append(segments, s)
	}
	if _, err := r.c.PutManifest(t.Context(), "box", "object", prefix, segments, swiftbackend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *revisable) revise(next string, changed ...swiftbackend.Range) (swiftbackend.Revised, error) {
	r.Helper()
	base, err := r.c.Head(r.Context(), "box", "object")
	if err != nil {
		r.Fatal(err)
	}
	through := &readThrough{c: r.c, etag: base.ETag, size: base.Size, data: next, here: changed}
	r.srv.Reset()
	return r.c.Revise(r.Context(), "box", "object", swiftbackend.Revision{
		Base: base, Size: int64(len(next)), Changed: changed, Open: through.open,
		PlainSize: 2 * mib, SegmentSize: reviseUnit, Concurrency: 4,
	}, swiftbackend.KeptOptions(base))
}

// moved tells how many bytes of objects went to the server and came from it.
func (r *revisable) moved() (sent, fetched int64) {
	for _, q := range r.srv.Requests() {
		if q.Level == fakeswift.Object && q.Query.Get("multipart-manifest") == "" {
			sent += q.BytesIn
			if q.Method == http.MethodGet {
				fetched += q.BytesOut
			}
		}
	}
	return sent, fetched
}

// TestARevisionCostsWhatItChanges counts the bytes at the server, as the promise
// has them: for an object of 32 MiB in segments of 4 MiB, or in one piece.
func TestARevisionCostsWhatItChanges(t *testing.T) {
	const size = 32 * mib
	for _, tt := range []struct {
		name          string
		plain         bool
		size          int // after it
		off, length   int // of the change
		sent, fetched int64
		requests      int // beside the reads of the unchanged
	}{
		{name: "append 1 MiB", size: size + mib, sent: mib, requests: 3},
		{name: "append 7 MiB", size: size + 7*mib, sent: 7 * mib, requests: 4},
		{name: "append 10 KiB", size: size + 10*kib, sent: mib, fetched: mib - 10*kib, requests: 3},
		{name: "overwrite 4 KiB in the middle", size: size, off: 14 * mib, length: 4 * kib, sent: mib, fetched: mib - 4*kib, requests: 3},
		{name: "overwrite 1 byte at the beginning", size: size, length: 1, sent: mib, fetched: mib - 1, requests: 3},
		{name: "overwrite 7 MiB", size: size, off: 14*mib + 1, length: 7 * mib, sent: 8*mib - 1, fetched: mib - 1, requests: 4},
		{name: "cut in the middle", size: 14 * mib, requests: 2},
		{name: "cut at a segment", size: 16 * mib, requests: 2},
		{name: "cut to a plain object", size: mib, sent: mib, fetched: 2 * mib, requests: 2},
		{name: "grow by a hole", size: size + 3*mib, sent: 3 * mib, requests: 3},
		// Three requests more at first: there is no container for the segments.
		{name: "append 1 MiB to a plain object", plain: true, size: size + mib, sent: mib, requests: 6},
		{name: "overwrite 4 KiB of a plain object", plain: true, size: size, off: 14 * mib, length: 4 * kib, sent: mib, fetched: mib - 4*kib, requests: 6},
		{name: "cut a plain object", plain: true, size: 14 * mib, requests: 5},
		{name: "overwrite a plain object", plain: true, size: size, length: size, sent: size, requests: -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRevisable(t, size, !tt.plain)
			next := r.data[:min(tt.size, size)] + noise(3, max(0, tt.size-size))
			var changed []swiftbackend.Range
			if tt.length > 0 {
				next = next[:tt.off] + noise(2, tt.length) + next[tt.off+tt.length:]
				changed = []swiftbackend.Range{{Off: int64(tt.off), Length: int64(tt.length)}}
			}
			revised, err := r.revise(next, changed...)
			if err != nil {
				t.Fatal(err)
			}
			sent, fetched := r.moved()
			if tt.requests < 0 {
				tt.sent *= 2 // the first try finds no container for the segments
			}
			if sent > tt.sent || fetched > tt.fetched {
				t.Errorf("%d bytes sent, %d fetched; want at most %d and %d", sent, fetched, tt.sent, tt.fetched)
			}
			requests := r.srv.Total()
			for _, q := range r.srv.Requests() {
				if q.Range != "" {
					requests--
				}
			}
			if tt.requests >= 0 && requests != tt.requests {
				t.Errorf("%d requests, want %d", requests, tt.requests)
			}
			wantObject(t, r.srv, "box", "object", next)
			if err := r.c.DeleteSegments(t.Context(), revised.Unused); err != nil {
				t.Error(err)
			}
			wantObject(t, r.srv, "box", "object", next)
			r.wantOnlySegmentsOf(revised.Pieces)
		})
	}
}

// wantOnlySegmentsOf checks that nothing else is in the container of segments.
func (r *revisable) wantOnlySegmentsOf(pieces []swiftbackend.Piece) {
	r.Helper()
	want := map[string]bool{}
	for _, p := range pieces {
		want[p.Name] = true
	}
	got := r.srv.Objects("box_segments")
	if len(got) != len(want) || slices.ContainsFunc(got, func(name string) bool { return !want[name] }) {
		r.Errorf("%d segments, the object has %d", len(got), len(want))
	}
}

func TestKnownPiecesAreNotAskedFor(t *testing.T) {
	r := newRevisable(t, 16*mib, true)
	first, err := r.revise(r.data + noise(2, mib))
	if err != nil {
		t.Fatal(err)
	}
	r.srv.Reset()
	next := r.data + noise(2, mib) + noise(3, mib)
	through := &readThrough{c: r.c, etag: first.Info.ETag, size: first.Info.Size, data: next}
	_, err = r.c.Revise(t.Context(), "box", "object", swiftbackend.Revision{
		Base: first.Info, Pieces: first.Pieces, Size: int64(len(next)), Open: through.open, PlainSize: mib, SegmentSize: reviseUnit,
	}, swiftbackend.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantObject(t, r.srv, "box", "object", next)
	wantCount(t, r.srv, fakeswift.Kind{Method: http.MethodGet}, 0)
	wantCount(t, r.srv, fakeswift.Kind{Method: http.MethodHead}, 1)
}

// TestARevisionThatFailsLeavesTheOldVersion lets each request of a revision fail
// in turn.
func TestARevisionThatFailsLeavesTheOldVersion(t *testing.T) {
	manifest := func(q *http.Request) bool { return q.URL.Query().Get("multipart-manifest") == "put" }
	segment := func(q *http.Request) bool { return q.Method == http.MethodPut && !manifest(q) }
	for _, tt := range []struct {
		name  string
		plain bool
		fault fakeswift.Fault
		kind  swiftbackend.Kind
		stays bool // what was uploaded
	}{
		{name: "the manifest cannot be read", fault: fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodGet}, Do: fakeswift.Status(403)}, kind: swiftbackend.KindDenied},
		{name: "a segment is refused", fault: fakeswift.Fault{Match: segment, Skip: 1, Do: fakeswift.Status(413)}, kind: swiftbackend.KindQuota},
		{name: "a segment is damaged", fault: fakeswift.Fault{Match: segment, Skip: 1, Do: fakeswift.CorruptUpload()}, kind: swiftbackend.KindChecksum},
		{name: "the copy is refused", plain: true, fault: fakeswift.Fault{Kind: fakeswift.Kind{Method: "COPY"}, Do: fakeswift.Status(413)}, kind: swiftbackend.KindQuota},
		{name: "the manifest is refused", fault: fakeswift.Fault{Match: manifest, Do: fakeswift.Status(403)}, kind: swiftbackend.KindDenied},
		{name: "the manifest of a copy is refused", plain: true, fault: fakeswift.Fault{Match: manifest, Do: fakeswift.Status(403)}, kind: swiftbackend.KindDenied},
		{name: "the manifest is not answered", fault: fakeswift.Fault{Match: manifest, Do: fakeswift.Status(503)}, kind: swiftbackend.KindUnavailable, stays: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRevisable(t, 16*mib, !tt.plain, timeout(5*patience))
			before := r.srv.Objects("box_segments")
			fault := r.srv.Inject(tt.fault)
			_, err := r.revise(r.data + noise(2, 10*mib))
			wantKind(t, err, tt.kind)
			if fault.Hits() == 0 {
				t.Error("the fault was not met")
			}
			wantObject(t, r.srv, "box", "object", r.data)
			if after := r.srv.Objects("box_segments"); slices.Equal(before, after) == tt.stays {
				t.Errorf("%d segments before, %d after", len(before), len(after))
			}
		})
	}
}

// TestALostManifestKeepsItsSegments stores a manifest, loses the answer, and
// refuses the second try.
func TestALostManifestKeepsItsSegments(t *testing.T) {
	r := newRevisable(t, 16*mib, true)
	put := func(q *http.Request) bool { return q.URL.Query().Get("multipart-manifest") == "put" }
	r.srv.Inject(fakeswift.Fault{Match: put, Times: 1, Do: fakeswift.ResetAfter()})
	r.srv.Inject(fakeswift.Fault{Match: put, Skip: 1, Do: fakeswift.Status(403)})
	next := r.data + noise(2, mib)
	_, err := r.revise(next)
	wantKind(t, err, swiftbackend.KindDenied)
	if swiftbackend.Refused(err) {
		t.Error("taken for refused, and the first try was stored")
	}
	wantObject(t, r.srv, "box", "object", next)
}
