package swiftbackend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// hints travel with a request's context through the chain. They say what the
// stages cannot see in the request itself, and carry back what happened.
type hints struct {
	retry409      bool // 409 means "another change was under way", not "not empty"
	notEmptyOn409 bool
	on412         Kind // what 412 means to the condition sent; KindOther: none was
	slow          bool // the server works long before it answers (COPY, manifests, bulk)

	// lost is set by the retry stage when an attempt broke after it may have
	// been carried out.
	lost bool
}

type hintsKey struct{}

func withHints(ctx context.Context, h *hints) context.Context {
	return context.WithValue(ctx, hintsKey{}, h)
}

// hintsOf returns the hints of a request, never nil.
func hintsOf(ctx context.Context) *hints {
	if h, ok := ctx.Value(hintsKey{}).(*hints); ok {
		return h
	}
	return &hints{}
}

// pipeline is the chain below the token stage; the logins themselves pass it
// too.
func pipeline(cfg Config, m *metrics) (http.RoundTripper, *http.Transport, error) {
	base, err := httpTransport(cfg)
	if err != nil {
		return nil, nil, err
	}
	var rt http.RoundTripper = base
	rt = &stallTransport{next: rt, limit: cfg.Timeout}
	rt = &metricsTransport{next: rt, m: m}
	rt = newLimitTransport(rt, cfg.Requests)
	rt = &retryTransport{next: rt, limit: cfg.Timeout, log: cfg.Log, m: m}
	return rt, base, nil
}

// readBuffer is the buffer of a connection that net/http reads headers and short
// bodies through.
const readBuffer = 128 << 10

// httpTransport returns the net/http end of the chain. HTTP/2 is off: the
// parallel ranges of one file would share one TCP connection and its window.
func httpTransport(cfg Config) (*http.Transport, error) {
	tlsCfg, err := tlsConfig(cfg)
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: min(cfg.Timeout, 10*time.Second), KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialBodies(dialer.DialContext),
		TLSClientConfig:       tlsCfg,
		TLSHandshakeTimeout:   min(cfg.Timeout, 10*time.Second),
		MaxIdleConnsPerHost:   cfg.Requests,
		IdleConnTimeout:       55 * time.Second, // below the 60 s after which common proxies close
		ExpectContinueTimeout: expectLimit,
		DisableCompression:    true, // objects come as they are stored
		Protocols:             protocols,
		ReadBufferSize:        readBuffer,
		WriteBufferSize:       128 << 10,
	}, nil
}

func tlsConfig(cfg Config) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.Insecure} //nolint:gosec // only when the user asked for it by name
	if cfg.CACert == "" {
		return t, nil
	}
	pem, err := os.ReadFile(cfg.CACert)
	if err != nil {
		return nil, fmt.Errorf("reading the CA certificates: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no PEM certificate in it; ca-cert takes a file of PEM certificates", cfg.CACert)
	}
	t.RootCAs = pool
	return t, nil
}
