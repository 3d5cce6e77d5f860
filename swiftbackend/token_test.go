package swiftbackend_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

func TestAnExpiredTokenIsRenewedOnceForAll(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "object", "", []byte("data"))
	c := dial(t, srv)
	for range 3 {
		srv.ExpireTokens()
		srv.Reset()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := c.Head(t.Context(), "c", "object"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		wantCount(t, srv, authRequests, 1)
	}
}

// untilCount waits until the server has seen want requests of a kind, and calls
// meanwhile over and over.
func untilCount(t *testing.T, srv *fakeswift.Server, k fakeswift.Kind, want int, meanwhile func()) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for srv.Count(k) < want {
		meanwhile()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d requests %v, want %d", srv.Count(k), k, want)
		}
	}
}

func TestATokenIsRenewedAheadOfItsExpiry(t *testing.T) {
	t.Parallel()
	srv := startFake(t, fakeswift.Options{TokenLife: 2 * time.Second})
	c := dial(t, srv, func(c *swiftbackend.Config) {
		c.Auth = swiftbackend.Auth{URL: srv.URL() + "/v3", UserID: fakeswift.TesterID, Key: fakeswift.DefaultKey, ProjectID: fakeswift.ProjectID}
	})
	works(t, c)
	untilCount(t, srv, authRequests, 3, func() {
		if _, err := c.Head(t.Context(), "c", "object"); err != nil {
			t.Error(err)
		}
	})
	for _, r := range srv.Requests() {
		if r.Status == 401 {
			t.Errorf("%s %s was sent with an expired token", r.Method, r.Object)
		}
	}
}

// TempAuth gives the same token until it expires: asking for a new one ahead of
// that brings nothing, and must not be done over and over.
func TestATokenThatIsOnlyGivenAgainIsNotAskedForAllTheTime(t *testing.T) {
	t.Parallel()
	const life, logins = 2 * time.Second, 5
	srv := startFake(t, fakeswift.Options{TokenLife: life})
	srv.PutObject("c", "object", "", []byte("data"))
	start := time.Now()
	c := dial(t, srv)
	untilCount(t, srv, authRequests, logins, func() {
		if _, err := c.Head(t.Context(), "c", "object"); err != nil {
			t.Error(err)
		}
	})
	// The first, then two in each life of a token: ahead of its end, and at it.
	if took := time.Since(start); took < life*(logins-2)/2 {
		t.Errorf("%d logins within %v, with tokens that live %v", logins, took, life)
	}
}

func TestATokenThatEndsWithinAPutLosesNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	c := dial(t, srv)
	for name, size := range map[string]int{"small": 10, "large": 5 << 20} {
		data := strings.Repeat("x", size)
		srv.ExpireTokens()
		srv.Reset()
		if _, err := c.Put(t.Context(), "c", name, content(data), swiftbackend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		wantObject(t, srv, "c", name, data)
		wantCount(t, srv, authRequests, 1)
	}
}

func TestManyPutsWhileTokensEndAllTheTime(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"Swift", "RGW"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, fakeswift.Options{TokenLife: time.Second, RGWStyle: style == "RGW"})
			srv.CreateContainer("c")
			c := dial(t, srv)
			want := strings.Repeat("0123456789", 1000)
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					for j := 0; srv.Count(authRequests) < 4; j++ {
						name := fmt.Sprintf("object-%d-%d", i, j)
						if _, err := c.Put(t.Context(), "c", name, content(want), swiftbackend.PutOptions{}); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			for _, name := range srv.Objects("c") {
				wantObject(t, srv, "c", name, want)
			}
		})
	}
}

func TestALoginUnderWayEndsWithTheClient(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "object", "", []byte("data"))
	c := dial(t, srv)
	srv.ExpireTokens()
	stalled := srv.Inject(fakeswift.Fault{Kind: authRequests, Do: fakeswift.Stall(t.Context())})
	done := make(chan error)
	go func() {
		_, err := c.Head(t.Context(), "c", "object")
		done <- err
	}()
	untilCount(t, srv, authRequests, 2, func() {})
	c.Close()
	wantKind(t, <-done, swiftbackend.KindCanceled)
	if stalled.Hits() != 1 {
		t.Errorf("%d logins", stalled.Hits())
	}
}
