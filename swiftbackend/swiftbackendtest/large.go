package swiftbackendtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"swiftfs/swiftbackend"
)

var largeTests = []test{
	{"a large object reads as one", largeReadsAsOne},
	{"a large object in the listing", largeListing},
	{"a large object has its segments", largeSegments},
	{"deleting a large object deletes its segments", largeDelete},
	{"overwriting a large object leaves its segments", largeOverwrite},
	{"a manifest with a missing segment is refused and the old object stays", manifestOfMissingSegment},
	{"a manifest with a wrong checksum", manifestOfWrongChecksum},
	{"a large object takes new metadata", largePost},
	{"copies of a large object", largeCopy},
}

// large is a large object of three segments.
type large struct {
	data     string
	prefix   string
	segments []swiftbackend.Segment
	info     swiftbackend.ObjectInfo
}

func (f *fixture) putSegments(name string) large {
	f.Helper()
	return f.putSegmentsOf(name, 'a')
}

// putSegmentsOf stores segments of letters, from one on.
func (f *fixture) putSegmentsOf(name string, letter rune) large {
	f.Helper()
	l := large{prefix: swiftbackend.SegmentPrefix(name, time.Now(), 1000)}
	for i, size := range []int{1000, 1000, 234} {
		part := strings.Repeat(string(letter+rune(i)), size)
		s, err := f.c.PutSegment(f.Context(), f.box, fmt.Sprintf("%s%08d", l.prefix, i), content(part))
		if err != nil {
			f.Fatal(err)
		}
		if s.Container != f.box+swiftbackend.SegmentsSuffix || s.Size != int64(size) || s.ETag != md5Of(part) {
			f.Errorf("segment %d: %+v", i, s)
		}
		l.data += part
		l.segments = append(l.segments, s)
	}
	return l
}

func (f *fixture) putLarge(name string) large {
	f.Helper()
	return f.putManifest(name, f.putSegments(name))
}

func (f *fixture) putManifest(name string, l large) large {
	f.Helper()
	var err error
	l.info, err = f.c.PutManifest(f.Context(), f.box, name, l.prefix, l.segments, swiftbackend.PutOptions{ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640"}})
	if err != nil {
		f.Fatal(err)
	}
	return l
}

// wantLarge checks that an object is a large one of the kind that the server
// has.
func (f *fixture) wantLarge(what string, info swiftbackend.ObjectInfo, size int) {
	f.Helper()
	if info.Size != int64(size) || info.SLO != f.can.SLO || (info.DLO != "") == f.can.SLO {
		f.Errorf("%s: size %d, SLO %v, DLO %q, want size %d", what, info.Size, info.SLO, info.DLO, size)
	}
}

func (f *fixture) wantRanges(name string, l large, etag string) {
	f.Helper()
	for _, r := range [][2]int64{{0, 1}, {0, 1000}, {0, 1001}, {999, 2}, {500, 1700}, {1000, 1000}, {1999, 235}, {2233, 1}, {2000, 9999}, {1, -1}} {
		got, info, err := f.read(f.box, name, swiftbackend.GetOptions{Offset: r[0], Length: r[1], IfMatch: etag})
		end := int64(len(l.data))
		if r[1] >= 0 {
			end = min(end, r[0]+r[1])
		}
		if err != nil || got != l.data[r[0]:end] {
			f.Errorf("%d bytes from %d: got %d, %v", r[1], r[0], len(got), err)
		}
		if info.Size != int64(len(l.data)) || !info.Large() {
			f.Errorf("%d bytes from %d: GET tells %+v", r[1], r[0], info)
		}
	}
	_, _, err := f.read(f.box, name, swiftbackend.GetOptions{Offset: 2234, Length: 1})
	f.wantKind(err, swiftbackend.KindRange)
}

func largeReadsAsOne(f *fixture) {
	name := "dir/large object"
	l := f.putLarge(name)
	f.wantLarge("PUT", l.info, len(l.data))
	f.wantLarge("HEAD", f.head(name), len(l.data))
	got := f.wantContent(name, l.data)
	f.wantLarge("GET", got, len(l.data))
	if got.ContentType != typeWithParameters || l.info.ETag != got.ETag || got.ETag != f.head(name).ETag {
		f.Errorf("type %q; ETag of PUT %q, of GET %q, of HEAD %q", got.ContentType, l.info.ETag, got.ETag, f.head(name).ETag)
	}
	f.wantMeta(name, map[string]string{"Mode": "0640"})
	f.wantRanges(name, l, got.ETag)
	_, _, err := f.read(f.box, name, swiftbackend.GetOptions{Length: 10, IfMatch: md5Of("another version")})
	f.wantKind(err, swiftbackend.KindChanged)
}

func largeListing(f *fixture) {
	l := f.putLarge("object")
	r := f.row("object")
	if r.ContentType != f.listedType(typeWithParameters) {
		f.Errorf("listed type %q", r.ContentType)
	}
	switch {
	case f.can.SLO && f.can.Large.ListedSize:
		if r.Bytes != int64(len(l.data)) || r.SLOETag != l.info.ETag {
			f.Errorf("listed as %+v, want %d bytes and slo_etag %q", r, len(l.data), l.info.ETag)
		}
	case f.can.SLO:
		// The manifest's size, which no caller can use: a HEAD has to tell.
		if r.Bytes == int64(len(l.data)) || r.SLOETag != "" || r.Hash != md5Of("") {
			f.Errorf("listed as %+v, want neither the size nor a hash", r)
		}
	case r.Bytes != 0 || r.SLOETag != "" || r.Hash != md5Of(""):
		f.Errorf("listed as %+v, want a dynamic manifest of 0 bytes", r)
	}
}

func (f *fixture) wantSegments(name string, info swiftbackend.ObjectInfo, want []swiftbackend.Segment) {
	f.Helper()
	got, err := f.c.Segments(f.Context(), f.box, name, info)
	if err != nil {
		f.Fatal(err)
	}
	if !slices.Equal(got, want) {
		f.Errorf("segments: got %+v, want %+v", got, want)
	}
}

func largeSegments(f *fixture) {
	l := f.putLarge("dir/large (1).bin")
	other := f.putLarge("dir/large (1).bin/slo")
	if f.can.Large.ManifestReadable || !f.can.SLO {
		// Segments that a name alone would claim too.
		f.put("plain", "data", swiftbackend.PutOptions{})
	}
	f.wantSegments("dir/large (1).bin", f.head("dir/large (1).bin"), l.segments)
	f.wantSegments("dir/large (1).bin/slo", f.head("dir/large (1).bin/slo"), other.segments)
	f.wantSegments("dir/large (1).bin", l.info, l.segments)
	f.put("plain", "data", swiftbackend.PutOptions{})
	f.wantSegments("plain", f.head("plain"), nil)
}

func largeDelete(f *fixture) {
	l, other := f.putLarge("object"), f.putLarge("other")
	if err := f.c.DeleteObject(f.Context(), f.box, "object", f.head("object")); err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, "object")
	for _, s := range l.segments {
		f.wantGone(s.Container, s.Name)
	}
	f.wantContent("other", other.data)
	f.put("plain", "data", swiftbackend.PutOptions{})
	if err := f.c.DeleteObject(f.Context(), f.box, "plain", f.head("plain")); err != nil {
		f.Error(err)
	}
	f.wantGone(f.box, "plain")
}

func largeOverwrite(f *fixture) {
	l := f.putLarge("object")
	old := f.head("object")
	segments, err := f.c.Segments(f.Context(), f.box, "object", old)
	if err != nil {
		f.Fatal(err)
	}
	f.put("object", "plain", swiftbackend.PutOptions{})
	f.wantContent("object", "plain")
	if info := f.head("object"); info.Large() || info.Size != 5 {
		f.Errorf("after a plain PUT: %+v", info)
	}
	rows, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{})
	if len(rows) != len(l.segments) {
		f.Errorf("%d segments are left, want %d", len(rows), len(l.segments))
	}
	if err := f.c.DeleteSegments(f.Context(), segments); err != nil {
		f.Error(err)
	}
	if rows, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{}); len(rows) != 0 {
		f.Errorf("segments left: %q", keys(rows))
	}
	if err := f.c.DeleteSegments(f.Context(), segments); err != nil {
		f.Errorf("deleting segments again: %v", err)
	}
	f.wantContent("object", "plain")
}

func manifestOfMissingSegment(f *fixture) {
	l := f.putSegments("object")
	f.put("object", "old", swiftbackend.PutOptions{})
	if err := f.c.Delete(f.Context(), l.segments[1].Container, l.segments[1].Name); err != nil {
		f.Fatal(err)
	}
	_, err := f.c.PutManifest(f.Context(), f.box, "object", l.prefix, l.segments, swiftbackend.PutOptions{})
	if !f.can.SLO {
		// A dynamic manifest names a prefix, so that it is stored before its size
		// shows what is missing.
		f.wantKind(err, swiftbackend.KindChecksum)
		return
	}
	if k := swiftbackend.KindOf(err); k != swiftbackend.KindInvalid && k != swiftbackend.KindNotExist {
		f.Errorf("got %v: %v", k, err)
	}
	f.wantContent("object", "old")
}

func manifestOfWrongChecksum(f *fixture) {
	l := f.putSegments("object")
	f.put("object", "old", swiftbackend.PutOptions{})
	l.segments[1].ETag = md5Of("other bytes")
	_, err := f.c.PutManifest(f.Context(), f.box, "object", l.prefix, l.segments, swiftbackend.PutOptions{})
	if f.can.SLO && f.can.Large.ChecksSegmentETags {
		f.wantKind(err, swiftbackend.KindInvalid)
		f.wantContent("object", "old")
		return
	}
	// Nobody compares: each segment was compared when it was put.
	if err != nil {
		f.Error(err)
	}
	f.wantContent("object", l.data)
}

func largePost(f *fixture) {
	l := f.putLarge("object")
	o := swiftbackend.PutOptions{ContentType: "text/html", Meta: map[string]string{"Uid": "7"}}
	if info := f.head("object"); info.DLO != "" {
		o.Header = map[string]string{"X-Object-Manifest": info.Header.Get("X-Object-Manifest")}
	}
	if err := f.c.Post(f.Context(), f.box, "object", o); err != nil {
		f.Fatal(err)
	}
	f.wantMeta("object", map[string]string{"Uid": "7"})
	f.wantLarge("after POST", f.wantContent("object", l.data), len(l.data))
	if got := f.row("object").ContentType; got != "text/html" {
		f.Errorf("listed type %q", got)
	}
	f.wantSegments("object", f.head("object"), l.segments)
}

func largeCopy(f *fixture) {
	l := f.putLarge("object")
	f.copied("object", f.box, "joined", swiftbackend.CopyOptions{})
	if info := f.wantContent("joined", l.data); info.SLO != (f.can.SLO && !f.can.Large.CopyJoins) {
		f.Errorf("the copy is %+v", info)
	}
	if !f.can.SLO {
		return // a dynamic manifest is copied by POST or PUT of its header
	}
	f.copied("object", f.box, "manifest", swiftbackend.CopyOptions{Manifest: true})
	f.wantLarge("copy of the manifest", f.wantContent("manifest", l.data), len(l.data))
	f.wantLarge("the original", f.wantContent("object", l.data), len(l.data))
}
