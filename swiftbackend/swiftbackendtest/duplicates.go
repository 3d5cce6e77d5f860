package swiftbackendtest

import (
	"fmt"
	"time"

	"swiftfs/swiftbackend"
)

var duplicateTests = []test{
	{"a duplicate has all that its source has", duplicatePlain},
	{"a duplicate of a large object shares nothing with it", duplicateLarge},
	{"a duplicate of a revised object shares nothing with it", duplicateRevised},
	{"a duplicate of a dynamic large object shares nothing with it", duplicateDynamic},
	{"a duplicate of a manifest within a manifest shares nothing with it", duplicateNested},
	{"a duplicate of a symlink is a symlink", duplicateSymlink},
	{"what is missing or was replaced is not duplicated", duplicateReplaced},
}

func (f *fixture) duplicated(from string, to swiftbackend.Name, info swiftbackend.ObjectInfo, o swiftbackend.CloneOptions) swiftbackend.ObjectInfo {
	f.Helper()
	d, err := f.c.Duplicate(f.Context(), f.name(from), to, info, o)
	if err != nil {
		f.Fatal(err)
	}
	return d
}

func duplicatePlain(f *fixture) {
	at := time.Now().Add(oneDay).Truncate(time.Second)
	f.put("from ü", "data", swiftbackend.PutOptions{
		ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640"}, DeleteAt: at,
		Header: map[string]string{"Content-Encoding": "identity"},
	})
	other := f.newContainer()
	f.putIn(other, "to", "what is overwritten", swiftbackend.PutOptions{})
	for _, info := range []swiftbackend.ObjectInfo{f.head("from ü"), f.listedInfo("from ü")} {
		d := f.duplicated("from ü", swiftbackend.Name{Container: other, Object: "to"}, info, swiftbackend.CloneOptions{})
		got := f.wantContentIn(other, "to", "data")
		if h := got.Header; d.ETag != got.ETag || got.ContentType != typeWithParameters || got.Meta["Mode"] != "0640" ||
			h.Get("X-Delete-At") != fmt.Sprint(at.Unix()) || h.Get("Content-Encoding") != "identity" {
			f.Errorf("the duplicate is %+v", got)
		}
	}
	f.duplicated("from ü", f.name("typed"), f.head("from ü"), swiftbackend.CloneOptions{ContentType: "text/html"})
	if got := f.wantContent("typed", "data").ContentType; got != "text/html" {
		f.Errorf("type %q", got)
	}
	f.put("empty", "", swiftbackend.PutOptions{})
	f.duplicated("empty", f.name("empty too"), f.listedInfo("empty"), swiftbackend.CloneOptions{})
	f.wantContent("empty too", "")
}

// largeListed is what a listing tells of a large object, as far as it tells.
func (f *fixture) largeListed(name string) swiftbackend.ObjectInfo {
	f.Helper()
	info := f.listedInfo(name)
	info.SLO = f.row(name).SLOETag != ""
	return info
}

func duplicateLarge(f *fixture) {
	l := f.putLarge("from")
	for i, info := range []swiftbackend.ObjectInfo{f.head("from"), f.largeListed("from")} {
		to := fmt.Sprintf("dir/to %d", i)
		d := f.duplicated("from", f.name(to), info, swiftbackend.CloneOptions{})
		got := f.wantContent(to, l.data)
		f.wantLarge("the duplicate", got, len(l.data))
		if got.ETag != l.info.ETag || d.ETag != got.ETag || got.ContentType != typeWithParameters || got.Meta["Mode"] != "0640" {
			f.Errorf("the duplicate is %+v", got)
		}
	}
	if err := f.c.DeleteObject(f.Context(), f.box, "from", f.head("from")); err != nil {
		f.Fatal(err)
	}
	f.wantContent("dir/to 0", l.data)
	f.duplicated("dir/to 0", f.name("third"), f.head("dir/to 0"), swiftbackend.CloneOptions{ContentType: "text/html"})
	for _, name := range []string{"dir/to 0", "dir/to 1"} {
		if err := f.c.DeleteObject(f.Context(), f.box, name, f.head(name)); err != nil {
			f.Fatal(err)
		}
	}
	if got := f.wantContent("third", l.data).ContentType; got != "text/html" {
		f.Errorf("type %q", got)
	}
	if err := f.c.DeleteObject(f.Context(), f.box, "third", f.head("third")); err != nil {
		f.Fatal(err)
	}
	f.wantNoSegments()
}

func duplicateRevised(f *fixture) {
	data, base := f.putNoise()
	c := overwrite(data, 3*reviseUnit+mib, noise(2, 4096))
	f.mustRevise(data, base, c)
	f.duplicated(revisePlace, f.name("to"), f.head(revisePlace), swiftbackend.CloneOptions{})
	if err := f.c.DeleteObject(f.Context(), f.box, revisePlace, f.head(revisePlace)); err != nil {
		f.Fatal(err)
	}
	f.wantContent("to", c.data)
}

func duplicateDynamic(f *fixture) {
	for i, known := range []func(string) swiftbackend.ObjectInfo{f.head, f.listedInfo} {
		from, to := fmt.Sprintf("from %d", i), fmt.Sprintf("to %d", i)
		l := f.putSegments(from)
		f.put(from, "", swiftbackend.PutOptions{
			ContentType: typeWithParameters,
			Header:      map[string]string{"X-Object-Manifest": f.box + swiftbackend.SegmentsSuffix + "/" + quoted(l.prefix)},
		})
		f.duplicated(from, f.name(to), known(from), swiftbackend.CloneOptions{})
		if err := f.c.DeleteObject(f.Context(), f.box, from, f.head(from)); err != nil {
			f.Fatal(err)
		}
		got := f.wantContent(to, l.data)
		f.wantLarge("the duplicate", got, len(l.data))
		if got.ContentType != typeWithParameters {
			f.Errorf("type %q", got.ContentType)
		}
	}
}

func duplicateNested(f *fixture) {
	if !f.can.SLO || !f.can.Large.ManifestReadable {
		return
	}
	inner := f.putLarge("inner")
	segments := []swiftbackend.Segment{{Container: f.box, Name: "inner", Size: inner.info.Size, ETag: inner.info.ETag}}
	if _, err := f.c.PutManifest(f.Context(), f.box, "outer", "", segments, swiftbackend.PutOptions{ContentType: "text/html"}); err != nil {
		f.Fatal(err)
	}
	f.duplicated("outer", f.name("to"), f.head("outer"), swiftbackend.CloneOptions{})
	if err := f.c.DeleteObject(f.Context(), f.box, "inner", f.head("inner")); err != nil {
		f.Fatal(err)
	}
	if got := f.wantContent("to", inner.data); got.Large() || got.ContentType != "text/html" {
		f.Errorf("the duplicate is %+v", got)
	}
}

func duplicateSymlink(f *fixture) {
	if !f.can.Symlinks {
		return // X-Symlink-Target is ignored: there are none
	}
	f.put("target", "data", swiftbackend.PutOptions{})
	f.put("link", "", swiftbackend.PutOptions{ContentType: "application/symlink", Header: map[string]string{"X-Symlink-Target": f.box + "/target"}})
	f.duplicated("link", f.name("second link"), f.listedInfo("link"), swiftbackend.CloneOptions{})
	f.wantContent("second link", "data")
	if got := f.row("second link"); got.SymlinkPath == "" || got.Bytes != 0 {
		f.Errorf("listed as %+v, want a link", got)
	}
}

func duplicateReplaced(f *fixture) {
	_, err := f.c.Duplicate(f.Context(), f.name("missing"), f.name("to"), swiftbackend.ObjectInfo{ETag: md5Of("data")}, swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindNotExist)
	f.putSource()
	known := f.head("a source")
	f.put("a source", "newer", swiftbackend.PutOptions{})
	_, err = f.c.Duplicate(f.Context(), f.name("a source"), f.name("to"), known, swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindConflict)
	f.putLarge("large")
	known = f.head("large")
	known.ETag = md5Of("another version")
	_, err = f.c.Duplicate(f.Context(), f.name("large"), f.name("to"), known, swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindConflict)
	l := f.putManifest("large", f.putSegmentsOf("large", 'x'))
	_, err = f.c.Duplicate(f.Context(), f.name("large"), swiftbackend.Name{Container: f.box + "-missing", Object: "x"}, f.head("large"), swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindNotExist)
	f.wantContent("large", l.data)
}
