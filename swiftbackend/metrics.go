package swiftbackend

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the collectors of one Client.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	retries  prometheus.Counter
	logins   prometheus.Counter
	inflight prometheus.Gauge
}

// newMetrics registers the collectors with reg, or with nobody when reg is nil.
func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "swiftfs_requests_total", Help: "Requests answered by the Swift server, by method and status (0: no answer).",
		}, []string{"method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "swiftfs_request_seconds", Help: "Time until the answer's headers arrived.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"method"}),
		retries:  prometheus.NewCounter(prometheus.CounterOpts{Name: "swiftfs_request_retries_total", Help: "Requests that were repeated."}),
		logins:   prometheus.NewCounter(prometheus.CounterOpts{Name: "swiftfs_logins_total", Help: "Tokens fetched."}),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "swiftfs_requests_in_flight", Help: "Requests whose answer has not begun."}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.retries, m.logins, m.inflight} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// metricsTransport counts each attempt and times it until its headers arrive.
type metricsTransport struct {
	next http.RoundTripper
	m    *metrics
}

func (t *metricsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.m.inflight.Inc()
	start := time.Now()
	resp, err := t.next.RoundTrip(req)
	t.m.seconds.WithLabelValues(req.Method).Observe(time.Since(start).Seconds())
	t.m.inflight.Dec()
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	t.m.requests.WithLabelValues(req.Method, strconv.Itoa(status)).Inc()
	return resp, err
}
