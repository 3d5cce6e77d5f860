package swiftbackend

import (
	"context"
	"net"
	"time"
)

// A server that is near sends faster than this process is woken: each wake-up then
// finds some 64 KiB, and waking costs about as much as copying them. Where a
// connection shows itself that fast, the kernel is told to wake the reader of a body
// only when highWater bytes are there (SO_RCVLOWAT), which takes 0.3 of the 1.0 CPU
// seconds of a GiB away. A slow one delivers what comes, as it comes, because a
// program may be waiting for it.
const (
	highWater = 256 << 10
	// fastRead is what a read finds waiting if the connection is faster than the reader,
	// and slowRead is how long waiting for highWater bytes shows that it no longer is.
	fastRead = 48 << 10
	slowRead = 5 * time.Millisecond
)

// bodyConn is a connection that is read in larger pieces while a body is.
//
// That bytes which the reader has room for will come is known of bodies only:
// net/http reads past its buffer of readBuffer bytes straight into the caller's, and
// at most what is left of the body. All other reads are into that buffer, may be of a
// header, and are woken by the first byte.
type bodyConn struct {
	*net.TCPConn
	setLowWater func(bytes int) error
	now         func() time.Time
	// The one goroutine that reads a connection has the following to itself.
	lowWater int // as the kernel knows it
	fast     bool
}

// Read implements net.Conn.
func (c *bodyConn) Read(p []byte) (int, error) {
	body := len(p) > readBuffer
	want := 1
	if body && c.fast {
		want = min(len(p), highWater)
	}
	if want != c.lowWater {
		if err := c.setLowWater(want); err != nil {
			return 0, err
		}
		c.lowWater = want
	}
	if !body {
		return c.TCPConn.Read(p)
	}
	began := c.now()
	n, err := c.TCPConn.Read(p)
	if c.fast {
		c.fast = c.now().Sub(began) < slowRead
	} else {
		c.fast = n >= fastRead
	}
	return n, err
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dialBodies makes the connections of dial ones that read bodies in large pieces,
// where the system has a way for it.
func dialBodies(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			if set := lowWaterOf(tcp); set != nil {
				return &bodyConn{TCPConn: tcp, setLowWater: set, now: time.Now, lowWater: 1}, nil
			}
		}
		return c, nil
	}
}
