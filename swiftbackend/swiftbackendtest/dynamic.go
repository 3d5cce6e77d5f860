package swiftbackendtest

import (
	"swiftfs/swiftbackend"
)

// dynamicTests are about dynamic large objects, which every server has and
// which other clients make, whatever the client itself prefers.
var dynamicTests = []test{
	{"a dynamic large object reads as one", dynamicReadsAsOne},
	{"deleting a dynamic large object deletes its segments", dynamicDelete},
	{"a dynamic large object and a POST that does not name it", dynamicPost},
	{"an update keeps a dynamic large object", dynamicUpdate},
	{"a dynamic large object without segments is empty", dynamicEmpty},
}

func (f *fixture) putDynamic(name string) large {
	f.Helper()
	l := f.putSegments(name)
	f.put(name, "", swiftbackend.PutOptions{Header: map[string]string{"X-Object-Manifest": f.box + swiftbackend.SegmentsSuffix + "/" + l.prefix}})
	return l
}

func dynamicReadsAsOne(f *fixture) {
	l := f.putDynamic("object")
	info := f.wantContent("object", l.data)
	if info.DLO != f.box+swiftbackend.SegmentsSuffix+"/"+l.prefix || info.SLO || info.Size != int64(len(l.data)) {
		f.Errorf("GET tells %+v", info)
	}
	f.wantRanges("object", l, info.ETag)
	if r := f.row("object"); r.Bytes != 0 || r.Hash != md5Of("") || r.SLOETag != "" {
		f.Errorf("listed as %+v", r)
	}
	f.wantSegments("object", info, l.segments)
}

func dynamicDelete(f *fixture) {
	l, other := f.putDynamic("object"), f.putDynamic("other")
	if err := f.c.DeleteObject(f.Context(), f.box, "object", f.head("object")); err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, "object")
	for _, s := range l.segments {
		f.wantGone(s.Container, s.Name)
	}
	f.wantContent("other", other.data)
}

func dynamicPost(f *fixture) {
	l := f.putDynamic("object")
	if err := f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{Meta: map[string]string{"A": "b"}}); err != nil {
		f.Fatal(err)
	}
	want := l.data
	if f.can.Objects.PostDropsHeaders {
		want = ""
	}
	f.wantContent("object", want)
}

func dynamicUpdate(f *fixture) {
	l := f.putDynamic("object")
	if _, err := f.c.Update(f.Context(), f.box, "object", addB); err != nil {
		f.Fatal(err)
	}
	f.wantContent("object", l.data)
	f.wantMeta("object", map[string]string{"B": "2"})
}

func dynamicEmpty(f *fixture) {
	f.put("object", "", swiftbackend.PutOptions{Header: map[string]string{"X-Object-Manifest": f.box + "/no/such/prefix"}})
	info := f.wantContent("object", "")
	if info.DLO == "" || info.Size != 0 {
		f.Errorf("GET tells %+v", info)
	}
	f.wantSegments("object", info, nil)
	_, _, err := f.read(f.box, "object", swiftbackend.GetOptions{Length: 10})
	f.wantKind(err, swiftbackend.KindRange)
}
