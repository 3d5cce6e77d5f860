package fakeswift

import (
	"io"
	"net"
	"net/http"
	"strconv"
)

// breakConn ends the connection under w, with a reset if abrupt. Where there is no connection to take over
// (HTTP/2, a recorder) it aborts the handler in net/http's way.
func breakConn(w http.ResponseWriter, abrupt bool) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler tells net/http to abort
	}
	if !abrupt {
		_ = buffered.Flush()
	}
	if tcp, ok := innermost(conn).(*net.TCPConn); ok && abrupt {
		// Without lingering, close sends RST and the peer sees ECONNRESET.
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// innermost unwraps TLS and the bandwidth limit.
func innermost(conn net.Conn) net.Conn {
	for {
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = wrapped.NetConn()
	}
}

// lostAnswer swallows an answer.
type lostAnswer struct{ header http.Header }

func (l *lostAnswer) Header() http.Header         { return l.header }
func (l *lostAnswer) WriteHeader(int)             {}
func (l *lostAnswer) Write(p []byte) (int, error) { return len(p), nil }

// cut is both sides of an exchange that breaks after some bytes. One goroutine uses it.
type cut struct {
	http.ResponseWriter
	body    io.ReadCloser
	left    int64
	strike  func()
	struck  bool
	uploads bool // it is the request body that breaks
	decided bool // whether the answer is lost
	lost    bool // nothing of the answer is sent: it is too short to break within
}

// cutBody carries the request out and calls strike after n bytes of body. With atEnd it strikes at the latest
// when the request is done.
func cutBody(w http.ResponseWriter, r *http.Request, next http.Handler, n int64, uploads, atEnd bool, strike func()) {
	c := &cut{
		ResponseWriter: w, body: r.Body, left: n, strike: strike,
		uploads: uploads && r.ContentLength != 0,
		// Without strike at the end, an answer too short is let through.
		decided: !atEnd,
	}
	if atEnd && (c.uploads || r.Method == http.MethodHead) {
		c.decided, c.lost = true, true
	}
	r.Body = cutReader{c}
	next.ServeHTTP(c, r)
	if atEnd && !c.struck {
		c.strike()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (c *cut) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *cut) WriteHeader(status int) {
	if !c.decided {
		// Decided before the header is out, which cannot be called back. An unknown length counts as short.
		length, err := strconv.ParseInt(c.Header().Get("Content-Length"), 10, 64)
		c.decided, c.lost = true, err != nil || length <= c.left
	}
	if !c.struck && !c.lost {
		c.ResponseWriter.WriteHeader(status)
	}
}

func (c *cut) Write(p []byte) (int, error) {
	if !c.decided {
		c.WriteHeader(http.StatusOK)
	}
	if c.struck {
		return 0, io.ErrClosedPipe
	}
	if c.lost {
		return len(p), nil
	}
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.ResponseWriter.Write(p)
	}
	n, _ := c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	c.struck = true
	c.strike()
	return n, io.ErrClosedPipe
}

// cutReader is the request body of a cut.
type cutReader struct{ c *cut }

func (b cutReader) Close() error { return b.c.body.Close() }

func (b cutReader) Read(p []byte) (int, error) {
	c := b.c
	switch {
	case c.struck:
		return 0, io.ErrUnexpectedEOF
	case !c.uploads:
		return c.body.Read(p)
	case c.left == 0:
		c.struck = true
		c.strike()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.body.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// corruptWriter changes the first byte that passes.
type corruptWriter struct {
	http.ResponseWriter
	done bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *corruptWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *corruptWriter) Write(p []byte) (int, error) {
	if w.done || len(p) == 0 {
		return w.ResponseWriter.Write(p)
	}
	w.done = true
	// The bytes may be the stored object's: change a copy.
	changed := append([]byte(nil), p...)
	changed[0] ^= 0xff
	return w.ResponseWriter.Write(changed)
}

// corruptReader changes the first byte that passes.
type corruptReader struct {
	io.ReadCloser
	done bool
}

func (b *corruptReader) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.done {
		b.done = true
		p[0] ^= 0xff
	}
	return n, err
}
