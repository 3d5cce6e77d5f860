package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Link is what lies between a candidate and the server.
type Link struct {
	Latency time.Duration // added to each request
	Rate    int64         // bytes a second of each connection, in each direction; 0: no limit
}

// Traffic is what went through a proxy. Logins and requests for /info are not in
// it.
type Traffic struct {
	Requests int
	Up, Down int64          // bytes of bodies
	Kinds    map[string]int // requests by method and what they address
}

// Proxy is a reverse proxy on loopback that counts.
type Proxy struct {
	URL string // without a trailing slash

	http   *http.Server
	to     *http.Transport
	link   Link
	cancel context.CancelFunc
	served chan struct{} // closed when the accept loop has ended

	mu       sync.Mutex // guards the following
	traffic  Traffic
	failed   []string // requests that the server did not answer
	underway int
	moved    time.Time // when the last request began or ended
}

// StartProxy starts a proxy before the server at the root URL to.
func StartProxy(ctx context.Context, to string, link Link) (*Proxy, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{
		URL: "http://" + listener.Addr().String(), link: link, cancel: cancel, served: make(chan struct{}),
		traffic: Traffic{Kinds: map[string]int{}},
		to: &http.Transport{
			MaxIdleConnsPerHost: 256,
			// Before the server's own time-out, which would hit the next request.
			IdleConnTimeout:       20 * time.Second,
			ExpectContinueTimeout: 10 * time.Second,
			DisableCompression:    true,
			WriteBufferSize:       256 << 10,
			ReadBufferSize:        256 << 10,
		},
	}
	silent := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	reverse := &httputil.ReverseProxy{
		Transport:  p.to,
		BufferPool: bodyBuffers{},
		ErrorLog:   silent,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			// The server makes the storage URL of it, and S3 signs it: who logs in
			// here stays here.
			r.Out.Host = r.In.Host
			if r.Out.Body != nil && r.Out.Body != http.NoBody {
				r.Out.Body = &countedBody{ReadCloser: r.Out.Body, add: p.counter(r.In, &p.traffic.Up)}
			}
		},
		ModifyResponse: func(r *http.Response) error {
			r.Body = &countedBody{ReadCloser: r.Body, add: p.counter(r.Request, &p.traffic.Down)}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				p.fail(r, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	p.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer p.begin(r)()
			if pause(r.Context(), link.Latency) == nil {
				reverse.ServeHTTP(w, r)
			}
		}),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          silent,
	}
	go func() {
		defer close(p.served)
		_ = p.http.Serve(pacedListener{listener, ctx, link.Rate})
	}()
	return p, nil
}

// Close ends the proxy with all its connections.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.http.Close()
	<-p.served
	p.to.CloseIdleConnections()
	return err
}

// Traffic returns what went through since the last Reset.
func (p *Proxy) Traffic() Traffic {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.traffic
	t.Kinds = maps.Clone(t.Kinds)
	return t
}

// Reset sets the counts to nothing.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traffic = Traffic{Kinds: map[string]int{}}
}

// Err returns an error if a request went unanswered by the server, which spoils a
// measurement.
func (p *Proxy) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d requests without an answer of the server, the first: %s", len(p.failed), p.failed[0])
}

// Quiet returns when no request was under way for a while, or an error when ctx
// ends.
func (p *Proxy) Quiet(ctx context.Context, while time.Duration) error {
	for {
		p.mu.Lock()
		left := while
		if p.underway == 0 {
			left -= time.Since(p.moved)
		}
		p.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := pause(ctx, left); err != nil {
			return fmt.Errorf("wait for the last request: %w", err)
		}
	}
}

// begin counts a request and returns what to call at its end.
func (p *Proxy) begin(r *http.Request) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underway++
	p.moved = time.Now()
	if kind := kindOf(r); kind != "" {
		p.traffic.Requests++
		p.traffic.Kinds[kind]++
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.underway--
		p.moved = time.Now()
	}
}

func (p *Proxy) fail(r *http.Request, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = append(p.failed, fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err))
}

// counter returns a function that adds to a field of the traffic, if the request
// counts.
func (p *Proxy) counter(r *http.Request, field *int64) func(int) {
	if kindOf(r) == "" {
		return func(int) {}
	}
	return func(n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		*field += int64(n)
	}
}

// kindOf names the kind of a request; "" is one that does not count. S3's paths
// lack the account.
func kindOf(r *http.Request) string {
	path := strings.Trim(r.URL.Path, "/")
	if path == "info" || path == "auth" || strings.HasPrefix(path, "auth/") {
		return ""
	}
	if rest, ok := strings.CutPrefix(path, "v1/"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	container, object, _ := strings.Cut(path, "/")
	switch {
	case container == "":
		return r.Method + " account"
	case object == "":
		return r.Method + " container"
	}
	return r.Method + " object"
}

// countedBody counts what is read of a body.
type countedBody struct {
	io.ReadCloser

	add func(int)
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.add(n)
	return n, err
}

// bodyBuffers is large enough to make little of the proxy's own work.
type bodyBuffers struct{}

var bodyPool = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// Get implements httputil.BufferPool.
func (bodyBuffers) Get() []byte { return bodyPool.Get().(*[256 << 10]byte)[:] }

// Put implements httputil.BufferPool.
func (bodyBuffers) Put(b []byte) { bodyPool.Put((*[256 << 10]byte)(b)) }
