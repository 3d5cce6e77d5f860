package swiftbackend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// errStalled is the cause of an attempt given up for lack of progress.
var errStalled = errors.New("no progress within the time limit")

// slowFactor stretches the limit for requests that make the server work
// before it answers: a COPY of 1 GiB takes OpenStack Swift 12 s and sends
// nothing meanwhile.
const slowFactor = 10

// stallTransport gives up an attempt during which nothing moves for limit:
// no byte of the body taken, no answer, no byte of the answer arriving. Time in
// which the caller does not read the answer does not count.
type stallTransport struct {
	next  http.RoundTripper
	limit time.Duration
}

func (t *stallTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	limit := t.limit
	if hintsOf(req.Context()).slow {
		limit *= slowFactor
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &stallWatch{limit: limit, timer: time.AfterFunc(limit, func() { cancel(errStalled) }), ctx: ctx, cancel: cancel}
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody && !isSmall(req.ContentLength) {
		req.Body = &watchedUpload{ReadCloser: req.Body, w: w}
		if get := req.GetBody; get != nil {
			req.GetBody = func() (io.ReadCloser, error) {
				b, err := get()
				if err != nil {
					return nil, err
				}
				return &watchedUpload{ReadCloser: b, w: w}, nil
			}
		}
	}
	resp, err := t.next.RoundTrip(req)
	w.answered.Store(true)
	w.timer.Stop()
	if err != nil {
		err = w.explain(err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedDownload{ReadCloser: resp.Body, w: w}
	return resp, nil
}

// stallWatch is the timer of one attempt.
type stallWatch struct {
	limit  time.Duration
	timer  *time.Timer
	ctx    context.Context
	cancel context.CancelCauseFunc
	// answered says that the body is not wanted any more, should the transport
	// still be reading it.
	answered atomic.Bool
}

// explain replaces the "context canceled" of an attempt that this stage ended.
func (w *stallWatch) explain(err error) error {
	if errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("%w of %v", errStalled, w.limit)
	}
	return err
}

// watchedUpload re-arms the timer whenever the transport has more of the body to
// send, and stops it while the body itself is waited for: a program that writes
// slowly is not a server that stalls.
type watchedUpload struct {
	io.ReadCloser
	w *stallWatch
}

func (u *watchedUpload) Read(p []byte) (int, error) {
	u.w.timer.Stop()
	n, err := u.ReadCloser.Read(p)
	if !u.w.answered.Load() {
		u.w.timer.Reset(u.w.limit)
	}
	return n, err
}

// WriteTo implements io.WriterTo for bodies that do, so that large blocks reach
// the connection without a copy.
func (u *watchedUpload) WriteTo(dst io.Writer) (int64, error) {
	body, ok := u.ReadCloser.(io.WriterTo)
	if !ok {
		return io.Copy(dst, struct{ io.Reader }{u})
	}
	u.w.timer.Stop()
	n, err := body.WriteTo(&watchedWriter{dst, u.w})
	if !u.w.answered.Load() {
		u.w.timer.Reset(u.w.limit)
	}
	return n, err
}

// watchedWriter arms the timer for the length of each Write.
type watchedWriter struct {
	io.Writer
	w *stallWatch
}

func (d *watchedWriter) Write(p []byte) (int, error) {
	if !d.w.answered.Load() {
		d.w.timer.Reset(d.w.limit)
	}
	n, err := d.Writer.Write(p)
	d.w.timer.Stop()
	return n, err
}

// watchedDownload arms the timer for the length of each Read.
type watchedDownload struct {
	io.ReadCloser
	w *stallWatch
}

func (d *watchedDownload) Read(p []byte) (int, error) {
	d.w.timer.Reset(d.w.limit)
	n, err := d.ReadCloser.Read(p)
	d.w.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = d.w.explain(err)
	}
	return n, err
}

func (d *watchedDownload) Close() error {
	err := d.ReadCloser.Close()
	d.w.timer.Stop()
	d.w.cancel(nil)
	return err
}
