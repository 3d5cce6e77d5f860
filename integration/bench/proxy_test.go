package bench

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// proxied starts a fakeswift and a proxy before it, and logs in at the proxy.
func proxied(t *testing.T) (*fakeswift.Server, *Proxy, *account) {
	t.Helper()
	server, err := fakeswift.Start(fakeswift.Options{})
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := StartProxy(t.Context(), server.URL(), Link{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := logIn(t.Context(), proxy.URL, fakeswift.DefaultUser, fakeswift.DefaultKey, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.close()
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, proxy, a
}

func TestTheProxyCountsRequestsAndBytesOfBodies(t *testing.T) {
	server, proxy, a := proxied(t)
	body := randomBytes(300_000, 1)
	if err := a.do(t.Context(), http.MethodPut, "c", "", nil); err != nil {
		t.Fatal(err)
	}
	if err := a.do(t.Context(), http.MethodPut, "c/dir/o", "", body); err != nil {
		t.Fatal(err)
	}
	if err := a.compareWhole(t.Context(), "c/dir/o", body); err != nil {
		t.Error(err)
	}
	if err := a.compare(t.Context(), "c/dir/o", body, 1000, 4096); err != nil {
		t.Error(err)
	}
	if err := proxy.Quiet(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
	got := proxy.Traffic()
	if got.Requests != server.Total() || got.Requests != 4 || got.Up != 300_000 || got.Down != 304_096 {
		t.Errorf("%+v, %d requests at the server; want 4 requests, 300000 bytes up and 304096 down", got, server.Total())
	}
	for kind, want := range map[string]int{"PUT container": 1, "PUT object": 1, "GET object": 2} {
		if got.Kinds[kind] != want {
			t.Errorf("%d × %s, want %d", got.Kinds[kind], kind, want)
		}
	}
	proxy.Reset()
	if got := proxy.Traffic(); got.Requests != 0 || got.Up != 0 || got.Down != 0 {
		t.Errorf("%+v after a reset", got)
	}
	if err := proxy.Err(); err != nil {
		t.Error(err)
	}
}

func TestLoginsLeadToTheProxyAndDoNotCount(t *testing.T) {
	_, proxy, a := proxied(t)
	if !strings.HasPrefix(a.storage, proxy.URL+"/") {
		t.Errorf("the storage URL is %s, want one at %s", a.storage, proxy.URL)
	}
	if got := proxy.Traffic().Requests; got != 0 {
		t.Errorf("%d requests counted, want none", got)
	}
}

func TestARequestTheServerDoesNotAnswerIsAnError(t *testing.T) {
	server, proxy, a := proxied(t)
	server.Inject(fakeswift.Fault{Do: fakeswift.ResetBefore()})
	if err := a.do(t.Context(), http.MethodPut, "c", "", nil); err == nil {
		t.Error("no error")
	}
	if proxy.Err() == nil {
		t.Error("the proxy does not tell")
	}
}

func TestRequestsOfBothInterfacesHaveTheirKinds(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/AUTH_test":               "GET account",
		"/v1/AUTH_test/c":             "GET container",
		"/v1/AUTH_test/c/":            "GET container",
		"/v1/AUTH_test/c/dir/o":       "GET object",
		"/bucket/":                    "GET container",
		"/bucket/dir/o":               "GET object",
		"/":                           "GET account",
		"/info":                       "",
		"/auth/v1.0":                  "",
		"/v1/AUTH_test/auth/v1.0":     "GET object",
		"/v1/AUTH_test/info?format=x": "GET container",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://host"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := kindOf(req); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestAPaceHoldsItsRateAndForgivesLateTimers(t *testing.T) {
	start := time.Unix(0, 0)
	p := pace{rate: 1_000_000, free: start}
	if got := p.due(start, 100_000); got != 100*time.Millisecond {
		t.Errorf("0.1 MB at 1 MB/s are due after %v", got)
	}
	// The timer was late by 5 ms.
	if got := p.due(start.Add(105*time.Millisecond), 100_000); got != 95*time.Millisecond {
		t.Errorf("the next are due after %v, want 95ms", got)
	}
	// Nothing moved for a second.
	if got := p.due(start.Add(1200*time.Millisecond), 100_000); got != 100*time.Millisecond {
		t.Errorf("after a pause they are due after %v, want 100ms", got)
	}
}

func TestAPauseEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pause(t.Context(), time.Second); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
