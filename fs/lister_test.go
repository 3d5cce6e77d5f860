package fs

import (
	"net/http"
	"testing"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

func TestRowsSayWhatAnObjectIs(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	f := &FS{cfg: DefaultConfig()}
	doubtful := func(r listing.Row) bool { return f.doubtful(&listing.Entry{Kind: listing.File, Row: r}) }
	static := listedRow(swiftbackend.ObjectRow{Name: "s", Bytes: 9, Hash: "manifest", SLOETag: "segments", Modified: at})
	if static.ETag != "segments" || !static.Resolved || !large(&static) || doubtful(static) {
		t.Errorf("a static large object is %+v", static)
	}
	if sub := listedRow(swiftbackend.ObjectRow{Subdir: "d/"}); !sub.Subdir || sub.Name != "d/" {
		t.Errorf("a subdir is %+v", sub)
	}
	empty := listedRow(swiftbackend.ObjectRow{Name: "e", Hash: emptyMD5})
	if !doubtful(empty) {
		t.Error("a row with the hash of nothing may be a dynamic large object")
	}
	link := headRow("l", &swiftbackend.ObjectInfo{ETag: "segments", SLO: true, Size: 9, Header: http.Header{"Content-Location": {"/v1/a/c/s"}}})
	if large(&link) || link.Size != 9 || link.SymlinkPath == "" {
		t.Errorf("a link to a large object is %+v", link)
	}
	if row := headRow("m", &swiftbackend.ObjectInfo{DLO: "c/p", ETag: "x"}); !large(&row) {
		t.Errorf("a dynamic large object is %+v", row)
	}
	for _, r := range []swiftbackend.ObjectRow{
		{Name: "d", ContentType: "application/directory", Bytes: 5},
		{Name: "d", ContentType: "Text/Directory; charset=x", Bytes: 5},
	} {
		row := listedRow(r)
		if e, _ := listing.Decide(listing.Dir{Container: "c"}, []listing.Row{row}, at); e.Kind != listing.File {
			t.Errorf("an object of type %s with data is a %v", r.ContentType, e.Kind)
		}
	}
	marker := listedRow(swiftbackend.ObjectRow{Name: "d", ContentType: "application/directory"})
	if e, _ := listing.Decide(listing.Dir{Container: "c"}, []listing.Row{marker}, at); e.Kind != listing.Directory {
		t.Errorf("a marker is a %v", e.Kind)
	}
}

func TestADoubtfulRowIsAskedAboutOnce(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	srv.PutObject("c", "empty", "", nil)
	row := listing.Row{Name: "empty", ETag: emptyMD5}
	srv.Reset()
	for range 3 {
		got, err := f.resolve(t.Context(), "c", row)
		if err != nil || !got.Resolved || got.Size != 0 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	gone := listing.Row{Name: "gone", ETag: emptyMD5}
	if got, err := f.resolve(t.Context(), "c", gone); err != nil || got != gone {
		t.Errorf("of an object that is gone: %+v, %v", got, err)
	}
}

func TestWhatIsBelowADirectoryIsNotBelievedFromAListingThatLags(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	below := func() bool {
		t.Helper()
		yes, err := f.anyBelow(t.Context(), "c", "d/")
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	if below() {
		t.Error("something is below a name that does not exist")
	}
	srv.FillContainer("c", func(yield func(string) bool) { _ = yield("d/1") && yield("d/2") && yield("d/3") }, 1)
	srv.Reset()
	if !below() || srv.Total() != 1 {
		t.Errorf("below: %v, by %d requests; want one", below(), srv.Total())
	}
	srv.LagListings(true)
	for _, name := range []string{"d/1", "d/2"} {
		srv.RemoveObject("c", name)
		f.cache.Remove(listing.Dir{Container: "c", Prefix: "d/"}, name)
	}
	if !below() {
		t.Error("d/3 is overlooked")
	}
	srv.RemoveObject("c", "d/3")
	f.cache.Remove(listing.Dir{Container: "c", Prefix: "d/"}, "d/3")
	if below() {
		t.Error("what this mount has removed is still below")
	}
	srv.PutObject("c", "d/2", "", []byte("by somebody else"))
	if !below() {
		t.Error("what somebody else made again is overlooked")
	}
}
