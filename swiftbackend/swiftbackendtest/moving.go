package swiftbackendtest

import (
	"fmt"
	"strings"
	"time"

	"swiftfs/swiftbackend"
)

var moveTests = []test{
	{"a moved object has another name and is otherwise the same", movePlain},
	{"an object moves over another and across containers", moveOver},
	{"a moved object can take another type", moveChangesType},
	{"a large object moves without its segments", moveLarge},
	{"a dynamic large object moves without its segments", moveDynamic},
	{"an empty object moves", moveEmpty},
	{"a symlink moves and its target does not", moveSymlink},
	{"what is missing does not move", moveMissing},
	{"an object that was replaced meanwhile does not move", moveReplaced},
	{"segments left by a move are not another object's", moveLeavesSegments},
	{"segments left by a move are not another object's of the same content", moveLeavesEqualSegments},
}

func (f *fixture) name(object string) swiftbackend.Name {
	return swiftbackend.Name{Container: f.box, Object: object}
}

func (f *fixture) moved(from string, to swiftbackend.Name, info swiftbackend.ObjectInfo, o swiftbackend.CloneOptions) swiftbackend.ObjectInfo {
	f.Helper()
	moved, err := f.c.Move(f.Context(), f.name(from), to, info, o)
	if err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, from)
	return moved
}

// listedInfo is what a listing tells of an object.
func (f *fixture) listedInfo(name string) swiftbackend.ObjectInfo {
	f.Helper()
	r := f.row(name)
	info := swiftbackend.ObjectInfo{ETag: r.Hash, Size: r.Bytes, ContentType: r.ContentType, Modified: r.Modified}
	if r.SLOETag != "" {
		info.ETag = r.SLOETag
	}
	return info
}

const oneDay = 24 * time.Hour

func movePlain(f *fixture) {
	const from, to = "dir/from ü?%41", "other dir/to#1&2"
	at := time.Now().Add(oneDay).Truncate(time.Second)
	f.put(from, "data", swiftbackend.PutOptions{
		ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640", "Mtime": "1700000000.5"}, DeleteAt: at,
		Header: map[string]string{"Content-Encoding": "identity", "Content-Disposition": "attachment"},
	})
	moved := f.moved(from, f.name(to), f.listedInfo(from), swiftbackend.CloneOptions{})
	got := f.wantContent(to, "data")
	if got.ETag != md5Of("data") || moved.ETag != got.ETag || got.ContentType != typeWithParameters {
		f.Errorf("ETag %q of the move, %q of GET; type %q", moved.ETag, got.ETag, got.ContentType)
	}
	f.wantMeta(to, map[string]string{"Mode": "0640", "Mtime": "1700000000.5"})
	h := f.head(to).Header
	for k, want := range map[string]string{"Content-Encoding": "identity", "Content-Disposition": "attachment", "X-Delete-At": fmt.Sprint(at.Unix())} {
		if h.Get(k) != want {
			f.Errorf("%s: got %q, want %q", k, h.Get(k), want)
		}
	}
	const rounding = 1100 * time.Millisecond
	if d := f.row(to).Modified.Sub(moved.Modified); d > rounding || d < -rounding {
		f.Errorf("the move tells %v, the listing %v", moved.Modified, f.row(to).Modified)
	}
}

func moveOver(f *fixture) {
	f.putSource()
	other := f.newContainer()
	f.putIn(other, "target", "what is overwritten", swiftbackend.PutOptions{})
	f.moved("a source", swiftbackend.Name{Container: other, Object: "target"}, f.head("a source"), swiftbackend.CloneOptions{})
	f.wantContentIn(other, "target", "data")
}

func moveChangesType(f *fixture) {
	f.putSource()
	f.moved("a source", f.name("target"), f.head("a source"), swiftbackend.CloneOptions{ContentType: "text/html"})
	if got := f.wantContent("target", "data").ContentType; got != "text/html" {
		f.Errorf("type %q", got)
	}
	f.wantMeta("target", map[string]string{"Mode": "0640"})
	l := f.putLarge("large")
	f.moved("large", f.name("large target"), f.head("large"), swiftbackend.CloneOptions{ContentType: "text/html"})
	if got := f.wantContent("large target", l.data).ContentType; got != "text/html" {
		f.Errorf("type of a large object %q", got)
	}
}

func (f *fixture) wantSegmentsThere(l large) {
	f.Helper()
	rows, _ := f.listIn(f.box+swiftbackend.SegmentsSuffix, swiftbackend.ListOptions{Prefix: l.prefix})
	if len(rows) != len(l.segments) {
		f.Errorf("%d segments, want %d", len(rows), len(l.segments))
	}
}

func moveLarge(f *fixture) {
	for i, known := range []func(string) swiftbackend.ObjectInfo{f.head, f.largeListed} {
		from, to := fmt.Sprintf("from %d", i), fmt.Sprintf("dir/to %d", i)
		l := f.putLarge(from)
		f.moved(from, f.name(to), known(from), swiftbackend.CloneOptions{})
		got := f.wantContent(to, l.data)
		f.wantLarge("moved", got, len(l.data))
		if got.ETag != l.info.ETag || got.ContentType != typeWithParameters {
			f.Errorf("ETag %q, was %q; type %q", got.ETag, l.info.ETag, got.ContentType)
		}
		f.wantMeta(to, map[string]string{"Mode": "0640"})
		f.wantRanges(to, l, l.info.ETag)
		f.wantSegmentsThere(l)
		if err := f.c.DeleteObject(f.Context(), f.box, to, f.head(to)); err != nil {
			f.Fatal(err)
		}
		for _, s := range l.segments {
			f.wantGone(s.Container, s.Name)
		}
	}
}

// quoted is a prefix as a dynamic manifest names it.
func quoted(prefix string) string { return strings.ReplaceAll(prefix, " ", "%20") }

func moveDynamic(f *fixture) {
	for i, known := range []func(string) swiftbackend.ObjectInfo{f.head, f.listedInfo} {
		from, to := fmt.Sprintf("from %d", i), fmt.Sprintf("to %d", i)
		l := f.putSegments(from)
		f.put(from, "", swiftbackend.PutOptions{
			ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640"},
			Header: map[string]string{"X-Object-Manifest": f.box + swiftbackend.SegmentsSuffix + "/" + quoted(l.prefix)},
		})
		was := f.head(from)
		f.moved(from, f.name(to), known(from), swiftbackend.CloneOptions{})
		got := f.wantContent(to, l.data)
		if got.DLO != was.DLO || got.ETag != was.ETag || got.ContentType != typeWithParameters {
			f.Errorf("moved: %+v, was %+v", got, was)
		}
		f.wantMeta(to, map[string]string{"Mode": "0640"})
		f.wantSegmentsThere(l)
	}
}

func moveEmpty(f *fixture) {
	f.put("from/", "", swiftbackend.PutOptions{ContentType: "application/directory"})
	f.moved("from/", f.name("to/"), f.listedInfo("from/"), swiftbackend.CloneOptions{})
	if got := f.wantContent("to/", "").ContentType; got != "application/directory" {
		f.Errorf("type %q", got)
	}
}

func moveSymlink(f *fixture) {
	if !f.can.Symlinks {
		return // X-Symlink-Target is ignored: there are none
	}
	f.put("target", "data", swiftbackend.PutOptions{})
	f.put("link", "", swiftbackend.PutOptions{ContentType: "application/symlink", Header: map[string]string{"X-Symlink-Target": f.box + "/target"}})
	f.moved("link", f.name("moved link"), f.listedInfo("link"), swiftbackend.CloneOptions{})
	f.wantContent("moved link", "data")
	if got := f.row("moved link"); got.SymlinkPath == "" || got.Bytes != 0 {
		f.Errorf("listed as %+v, want a link", got)
	}
}

func moveMissing(f *fixture) {
	_, err := f.c.Move(f.Context(), f.name("missing"), f.name("target"), swiftbackend.ObjectInfo{ETag: md5Of("data")}, swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindNotExist)
	f.putSource()
	_, err = f.c.Move(f.Context(), f.name("a source"), swiftbackend.Name{Container: f.box + "-missing", Object: "x"}, f.head("a source"), swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindNotExist)
	f.wantContent("a source", "data")
}

func moveReplaced(f *fixture) {
	f.putSource()
	known := f.head("a source")
	f.put("a source", "newer", swiftbackend.PutOptions{})
	_, err := f.c.Move(f.Context(), f.name("a source"), f.name("target"), known, swiftbackend.CloneOptions{})
	f.wantKind(err, swiftbackend.KindConflict)
	f.wantContent("a source", "newer")
}

// moveLeavesSegments overwrites an object whose name another one had, which left
// its segments there.
func moveLeavesSegments(f *fixture) {
	first := f.putLarge("object")
	f.moved("object", f.name("renamed"), f.head("object"), swiftbackend.CloneOptions{})
	l := f.putSegments("object")
	info, err := f.c.PutManifest(f.Context(), f.box, "object", l.prefix, l.segments[:2], swiftbackend.PutOptions{})
	if f.can.SLO && err != nil {
		f.Fatal(err)
	}
	if f.can.SLO {
		if err := f.c.Delete(f.Context(), l.segments[2].Container, l.segments[2].Name); err != nil {
			f.Fatal(err)
		}
		f.wantSegments("object", info, l.segments[:2])
	}
	f.wantContent("renamed", first.data)
}

// moveLeavesEqualSegments uploads the same once more under the name that a renamed
// object had.
func moveLeavesEqualSegments(f *fixture) {
	l := f.putLarge("object")
	f.moved("object", f.name("renamed"), f.head("object"), swiftbackend.CloneOptions{})
	f.putLarge("object")
	if err := f.c.DeleteObject(f.Context(), f.box, "object", f.head("object")); err != nil {
		f.Fatal(err)
	}
	f.wantContent("renamed", l.data)
	f.wantSegmentsThere(l)
}
