package swiftbackendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"swiftfs/swiftbackend"
)

var revisionTests = []test{
	{"a revision that appends sends what is appended", reviseAppends},
	{"a revision that appends little sends a piece of 1 MiB", reviseAppendsLittle},
	{"a revision of some bytes sends a piece around them", reviseMiddle},
	{"a revision that cuts keeps what is before", reviseCuts},
	{"a revision of a plain object lets the server copy it", revisePlain},
	{"a revision of a dynamic large object keeps its segments", reviseDynamic},
	{"a revision of a renamed large object", reviseRenamed},
	{"a small revision is a plain object", reviseToPlain},
	{"a revision without a base", reviseNothing},
	{"a revision keeps type, metadata and expiry", reviseKeepsMetadata},
	{"many revisions of one object", reviseOften},
	{"a revision of another version than is stored", reviseChanged},
	{"a revision whose bytes cannot be had leaves nothing behind", reviseUnreadable},
}

const (
	mib         = 1 << 20
	reviseUnit  = 2 * mib // the segment size of these tests
	revisePlace = "dir/revised (1)"
)

// noiseMade is what noise is taken of, made once: random bytes are slow under
// the race detector.
var noiseMade = sync.OnceValue(func() string {
	b := make([]byte, 12*mib)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return string(b)
})

// noise is size bytes that differ from those of another seed.
func noise(seed, size int) string { return noiseMade()[seed*4099:][:size] }

// revision is a new version of an object of the test's container, and what it
// took to store it.
type revision struct {
	swiftbackend.Revised
	sent    int64 // bytes of bodies
	fetched int64 // bytes among them that have not changed
}

// change says what a revision changes of old.
type change struct {
	data    string // all of the new content
	changed []swiftbackend.Range
}

// overwrite is old with data at off.
func overwrite(old string, off int, data string) change {
	end := min(len(old), off+len(data))
	return change{old[:off] + data + old[end:], []swiftbackend.Range{{Off: int64(off), Length: int64(len(data))}}}
}

func (f *fixture) revise(old string, base swiftbackend.ObjectInfo, c change) (revision, error) {
	var sent, fetched atomic.Int64
	var ranges sync.Map // those that were asked for: a busy server may have one sent again
	r := swiftbackend.Revision{
		Base: base, Size: int64(len(c.data)), Changed: c.changed, PlainSize: mib, SegmentSize: reviseUnit, Concurrency: 3,
		Open: func(_ context.Context, off, length int64) io.Reader {
			if _, again := ranges.LoadOrStore(off, length); again {
				return strings.NewReader(c.data[off : off+length])
			}
			sent.Add(length)
			unchanged := max(0, min(off+length, int64(len(old)))-off)
			for _, r := range c.changed {
				unchanged -= max(0, min(off+length, r.Off+r.Length, int64(len(old)))-max(off, r.Off))
			}
			fetched.Add(unchanged)
			return strings.NewReader(c.data[off : off+length])
		},
	}
	revised, err := f.c.Revise(f.Context(), f.box, revisePlace, r, swiftbackend.KeptOptions(base))
	return revision{revised, sent.Load(), fetched.Load()}, err
}

// mustRevise revises, removes what is not used any more, and checks the result.
func (f *fixture) mustRevise(old string, base swiftbackend.ObjectInfo, c change) revision {
	f.Helper()
	r, err := f.revise(old, base, c)
	if err != nil {
		f.Fatal(err)
	}
	if err := f.c.DeleteSegments(f.Context(), r.Unused); err != nil {
		f.Error(err)
	}
	f.wantContent(revisePlace, c.data)
	now := f.head(revisePlace)
	if now.ETag != r.Info.ETag || now.Size != r.Info.Size || now.SLO != r.Info.SLO || now.Size != int64(len(c.data)) {
		f.Errorf("the revision tells %+v, HEAD %+v", r.Info, now)
	}
	if got := f.layout(revisePlace, now); f.can.SLO && !slices.Equal(plainPieces(got), plainPieces(r.Pieces)) {
		f.Errorf("layout %+v, the revision tells %+v", got, r.Pieces)
	}
	return r
}

// plainPieces are pieces without what only manifests tell.
func plainPieces(pieces []swiftbackend.Piece) []swiftbackend.Piece {
	out := slices.Clone(pieces)
	for i := range out {
		out[i].Nested = false
	}
	return out
}

func (f *fixture) wantBytes(r revision, sent, fetched int64) {
	f.Helper()
	if !f.can.SLO {
		return // a dynamic manifest can be had at some more cost
	}
	if r.sent > sent || r.fetched > fetched {
		f.Errorf("%d bytes sent, %d of them unchanged; want at most %d and %d", r.sent, r.fetched, sent, fetched)
	}
}

// ranged reports whether manifests can have ranges of segments.
func (f *fixture) ranged() bool { return f.can.SLO && f.can.Large.Ranges }

// touched is what a change within one segment may send.
func (f *fixture) touched() int64 {
	if f.ranged() {
		return mib
	}
	return reviseUnit
}

// putNoise stores a large object of five segments.
func (f *fixture) putNoise() (string, swiftbackend.ObjectInfo) {
	f.Helper()
	data := noise(1, 5*reviseUnit)
	segments, prefix := f.putNoiseSegments(data)
	_, err := f.c.PutManifest(f.Context(), f.box, revisePlace, prefix, segments, swiftbackend.PutOptions{ContentType: "text/plain"})
	if err != nil {
		f.Fatal(err)
	}
	return data, f.head(revisePlace)
}

func (f *fixture) putNoiseSegments(data string) ([]swiftbackend.Segment, string) {
	f.Helper()
	prefix := swiftbackend.SegmentPrefix(revisePlace, time.Now(), reviseUnit)
	var segments []swiftbackend.Segment
	for off := 0; off < len(data); off += reviseUnit {
		s, err := f.c.PutSegment(f.Context(), f.box, fmt.Sprintf("%s%08d", prefix, len(segments)), content(data[off:min(len(data), off+reviseUnit)]))
		if err != nil {
			f.Fatal(err)
		}
		segments = append(segments, s)
	}
	return segments, prefix
}

// wantNoLeftovers deletes the object and checks that no segment is left.
func (f *fixture) wantNoLeftovers() {
	f.Helper()
	if err := f.c.DeleteObject(f.Context(), f.box, revisePlace, f.head(revisePlace)); err != nil {
		f.Fatal(err)
	}
	f.wantNoSegments()
}

func (f *fixture) wantNoSegments() {
	f.Helper()
	rows, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{})
	if len(rows) != 0 {
		f.Errorf("segments left: %q", keys(rows))
	}
}

func reviseAppends(f *fixture) {
	data, base := f.putNoise()
	r := f.mustRevise(data, base, change{data: data + noise(2, mib)})
	f.wantBytes(r, mib, 0)
	if f.can.SLO && len(r.Unused) != 0 {
		f.Errorf("unused: %+v", r.Unused)
	}
	grown := data + noise(2, mib)
	f.wantBytes(f.mustRevise(grown, f.head(revisePlace), change{data: grown + noise(3, 3*mib)}), 3*mib, 0)
	f.wantNoLeftovers()
}

func reviseAppendsLittle(f *fixture) {
	data, base := f.putNoise()
	for i := range 3 {
		c := change{data: data + noise(i, 1000)}
		f.wantBytes(f.mustRevise(data, base, c), f.touched()+mib, f.touched()+mib)
		data, base = c.data, f.head(revisePlace)
	}
	f.wantNoLeftovers()
}

func reviseMiddle(f *fixture) {
	data, base := f.putNoise()
	c := overwrite(data, 2*reviseUnit+reviseUnit/2, noise(2, 4096))
	r := f.mustRevise(data, base, c)
	f.wantBytes(r, f.touched(), f.touched()-4096)
	if f.ranged() && len(r.Pieces) != 6 {
		f.Errorf("pieces: %+v", r.Pieces)
	}
	// Again, at the same place and over a border.
	data, base = c.data, f.head(revisePlace)
	c = overwrite(data, 2*reviseUnit+reviseUnit/2+100, noise(3, 4096))
	f.wantBytes(f.mustRevise(data, base, c), f.touched(), f.touched())
	data, base = c.data, f.head(revisePlace)
	f.wantBytes(f.mustRevise(data, base, overwrite(data, reviseUnit-10, noise(4, 20))), 2*f.touched(), 2*f.touched())
	f.wantNoLeftovers()
}

func reviseCuts(f *fixture) {
	data, base := f.putNoise()
	size := 3*reviseUnit + mib + 1000
	r := f.mustRevise(data, base, change{data: data[:size]})
	if f.ranged() {
		f.wantBytes(r, 0, 0)
	}
	f.wantBytes(r, reviseUnit, reviseUnit)
	f.wantNoLeftovers()
}

func revisePlain(f *fixture) {
	data := noise(1, 3*mib+500)
	base := f.put(revisePlace, data, swiftbackend.PutOptions{})
	r := f.mustRevise(data, base, change{data: data + noise(2, mib)})
	f.wantBytes(r, mib, 0)
	f.wantNoLeftovers()
	base = f.put(revisePlace, data, swiftbackend.PutOptions{})
	r = f.mustRevise(data, base, overwrite(data, 2*mib, noise(2, 4096)))
	if f.ranged() {
		f.wantBytes(r, 2*mib, 2*mib)
	}
	if len(r.Unused) != 0 {
		f.Errorf("unused: %+v", r.Unused)
	}
	f.wantNoLeftovers()
	// Nothing of it stays.
	base = f.put(revisePlace, data, swiftbackend.PutOptions{})
	r = f.mustRevise(data, base, overwrite(data, 0, noise(3, len(data)+1000)))
	f.wantBytes(r, int64(len(data)+1000), 0)
	f.wantNoLeftovers()
}

func reviseDynamic(f *fixture) {
	data := noise(1, 4*reviseUnit)
	_, prefix := f.putNoiseSegments(data)
	f.put(revisePlace, "", swiftbackend.PutOptions{
		Header: map[string]string{"X-Object-Manifest": f.box + swiftbackend.SegmentsSuffix + "/" + quoted(prefix)},
	})
	base := f.head(revisePlace)
	c := overwrite(data, reviseUnit+1000, noise(2, 4096))
	r := f.mustRevise(data, base, c)
	f.wantBytes(r, reviseUnit, reviseUnit-4096)
	if r.Info.SLO != f.can.SLO {
		f.Errorf("the revision is %+v", r.Info)
	}
	f.wantNoLeftovers()
}

func reviseRenamed(f *fixture) {
	data, base := f.putNoise()
	f.moved(revisePlace, f.name("elsewhere"), base, swiftbackend.CloneOptions{})
	f.moved("elsewhere", f.name("x"), base, swiftbackend.CloneOptions{})
	f.moved("x", f.name(revisePlace+" now"), base, swiftbackend.CloneOptions{})
	now, err := f.c.Head(f.Context(), f.box, revisePlace+" now")
	if err != nil {
		f.Fatal(err)
	}
	c := overwrite(data, reviseUnit+1000, noise(2, 4096))
	revised, err := f.c.Revise(f.Context(), f.box, revisePlace+" now", swiftbackend.Revision{
		Base: now, Size: int64(len(c.data)), Changed: c.changed, PlainSize: mib, SegmentSize: reviseUnit, Concurrency: 3,
		Open: func(_ context.Context, off, length int64) io.Reader {
			return strings.NewReader(c.data[off : off+length])
		},
	}, swiftbackend.KeptOptions(now))
	if err != nil {
		f.Fatal(err)
	}
	if err := f.c.DeleteSegments(f.Context(), revised.Unused); err != nil {
		f.Error(err)
	}
	f.wantContent(revisePlace+" now", c.data)
}

func reviseToPlain(f *fixture) {
	data, base := f.putNoise()
	r := f.mustRevise(data, base, change{data: data[:1000] + "end", changed: []swiftbackend.Range{{Off: 1000, Length: 3}}})
	if r.Info.Large() || r.Info.ETag != md5Of(data[:1000]+"end") || len(r.Unused) != 5 {
		f.Errorf("got %+v", r.Revised)
	}
	f.wantNoSegments()
	r = f.mustRevise(data[:1000]+"end", f.head(revisePlace), change{})
	if r.Info.Size != 0 || r.Info.ETag != md5Of("") {
		f.Errorf("got %+v", r.Revised)
	}
	f.wantNoLeftovers()
}

func reviseNothing(f *fixture) {
	data := noise(1, 2*reviseUnit+10)
	r := f.mustRevise("", swiftbackend.ObjectInfo{}, change{data: data})
	f.wantBytes(r, int64(len(data)), 0)
	f.wantNoLeftovers()
	f.mustRevise("", swiftbackend.ObjectInfo{}, change{data: "small"})
	f.wantNoLeftovers()
}

func reviseKeepsMetadata(f *fixture) {
	at := time.Now().Add(oneDay).Truncate(time.Second)
	data := noise(1, 3*mib)
	f.put(revisePlace, data, swiftbackend.PutOptions{
		ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640"}, DeleteAt: at,
		Header: map[string]string{"Content-Encoding": "identity", "Content-Disposition": "attachment"},
	})
	// From plain to large, to large, to plain.
	for _, next := range []string{data + noise(2, 2*mib), data, data[:100]} {
		base := f.head(revisePlace)
		f.mustRevise(data, base, change{data: next})
		data = next
		now := f.head(revisePlace)
		f.wantMeta(revisePlace, map[string]string{"Mode": "0640"})
		h := now.Header
		if now.ContentType != typeWithParameters || h.Get("X-Delete-At") != fmt.Sprint(at.Unix()) ||
			h.Get("Content-Encoding") != "identity" || h.Get("Content-Disposition") != "attachment" {
			f.Errorf("type %q, headers %v", now.ContentType, h)
		}
	}
}

func reviseOften(f *fixture) {
	data, base := f.putNoise()
	rnd := rand.New(rand.NewPCG(7, 7))
	var known []swiftbackend.Piece
	for i := range 12 {
		var c change
		switch some := noise(i+10, 1+rnd.IntN(3*mib/2)); i % 5 {
		case 0:
			c = change{data: data + some}
		case 1:
			c = change{data: data[:max(2*mib, len(data)-len(some))]}
		default:
			c = overwrite(data, rnd.IntN(len(data)), some)
		}
		r := f.mustRevise(data, base, c)
		if f.Failed() {
			f.Fatalf("at revision %d", i)
		}
		if slices.Equal(known, r.Pieces) {
			f.Errorf("revision %d has changed nothing", i)
		}
		data, base, known = c.data, f.head(revisePlace), r.Pieces
	}
	f.wantNoLeftovers()
}

func reviseChanged(f *fixture) {
	data, base := f.putNoise()
	other := noise(9, 3*mib)
	c := overwrite(data, 1000, "x")
	before, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{})
	wrong := base
	wrong.ETag = md5Of("another version")
	_, err := f.revise(data, wrong, c)
	f.wantKind(err, swiftbackend.KindChanged)
	f.wantContent(revisePlace, data)
	f.put(revisePlace, other, swiftbackend.PutOptions{})
	_, err = f.revise(data, base, c)
	f.wantKind(err, swiftbackend.KindChanged)
	// Plain: to be copied, and to be put as a whole.
	wrong = f.head(revisePlace)
	wrong.ETag = md5Of("another version")
	_, err = f.revise(other, wrong, change{data: other + noise(3, mib)})
	f.wantKind(err, swiftbackend.KindChanged)
	_, err = f.revise(other, wrong, change{data: other[:10]})
	f.wantKind(err, swiftbackend.KindChanged)
	f.wantContent(revisePlace, other)
	after, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{})
	if !slices.Equal(keys(before), keys(after)) {
		f.Errorf("segments: before %q, after %q", keys(before), keys(after))
	}
	if err := f.c.Delete(f.Context(), f.box, revisePlace); err != nil {
		f.Fatal(err)
	}
	_, err = f.revise(data, base, c)
	f.wantKind(err, swiftbackend.KindNotExist)
}

// unreadable gives some bytes and then an error.
type unreadable struct {
	io.Reader
	err error
}

func (u unreadable) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = u.err
	}
	return n, err
}

func reviseUnreadable(f *fixture) {
	data := noise(1, 3*mib)
	base := f.put(revisePlace, data, swiftbackend.PutOptions{})
	lost := &swiftbackend.Error{Op: "GET object", Kind: swiftbackend.KindChecksum}
	for _, size := range []int64{8 * mib, 1000} {
		_, err := f.c.Revise(f.Context(), f.box, revisePlace, swiftbackend.Revision{
			Base: base, Size: size, PlainSize: mib, SegmentSize: reviseUnit, Concurrency: 3,
			Open: func(_ context.Context, off, length int64) io.Reader {
				if off > 4*mib || size < mib {
					return unreadable{strings.NewReader("x"), lost}
				}
				return strings.NewReader(noise(2, int(length)))
			},
		}, swiftbackend.PutOptions{})
		if !errors.Is(err, lost) {
			f.Errorf("of %d bytes: got %v, want %v", size, err, lost)
		}
	}
	f.wantContent(revisePlace, data)
	f.wantNoSegments()
}
