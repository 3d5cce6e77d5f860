package fakeswift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// try makes a request that may break; it returns the status, the body and the error of either.
func (c *client) try(method, path, body string) (int, string, error) {
	c.t.Helper()
	resp, err := c.send(method, c.base+path, strings.NewReader(body), "X-Auth-Token", c.token)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func countBytes(resp *http.Response) (int64, error) { return io.Copy(io.Discard, resp.Body) }

func TestFaultsHitWhatTheySelect(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/a", "x")
	c.put("/c/b", "x")
	f := srv.Inject(Fault{
		Kind: Kind{Method: http.MethodGet, Level: Object}, Match: srv.MatchObject("c", "a"), Skip: 1, Times: 2,
		Do: StatusWith(429, "Retry-After", "3"),
	})
	var got []int
	for range 4 {
		a := c.do(http.MethodGet, "/c/a", "")
		got = append(got, a.StatusCode)
		if a.StatusCode == 429 {
			wantHeaders(t, a.Header, "Retry-After", "3")
		}
		c.get("/c/b")
		c.head("/c/a")
	}
	if fmt.Sprint(got) != "[200 429 429 200]" || f.Hits() != 2 {
		t.Errorf("got %v, %d hits", got, f.Hits())
	}
	g := srv.Inject(Fault{Do: Status(503)})
	c.want(503, http.MethodGet, "/c/a", "")
	g.Remove()
	c.get("/c/a")
}

func TestResets(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", strings.Repeat("x", 1000))
	reset := func(name string, do Action, method, path, body string) {
		t.Helper()
		f := srv.Inject(Fault{Do: do, Times: 1, Kind: Kind{Method: method}})
		defer f.Remove()
		_, _, err := c.try(method, path, body)
		if !errors.Is(err, syscall.ECONNRESET) || f.Hits() != 1 {
			t.Errorf("%s: got %v after %d hits, want a reset", name, err, f.Hits())
		}
	}
	reset("before", ResetBefore(), http.MethodPut, "/c/before", "x")
	reset("after", ResetAfter(), http.MethodPut, "/c/after", "x")
	reset("in the answer", ResetMidBody(100), http.MethodGet, "/c/o", "")
	reset("in the upload", ResetMidBody(100), http.MethodPut, "/c/mid", strings.Repeat("x", 1000))
	reset("short upload", ResetMidBody(5000), http.MethodPut, "/c/short", "x")
	reset("short answer", ResetMidBody(5000), http.MethodGet, "/c/o", "")
	reset("no body", ResetMidBody(10), http.MethodHead, "/c/o", "")
	reset("delete", ResetMidBody(5000), http.MethodDelete, "/c/o", "")
	wantNames(t, srv.Objects("c"), "after", "short")
}

func TestDamagedBodies(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "hello world")
	f := srv.Inject(Fault{Do: TruncateBody(5)})
	status, text, err := c.try(http.MethodGet, "/c/o", "")
	if status != 200 || text != "hello" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: got %d %q %v", status, text, err)
	}
	f.Remove()
	f = srv.Inject(Fault{Do: CorruptBody()})
	if _, text, err := c.try(http.MethodGet, "/c/o", ""); err != nil || text != "\x97ello world" {
		t.Errorf("corrupt: got %q %v", text, err)
	}
	f.Remove()
	if got := c.get("/c/o").text; got != "hello world" {
		t.Errorf("stored object was changed: %q", got)
	}
	f = srv.Inject(Fault{Do: CorruptUpload()})
	c.want(422, http.MethodPut, "/c/p", "hello", "Etag", md5Hex([]byte("hello")))
	f.Remove()
}

func TestStallsEndWithTheirContext(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "hello world")
	ctx, cancel := context.WithCancel(t.Context())
	stall := srv.Inject(Fault{Do: Stall(ctx), Times: 1})
	done := make(chan answer)
	go func() { done <- c.do(http.MethodGet, "/c/o", "") }()
	for stall.Hits() == 0 && t.Context().Err() == nil {
		select {
		case <-done:
			t.Fatal("the request was not held up")
		default:
		}
	}
	c.get("/c/o") // others go on
	cancel()
	if a := <-done; a.text != "hello world" {
		t.Errorf("after the stall: got %q", a.text)
	}

	ctx, cancel = context.WithCancel(t.Context())
	srv.Inject(Fault{Do: StallBody(ctx, 5), Times: 1})
	resp, err := c.send(http.MethodGet, c.base+"/c/o", nil, "X-Auth-Token", c.token)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	head := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, head); err != nil || string(head) != "hello" {
		t.Errorf("before the stall: got %q %v", head, err)
	}
	cancel()
	if _, err := countBytes(resp); err == nil {
		t.Error("a stalled body ended well")
	}
}

func TestCloseEndsAStall(t *testing.T) {
	srv, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	stall := srv.Inject(Fault{Do: Stall(t.Context())})
	done := make(chan error)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL()+"/info", nil)
		if err == nil {
			var resp *http.Response
			if resp, err = http.DefaultClient.Do(req); err == nil {
				err = errors.Join(errors.New("answered"), resp.Body.Close())
			}
		}
		done <- err
	}()
	for stall.Hits() == 0 && t.Context().Err() == nil {
		select {
		case err := <-done:
			t.Fatal(err)
		default:
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil || err.Error() == "answered" {
		t.Errorf("got %v, want a broken connection", err)
	}
}

func TestFaultsNest(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	outer := srv.Inject(Fault{Do: TruncateBody(3)})
	inner := srv.Inject(Fault{Do: Status(500)})
	status, text, err := c.try(http.MethodGet, "/c", "")
	if status != 500 || len(text) != 3 || err == nil || outer.Hits() != 1 || inner.Hits() != 1 {
		t.Errorf("got %d %q %v, hits %d and %d", status, text, err, outer.Hits(), inner.Hits())
	}
}

func TestFailEveryFailsAboutThatPart(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", strings.Repeat("x", 100))
	f := srv.FailEvery(0.3, 42)
	bad := 0
	for range 200 {
		if status, _, err := c.try(http.MethodPost, "/c", ""); err != nil || status >= 500 {
			bad++
		}
	}
	if bad != f.Hits() || bad < 30 || bad > 90 {
		t.Errorf("%d requests failed, %d hits, want about 60", bad, f.Hits())
	}
	c.login(DefaultUser, DefaultKey)
}

func TestLatencyDelaysEveryRequest(t *testing.T) {
	srv, c := start(t, Options{})
	srv.SetLatency(20 * time.Millisecond)
	began := time.Now()
	c.want(204, http.MethodHead, "", "")
	if d := time.Since(began); d < 20*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
}

func TestBandwidthLimitsAConnection(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", strings.Repeat("x", 200<<10))
	srv.SetBandwidth(2 << 20)
	began := time.Now()
	c.get("/c/o")
	if d := time.Since(began); d < 50*time.Millisecond {
		t.Errorf("200 KiB at 2 MiB/s took %v", d)
	}
}
