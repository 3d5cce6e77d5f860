package swiftbackend_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// putSegments uploads so many segments of c at once.
func putSegments(t *testing.T, c *swiftbackend.Client, n, size int) {
	t.Helper()
	data := content(strings.Repeat("x", size))
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if _, err := c.PutSegment(t.Context(), "c", fmt.Sprintf("object/slo/1/2/3/%08d", i), data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAContainerOfSegmentsIsMissedAndMadeOnceByParallelUploads(t *testing.T) {
	const segments = 8
	for name, size := range map[string]int{"that wait for consent": 5 << 20, "that do not": 1000} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			c := dial(t, srv)
			putSegments(t, c, segments, size)
			wantCount(t, srv, fakeswift.Kind{Method: "PUT", Level: fakeswift.Object}, segments+1)
			wantCount(t, srv, fakeswift.Kind{Method: "PUT", Level: fakeswift.Container}, 1)
			wantCount(t, srv, fakeswift.Kind{Method: "HEAD", Level: fakeswift.Container}, 1)
		})
	}
}

func TestTheContainerOfSegmentsIsMadeWithoutAQuestionWhenItsPolicyIsKnown(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Policies: []string{"gold", "cold"}})
	c := dial(t, srv)
	if _, err := c.CreateContainer(t.Context(), "c", map[string]string{"X-Storage-Policy": "cold"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListObjects(t.Context(), "c", swiftbackend.ListOptions{}, func(swiftbackend.ObjectRow) error { return nil }); err != nil {
		t.Fatal(err)
	}
	srv.Reset()
	putSegments(t, c, 4, 1000)
	if got := srv.Total(); got != 6 {
		t.Errorf("%d requests, want 4 segments, one of them twice, and a container: %v", got, srv.Counts())
	}
	info, err := c.Container(t.Context(), "c"+swiftbackend.SegmentsSuffix)
	if err != nil || info.Policy != "cold" {
		t.Errorf("policy %q, %v", info.Policy, err)
	}
}

func TestAContainerOfSegmentsThatOthersDeleteIsMadeAgain(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	c, other := dial(t, srv), dial(t, srv)
	for range 2 {
		putSegments(t, c, 4, 1000)
		for i := range 4 {
			if err := other.Delete(t.Context(), "c"+swiftbackend.SegmentsSuffix, fmt.Sprintf("object/slo/1/2/3/%08d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.DeleteContainer(t.Context(), "c"+swiftbackend.SegmentsSuffix); err != nil {
			t.Fatal(err)
		}
	}
	wantCount(t, srv, fakeswift.Kind{Method: "PUT", Level: fakeswift.Container}, 2)
}

func TestSegmentsUploadAtOnceWhileTheFirstIsStillOnItsWay(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	srv.CreateContainer("c" + swiftbackend.SegmentsSuffix)
	puts := fakeswift.Kind{Method: "PUT", Level: fakeswift.Object}
	g := &gate{open: make(chan struct{})}
	srv.Inject(fakeswift.Fault{Kind: puts, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, _ = r.Body.Read(nil) // asks for the body
		g.action(w, r, next)
	}})
	c := dial(t, srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		putSegments(t, c, 4, 5<<20)
	}()
	untilCount(t, srv, puts, 4, func() {})
	close(g.open)
	<-done
}
