package swiftbackend_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

var containerGets = fakeswift.Kind{Method: "GET", Level: fakeswift.Container}

// listed starts a server with n objects in c, and a client of it.
func listed(t *testing.T, n int, opts fakeswift.Options) (*fakeswift.Server, *swiftbackend.Client, []string) {
	t.Helper()
	srv := startFake(t, opts)
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("object-%06d", i)
	}
	srv.FillContainer("c", slices.Values(want), 10)
	c := dial(t, srv)
	srv.Reset()
	return srv, c, want
}

func list(t *testing.T, c *swiftbackend.Client, o swiftbackend.ListOptions) ([]string, bool, error) {
	t.Helper()
	var got []string
	end, err := c.ListObjects(t.Context(), "c", o, func(r swiftbackend.ObjectRow) error {
		got = append(got, r.Key())
		return nil
	})
	return got, end, err
}

func TestAListingThatBreaksOffLosesAndRepeatsNoRow(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]fakeswift.Action{
		"truncated": fakeswift.TruncateBody(50000), "reset": fakeswift.ResetMidBody(50000),
		"truncated at the start": fakeswift.TruncateBody(0), "truncated within the first row": fakeswift.TruncateBody(20),
	} {
		for _, limit := range []int{0, 1500} {
			t.Run(fmt.Sprint(name, " with limit ", limit), func(t *testing.T) {
				t.Parallel()
				srv, c, want := listed(t, 2000, fakeswift.Options{})
				fault := srv.Inject(fakeswift.Fault{Kind: containerGets, Times: 3, Do: do})
				wantEnd := limit == 0
				if limit > 0 {
					want = want[:limit]
				}
				got, end, err := list(t, c, swiftbackend.ListOptions{Limit: limit})
				if err != nil || !slices.Equal(got, want) || end != wantEnd {
					t.Errorf("%d rows, end %v, %v, want %d", len(got), end, err, len(want))
				}
				if fault.Hits() != 3 {
					t.Errorf("%d faults", fault.Hits())
				}
			})
		}
	}
}

func TestAListingThatBreaksOffForEverIsGivenUp(t *testing.T) {
	t.Parallel()
	srv, c, _ := listed(t, 100, fakeswift.Options{})
	srv.Inject(fakeswift.Fault{Kind: containerGets, Do: fakeswift.TruncateBody(10)})
	_, _, err := list(t, c, swiftbackend.ListOptions{})
	wantKind(t, err, swiftbackend.KindNetwork)
	if n := srv.Count(containerGets); n > 10 {
		t.Errorf("%d requests", n)
	}
}

func TestAListingThatStallsIsGivenUp(t *testing.T) {
	t.Parallel()
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "object", "", nil)
	c := dial(t, srv, timeout(patience))
	srv.Inject(fakeswift.Fault{Kind: containerGets, Do: fakeswift.StallBody(t.Context(), 1)})
	start := time.Now()
	_, _, err := list(t, c, swiftbackend.ListOptions{})
	wantKind(t, err, swiftbackend.KindTimeout)
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("gave up after %v", d)
	}
}

func TestAnAnswerThatIsNoListingIsAnError(t *testing.T) {
	for _, answer := range []string{"<html></html>", `{"a":1}`, `[1]`, `[{"name":"a","last_modified":"yesterday"}]`} {
		srv, c, _ := listed(t, 1, fakeswift.Options{})
		srv.Inject(fakeswift.Fault{Kind: containerGets, Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte(answer))
		}})
		if got, _, err := list(t, c, swiftbackend.ListOptions{}); err == nil {
			t.Errorf("%s: got %q and no error", answer, got)
		}
	}
}

func TestAManifestWithoutAnEndIsGivenUp(t *testing.T) {
	t.Parallel()
	_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("X-Static-Large-Object", "True")
		blanks := []byte(strings.Repeat(" ", 1<<20))
		for {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	}})
	_, err := c.Segments(t.Context(), "c", "object", swiftbackend.ObjectInfo{SLO: true})
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
}

func TestRowsComeWhileTheListingArrives(t *testing.T) {
	const rows, seen = 25000, 100
	srv, c, want := listed(t, rows, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 50000}})
	// The rest of the body waits until the first rows were seen.
	first := make(chan struct{})
	srv.Inject(fakeswift.Fault{Kind: containerGets, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&gatedWriter{ResponseWriter: w, free: 256 << 10, gate: first, giveUp: r.Context().Done()}, r)
	}})
	var got []string
	end, err := c.ListObjects(t.Context(), "c", swiftbackend.ListOptions{}, func(r swiftbackend.ObjectRow) error {
		if got = append(got, r.Name); len(got) == seen {
			close(first)
		}
		return nil
	})
	if err != nil || !end || !slices.Equal(got, want) {
		t.Errorf("%d rows, end %v, %v, want %d", len(got), end, err, rows)
	}
	wantCount(t, srv, containerGets, 1)
}

// gatedWriter lets free bytes of the body through, and the rest when gate is
// closed.
type gatedWriter struct {
	http.ResponseWriter
	free   int
	gate   <-chan struct{}
	giveUp <-chan struct{}
}

func (g *gatedWriter) Write(p []byte) (int, error) {
	n := min(g.free, len(p))
	g.free -= n
	if _, err := g.ResponseWriter.Write(p[:n]); err != nil || n == len(p) {
		return n, err
	}
	if err := http.NewResponseController(g.ResponseWriter).Flush(); err != nil {
		return n, err
	}
	select {
	case <-g.gate:
	case <-g.giveUp:
		return n, errors.New("nobody read the first rows")
	}
	m, err := g.ResponseWriter.Write(p[n:])
	return n + m, err
}

func TestPagesEndWithAShortOne(t *testing.T) {
	srv, c, want := listed(t, 250, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 100}})
	var got []string
	var o swiftbackend.ListOptions
	for end := false; !end; {
		var page []string
		var err error
		if page, end, err = list(t, c, o); err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		o.Marker = got[len(got)-1]
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	wantCount(t, srv, containerGets, 3)
	for _, r := range srv.Requests() {
		if r.Query.Has("limit") {
			t.Errorf("an explicit limit was sent, which RGW cuts: %v", r.Query)
		}
	}
}

// shortPages is a server whose pages are shorter than anybody tells.
func shortPages(t *testing.T) *fakeswift.Server {
	t.Helper()
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 3, AccountListing: 2}})
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Level: fakeswift.Info}, Do: fakeswift.Status(http.StatusNotFound)})
	return srv
}

func TestPagesOfUnknownLengthEndWithAnEmptyOne(t *testing.T) {
	srv := shortPages(t)
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprint("object", i))
		srv.PutObject("c", want[i], "", nil)
		srv.CreateContainer(fmt.Sprint("container", i))
	}
	c := dial(t, srv)
	for _, limit := range []int{0, 2} {
		srv.Reset()
		var got []string
		o := swiftbackend.ListOptions{Limit: limit}
		for end := false; !end; {
			var page []string
			var err error
			if page, end, err = list(t, c, o); err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(got) > 0 {
				o.Marker = got[len(got)-1]
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %q, want %q", limit, got, want)
		}
		wantCount(t, srv, containerGets, map[int]int{0: 4, 2: 5}[limit])
	}
	containers := 0
	var o swiftbackend.ListOptions
	for end := false; !end; {
		var err error
		end, err = c.ListContainers(t.Context(), o, func(r swiftbackend.ContainerRow) error {
			o.Marker = r.Name
			containers++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if containers != 8 {
		t.Errorf("%d containers, want 8", containers)
	}
}

// ignoreMarkers makes a server give the first page for any.
func ignoreMarkers(srv *fakeswift.Server) *fakeswift.Injected {
	return srv.Inject(fakeswift.Fault{
		Match: func(r *http.Request) bool { return r.URL.Query().Has("marker") },
		Do: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			again := r.Clone(r.Context())
			q := r.URL.Query()
			q.Del("marker")
			again.URL.RawQuery = q.Encode()
			srv.ServeHTTP(w, again)
		},
	})
}

func TestAServerThatIgnoresMarkersIsNoticed(t *testing.T) {
	srv, c, _ := listed(t, 10, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 5, AccountListing: 1}})
	srv.CreateContainer("another")
	ignoreMarkers(srv)
	first, end, err := list(t, c, swiftbackend.ListOptions{})
	if err != nil || end || len(first) != 5 {
		t.Fatalf("%q, end %v, %v", first, end, err)
	}
	_, _, err = list(t, c, swiftbackend.ListOptions{Marker: first[4]})
	wantKind(t, err, swiftbackend.KindUnsupported)
	if err == nil || !strings.Contains(err.Error(), "ignores markers") {
		t.Errorf("got %v", err)
	}
	_, err = c.ListContainers(t.Context(), swiftbackend.ListOptions{Marker: "another"}, func(swiftbackend.ContainerRow) error { return nil })
	wantKind(t, err, swiftbackend.KindUnsupported)
}

func TestAMarkerWithinASubdirGivesTheSubdir(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{ContainerListing: 1}})
	srv.PutObject("c", "a/1", "", nil)
	srv.PutObject("c", "a/2", "", nil)
	c := dial(t, srv)
	got, end, err := list(t, c, swiftbackend.ListOptions{Delimiter: "/", Marker: "a/1"})
	if err != nil || end || !slices.Equal(got, []string{"a/"}) {
		t.Errorf("%q, end %v, %v", got, end, err)
	}
}

func TestTheAccountIsTakenUpAgainToo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("container-%03d", i))
		srv.CreateContainer(want[i])
	}
	c := dial(t, srv)
	fault := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: "GET", Level: fakeswift.Account}, Times: 2, Do: fakeswift.TruncateBody(5000)})
	var got []string
	end, err := c.ListContainers(t.Context(), swiftbackend.ListOptions{}, func(r swiftbackend.ContainerRow) error {
		got = append(got, r.Name)
		return nil
	})
	if err != nil || !end || !slices.Equal(got, want) {
		t.Errorf("%d rows, end %v, %v", len(got), end, err)
	}
	if fault.Hits() != 2 {
		t.Errorf("%d faults", fault.Hits())
	}
}

func TestBulkDeleteGoesInPartsAndPassesLongNamesBy(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{MaxDeletes: 100}})
	var all []swiftbackend.Name
	for i := range 250 {
		all = append(all, swiftbackend.Name{Container: "c", Object: fmt.Sprintf("object-%d", i)})
	}
	// Three bytes in the list for each byte of the name.
	all = append(all, swiftbackend.Name{Container: "c", Object: strings.Repeat("é", 500)})
	for _, n := range all {
		srv.PutObject(n.Container, n.Object, "", nil)
	}
	c := dial(t, srv)
	srv.Reset()
	if err := c.DeleteAll(t.Context(), all); err != nil {
		t.Error(err)
	}
	if left := srv.Objects("c"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
	wantCount(t, srv, fakeswift.Kind{Level: fakeswift.Account}, 3)
	// A name that is there twice counts twice.
	srv.PutObject("c", "object", "", nil)
	if err := c.DeleteAll(t.Context(), []swiftbackend.Name{{Container: "c", Object: "object"}, {Container: "c", Object: "object"}}); err != nil {
		t.Errorf("with a duplicate: %v", err)
	}
	wantCount(t, srv, fakeswift.Kind{Method: "DELETE", Level: fakeswift.Object}, 1)
}
