package fakeswift

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client talks to a server under test.
type client struct {
	t     *testing.T
	srv   *Server
	http  *http.Client
	base  string // the storage URL
	token string
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	text string
	err  error // of reading the body
}

// start runs a server for the test and logs in.
func start(t *testing.T, opts Options) (*Server, *client) {
	t.Helper()
	srv, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, srv: srv, http: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	c.login(DefaultUser, DefaultKey)
	return srv, c
}

func (c *client) login(user, key string) {
	c.t.Helper()
	path := "/auth/v1.0"
	a := c.raw(http.MethodGet, c.srv.URL()+path, nil, "X-Auth-User", user, "X-Auth-Key", key)
	if a.StatusCode/100 != 2 {
		c.t.Fatalf("login as %s: %s", user, a.Status)
	}
	c.base, c.token = a.Header.Get("X-Storage-Url"), a.Header.Get("X-Auth-Token")
}

// send makes a request without reading the answer; header is name, value, name, value.
func (c *client) send(method, url string, body io.Reader, header ...string) (*http.Response, error) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return c.http.Do(req)
}

func (c *client) raw(method, url string, body io.Reader, header ...string) answer {
	c.t.Helper()
	resp, err := c.send(method, url, body, header...)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp, string(text), err}
}

// do makes a request with the token; path is relative to the storage URL.
func (c *client) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	} else if method == http.MethodPut || method == http.MethodPost {
		r = bytes.NewReader(nil) // gives Content-Length: 0
	}
	return c.raw(method, c.base+path, r, append([]string{"X-Auth-Token", c.token}, header...)...)
}

// want makes a request and demands a status.
func (c *client) want(status int, method, path, body string, header ...string) answer {
	c.t.Helper()
	a := c.do(method, path, body, header...)
	if a.StatusCode != status {
		c.t.Fatalf("%s %s %q: got %d, want %d: %.200s", method, path, header, a.StatusCode, status, a.text)
	}
	return a
}

func (c *client) put(path, body string, header ...string) answer {
	c.t.Helper()
	return c.want(http.StatusCreated, http.MethodPut, path, body, header...)
}

func (c *client) get(path string, header ...string) answer {
	c.t.Helper()
	return c.want(http.StatusOK, http.MethodGet, path, "", header...)
}

func (c *client) head(path string) http.Header {
	c.t.Helper()
	return c.want(http.StatusOK, http.MethodHead, path, "").Header
}

// row is a row of a JSON listing.
type row struct {
	Name         string `json:"name"`
	Subdir       string `json:"subdir"`
	Bytes        int64  `json:"bytes"`
	Count        int64  `json:"count"`
	Hash         string `json:"hash"`
	ContentType  string `json:"content_type"`
	LastModified string `json:"last_modified"`
	SLOETag      string `json:"slo_etag"`
	SymlinkPath  string `json:"symlink_path"`
}

func (c *client) list(path string) []row {
	c.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var rows []row
	a := c.get(path + sep + "format=json")
	if err := json.Unmarshal([]byte(a.text), &rows); err != nil {
		c.t.Fatalf("listing %s: %v: %s", path, err, a.text)
	}
	return rows
}

// names are the names of a listing, subdirs included.
func (c *client) names(path string) []string {
	c.t.Helper()
	var names []string
	for _, r := range c.list(path) {
		names = append(names, r.Subdir+r.Name)
	}
	return names
}

func wantNames(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func wantHeaders(t *testing.T, h http.Header, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := h.Get(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s: got %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}
