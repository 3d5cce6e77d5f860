package swiftbackendtest

import (
	"slices"
	"strings"
	"time"

	"swiftfs/swiftbackend"
)

// anyAge makes segments orphans that were stored just now.
const anyAge = -time.Minute

// orphanTests run one after the other: a search looks at the whole account.
var orphanTests = []test{
	{"segments that no manifest names are orphans", segmentsNobodyNamesAreOrphans},
	{"manifests of parts of several uploads keep what they name", mixedManifestsKeepWhatTheyName},
	{"a segment that was replaced is an orphan", replacedSegmentsAreOrphans},
	{"what was set aside and forgotten is an orphan", forgottenObjectsAreOrphans},
	{"uploads of equal content", manifestsOfEqualContentKeepBoth},
	{"old versions in another container keep their segments", oldVersionsKeepTheirSegments},
}

// orphans looks for orphans among the segments of the test's container.
func (f *fixture) orphans(olderThan time.Duration) (names []string, report swiftbackend.OrphanReport) {
	f.Helper()
	report, err := f.c.Orphans(f.Context(), swiftbackend.OrphanOptions{Container: f.box, OlderThan: olderThan}, func(o swiftbackend.Orphans) error {
		for _, s := range o.Segments {
			names = append(names, s.Name)
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	slices.Sort(names)
	return names, report
}

func namesOf(segments ...swiftbackend.Segment) []string {
	names := make([]string, len(segments))
	for i, s := range segments {
		names[i] = s.Name
	}
	slices.Sort(names)
	return names
}

func segmentsNobodyNamesAreOrphans(f *fixture) {
	kept, old := f.putLarge("kept"), f.putLarge("dir/old")
	other := f.newContainer()
	if _, err := f.c.Move(f.Context(), swiftbackend.Name{Container: f.box, Object: "dir/old"}, swiftbackend.Name{Container: other, Object: "new"}, f.head("dir/old"), swiftbackend.CloneOptions{}); err != nil {
		f.Fatal(err)
	}
	dynamic := f.putSegments("dynamic")
	f.putIn(other, "dynamic", "", swiftbackend.PutOptions{Header: map[string]string{"X-Object-Manifest": f.box + swiftbackend.SegmentsSuffix + "/" + dynamic.prefix}})
	lost, replaced := f.putSegmentsOf("lost", 'k'), f.putManifest("dir/replaced", f.putSegmentsOf("dir/replaced", 'p'))
	f.put("dir/replaced", "plain", swiftbackend.PutOptions{})
	f.putIn(f.box+swiftbackend.SegmentsSuffix, "kept/slo/1700000000.000000/2234/1000/00000000", "foreign", swiftbackend.PutOptions{})

	want := namesOf(append(slices.Clone(lost.segments), replaced.segments...)...)
	got, report := f.orphans(time.Hour)
	if len(got) != 0 || report.Young != (swiftbackend.Tally{Segments: 15, Bytes: 5 * 2234}) {
		f.Errorf("of segments younger than the limit: %q, %+v", got, report)
	}
	got, report = f.orphans(anyAge)
	if !slices.Equal(got, want) {
		f.Errorf("got %q\nwant %q", got, want)
	}
	if report.Named.Segments != 9 || report.Foreign != (swiftbackend.Tally{Segments: 1, Bytes: 7}) || report.Doubtful.Segments != 0 || report.Young.Segments != 0 {
		f.Errorf("report %+v", report)
	}
	if err := f.c.DeleteSegments(f.Context(), append(lost.segments, replaced.segments...)); err != nil {
		f.Error(err)
	}
	f.wantContent("kept", kept.data)
	f.wantContentIn(other, "new", old.data)
	f.wantContentIn(other, "dynamic", dynamic.data)
	if got, report := f.orphans(anyAge); len(got) != 0 || report.Named.Segments != 9 {
		f.Errorf("once they are deleted: %q, %+v", got, report)
	}
}

// mixedManifestsKeepWhatTheyName is about manifests of parts of several uploads.
func mixedManifestsKeepWhatTheyName(f *fixture) {
	if !f.can.SLO {
		return // a dynamic manifest is of one prefix
	}
	a, b := f.putSegments("a"), f.putSegments("b")
	named := []swiftbackend.Segment{a.segments[0], b.segments[1], b.segments[1]}
	if _, err := f.c.PutManifest(f.Context(), f.box, "mixed", "", named, swiftbackend.PutOptions{}); err != nil {
		f.Fatal(err)
	}
	got, report := f.orphans(anyAge)
	if !f.can.Large.ManifestReadable {
		if len(got) != 0 || report.Doubtful.Segments != 6 || len(report.Unreadable) != 1 || report.Unreadable[0].Object != "mixed" {
			f.Errorf("beside a manifest that nobody can read: %q, %+v", got, report)
		}
		return
	}
	if want := namesOf(a.segments[1], a.segments[2], b.segments[0], b.segments[2]); !slices.Equal(got, want) || report.Named.Segments != 2 {
		f.Errorf("got %q, %+v\nwant %q", got, report, want)
	}
}

// replacedSegmentsAreOrphans is about an edit of a large object, whose new segment
// is beside the one that it replaces.
func replacedSegmentsAreOrphans(f *fixture) {
	if !f.can.SLO {
		return // a dynamic manifest is of one prefix
	}
	l := f.putSegments("object")
	edited, err := f.c.PutSegment(f.Context(), f.box, l.segments[1].Name+"-1", content(strings.Repeat("z", 1000)))
	if err != nil {
		f.Fatal(err)
	}
	named := []swiftbackend.Segment{l.segments[0], edited, l.segments[2]}
	if _, err := f.c.PutManifest(f.Context(), f.box, "object", "", named, swiftbackend.PutOptions{}); err != nil {
		f.Fatal(err)
	}
	if got, report := f.orphans(anyAge); !slices.Equal(got, namesOf(l.segments[1])) || report.Named.Segments != 3 {
		f.Errorf("got %q, %+v; want %q", got, report, l.segments[1].Name)
	}
}

// forgottenObjectsAreOrphans is about a file that was deleted while a program had
// it open, by a mount that did not live to see its end.
func forgottenObjectsAreOrphans(f *fixture) {
	l := f.putLarge("object")
	aside, err := f.c.SetAside(f.Context(), swiftbackend.Name{Container: f.box, Object: "object"}, f.head("object"), swiftbackend.CloneOptions{})
	if err != nil {
		f.Fatal(err)
	}
	if err := f.c.Delete(f.Context(), f.box, "object"); err != nil {
		f.Fatal(err)
	}
	got, report := f.orphans(anyAge)
	if !slices.Equal(got, []string{aside.Object}) || report.Named.Segments != 3 {
		f.Errorf("got %q, %+v; want %q, which has the segments", got, report, aside.Object)
	}
	f.wantContentIn(aside.Container, aside.Object, l.data)
	if err := f.c.DeleteSegments(f.Context(), []swiftbackend.Segment{{Container: aside.Container, Name: aside.Object}}); err != nil {
		f.Fatal(err)
	}
	if got, report := f.orphans(anyAge); !slices.Equal(got, namesOf(l.segments...)) {
		f.Errorf("then got %q, %+v; want its segments", got, report)
	}
}

// manifestsOfEqualContentKeepBoth is about what a checksum cannot tell apart.
func manifestsOfEqualContentKeepBoth(f *fixture) {
	a, b := f.putLarge("a"), f.putSegments("b")
	got, report := f.orphans(anyAge)
	switch {
	case !f.can.SLO || f.can.Large.ManifestReadable:
		if !slices.Equal(got, namesOf(b.segments...)) || report.Named.Segments != int64(len(a.segments)) {
			f.Errorf("got %q, %+v", got, report)
		}
	case len(got) != 0 || report.Named.Segments != 6:
		f.Errorf("of two uploads of the content of one manifest: %q, %+v", got, report)
	}
}

// oldVersionsKeepTheirSegments is about containers that keep old versions in
// others, where the server has such.
func oldVersionsKeepTheirSegments(f *fixture) {
	archive := f.newContainer()
	if err := f.c.PostContainer(f.Context(), f.box, map[string]string{"X-Versions-Location": archive}); err != nil {
		f.Fatal(err)
	}
	info, err := f.c.Container(f.Context(), f.box)
	if err != nil {
		f.Fatal(err)
	}
	l := f.putLarge("object")
	f.put("object", "plain", swiftbackend.PutOptions{})
	lost := f.putSegmentsOf("lost", 'k')
	want := lost.segments
	if !info.Versioned {
		want = append(want, l.segments...)
	}
	if got, report := f.orphans(anyAge); !slices.Equal(got, namesOf(want...)) {
		f.Errorf("got %q, %+v\nwant %q", got, report, namesOf(want...))
	}
	// Else deleting an object brings its old version back.
	if err := f.c.PostContainer(f.Context(), f.box, map[string]string{"X-Remove-Versions-Location": "x"}); err != nil {
		f.Error(err)
	}
}
