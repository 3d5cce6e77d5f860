package swiftbackendtest

import (
	"fmt"
	"strings"

	"swiftfs/swiftbackend"
)

// What a rename that was cut off leaves: two manifests of the same segments.
var sharingTests = []test{
	{"after a rename that was cut off either name can be deleted", sharedDelete},
	{"after a rename that was cut off either object can be overwritten", sharedOverwrite},
	{"after a rename that was cut off either object can be revised", sharedRevise},
	{"a rename that was cut off can be repeated", sharedMoveAgain},
	{"a rename that was cut off after others", sharedAfterMoves},
	{"an object that shares its segments gets another name", sharedMovesOn},
	{"a rename of an object with a long name is cut off", sharedLongNames},
	{"a rename of an object without room for metadata", sharedWithoutRoom},
	{"after a rename that was cut off somebody replaces the metadata", sharedLosesMetadata},
	{"an object that is set aside and stays", sharedSetAside},
}

// cutOff is a rename that does not come to the deletion of the old name.
func (f *fixture) cutOff(from, to string) {
	f.Helper()
	if _, err := f.c.Clone(f.Context(), f.name(from), f.name(to), f.head(from), swiftbackend.CloneOptions{}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) delete(name string) {
	f.Helper()
	if err := f.c.DeleteObject(f.Context(), f.box, name, f.head(name)); err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, name)
}

// everyOtherName reports whether an object knows what it is called beside, also the
// one whose name was there first.
func (f *fixture) everyOtherName() bool { return f.can.Large.ManifestReadable || !f.can.SLO }

// deletable are the names of two objects that share, of which one can be deleted.
func (f *fixture) deletable(old, now string) [][2]string {
	if f.everyOtherName() {
		return [][2]string{{old, now}, {now, old}}
	}
	return [][2]string{{now, old}}
}

func sharedDelete(f *fixture) {
	for _, n := range f.deletable("old ü%41+x", "dir/new+#1&") {
		l := f.putLarge("old ü%41+x")
		f.cutOff("old ü%41+x", "dir/new+#1&")
		f.wantMeta("dir/new+#1&", map[string]string{"Mode": "0640"})
		f.wantMeta("old ü%41+x", map[string]string{"Mode": "0640"})
		f.delete(n[0])
		f.wantContent(n[1], l.data)
		f.wantSegmentsThere(l)
		f.delete(n[1])
		if f.everyOtherName() {
			f.wantNoSegments()
		}
	}
}

func sharedOverwrite(f *fixture) {
	for _, n := range f.deletable("old", "new") {
		l := f.putLarge("old")
		f.cutOff("old", "new")
		unused, err := f.c.OwnSegments(f.Context(), f.box, n[0], f.head(n[0]))
		if err != nil || len(unused) != 0 {
			f.Fatalf("%s would leave %v, %v", n[0], unused, err)
		}
		other := f.putManifest(n[0], f.putSegmentsOf(n[0], 'x'))
		f.wantContent(n[1], l.data)
		f.delete(n[1])
		f.wantContent(n[0], other.data)
		f.delete(n[0])
		if f.everyOtherName() {
			f.wantNoSegments()
		}
	}
}

func sharedRevise(f *fixture) {
	if !f.everyOtherName() {
		return
	}
	for i := range 2 {
		data, base := f.putNoise()
		other := "other"
		if i == 0 {
			f.cutOff(revisePlace, other)
			base = f.head(revisePlace)
		} else {
			other = "first"
			f.moved(revisePlace, f.name(other), base, swiftbackend.CloneOptions{})
			f.cutOff(other, revisePlace)
			base = f.head(revisePlace)
		}
		c := overwrite(data, 2*reviseUnit+reviseUnit/2, noise(2, 4096))
		f.mustRevise(data, base, c)
		f.wantContent(other, data)
		// What they still share stays whichever goes.
		if i == 0 {
			f.delete(other)
			f.wantContent(revisePlace, c.data)
			f.delete(revisePlace)
		} else {
			f.delete(revisePlace)
			f.wantContent(other, data)
			f.delete(other)
		}
		f.wantNoSegments()
	}
}

func sharedMoveAgain(f *fixture) {
	l := f.putLarge("old")
	f.cutOff("old", "new")
	unused, err := f.c.OwnSegments(f.Context(), f.box, "new", f.head("new"))
	if err != nil || len(unused) != 0 {
		f.Errorf("the object that is replaced would leave %v, %v", unused, err)
	}
	f.moved("old", f.name("new"), f.head("old"), swiftbackend.CloneOptions{})
	f.wantContent("new", l.data)
	f.wantSegmentsThere(l)
	f.delete("new")
	f.wantNoSegments()
}

func sharedAfterMoves(f *fixture) {
	for _, n := range f.deletable("third", "fourth") {
		l := f.putLarge("first")
		f.moved("first", f.name("second"), f.head("first"), swiftbackend.CloneOptions{})
		f.moved("second", f.name("third"), f.head("second"), swiftbackend.CloneOptions{})
		f.cutOff("third", "fourth")
		// Other objects have the names by now.
		second := f.putManifest("second", f.putSegmentsOf("second", 'x'))
		f.put("first", "data", swiftbackend.PutOptions{})
		f.delete(n[0])
		f.wantContent(n[1], l.data)
		f.delete(n[1])
		f.wantContent("second", second.data)
		f.delete("second")
		if f.everyOtherName() {
			f.wantNoSegments()
		}
	}
}

func sharedMovesOn(f *fixture) {
	if !f.everyOtherName() {
		return
	}
	for _, stays := range []string{"old", "new"} {
		moves := map[string]string{"old": "new", "new": "old"}[stays]
		l := f.putLarge("old")
		f.cutOff("old", "new")
		f.moved(moves, f.name("away"), f.head(moves), swiftbackend.CloneOptions{})
		if got := f.wantContent("away", l.data); got.ETag != l.info.ETag && f.can.SLO || got.ContentType != typeWithParameters {
			f.Errorf("moved: %+v", got)
		}
		f.wantMeta("away", map[string]string{"Mode": "0640"})
		f.delete(stays)
		f.wantContent("away", l.data)
		f.delete("away")
		f.wantNoSegments()
	}
}

func sharedLongNames(f *fixture) {
	const most = 1024
	for _, part := range []string{"x", "ü", "+"} {
		// The longest of which swiftfs can name segments, which are longer by this.
		const room = len("/slo/1700000000.123456/0123456789abcdef/1000/00000000")
		old := strings.Repeat(part, (most-room)/len(part))
		now := "dir/" + strings.Repeat(part, (most-4)/len(part))
		for _, n := range f.deletable(old, now) {
			l := f.putLarge(old)
			f.cutOff(old, now)
			f.delete(n[0])
			f.wantContent(n[1], l.data)
			f.delete(n[1])
		}
	}
}

func sharedWithoutRoom(f *fixture) {
	l := f.putSegments("old")
	meta := map[string]string{}
	for i := range f.c.Info().MaxMetaCount {
		meta[fmt.Sprintf("M%d", i)] = "x"
	}
	if _, err := f.c.PutManifest(f.Context(), f.box, "old", l.prefix, l.segments, swiftbackend.PutOptions{Meta: meta}); err != nil {
		f.Fatal(err)
	}
	f.moved("old", f.name("new"), f.head("old"), swiftbackend.CloneOptions{})
	f.wantContent("new", l.data)
	f.wantMeta("new", meta)
	f.delete("new")
}

func sharedLosesMetadata(f *fixture) {
	if !f.everyOtherName() {
		return
	}
	l := f.putLarge("old")
	f.cutOff("old", "new")
	o := swiftbackend.KeptOptions(f.head("new"))
	o.Meta = nil
	if f.can.SLO {
		o.Header = nil
	} else {
		o.Header["X-Object-Manifest"] = f.head("new").Header.Get("X-Object-Manifest")
	}
	if err := f.c.Post(f.Context(), f.box, "new", o); err != nil {
		f.Fatal(err)
	}
	f.delete("new")
	f.wantContent("old", l.data)
	f.delete("old")
	f.wantNoSegments()
}

// sharedSetAside is about a file that was not replaced in the end.
func sharedSetAside(f *fixture) {
	l := f.putLarge("first")
	f.moved("first", f.name("object"), f.head("first"), swiftbackend.CloneOptions{})
	aside, err := f.c.SetAside(f.Context(), f.name("object"), f.head("object"), swiftbackend.CloneOptions{})
	if err != nil {
		f.Fatal(err)
	}
	info, err := f.c.Head(f.Context(), aside.Container, aside.Object)
	if err != nil {
		f.Fatal(err)
	}
	if err := f.c.DeleteObject(f.Context(), aside.Container, aside.Object, info); err != nil {
		f.Fatal(err)
	}
	f.wantGone(aside.Container, aside.Object)
	f.wantContent("object", l.data)
}
