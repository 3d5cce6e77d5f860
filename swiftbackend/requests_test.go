package swiftbackend_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

func TestASmallPutIsOneRequestWithoutExpect(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)})
	for name, size := range map[string]int{"empty": 0, "small": 4096, "larger": 1 << 20} {
		srv.Reset()
		if _, err := c.Put(t.Context(), "c", name, content(strings.Repeat("x", size)), swiftbackend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		got := srv.Requests()
		if len(got) != 1 {
			t.Fatalf("%s: %d requests: %v", name, len(got), got)
		}
		if e := got[0].Header.Get("Expect"); e != "" {
			t.Errorf("%s: Expect: %s", name, e)
		}
		if got[0].Header.Get("Etag") != md5Of(strings.Repeat("x", size)) {
			t.Errorf("%s: sent without its checksum: %v", name, got[0].Header)
		}
	}
}

func TestALargePutWaitsForTheServersConsent(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)})
	big := strings.Repeat("x", 8<<20)
	if _, err := c.Put(t.Context(), "c", "big", content(big), swiftbackend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	wantObject(t, srv, "c", "big", big)
	got := srv.Requests()
	if len(got) != 1 || got[0].Header.Get("Expect") != "100-continue" {
		t.Errorf("requests: %v", got)
	}
	// Nothing of the body is sent to a container that is not there.
	srv.Reset()
	_, err := c.Put(t.Context(), "missing", "big", content(big), swiftbackend.PutOptions{})
	wantKind(t, err, swiftbackend.KindNotExist)
	if got := srv.Requests(); len(got) != 1 || got[0].BytesIn > 0 {
		t.Errorf("requests: %v", got)
	}
}

// A redirection that is followed makes a GET of a DELETE, and its success one of
// the DELETE; and the other server gets the token.
func TestARedirectionIsNotFollowed(t *testing.T) {
	elsewhere := startFake(t, fakeswift.Options{})
	elsewhere.PutObject("c", "object", "", []byte("data"))
	target := elsewhere.URL() + "/v1/" + fakeswift.DefaultAccount + "/c/object"
	for _, op := range operations {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(op.method, status), func(t *testing.T) {
				srv, c, fault := faulty(t, fakeswift.Fault{Kind: op.kind(), Do: fakeswift.StatusWith(status, "Location", target+"?secret")})
				err := op.do(t.Context(), c)
				var e *swiftbackend.Error
				if !errors.As(err, &e) || e.Status != status || !strings.Contains(err.Error(), "redirects to "+strconv.Quote(target)) {
					t.Errorf("got %v, want one that names %s", err, target)
				}
				if fault.Hits() != 1 {
					t.Errorf("%d requests", fault.Hits())
				}
				if got, _, ok := srv.Object("c", "object"); !ok || string(got) != data {
					t.Error("the object was changed")
				}
			})
		}
	}
	if n := elsewhere.Total(); n != 0 {
		t.Errorf("the other server got %d requests", n)
	}
}

// gate holds requests up and counts them.
type gate struct {
	open chan struct{}

	mu     sync.Mutex // guards the following
	inside int
	most   int
}

func (g *gate) action(w http.ResponseWriter, r *http.Request, next http.Handler) {
	g.mu.Lock()
	g.inside++
	g.most = max(g.most, g.inside)
	g.mu.Unlock()
	<-g.open
	next.ServeHTTP(w, r)
	g.mu.Lock()
	g.inside--
	g.mu.Unlock()
}

func TestNoMoreRequestsAreUnderWayThanConfigured(t *testing.T) {
	const most = 4
	heads := fakeswift.Kind{Method: "HEAD", Level: fakeswift.Object}
	g := &gate{open: make(chan struct{})}
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: heads, Do: g.action}, func(c *swiftbackend.Config) { c.Requests = most })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Head(t.Context(), "c", "object"); err != nil {
				t.Error(err)
			}
		})
	}
	untilCount(t, srv, heads, most, func() {})
	// One that waits for its turn gives up with its caller, unsent.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Head(ctx, "c", "object")
	wantKind(t, err, swiftbackend.KindCanceled)
	wantCount(t, srv, heads, most)
	close(g.open)
	wg.Wait()
	if g.most != most {
		t.Errorf("%d requests were under way at once, want %d", g.most, most)
	}
	wantCount(t, srv, heads, 20)
}

func TestABodyCountsAsARequestUntilItIsClosed(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)}, func(c *swiftbackend.Config) { c.Requests = 1 })
	body, _, err := c.Get(t.Context(), "c", "object", whole)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := c.Head(t.Context(), "c", "object")
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("a second request was sent: %v", err)
	default:
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantCount(t, srv, fakeswift.Kind{Method: "HEAD"}, 1)
}

func TestMetricsCountRequestsAndRepetitions(t *testing.T) {
	reg := prometheus.NewRegistry()
	_, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "HEAD"}, Times: 1, Do: fakeswift.Status(503)},
		func(c *swiftbackend.Config) { c.Registerer = reg })
	if _, err := c.Head(t.Context(), "c", "object"); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			got[key] += m.GetCounter().GetValue()
		}
	}
	for key, want := range map[string]float64{
		"swiftfs_requests_total HEAD 503": 1, "swiftfs_requests_total HEAD 200": 1, "swiftfs_request_retries_total": 1, "swiftfs_logins_total": 1,
	} {
		if got[key] != want {
			t.Errorf("%s: got %v, want %v; all: %v", key, got[key], want, got)
		}
	}
}

func TestASegmentsContainerHasThePolicyOfItsObjects(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Policies: []string{"gold", "cold"}})
	c := dial(t, srv)
	if _, err := c.CreateContainer(t.Context(), "c", map[string]string{"X-Storage-Policy": "cold"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutSegment(t.Context(), "c", "object/slo/1/2/3/00000000", content("data")); err != nil {
		t.Fatal(err)
	}
	info, err := c.Container(t.Context(), "c"+swiftbackend.SegmentsSuffix)
	if err != nil || info.Policy != "cold" {
		t.Errorf("policy %q, %v", info.Policy, err)
	}
}

func TestAManifestOfMoreSegmentsThanTheServerTakesIsDynamic(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: 2}})
	srv.CreateContainer("c")
	c := dial(t, srv)
	for _, n := range []int{2, 3} {
		var segments []swiftbackend.Segment
		var want string
		prefix := "object/slo/" + string(rune('0'+n)) + "/"
		for i := range n {
			s, err := c.PutSegment(t.Context(), "c", prefix+string(rune('0'+i)), content("part"))
			if err != nil {
				t.Fatal(err)
			}
			segments = append(segments, s)
			want += "part"
		}
		info, err := c.PutManifest(t.Context(), "c", "object", prefix, segments, swiftbackend.PutOptions{})
		if err != nil || info.SLO != (n == 2) || (info.DLO != "") != (n == 3) || info.Size != int64(len(want)) {
			t.Errorf("%d segments: %+v, %v", n, info, err)
		}
		if got, err := read(t, c, "c", "object", whole); err != nil || got != want {
			t.Errorf("%d segments: %q, %v", n, got, err)
		}
	}
}
