package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

const (
	// reachTimeout is enough for a handshake around the world with a lost packet.
	reachTimeout = 5 * time.Second
	// reachPause is between attempts while the network is not up.
	reachPause = time.Second
)

// connect logs in, within ctx. What cannot get better by waiting fails at once:
// a wrong key, an unknown host, a port where nobody listens. With patience, a
// network that is not up (yet) is waited for until ctx ends; at boot, mounts
// are often started before it.
func connect(ctx context.Context, cfg swiftbackend.Config, patience bool) (*swiftbackend.Client, error) {
	addr, err := firstHop(loginURL(cfg))
	if err != nil {
		return nil, explainLogin(err, cfg)
	}
	for {
		if err = reach(ctx, addr); err == nil {
			break
		}
		if !patience || !networkDown(err) || !pause(ctx, reachPause) {
			return nil, explainLogin(err, cfg)
		}
	}
	client, err := swiftbackend.Dial(ctx, cfg)
	if err != nil {
		return nil, explainLogin(err, cfg)
	}
	return client, nil
}

// reach opens a connection and closes it again. The client would notice the
// same, but only after the repetitions that are right for a mount in use.
func reach(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// firstHop is the address that a request to rawURL is sent to: the host's, or
// the proxy's.
func firstHop(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", err
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		u = proxy
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// networkDown reports whether err may be due to a network that is still coming
// up. A name server that says "no such host" and a host that refuses are up.
func networkDown(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound || !haveNetwork()
	}
	for _, e := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// haveNetwork reports whether any interface but the loopback has an address.
func haveNetwork() bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return true
		}
	}
	return false
}

// pause waits for d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
