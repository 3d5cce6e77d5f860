package swiftbackend_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// orphanFixture is a server with a client, to make orphans on.
type orphanFixture struct {
	*testing.T
	srv *fakeswift.Server
	c   *swiftbackend.Client
}

func newOrphanFixture(t *testing.T) *orphanFixture {
	t.Helper()
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"aa", "box", "zz"} {
		srv.CreateContainer(name)
	}
	return &orphanFixture{t, srv, dial(t, srv)}
}

// upload stores the segments of an object and no manifest.
func (f *orphanFixture) upload(container, object string, n int) (prefix string, segments []swiftbackend.Segment) {
	f.Helper()
	prefix = swiftbackend.SegmentPrefix(object, time.Now(), 1)
	for i := range n {
		s, err := f.c.PutSegment(f.Context(), container, fmt.Sprintf("%s%08d", prefix, i), content(fmt.Sprint(object, i)))
		if err != nil {
			f.Fatal(err)
		}
		segments = append(segments, s)
	}
	return prefix, segments
}

func (f *orphanFixture) large(container, object string, n int) (prefix string, segments []swiftbackend.Segment) {
	f.Helper()
	prefix, segments = f.upload(container, object, n)
	f.manifest(container, object, segments)
	return prefix, segments
}

func (f *orphanFixture) manifest(container, object string, segments []swiftbackend.Segment) swiftbackend.ObjectInfo {
	f.Helper()
	info, err := f.c.PutManifest(f.Context(), container, object, "", segments, swiftbackend.PutOptions{})
	if err != nil {
		f.Fatal(err)
	}
	return info
}

// find looks for orphans, of any age unless o says something else.
func (f *orphanFixture) find(o swiftbackend.OrphanOptions) ([]swiftbackend.Orphans, swiftbackend.OrphanReport, error) {
	f.Helper()
	if o.OlderThan == 0 {
		o.OlderThan = -time.Minute
	}
	var all []swiftbackend.Orphans
	report, err := f.c.Orphans(f.Context(), o, func(o swiftbackend.Orphans) error {
		all = append(all, o)
		return nil
	})
	return all, report, err
}

func (f *orphanFixture) wantNone(what string, named int64) swiftbackend.OrphanReport {
	f.Helper()
	got, report, err := f.find(swiftbackend.OrphanOptions{})
	if err != nil || len(got) != 0 || report.Named.Segments != named {
		f.Errorf("%s: %+v, report %+v, %v; want no orphans and %d named", what, got, report, err, named)
	}
	return report
}

func TestOrphansAreFoundByUpload(t *testing.T) {
	f := newOrphanFixture(t)
	_, a := f.upload("box", "dir/a", 2)
	_, z := f.upload("zz", "z", 1)
	f.large("box", "dir/b", 3)
	got, report, err := f.find(swiftbackend.OrphanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Object != (swiftbackend.Name{Container: "box", Object: "dir/a"}) || !slices.Equal(got[0].Segments, a) || got[0].Bytes() != 12 ||
		got[1].Object.Container != "zz" || !slices.Equal(got[1].Segments, z) || report.Named != (swiftbackend.Tally{Segments: 3, Bytes: 18}) {
		t.Errorf("got %+v\nreport %+v", got, report)
	}
	if age := report.Now.Sub(got[0].Latest); age < -time.Second || age > time.Minute {
		t.Errorf("stored just now, the latest segment is %v old", age)
	}
	for _, c := range []struct {
		o    swiftbackend.OrphanOptions
		want int
	}{
		{swiftbackend.OrphanOptions{Container: "zz"}, 1},
		{swiftbackend.OrphanOptions{Container: "aa"}, 0},
		{swiftbackend.OrphanOptions{Container: "box", Prefix: "dir/"}, 1},
		{swiftbackend.OrphanOptions{Container: "box", Prefix: "other/"}, 0},
		{swiftbackend.OrphanOptions{OlderThan: time.Hour}, 0},
	} {
		if got, _, err := f.find(c.o); len(got) != c.want || err != nil {
			t.Errorf("%+v: %+v, %v; want %d", c.o, got, err, c.want)
		}
	}
}

func TestAnUploadIsAsOldAsItsLatestSegment(t *testing.T) {
	now := time.Now().Add(-10 * time.Hour)
	var mu sync.Mutex // guards now
	srv := startFake(t, fakeswift.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	srv.CreateContainer("box")
	f := &orphanFixture{t, srv, dial(t, srv)}
	prefix, first := f.upload("box", "slow", 1)
	f.upload("box", "lost", 1)
	mu.Lock()
	now = time.Now()
	mu.Unlock()
	if _, err := f.c.PutSegment(t.Context(), "box", prefix+"00000001", content("later")); err != nil {
		t.Fatal(err)
	}
	got, report, err := f.find(swiftbackend.OrphanOptions{OlderThan: time.Hour})
	if err != nil || len(got) != 1 || got[0].Object.Object != "lost" || report.Young.Segments != 2 {
		t.Errorf("got %+v, report %+v, %v; %v belongs to an upload that is under way", got, report, err, first)
	}
}

func TestWhateverNamesASegmentKeepsIt(t *testing.T) {
	f := newOrphanFixture(t)
	f.large("box", "inner", 2)
	info, err := f.c.Head(t.Context(), "box", "inner")
	if err != nil {
		t.Fatal(err)
	}
	// A manifest of a manifest, which is where no object of its name is.
	f.manifest("zz", "outer", []swiftbackend.Segment{{Container: "box", Name: "inner", Size: info.Size, ETag: info.ETag}})
	f.wantNone("a manifest of a manifest", 2)

	_, linked := f.upload("box", "linked", 1)
	put := func(object, header, value string) {
		t.Helper()
		if _, err := f.c.Put(t.Context(), "aa", object, content(""), swiftbackend.PutOptions{Header: map[string]string{header: value}}); err != nil {
			t.Fatal(err)
		}
	}
	put("link", "X-Symlink-Target", linked[0].Container+"/"+linked[0].Name)
	f.wantNone("a link to a segment", 3)

	prefix, _ := f.upload("box", "100%41 of it", 3)
	put("dynamic", "X-Object-Manifest", "box_segments/"+prefix+"0000")
	f.wantNone("a dynamic manifest that is not quoted", 6)
	f.srv.RemoveObject("aa", "dynamic")
	put("part", "X-Object-Manifest", "box_segments/100%2541%20of%20it/slo")
	f.wantNone("a dynamic manifest of a part of a name", 6)
	f.srv.RemoveObject("aa", "part")
	put("one", "X-Object-Manifest", "box_segments/100%2541 of it/"+prefix[len("100%41 of it/"):]+"00000001")
	if got, report, err := f.find(swiftbackend.OrphanOptions{}); err != nil || len(got) != 1 || len(got[0].Segments) != 2 || report.Named.Segments != 4 {
		t.Errorf("beside a dynamic manifest of one segment: %+v, %+v, %v", got, report, err)
	}
	put("all", "X-Object-Manifest", "box_segments/1")
	f.wantNone("a dynamic manifest of all that begins with a digit", 6)
}

func TestUploadsWhoseNamesAlternateInAListingAreKeptApart(t *testing.T) {
	f := newOrphanFixture(t)
	prefix, _ := f.large("box", "a", 2)
	// Its segments are listed between those of the upload that it is named after.
	f.large("box", prefix+"00000000-x", 2)
	f.large("box", prefix+"0", 2)
	f.wantNone("an object with the name of another's segments", 6)
}

func TestAManifestThatIsRenamedDuringTheSearchKeepsItsSegments(t *testing.T) {
	f := newOrphanFixture(t)
	_, segments := f.upload("box", "old name", 3)
	info := f.manifest("zz", "old name", segments)
	mover := dial(t, f.srv)
	listed := make(chan struct{})
	container := fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Container}
	f.srv.Inject(fakeswift.Fault{Kind: container, Match: f.srv.MatchObject("aa", ""), Times: 1, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		close(listed)
	}})
	moved := f.srv.Inject(fakeswift.Fault{Kind: container, Match: f.srv.MatchObject("zz", ""), Times: 1, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		<-listed
		_, err := mover.Move(r.Context(), swiftbackend.Name{Container: "zz", Object: "old name"}, swiftbackend.Name{Container: "aa", Object: "new name"}, info, swiftbackend.CloneOptions{})
		if err != nil {
			t.Error(err)
		}
		next.ServeHTTP(w, r)
	}})
	f.wantNone("renamed behind the search's back", 3)
	if moved.Hits() != 1 {
		t.Error("nothing was renamed")
	}
}

func TestWhatCannotBeReadEndsTheSearch(t *testing.T) {
	f := newOrphanFixture(t)
	f.large("box", "object", 2)
	f.upload("box", "lost", 1)
	for _, k := range []fakeswift.Kind{
		{Method: http.MethodGet, Level: fakeswift.Account},
		{Method: http.MethodGet, Level: fakeswift.Container},
		{Method: http.MethodHead, Level: fakeswift.Container},
		{Method: http.MethodGet, Level: fakeswift.Object},
	} {
		fault := f.srv.Inject(fakeswift.Fault{Kind: k, Do: fakeswift.Status(http.StatusForbidden)})
		got, _, err := f.find(swiftbackend.OrphanOptions{})
		if len(got) != 0 || swiftbackend.KindOf(err) != swiftbackend.KindDenied || fault.Hits() == 0 {
			t.Errorf("%+v forbidden: %+v, %v", k, got, err)
		}
		fault.Remove()
	}
	if got, _, err := f.find(swiftbackend.OrphanOptions{}); len(got) != 1 || err != nil {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

func TestAManifestThatIsListedAndCannotBeFoundPutsSegmentsInDoubt(t *testing.T) {
	f := newOrphanFixture(t)
	f.large("box", "object", 2)
	fault := f.srv.Inject(fakeswift.Fault{Match: f.srv.MatchObject("box", "object"), Do: fakeswift.Status(http.StatusNotFound)})
	got, report, err := f.find(swiftbackend.OrphanOptions{})
	if len(got) != 0 || err != nil || report.Doubtful.Segments != 2 || len(report.Unreadable) == 0 || report.Unreadable[0].Object != "object" {
		t.Errorf("got %+v, %+v, %v", got, report, err)
	}
	fault.Remove()
	// One that is gone from the listing too names nothing.
	once := f.srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}, Times: 1, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		f.srv.RemoveObject("box", "object")
		next.ServeHTTP(w, r)
	}})
	if got, report, err = f.find(swiftbackend.OrphanOptions{}); len(got) != 1 || err != nil || once.Hits() != 1 {
		t.Errorf("after a deletion meanwhile: %+v, %+v, %v", got, report, err)
	}
}

func TestAManifestThatIsReplacedByAPlainObjectMeanwhileNamesNothing(t *testing.T) {
	f := newOrphanFixture(t)
	f.large("box", "object", 2)
	f.srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}, Times: 1, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		f.srv.PutObject("box", "object", "", []byte("no manifest"))
		next.ServeHTTP(w, r)
	}})
	if got, report, err := f.find(swiftbackend.OrphanOptions{}); len(got) != 1 || len(got[0].Segments) != 2 || err != nil {
		t.Errorf("got %+v, %+v, %v", got, report, err)
	}
}

func TestVersionsThatAreNotListedPutSegmentsInDoubt(t *testing.T) {
	f := newOrphanFixture(t)
	f.upload("box", "lost", 2)
	f.srv.Inject(fakeswift.Fault{
		Kind: fakeswift.Kind{Method: http.MethodHead, Level: fakeswift.Container}, Match: f.srv.MatchObject("zz", ""),
		Do: fakeswift.StatusWith(http.StatusNoContent, "X-Versions-Enabled", "False"),
	})
	got, report, err := f.find(swiftbackend.OrphanOptions{})
	if len(got) != 0 || err != nil || report.Doubtful.Segments != 2 || !slices.Equal(report.Versioned, []string{"zz"}) {
		t.Errorf("got %+v, %+v, %v", got, report, err)
	}
}

func TestAnErrorOfTheCallerEndsTheSearch(t *testing.T) {
	f := newOrphanFixture(t)
	f.upload("box", "a", 1)
	f.upload("box", "b", 1)
	enough := errors.New("enough")
	calls := 0
	_, err := f.c.Orphans(t.Context(), swiftbackend.OrphanOptions{OlderThan: -time.Minute}, func(swiftbackend.Orphans) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestASearchWithoutCandidatesLooksAtNoManifest(t *testing.T) {
	f := newOrphanFixture(t)
	f.large("box", "object", 2)
	f.srv.Reset()
	if _, _, err := f.find(swiftbackend.OrphanOptions{OlderThan: time.Hour}); err != nil {
		t.Fatal(err)
	}
	// The clock, the account and one container of segments, each to an empty page.
	if got := f.srv.Total(); got != 1+2+2 {
		t.Errorf("%d requests, want 5", got)
	}
	f.upload("box", "lost", 1)
	f.srv.Reset()
	if _, _, err := f.find(swiftbackend.OrphanOptions{}); err != nil {
		t.Fatal(err)
	}
	// The same and the clock again; two looks, each a listing of the account and
	// of 4 containers, of which 2 are empty, and the manifest, which is new; 4 HEADs
	// for versions.
	if got := f.srv.Total(); got != 5+1+2*(2+2*1+2*2+1)+4 {
		t.Errorf("%d requests, want 28", got)
	}
}

func TestNoManifestBehindAShortPageIsMissed(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 3, AccountListing: 2}})
	// The server tells of longer pages than it gives.
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Level: fakeswift.Info}, Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte(`{"swift": {"version": "2.30.1", "container_listing_limit": 1000}, "slo": {"max_manifest_segments": 1000}}`))
	}})
	f := &orphanFixture{t, srv, dial(t, srv)}
	for i := range 5 {
		srv.CreateContainer(fmt.Sprint("container", i))
		srv.PutObject("zz", fmt.Sprint("object", i), "", []byte("data"))
	}
	if c := f.c.Info(); c.ListingLimit != 1000 || !c.ListingTold {
		t.Fatalf("%+v", c)
	}
	f.large("zz", "with segments", 5)
	f.wantNone("pages of 3 and 2 rows", 5)
}

func TestASearchEndsAtAServerThatIgnoresMarkers(t *testing.T) {
	f := newOrphanFixture(t)
	f.upload("box", "lost", 3)
	ignored := ignoreMarkers(f.srv)
	for _, container := range []string{"", "box"} {
		got, _, err := f.find(swiftbackend.OrphanOptions{Container: container})
		wantKind(t, err, swiftbackend.KindUnsupported)
		if len(got) != 0 {
			t.Errorf("found %+v", got)
		}
	}
	if ignored.Hits() == 0 {
		t.Error("no marker was ignored")
	}
}
