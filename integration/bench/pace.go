package bench

import (
	"context"
	"net"
	"time"
)

// pause waits for d, or returns the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pacedListener limits the bandwidth of each connection that it accepts.
type pacedListener struct {
	net.Listener

	ctx  context.Context //nolint:containedctx // of the listener's owner, for what waits in its connections
	rate int64
}

// Accept implements net.Listener.
func (l pacedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || l.rate <= 0 {
		return conn, err
	}
	return &pacedConn{Conn: conn, ctx: l.ctx, in: pace{rate: l.rate}, out: pace{rate: l.rate}}, nil
}

// pacedConn is a connection of limited bandwidth. One goroutine reads and one
// writes.
type pacedConn struct {
	net.Conn

	ctx     context.Context //nolint:containedctx // see pacedListener
	in, out pace
}

// pacedPiece is what may pass at once: 3 ms of 20 MB/s.
const pacedPiece = 64 << 10

// Read implements net.Conn.
func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), pacedPiece)])
	if waitErr := pause(c.ctx, c.in.due(time.Now(), n)); waitErr != nil && err == nil {
		err = waitErr
	}
	return n, err
}

// Write implements net.Conn.
func (c *pacedConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := c.Conn.Write(p[written:min(len(p), written+pacedPiece)])
		written += n
		if err != nil {
			return written, err
		}
		if err := pause(c.ctx, c.out.due(time.Now(), n)); err != nil {
			return written, err
		}
	}
	return written, nil
}

// pace tells how long to wait for a rate to hold. A wait that took too long is made
// up for, time in which nothing moves is not.
type pace struct {
	rate int64
	free time.Time // when all that passed has had its time
}

// lateness is how late timers may be.
const lateness = 10 * time.Millisecond

// due returns the time to wait after n bytes passed.
func (p *pace) due(now time.Time, n int) time.Duration {
	if now.Sub(p.free) > lateness {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(int64(n) * int64(time.Second) / p.rate))
	return p.free.Sub(now)
}
