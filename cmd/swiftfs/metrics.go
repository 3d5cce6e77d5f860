package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsServer serves /metrics and /debug/pprof.
type metricsServer struct {
	http *http.Server
	addr string
	wg   sync.WaitGroup
}

// newRegistry returns the metrics of this process.
func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// serveMetrics listens on addr until close. Both pages are for the machine's
// administrator; they hold names of objects at most, and no secrets.
func serveMetrics(ctx context.Context, addr string, reg *prometheus.Registry) (*metricsServer, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, systemError(fmt.Errorf("metrics-address %s: %w", addr, err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	m := &metricsServer{addr: ln.Addr().String(), http: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	m.wg.Go(func() { _ = m.http.Serve(ln) })
	return m, nil
}

// close stops the server and waits for it. m may be nil.
func (m *metricsServer) close() {
	if m == nil {
		return
	}
	_ = m.http.Close()
	m.wg.Wait()
}
