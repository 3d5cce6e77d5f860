package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// reservePort returns a free port of 127.0.0.1 that the kernel gives to nobody
// else for the next minute: a connection closed by the listening side leaves the
// port in TIME_WAIT, in which a server that asks for it by number (and sets
// SO_REUSEADDR, as they all do) gets it, and one that asks for any port does not.
func reservePort(ctx context.Context) (_ int, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var d net.Dialer
	client, err := d.DialContext(ctx, "tcp4", l.Addr().String())
	if err != nil {
		return 0, err
	}
	server, err := l.Accept()
	if err != nil {
		return 0, errors.Join(err, client.Close())
	}
	// The side that closes first is the one that lingers.
	if err := errors.Join(server.Close(), client.Close()); err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, nil
}

// reservePorts returns n free ports.
func reservePorts(ctx context.Context, n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		p, err := reservePort(ctx)
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		ports[i] = p
	}
	return ports, nil
}

// listens returns a readiness check: something accepts connections on port.
func listens(port int) func(context.Context) error {
	return func(ctx context.Context) error {
		d := net.Dialer{Timeout: 2 * time.Second}
		c, err := d.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// client is for readiness checks and log marks. It keeps no connection, so that
// nothing of it outlives a rig, and asks no proxy.
var client = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	Timeout:   5 * time.Second,
}

// answers returns a readiness check: url is answered, with status 200 if ok.
func answers(url string, ok bool) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
		if ok && resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, resp.Status)
		}
		return nil
	}
}
