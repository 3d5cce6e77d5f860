package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// presence lets others wait for the end of a mount's process: whoever connects
// to its socket reads nothing, and the end of file when the process is gone.
// The socket's abstract name is made of the mount's device number; it leaves no
// file behind and needs no directory to be writable.
type presence struct {
	ln net.Listener
	wg sync.WaitGroup

	mu sync.Mutex // guards the following
	// conns are those who wait.
	conns []net.Conn
}

func presenceName(m *mountinfo.Info) string {
	return fmt.Sprintf("@swiftfs/%d:%d", m.Major, m.Minor)
}

// announce opens the socket of the mount m.
func announce(ctx context.Context, m *mountinfo.Info) (*presence, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", presenceName(m))
	if err != nil {
		return nil, err
	}
	p := &presence{ln: ln}
	p.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, conn)
			p.mu.Unlock()
		}
	})
	return p, nil
}

// stop accepts no more connections. Those that are open stay so until the
// process ends: only then is the mount's work over.
func (p *presence) stop() {
	_ = p.ln.Close()
	p.wg.Wait()
}

// watch connects to the process that serves m, before the mount goes away. It
// returns nil when there is none to be found: it may run in another network
// name space.
func watch(ctx context.Context, m *mountinfo.Info) net.Conn {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", presenceName(m))
	if err != nil {
		return nil
	}
	// Anybody may have taken the name; only root's and one's own word counts.
	if uid, err := peerUID(conn); err != nil || uid != 0 && uid != os.Getuid() && os.Getuid() != 0 {
		_ = conn.Close()
		return nil
	}
	return conn
}

func peerUID(conn net.Conn) (int, error) {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a unix socket")
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) //nolint:gosec // a descriptor fits an int
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return int(cred.Uid), nil
}

// awaitEnd waits until the process at the other end of conn has ended, and
// reports whether it did so before the deadline.
func awaitEnd(conn net.Conn, deadline time.Time) bool {
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(deadline); err != nil {
		return false
	}
	_, err := conn.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || !errors.Is(err, os.ErrDeadlineExceeded)
}
