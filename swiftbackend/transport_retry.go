package swiftbackend

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	// leastTries are made even when the first one used up all the time, so
	// that one stalled connection does not fail a request.
	leastTries = 2
	mostTries  = 10
	// drainLimit is how much of an unwanted answer is read to keep its
	// connection; beyond it a new connection is cheaper.
	drainLimit = 64 << 10
)

// retryTransport repeats what may succeed later: answers that say so (408, 429,
// 498, 5xx, and 409 where it tells of a concurrent change) and connections that
// break. All methods of this package are idempotent; a request whose body
// cannot be rewound is sent once. It gives up when limit has passed since the
// request began, and then returns the last answer or error as it was.
type retryTransport struct {
	next  http.RoundTripper
	limit time.Duration
	log   *slog.Logger
	m     *metrics
}

func (t *retryTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, h := req.Context(), hintsOf(req.Context())
	pause := &backoff.ExponentialBackOff{InitialInterval: firstPause, MaxInterval: longPause, Multiplier: 2, RandomizationFactor: 0.5}
	pause.Reset()
	start := time.Now()
	for try := 1; ; try++ {
		resp, err := t.next.RoundTrip(req)
		if ctx.Err() != nil || !worthRepeating(resp, err, h) || !rewindable(req) || try >= mostTries {
			return resp, err
		}
		asked := retryAfter(resp)
		wait := max(pause.NextBackOff(), asked)
		if asked > t.limit || try >= leastTries && time.Since(start)+wait > t.limit {
			return resp, err
		}
		if err != nil {
			h.lost = true
			t.log.Debug("request broke, repeating", "method", req.Method, "path", req.URL.Path, "try", try, "wait", wait, "error", err)
		} else {
			// A 5xx comes from a server that may have carried the request out.
			h.lost = h.lost || resp.StatusCode >= 500
			t.log.Debug("request refused, repeating", "method", req.Method, "path", req.URL.Path, "try", try, "wait", wait, "status", resp.StatusCode)
			drain(resp)
		}
		t.m.retries.Inc()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

func worthRepeating(resp *http.Response, err error, h *hints) bool {
	if err != nil {
		return transportKind(err) != KindTLS
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, 498, 499,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return h.retry409
	}
	return false
}

// retryAfter is how long the server asks to wait: seconds or a date; 0 when it
// does not say.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	v := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

func rewindable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// rewound returns req with a fresh body, for one more attempt.
func rewound(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, errors.New("the body cannot be sent again")
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, nil
}

// drain reads the rest of an answer nobody wants, so that its connection can be
// used again, and closes it.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	_ = resp.Body.Close()
}
