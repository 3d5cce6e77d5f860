package fakeswift

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
)

// Kind classifies a request. Zero fields match everything where a Kind selects requests.
type Kind struct {
	Method string // GET, HEAD, PUT, POST, COPY or DELETE
	Level  Level
}

func (k Kind) matches(other Kind) bool {
	return (k.Method == "" || k.Method == other.Method) && (k.Level == 0 || k.Level == other.Level)
}

// Request is one line of the request log. Container and Object are decoded names.
type Request struct {
	Kind
	Endpoint  string // "", "internal" or "admin", see the package documentation
	Account   string
	Container string
	Object    string
	Query     url.Values
	Range     string      // the Range header
	Header    http.Header // of the request, without its token; not to be changed
	Status    int         // 0 while unanswered, and for ever if the connection was reset before an answer
	BytesIn   int64       // of the body received
	BytesOut  int64       // of the body sent
}

// logLimit bounds the log of a long run; Counts are exact beyond it.
const logLimit = 1 << 17

// entry is a Request whose outcome is still being written.
type entry struct {
	request Request
	status  atomic.Int64
	in, out atomic.Int64
}

// requestLog counts and remembers requests.
type requestLog struct {
	mu      sync.Mutex // guards the following
	counts  map[Kind]int
	entries []*entry
}

// begin counts a request at its arrival, so that a client holding its answer finds it counted.
func (l *requestLog) begin(r *http.Request, rt route, query url.Values) *entry {
	header := r.Header.Clone()
	for _, secret := range []string{"X-Auth-Token", "X-Auth-Key", "X-Storage-Pass"} {
		header.Del(secret)
	}
	e := &entry{request: Request{
		Kind: Kind{Method: r.Method, Level: rt.level}, Endpoint: rt.endpoint,
		Account: rt.account, Container: rt.container, Object: rt.object,
		Query: query, Range: r.Header.Get("Range"), Header: header,
	}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = make(map[Kind]int)
	}
	l.counts[e.request.Kind]++
	if len(l.entries) >= logLimit {
		l.entries = append([]*entry(nil), l.entries[logLimit/2:]...)
	}
	l.entries = append(l.entries, e)
	return e
}

// Counts returns the number of requests of each Kind since the start or the last Reset.
func (s *Server) Counts() map[Kind]int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return maps.Clone(s.log.counts)
}

// Count returns the number of requests that k matches; zero fields of k match everything.
func (s *Server) Count(k Kind) int {
	total := 0
	for other, n := range s.Counts() {
		if k.matches(other) {
			total += n
		}
	}
	return total
}

// Total returns the number of requests other than logins and /info.
func (s *Server) Total() int {
	total := 0
	for k, n := range s.Counts() {
		if k.Level != Auth && k.Level != Info {
			total += n
		}
	}
	return total
}

// Requests returns the log since the start or the last Reset in the order of arrival; of a very long run only
// the latest part.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	requests := make([]Request, len(s.log.entries))
	for i, e := range s.log.entries {
		requests[i] = e.request
		requests[i].Status = int(e.status.Load())
		requests[i].BytesIn, requests[i].BytesOut = e.in.Load(), e.out.Load()
	}
	return requests
}

// Reset empties the counts and the log.
func (s *Server) Reset() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.counts, s.log.entries = nil, nil
}

// countedBody counts a request body as it is read.
type countedBody struct {
	io.ReadCloser
	e *entry
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.e.in.Add(int64(n))
	return n, err
}

// countedWriter notes the status and the bytes of an answer before they leave.
type countedWriter struct {
	http.ResponseWriter
	e *entry
}

// Unwrap lets http.ResponseController reach the connection.
func (w countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w countedWriter) WriteHeader(status int) {
	w.e.status.CompareAndSwap(0, int64(status))
	w.ResponseWriter.WriteHeader(status)
}

func (w countedWriter) Write(p []byte) (int, error) {
	w.e.status.CompareAndSwap(0, http.StatusOK)
	if w.e.request.Method == http.MethodHead {
		return len(p), nil
	}
	w.e.out.Add(int64(len(p)))
	n, err := w.ResponseWriter.Write(p)
	w.e.out.Add(int64(n - len(p)))
	return n, err
}

// ReadFrom keeps net/http's sendfile for objects in files.
func (w countedWriter) ReadFrom(r io.Reader) (int64, error) {
	from, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	w.e.status.CompareAndSwap(0, http.StatusOK)
	n, err := from.ReadFrom(r)
	w.e.out.Add(n)
	return n, err
}
