package integration

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// plain asks a server over plain HTTP, past everything of swiftfs: what tests
// say of the server's state, they say by it.
type plain struct {
	t              *testing.T
	storage, token string
}

func logIn(t *testing.T, a account) *plain {
	t.Helper()
	// As in do: cleanups use it after the test's context has ended.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, a.authURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-User", a.user)
	req.Header.Set("X-Auth-Key", a.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("logging in at %s: %s", a.authURL, resp.Status)
	}
	return &plain{t, strings.TrimSuffix(resp.Header.Get("X-Storage-Url"), "/"), resp.Header.Get("X-Auth-Token")}
}

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request for a path below the account, "container/object?query". The
// query is what is after the last question mark.
func (p *plain) do(method, path, body string, header ...string) answer {
	p.t.Helper()
	query := ""
	if at := strings.LastIndexByte(path, '?'); at >= 0 {
		path, query = path[:at], path[at+1:]
	}
	u := p.storage + (&url.URL{Path: "/" + path}).EscapedPath()
	if path == "" {
		u = p.storage
	}
	if query != "" {
		u += "?" + query
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(p.t.Context()), method, u, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", p.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// want sends a request that must be answered with a status.
func (p *plain) want(status int, method, path, body string, header ...string) answer {
	p.t.Helper()
	a := p.do(method, path, body, header...)
	if a.status != status {
		p.t.Fatalf("%s %s: status %d, want %d\n%s", method, path, a.status, status, a.body)
	}
	return a
}

// lines returns a listing, one name a line.
func (p *plain) lines(path string) []string {
	p.t.Helper()
	body := strings.TrimSuffix(p.do(http.MethodGet, path, "").body, "\n")
	if body == "" {
		return nil
	}
	return strings.Split(body, "\n")
}
