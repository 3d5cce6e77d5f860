package swiftbackend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ncw/swift/v2"
)

// expectFrom is the size from which a body waits for the server's "100
// Continue": below it the round trip costs more than a refused body would.
const expectFrom = 4 << 20

// expectLimit is how long a body waits for it.
const expectLimit = 5 * time.Second

// errorBodyLimit is how much of an error's explanation is read.
const errorBodyLimit = 4 << 10

// stream sends a request whose body or answer is data: past the library's
// Connection, through the same chain. open gives the body from its beginning,
// once for each attempt, and a small one once; it is nil for no body. The answer's body is the
// caller's to close.
func (c *Client) stream(ctx context.Context, r *request, size int64, open func() io.Reader) (*http.Response, error) {
	tok, err := c.source.get(ctx)
	if err != nil {
		return nil, r.wrap(err)
	}
	u := *tok.storageURL
	u.Path = u.Path + "/" + r.container + "/" + r.object
	u.RawQuery = r.params.Encode()
	req, err := http.NewRequestWithContext(withHints(ctx, &r.hints), r.method, u.String(), nil)
	if err != nil {
		return nil, r.wrap(err)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if open != nil {
		if err := setBody(req, size, open); err != nil {
			return nil, r.wrap(err)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // the URL says nothing the path does not
		}
		return nil, r.wrap(err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, r.wrap(refused(resp))
	}
	return resp, nil
}

// setBody gives the request its body, in a form that can be sent again.
func setBody(req *http.Request, size int64, open func() io.Reader) error {
	req.ContentLength = size
	if size == 0 {
		req.Body = http.NoBody
		return nil
	}
	again := func() (io.ReadCloser, error) { return closer(open()), nil }
	if isSmall(size) {
		first := closer(open())
		b, err := io.ReadAll(io.LimitReader(first, size+1))
		if err := errors.Join(err, first.Close()); err != nil {
			return err
		}
		if int64(len(b)) != size {
			return fmt.Errorf("the body has %d bytes or more, want %d", len(b), size)
		}
		again = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	}
	req.Body, _ = again()
	req.GetBody = again
	if size >= expectFrom || size == UnknownSize {
		req.Header.Set("Expect", "100-continue")
	}
	return nil
}

// isSmall says that a body goes with the header of its request in one write. For that it must be one that net/http knows to be in memory: before
// any other, it sends the header alone.
func isSmall(size int64) bool { return 0 < size && size <= smallBody }

const smallBody = 64 << 10

func closer(r io.Reader) io.ReadCloser {
	if rc, ok := r.(io.ReadCloser); ok {
		return rc
	}
	return io.NopCloser(r)
}

// refused turns an answer that is no success into the library's error value and
// closes it.
func refused(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	drain(resp)
	return &swift.Error{StatusCode: resp.StatusCode, Text: firstLine(string(text))}
}

// unquoteETag returns an ETag without the quotes that large objects and some
// servers put around it.
func unquoteETag(s string) string { return strings.Trim(s, `"`) }
