package swiftbackendtest

import (
	"slices"

	"swiftfs/swiftbackend"
)

var layoutTests = []test{
	{"the layout of a large object is its segments", layoutOfLarge},
	{"the layout of a dynamic large object is its segments", layoutOfDynamic},
	{"the layout of a plain object is nothing", layoutOfPlain},
	{"the layout of a manifest within a manifest is one piece", layoutOfNested},
	{"the layout is that of the version that is known", layoutOfAnotherVersion},
	{"deleting a large object spares what is not its own", deleteSparesOthers},
	{"segments grow so that a manifest holds them", segmentSizes},
}

func (f *fixture) layout(name string, info swiftbackend.ObjectInfo) []swiftbackend.Piece {
	f.Helper()
	pieces, err := f.c.Layout(f.Context(), f.box, name, info)
	if err != nil {
		f.Fatal(err)
	}
	return pieces
}

func wholePieces(segments []swiftbackend.Segment) []swiftbackend.Piece {
	var pieces []swiftbackend.Piece
	for _, s := range segments {
		pieces = append(pieces, swiftbackend.Piece{Segment: s, Length: s.Size})
	}
	return pieces
}

func layoutOfLarge(f *fixture) {
	l := f.putLarge("dir/object")
	if got := f.layout("dir/object", f.head("dir/object")); !slices.Equal(got, wholePieces(l.segments)) {
		f.Errorf("got %+v, want %+v", got, l.segments)
	}
}

func layoutOfDynamic(f *fixture) {
	l := f.putDynamic("object")
	info := f.head("object")
	if got := f.layout("object", info); !slices.Equal(got, wholePieces(l.segments)) {
		f.Errorf("got %+v, want %+v", got, l.segments)
	}
	info.Size++
	if got := f.layout("object", info); got != nil {
		f.Errorf("of another size: got %+v, want nothing", got)
	}
}

func layoutOfPlain(f *fixture) {
	f.put("plain", "data", swiftbackend.PutOptions{})
	if got := f.layout("plain", f.head("plain")); got != nil {
		f.Errorf("got %+v", got)
	}
}

func layoutOfNested(f *fixture) {
	if !f.can.SLO || !f.can.Large.ManifestReadable {
		return
	}
	inner := f.putLarge("inner")
	f.put("beside", "data", swiftbackend.PutOptions{})
	segments := []swiftbackend.Segment{
		{Container: f.box, Name: "inner", Size: inner.info.Size, ETag: inner.info.ETag},
		{Container: f.box, Name: "beside", Size: 4, ETag: md5Of("data")},
	}
	if _, err := f.c.PutManifest(f.Context(), f.box, "outer", "", segments, swiftbackend.PutOptions{}); err != nil {
		f.Fatal(err)
	}
	want := wholePieces(segments)
	want[0].Nested = true
	if got := f.layout("outer", f.head("outer")); !slices.Equal(got, want) {
		f.Errorf("got %+v, want %+v", got, want)
	}
}

func layoutOfAnotherVersion(f *fixture) {
	f.putLarge("object")
	known := f.head("object")
	known.ETag = md5Of("another version")
	pieces, err := f.c.Layout(f.Context(), f.box, "object", known)
	if !f.can.SLO || !f.can.Large.ManifestReadable {
		// Looked for by names, or by a listing that may lag: they are not found.
		if err != nil || pieces != nil {
			f.Errorf("got %+v, %v, want nothing", pieces, err)
		}
		return
	}
	f.wantKind(err, swiftbackend.KindChanged)
	f.put("object", "plain by now", swiftbackend.PutOptions{})
	_, err = f.c.Layout(f.Context(), f.box, "object", known)
	f.wantKind(err, swiftbackend.KindChanged)
}

// deleteSparesOthers deletes a manifest that somebody made of other objects.
func deleteSparesOthers(f *fixture) {
	if !f.can.SLO || !f.can.Large.ManifestReadable {
		return // what a manifest names is not known
	}
	own := f.putSegments("object")
	data := f.put("data", "somebody's data", swiftbackend.PutOptions{})
	segments := append(slices.Clone(own.segments), swiftbackend.Segment{Container: f.box, Name: "data", Size: data.Size, ETag: data.ETag})
	segments = append(segments, own.segments[0])
	if _, err := f.c.PutManifest(f.Context(), f.box, "object", own.prefix, segments, swiftbackend.PutOptions{}); err != nil {
		f.Fatal(err)
	}
	if err := f.c.DeleteObject(f.Context(), f.box, "object", f.head("object")); err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, "object")
	f.wantContent("data", "somebody's data")
	for _, s := range own.segments {
		f.wantGone(s.Container, s.Name)
	}
}

func segmentSizes(f *fixture) {
	const mib, gib = 1 << 20, 1 << 30
	info := f.c.Info()
	var offset, last int64
	for range info.MaxSLOSegments {
		size := f.c.SegmentSizeFor(offset, 16*mib)
		if size < max(last, 16*mib) || size > info.MaxFileSize {
			f.Fatalf("the segment at %d has %d bytes, the one before %d", offset, size, last)
		}
		if offset < gib/2 && size != 16*mib {
			f.Errorf("the segment at %d has %d bytes already", offset, size)
		}
		offset, last = offset+size, size
	}
	if offset < 3<<40 {
		f.Errorf("a manifest holds %d bytes, want 3 TiB", offset)
	}
}
