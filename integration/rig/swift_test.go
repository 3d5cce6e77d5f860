package rig_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"swiftfs/integration/rig"
)

// account is an authenticated user of a rig.
type account struct {
	url, token string
}

func login(t *testing.T, s *rig.Server) account {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.AuthURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-User", s.User)
	req.Header.Set("X-Auth-Key", s.Key)
	resp := do(t, req)
	defer func() { _ = resp.Body.Close() }()
	a := account{resp.Header.Get("X-Storage-Url"), resp.Header.Get("X-Auth-Token")}
	if resp.StatusCode/100 != 2 || a.url == "" || a.token == "" {
		t.Fatalf("login: %s, storage URL %q", resp.Status, a.url)
	}
	return a
}

func do(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	resp, err := (&http.Client{Transport: tr, Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// request returns the status and the body of an answer.
func (a account) request(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", a.token)
	resp := do(t, req)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (a account) want(t *testing.T, method, path, body string, status int, answer string) {
	t.Helper()
	got, b := a.request(t, method, path, body)
	if got != status || b != answer {
		t.Errorf("%s %s: got %d %q, want %d %q", method, path, got, b, status, answer)
	}
}

// info returns the text of what the server says it can do.
func info(t *testing.T, s *rig.Server) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.InfoURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp := do(t, req)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantRefused(t *testing.T, rawURL string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host); err == nil {
		_ = c.Close()
		t.Errorf("%s still listens", u.Host)
	}
}

func startSwift(t *testing.T, opts rig.SwiftOptions) *rig.Server {
	t.Helper()
	s, err := rig.StartSwift(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSwiftStoresObjectsAndCountsRequests(t *testing.T) {
	s := startSwift(t, rig.SwiftOptions{
		Without: []string{"slo", "bulk"}, S3API: true, ListingLimit: 7, MaxFileSize: 5000,
		Constraints: map[string]string{"max_object_name_length": "321"},
	})
	can := info(t, s)
	for _, want := range []string{`"container_listing_limit": 7`, `"max_file_size": 5000`, `"max_object_name_length": 321`, `"s3api": `} {
		if !strings.Contains(can, want) {
			t.Errorf("/info lacks %s: %s", want, can)
		}
	}
	for _, not := range []string{`"slo"`, `"bulk_delete"`} {
		if strings.Contains(can, not) {
			t.Errorf("/info has %s, which was left out", not)
		}
	}

	a := login(t, s)
	a.want(t, "PUT", "/box", "", 201, "")
	if err := s.Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := "/box/a%20b%2Fc%3F%25?x=1"
	a.want(t, "PUT", name, "hello", 201, "")
	a.want(t, "GET", name, "", 200, "hello")
	a.want(t, "GET", "/box", "", 200, "a b/c?%\n")
	a.want(t, "PUT", "/box/large", strings.Repeat("x", 5001), 413,
		"Your request is too large.")

	got, err := s.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range got {
		lines = append(lines, fmt.Sprint(r.Method, " ", r.Path, " ", r.Status, " ", r.UserAgent))
	}
	root := strings.TrimPrefix(a.url, strings.TrimSuffix(s.InfoURL, "/info"))
	want := []string{
		"PUT " + root + "/box/a%20b/c%3F%25?x=1 201 Go-http-client/1.1",
		"GET " + root + "/box/a%20b/c%3F%25?x=1 200 Go-http-client/1.1",
		"GET " + root + "/box?format=json&states=listing 200 Go-http-client/1.1",
		"PUT " + root + "/box/large 413 Go-http-client/1.1",
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("requests:\n%s\nwant:\n%s", g, w)
	}
	// Reading the log is not in the log.
	if n, err := s.RequestCount(t.Context()); err != nil || n != len(want) {
		t.Errorf("request count: got %d, %v, want %d", n, err, len(want))
	}

	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, s.AuthURL)
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("the temporary directory is left: %v", err)
	}
}

func TestSwiftListsLateWhileItsContainerServerIsDown(t *testing.T) {
	s := startSwift(t, rig.SwiftOptions{Dir: t.TempDir()})
	a := login(t, s)
	a.want(t, "PUT", "/box", "", 201, "")
	a.want(t, "GET", "/box", "", 204, "")
	if err := s.Down("container"); err != nil {
		t.Fatal(err)
	}
	a.want(t, "PUT", "/box/late", "hello", 201, "")
	if err := s.Up(t.Context(), "container"); err != nil {
		t.Fatal(err)
	}
	a.want(t, "GET", "/box", "", 204, "")
	a.want(t, "GET", "/box/late", "", 200, "hello")
	if err := s.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.want(t, "GET", "/box", "", 200, "late\n")

	if err := s.Pause("object"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/box/late", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", a.token)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("a paused object server answered: %s", resp.Status)
	}
	if err := s.Resume("object"); err != nil {
		t.Fatal(err)
	}
	a.want(t, "GET", "/box/late", "", 200, "hello")
}
