package fakeswift

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// throttledListener gives connections that obey the server's bandwidth limit.
type throttledListener struct {
	net.Listener
	rate *atomic.Int64
}

func (l throttledListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &throttledConn{Conn: conn, rate: l.rate}, nil
}

// throttledConn delays its reads and writes to keep below rate bytes a second.
type throttledConn struct {
	net.Conn
	rate *atomic.Int64
}

// NetConn returns the connection below.
func (c *throttledConn) NetConn() net.Conn { return c.Conn }

// pace waits as long as n bytes may take.
func (c *throttledConn) pace(n int) {
	if rate := c.rate.Load(); rate > 0 {
		<-time.After(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	}
}

// slice is the most that passes before a wait: a twentieth of a second's worth.
func (c *throttledConn) slice(n int) int {
	if rate := c.rate.Load(); rate > 0 {
		return min(n, max(1, int(rate/20)))
	}
	return n
}

func (c *throttledConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:c.slice(len(p))])
	c.pace(n)
	return n, err
}

func (c *throttledConn) Write(p []byte) (written int, err error) {
	for {
		n, err := c.Conn.Write(p[:c.slice(len(p))])
		written += n
		if p = p[n:]; err != nil || len(p) == 0 {
			return written, err
		}
		c.pace(n)
	}
}

// ReadFrom keeps the kernel's sendfile while there is no limit.
func (c *throttledConn) ReadFrom(r io.Reader) (int64, error) {
	if from, ok := c.Conn.(io.ReaderFrom); ok && c.rate.Load() == 0 {
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}
