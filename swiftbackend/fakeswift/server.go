package fakeswift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Server is a Swift server. It is an http.Handler, safe for concurrent use.
type Server struct {
	opts     Options
	store    blobStore
	accounts map[string]*account // fixed
	tokens   tokens
	scopes   scopeRecord
	log      requestLog
	faults   faultSet
	switches switches
	clock    atomic.Int64 // the last timestamp handed out

	listening *listening // or nil for a mere handler
}

// listening is the network side of a Server made by Start.
type listening struct {
	url    string
	http   *http.Server
	cancel context.CancelFunc // ends the contexts of all requests
	served chan struct{}      // closed when the accept loop has ended
	conns  sync.WaitGroup     // connections whose goroutine runs
}

// New returns a server without a listener, to be used as an http.Handler. Its data in Options.Dir, if any, is
// removed by Close.
func New(opts Options) *Server {
	s := &Server{opts: opts.withDefaults(), accounts: make(map[string]*account)}
	s.store.dir = opts.Dir
	for _, name := range []string{DefaultAccount, RegionTwoAccount} {
		s.accounts[name] = &account{name: name, created: s.tick(), meta: map[string]string{}}
	}
	return s
}

// Start returns a server that listens on a loopback address. The caller closes it.
func Start(opts Options) (*Server, error) {
	s := New(opts)
	addr := firstOf(opts.Addr, "127.0.0.1:0")
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("fakeswift: address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("fakeswift: address %q is not a loopback address", addr)
	}
	// The life of the listener is that of the server, not of the call that starts it.
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // as the comment says
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("fakeswift: %w", err)
	}
	l := &listening{url: "http://" + ln.Addr().String(), cancel: cancel, served: make(chan struct{})}
	l.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		MaxHeaderBytes:    1 << 20,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         l.track,
		// Resets make net/http complain about connections that are gone.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.listening = l
	go func() {
		defer close(l.served)
		_ = l.http.Serve(throttledListener{ln, &s.switches.bandwidth})
	}()
	return s, nil
}

// track counts the connections that Close waits for. A hijacked one ends with its handler, within the request.
func (l *listening) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.conns.Add(1)
	case http.StateHijacked, http.StateClosed:
		l.conns.Done()
	default: // busy or idle, and still there
	}
}

// URL is the root of the server, without a trailing slash; empty for a server made by New.
func (s *Server) URL() string {
	if s.listening == nil {
		return ""
	}
	return s.listening.url
}

// AuthURL is the address of the v1 login.
func (s *Server) AuthURL() string { return s.URL() + "/auth/v1.0" }

// Close stops listening, breaks the connections, waits for their goroutines and removes the data.
func (s *Server) Close() error {
	var err error
	if l := s.listening; l != nil {
		l.cancel()
		if err = l.http.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
		<-l.served
		l.conns.Wait()
	}
	for _, a := range s.accounts {
		a.clear()
	}
	return err
}

// SetLatency delays every request by d before anything else happens to it.
func (s *Server) SetLatency(d time.Duration) { s.switches.latency.Store(int64(d)) }

// SetBandwidth limits each connection to bytesPerSecond in each direction; 0 lifts the limit.
func (s *Server) SetBandwidth(bytesPerSecond int64) { s.switches.bandwidth.Store(bytesPerSecond) }

// request is a request being answered.
type request struct {
	route
	s       *Server
	w       http.ResponseWriter
	r       *http.Request
	query   url.Values
	account *account  // set by authorize
	at      timestamp // of its arrival
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, rt, query := s.tick(), s.parsePath(r.URL.Path), parseQuery(r.URL.RawQuery)
	e := s.log.begin(r, rt, query)
	// A copy: net/http looks at the body of its own request to decide about 100 Continue.
	r = r.WithContext(r.Context())
	r.Body = countedBody{r.Body, e}
	if !s.delay(r.Context()) {
		breakConn(w, true)
		return
	}
	handle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{route: rt, s: s, w: w, r: r, query: query, at: at}
		if f := q.serve(); f != nil {
			f.write(w)
		}
	})
	s.faults.serve(countedWriter{w, e}, r, e.request.Kind, handle)
	s.opts.Logger.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path,
		"query", r.URL.RawQuery, "status", e.status.Load(), "in", e.in.Load(), "out", e.out.Load())
}

// delay waits for the latency; it reports whether the client is still there.
func (s *Server) delay(ctx context.Context) bool {
	d := time.Duration(s.switches.latency.Load())
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// serve answers the request; a failure it returns is not yet written.
func (q *request) serve() *failure {
	id := "tx" + q.at.header()
	q.w.Header().Set("X-Trans-Id", id)
	q.w.Header().Set("X-Openstack-Request-Id", id)
	switch q.level {
	case Auth:
		return q.s.serveAuth(q.w, q.r)
	case Info:
		return q.serveInfo()
	case Other:
		return notFound
	default: // the levels that need a token
	}
	if f := q.checkHeaders(); f != nil {
		return f
	}
	if f := q.authorize(); f != nil {
		return f
	}
	if !utf8.ValidString(q.r.URL.Path) || hasNUL(q.r.URL.Path) {
		return failf(http.StatusPreconditionFailed, "Invalid UTF8 or contains NULL")
	}
	switch q.level {
	case Account:
		return q.serveAccount()
	case Container:
		return q.serveContainer()
	default:
		return q.serveObject()
	}
}
