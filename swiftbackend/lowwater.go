package swiftbackend

import (
	"context"
	"net"
	"sync"
	"time"
)

// A server that is near sends faster than this process is woken: each wake-up then
// finds some 64 KiB, and waking costs about as much as copying them. Where a
// connection shows itself that fast, the kernel is told to wake the reader of a body
// only when highWater bytes are there (SO_RCVLOWAT), or after slowRead, which takes
// 0.3 of the 1.0 CPU seconds of a GiB away. A slow one delivers what comes, as it comes,
// because a program may be waiting for it.
//
// TLS reads its records in pieces that are never taken for a body, so that nothing
// changes for it.
const (
	highWater = 256 << 10
	// fastRead is what a read finds waiting that follows the one before within slowRead,
	// if the connection is faster than the reader.
	fastRead = 48 << 10
	// slowRead is how long bytes that are there wait for more at most.
	slowRead = 5 * time.Millisecond
)

// bodyConn is a connection that is read in larger pieces while a body is: net/http
// reads past its buffer of readBuffer bytes straight into that of the caller, and all
// else, as headers, with less room.
type bodyConn struct {
	*net.TCPConn
	setLowWater func(bytes int) error
	now         func() time.Time

	// One goroutine at a time reads, and has these to itself.
	fast bool
	last time.Time // when a body was read last

	// mu guards the following.
	mu       sync.Mutex
	lowWater int  // as the kernel knows it
	refused  bool // the system does not let it be raised
}

// Read implements net.Conn.
func (c *bodyConn) Read(p []byte) (int, error) {
	if len(p) <= readBuffer {
		c.setMark(1)
		return c.TCPConn.Read(p)
	}
	began := c.now()
	if c.fast {
		c.setMark(min(len(p), highWater))
		timer := time.AfterFunc(slowRead, func() { c.setMark(1) }) // which wakes the reader if anything is there
		defer timer.Stop()
	} else {
		c.setMark(1)
	}
	n, err := c.TCPConn.Read(p)
	ended := c.now()
	if c.fast {
		c.fast = ended.Sub(began) < slowRead
	} else {
		c.fast = n >= fastRead && began.Sub(c.last) < slowRead
	}
	c.last = ended
	return n, err
}

// setMark sets how many bytes wake a reader. That of a read before may still lower it.
func (c *bodyConn) setMark(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes == c.lowWater || c.refused {
		return
	}
	if c.setLowWater(bytes) != nil {
		c.refused = bytes > 1 // what could be raised can be lowered, unless the connection has ended
		return
	}
	c.lowWater = bytes
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
