package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// account speaks plain HTTP to a server, over a limited number of connections. It
// prepares data, verifies, and is the candidate "raw".
type account struct {
	storage, token string
	http           *http.Client
	conns          int
	// patience is how often a request is repeated that the server was too busy
	// for. Candidates have none.
	patience int
}

// logIn logs in at the root URL of a server, or of a proxy before one.
func logIn(ctx context.Context, root, user, key string, conns int) (*account, error) {
	a := &account{conns: conns, http: &http.Client{Transport: &http.Transport{
		MaxConnsPerHost:     conns,
		MaxIdleConnsPerHost: conns,
		DisableCompression:  true,
		ReadBufferSize:      256 << 10,
		WriteBufferSize:     256 << 10,
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/auth/v1.0", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-User", user)
	req.Header.Set("X-Auth-Key", key)
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("log in: %s", resp.Status)
	}
	a.storage, a.token = strings.TrimSuffix(resp.Header.Get("X-Storage-Url"), "/"), resp.Header.Get("X-Auth-Token")
	return a, nil
}

// close ends the connections.
func (a *account) close() { a.http.CloseIdleConnections() }

// statusError is an answer other than success.
type statusError struct {
	request string
	status  int
}

// Error implements error.
func (e *statusError) Error() string { return fmt.Sprintf("%s: status %d", e.request, e.status) }

// send sends a request for a path below the account, with header fields given as
// name, value, name, value. The caller closes the body of the answer.
func (a *account) send(ctx context.Context, method, path, query string, body io.Reader, header ...string) (*http.Response, error) {
	u := a.storage + (&url.URL{Path: "/" + path}).EscapedPath()
	if query != "" {
		u += "?" + query
	}
	resp, err := a.try(ctx, method, u, body, header)
	for range a.patience {
		again, ok := body.(io.Seeker)
		// TempAuth that does not reach its memory knows no tokens.
		busy := err == nil && (resp.StatusCode >= 500 || resp.StatusCode == http.StatusUnauthorized)
		if body != nil && !ok || !busy {
			break
		}
		if body != nil {
			if _, err := again.Seek(0, io.SeekStart); err != nil {
				return nil, errors.Join(err, resp.Body.Close())
			}
		}
		if err := errors.Join(resp.Body.Close(), pause(ctx, time.Second)); err != nil {
			return nil, err
		}
		resp, err = a.try(ctx, method, u, body, header)
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		_, _ = io.Copy(io.Discard, resp.Body)
		return nil, errors.Join(&statusError{method + " " + path, resp.StatusCode}, resp.Body.Close())
	}
	return resp, nil
}

// try sends a request once.
func (a *account) try(ctx context.Context, method, u string, body io.Reader, header []string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	if sized, ok := body.(sizedBody); ok {
		req.ContentLength = sized.size
	}
	req.Header.Set("X-Auth-Token", a.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return a.http.Do(req)
}

// do is send for requests of whose answer only the success matters.
func (a *account) do(ctx context.Context, method, path, query string, body []byte, header ...string) error {
	resp, err := a.send(ctx, method, path, query, bytes.NewReader(body), header...)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// sizedBody is a body of known size that comes as it is sent.
type sizedBody struct {
	io.Reader

	size int64
}

// upload stores an object of that size as it comes, and returns the checksum that the
// server has of it.
func (a *account) upload(ctx context.Context, path string, size int64, body io.Reader) (etag string, err error) {
	resp, err := a.send(ctx, http.MethodPut, path, "", sizedBody{body, size})
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return strings.Trim(resp.Header.Get("Etag"), `"`), errors.Join(err, resp.Body.Close())
}

// get returns the whole answer to a GET.
func (a *account) get(ctx context.Context, path, query string) ([]byte, error) {
	resp, err := a.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return body, errors.Join(err, resp.Body.Close())
}

// compare reads length bytes of an object from offset on and compares them with
// the same piece of want.
func (a *account) compare(ctx context.Context, path string, want []byte, offset, length int) error {
	resp, err := a.send(ctx, http.MethodGet, path, "", nil, "Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	if err != nil {
		return err
	}
	err = compareStream(resp.Body, want[offset:offset+length], path)
	return errors.Join(err, resp.Body.Close())
}

// read fills p with bytes of an object from offset on.
func (a *account) read(ctx context.Context, path string, p []byte, offset int64) error {
	resp, err := a.send(ctx, http.MethodGet, path, "", nil, "Range", fmt.Sprintf("bytes=%d-%d", offset, offset+int64(len(p))-1))
	if err != nil {
		return err
	}
	_, err = io.ReadFull(resp.Body, p)
	return errors.Join(err, resp.Body.Close())
}

// compareWhole reads an object in one request and compares it with want.
func (a *account) compareWhole(ctx context.Context, path string, want []byte) error {
	resp, err := a.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	return errors.Join(compareStream(resp.Body, want, path), resp.Body.Close())
}

// row is one entry of a listing.
type row struct {
	Name   string `json:"name"`
	Hash   string `json:"hash"`
	Bytes  int64  `json:"bytes"`
	Subdir string `json:"subdir"`
}

// pageSize is the length of a listing page of all servers here.
const pageSize = 10_000

// page returns one page of a listing as it comes over the wire, and the rows in
// it.
func (a *account) page(ctx context.Context, container, query, marker string) ([]row, error) {
	body, err := a.get(ctx, container, "format=json&"+query+"&marker="+url.QueryEscape(marker))
	if err != nil {
		return nil, err
	}
	var rows []row
	return rows, json.Unmarshal(body, &rows)
}

// list returns a whole listing.
func (a *account) list(ctx context.Context, container, query string) ([]row, error) {
	var rows []row
	marker := ""
	for {
		page, err := a.page(ctx, container, query, marker)
		rows = append(rows, page...)
		if err != nil || len(page) < pageSize {
			return rows, err
		}
		marker = page[len(page)-1].Name + page[len(page)-1].Subdir
	}
}

// each calls f for 0 to n-1, as many at once as there are connections.
func (a *account) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(n, a.conns) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := f(ctx, i); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// empty deletes a container and all that is in it, if it is there.
func (a *account) empty(ctx context.Context, container string) error {
	rows, err := a.list(ctx, container, "")
	if missing, ok := errors.AsType[*statusError](err); ok && missing.status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	err = a.each(ctx, len(rows), func(ctx context.Context, i int) error {
		err := a.do(ctx, http.MethodDelete, container+"/"+rows[i].Name, "", nil)
		// Listed, but removed with the manifest that it was a segment of.
		if missing, ok := errors.AsType[*statusError](err); ok && missing.status == http.StatusNotFound {
			return nil
		}
		return err
	})
	return errors.Join(err, a.do(ctx, http.MethodDelete, container, "", nil))
}
