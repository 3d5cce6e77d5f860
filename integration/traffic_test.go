package integration

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// traffic is a proxy before a server that counts the bytes of bodies.
type traffic struct {
	*httptest.Server

	sent, fetched atomic.Int64 // content of objects
	other         atomic.Int64 // listings, manifests, results: both ways
}

// countTraffic starts a proxy before a server and returns the account as
// clients of the proxy see it.
func countTraffic(t *testing.T, a account) (*traffic, account) {
	t.Helper()
	to, err := url.Parse(a.authURL)
	if err != nil {
		t.Fatal(err)
	}
	c := new(traffic)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
			// Kept, because the server makes the storage URL of it: who logs in
			// here stays here.
			r.Out.Host = r.In.Host
			if r.Out.Body != nil && r.Out.Body != http.NoBody {
				r.Out.Body = &countedBody{r.Out.Body, c.counter(isContent(r.In) && r.In.Method == http.MethodPut, &c.sent)}
			}
		},
		ModifyResponse: func(r *http.Response) error {
			found := r.Request.Method == http.MethodGet && r.StatusCode/100 == 2
			r.Body = &countedBody{r.Body, c.counter(isContent(r.Request) && found, &c.fetched)}
			return nil
		},
	}
	c.Server = httptest.NewServer(proxy)
	t.Cleanup(c.Close)
	a.authURL = c.URL + to.Path
	return c, a
}

// counter returns one of content's, or the one of everything else.
func (c *traffic) counter(isContent bool, content *atomic.Int64) *atomic.Int64 {
	if isContent {
		return content
	}
	return &c.other
}

// isContent reports whether a request is about an object, and not about its
// manifest.
func isContent(r *http.Request) bool {
	isObject := strings.Count(r.URL.EscapedPath(), "/") > 3 // /v1/account/container/object
	return isObject && !r.URL.Query().Has("multipart-manifest")
}

// during counts what f moves.
func (c *traffic) during(f func()) (sent, fetched, other int64) {
	c.sent.Store(0)
	c.fetched.Store(0)
	c.other.Store(0)
	f()
	return c.sent.Load(), c.fetched.Load(), c.other.Load()
}

// countedBody counts what is read of a body.
type countedBody struct {
	io.ReadCloser

	n *atomic.Int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
