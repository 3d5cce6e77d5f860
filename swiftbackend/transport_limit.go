package swiftbackend

import (
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"
)

// limitTransport bounds the requests under way. A request counts until its
// answer is closed; one that waits for its turn gives up with its context.
type limitTransport struct {
	next http.RoundTripper
	sem  *semaphore.Weighted
}

func newLimitTransport(next http.RoundTripper, most int) *limitTransport {
	return &limitTransport{next: next, sem: semaphore.NewWeighted(int64(most))}
}

func (t *limitTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.sem.Acquire(req.Context(), 1); err != nil {
		closeBody(req)
		return nil, err
	}
	release := sync.OnceFunc(func() { t.sem.Release(1) })
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &onClose{ReadCloser: resp.Body, do: release}
	return resp, nil
}

// onClose runs do after the body is closed.
type onClose struct {
	io.ReadCloser
	do func()
}

func (b *onClose) Close() error {
	err := b.ReadCloser.Close()
	b.do()
	return err
}

// closeBody closes the body of a request that is not sent, as RoundTrippers
// must.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
