package swiftbackend

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ncw/swift/v2"
)

// Client is a connection to one Swift account. Its methods are safe for
// concurrent use. Close it when done.
type Client struct {
	cfg    Config
	log    *slog.Logger
	source *tokenSource
	conn   *swift.Connection // builds and checks requests; never logs in
	http   *http.Client      // the same chain, for bodies
	base   *http.Transport
	info   Info
	stop   context.CancelFunc

	segments segmentContainers
	policies policies
}

// Dial logs in and asks the server what it can do. ctx bounds the dialling
// only; the Client lives until Close.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	below, base, err := pipeline(cfg, m)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	source := &tokenSource{ctx: life}
	if cfg.Auth.ready() {
		u, err := url.Parse(strings.TrimSuffix(cfg.Auth.StorageURL, "/"))
		if err != nil {
			stop()
			return nil, err
		}
		source.once = true
		source.current = &token{value: cfg.Auth.Token, storageURL: u, issued: time.Now()}
	} else {
		source.login = (&authenticator{cfg: cfg, rt: below, m: m}).login
	}
	chain := &tokenTransport{next: below, source: source}
	c := &Client{
		cfg: cfg, log: cfg.Log, source: source, base: base, stop: stop,
		http: &http.Client{Transport: chain},
		conn: &swift.Connection{
			// Placeholders that keep the library from logging in: the token stage
			// sets the token and every call names its URL.
			StorageUrl: "set-by-each-call", AuthToken: "set-by-the-token-stage",
			Transport: chain, Retries: -1, UserAgent: cfg.UserAgent,
			// The stall stage watches; the library's own limits only bound it.
			ConnectTimeout: 24 * time.Hour, Timeout: 24 * time.Hour,
		},
	}
	if err := c.connect(ctx, below); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// connect performs the first login and fetches /info, which needs no token.
func (c *Client) connect(ctx context.Context, below http.RoundTripper) error {
	tok, err := c.source.get(ctx)
	if err != nil {
		return wrap("log in", "", &hints{}, err)
	}
	c.info, err = fetchInfo(ctx, &http.Client{Transport: below}, tok.storageURL)
	if err == nil && !c.info.Known {
		c.log.Info("the server has no /info; assuming OpenStack Swift's default limits", "storage", tok.storageURL.String())
	}
	return err
}

// Close ends a login under way and the idle connections. Requests under way
// are their callers'.
func (c *Client) Close() {
	c.stop()
	c.source.wg.Wait()
	c.base.CloseIdleConnections()
}

// Info returns what the server said about itself when the Client was dialled.
func (c *Client) Info() Info { return c.info }

// MostRequests is how many requests can be under way at once.
func (c *Client) MostRequests() int { return c.cfg.Requests }

// StorageURL returns the account's URL.
func (c *Client) StorageURL(ctx context.Context) (*url.URL, error) {
	tok, err := c.source.get(ctx)
	if err != nil {
		return nil, wrap("log in", "", &hints{}, err)
	}
	return tok.storageURL, nil
}

// request is one operation, before it is a URL and headers.
type request struct {
	method    string
	what      string // "account", "container", "object": the Op is method and this
	container string
	object    string
	params    url.Values
	header    map[string]string
	hints     hints
}

func (r *request) op() string { return r.method + " " + r.what }

func (r *request) path() string {
	if r.object == "" {
		return r.container
	}
	return r.container + "/" + r.object
}

func (r *request) wrap(err error) *Error { return wrap(r.op(), r.path(), &r.hints, err) }

// call sends a request that has no body to speak of, through the library's
// Connection. The answer's body is the caller's to close unless quiet, which
// has it closed already.
func (c *Client) call(ctx context.Context, r *request, quiet bool) (*http.Response, error) {
	tok, err := c.source.get(ctx)
	if err != nil {
		return nil, r.wrap(err)
	}
	resp, _, err := c.conn.Call(withHints(ctx, &r.hints), tok.storageURL.String(), swift.RequestOpts{
		Container: r.container, ObjectName: r.object, Operation: r.method,
		Parameters: r.params, Headers: r.header, NoResponse: quiet,
	})
	if err != nil {
		return nil, r.wrap(err)
	}
	return resp, nil
}

// quietly sends a request whose answer is its status and headers.
func (c *Client) quietly(ctx context.Context, r *request) (http.Header, int, error) {
	resp, err := c.call(ctx, r, true) //nolint:bodyclose // quiet: call has closed it
	if err != nil {
		return nil, 0, err
	}
	return resp.Header, resp.StatusCode, nil
}

// quote percent-encodes a path for a header or a body, slashes kept.
func quote(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
