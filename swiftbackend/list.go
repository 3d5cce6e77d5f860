package swiftbackend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ObjectRow is one row of a container listing. Either Subdir is set, for all
// objects below a common prefix, or the other fields are.
type ObjectRow struct {
	Name        string
	Subdir      string // with its delimiter at the end
	Bytes       int64
	Hash        string // MD5, or the hash of a manifest
	ContentType string // with its parameters; OpenStack Swift drops the blanks between them
	Modified    time.Time
	SymlinkPath string // "/v1/account/container/object" of a native symlink
	SLOETag     string // set for a static large object, where the server says so
}

// Key returns what the row is sorted by, and what the next page begins after.
func (r *ObjectRow) Key() string { return r.Name + r.Subdir }

// ContainerRow is one row of the account's listing.
type ContainerRow struct {
	Name     string
	Count    int64
	Bytes    int64
	Modified time.Time // zero on RGW, which does not tell
}

// ListOptions choose a part of a listing.
type ListOptions struct {
	Prefix    string
	Delimiter string
	Marker    string // rows after this one
	EndMarker string // rows before this one
	// Limit bounds the rows of the page; 0 leaves it to the server. RGW cuts
	// any explicit limit to 1,000, so it is for small pages only.
	Limit int
	// Header is given the header of the answer, which for a container has its
	// metadata; nil when nobody wants it.
	Header func(http.Header)
}

func (o ListOptions) params() url.Values {
	v := url.Values{"format": {"json"}}
	for k, s := range map[string]string{"prefix": o.Prefix, "delimiter": o.Delimiter, "marker": o.Marker, "end_marker": o.EndMarker} {
		if s != "" {
			v.Set(k, s)
		}
	}
	if o.Limit > 0 {
		v.Set("limit", strconv.Itoa(o.Limit))
	}
	return v
}

// ListObjects gives one page of a container's listing to yield, in the byte
// order of the names, as it arrives. end reports that nothing follows; on a server
// that has not told how long its pages are, only an empty page says so. An
// error of yield ends the listing and is returned as it is. A connection that
// breaks in the middle is taken up again behind the last row.
func (c *Client) ListObjects(ctx context.Context, container string, o ListOptions, yield func(ObjectRow) error) (end bool, err error) {
	page, err := c.newLeading(ctx, container, o, yield)
	if err != nil {
		return false, err
	}
	end, err = listPage(ctx, c, container, o, o.pageSize(c.info.ListingLimit, c.info.ListingTold), func(j *rowJSON) (string, error) {
		row, err := j.object()
		if err != nil {
			return "", err
		}
		return row.Key(), yieldErr(page.give(row))
	})
	if err == nil && end {
		if err := page.flush(); err != nil {
			return false, err
		}
		end = page.rows < o.pageSize(c.info.ListingLimit, c.info.ListingTold)
	}
	return end, err
}

// pageSize is how many rows a page has at least if more follow: as many as asked
// for, else as many as the server gives. If the server has not told how many those
// are, it may give fewer of either, so that only an empty page is the last.
func (o ListOptions) pageSize(server int, told bool) int {
	switch {
	case !told:
		return 1
	case o.Limit > 0:
		return o.Limit
	}
	return server
}

// ListContainers gives one page of the account's listing to yield, as
// ListObjects does. RGW applies a Prefix to the rows of the page that it would
// have given without one, so that end is wrong there: only Marker finds all.
func (c *Client) ListContainers(ctx context.Context, o ListOptions, yield func(ContainerRow) error) (end bool, err error) {
	return listPage(ctx, c, "", o, o.pageSize(c.info.AccountLimit, c.info.AccountTold), func(j *rowJSON) (string, error) {
		row, err := j.container()
		if err != nil {
			return "", err
		}
		return row.Name, yieldErr(yield(row))
	})
}

// yieldError marks an error that is the caller's own.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }
func (e *yieldError) Unwrap() error { return e.err }

func yieldErr(err error) error {
	if err == nil {
		return nil
	}
	return &yieldError{err}
}

// listResumptions bounds how often one page is taken up again after its
// connection broke.
const listResumptions = 5

// listPage asks for a page, which has limit rows or more if another follows.
func listPage(ctx context.Context, c *Client, container string, o ListOptions, limit int, row func(*rowJSON) (string, error)) (bool, error) {
	what := "container"
	if container == "" {
		what = "account"
	}
	for broken := 0; ; broken++ {
		r := &request{method: http.MethodGet, what: what, container: container, params: o.params()}
		resp, err := c.call(ctx, r, false)
		if err != nil {
			return false, err
		}
		if container != "" {
			c.policies.learn(container, resp.Header)
		}
		if o.Header != nil {
			o.Header(resp.Header)
		}
		rows, marker := 0, o.Marker
		err = decodeRows(resp, func(j *rowJSON) error {
			key, err := row(j)
			if err == nil {
				o.Marker = key
				rows++
			}
			return err
		})
		drain(resp)
		var stopped *yieldError
		switch {
		case err == nil && rows > 0 && !follows(o.Marker, marker):
			return false, &Error{Op: r.op(), Path: r.path(), Kind: KindUnsupported, Detail: fmt.Sprintf("the server ignores markers: the page after %q ends with %q", marker, o.Marker)}
		case err == nil:
			return rows < limit, nil
		case errors.As(err, &stopped):
			return false, stopped.err
		case ctx.Err() != nil:
			return false, r.wrap(ctx.Err())
		case broken >= resumptions(err, listResumptions):
			return false, r.wrap(fmt.Errorf("the listing broke off: %w", err))
		}
		c.log.Debug("listing broke off, taking it up again", "container", container, "after", o.Marker, "error", err)
		if o.Limit > 0 {
			if o.Limit -= rows; o.Limit == 0 {
				return false, nil
			}
			limit = min(limit, o.Limit)
		}
	}
}

// follows reports whether a page that was asked for after marker may end with key.
// Below a marker within a subdir, OpenStack Swift gives the subdir, which is sorted
// before the marker.
func follows(key, marker string) bool {
	return key > marker || key != marker && strings.HasPrefix(marker, key)
}

// decodeRows reads a listing row by row.
func decodeRows(resp *http.Response, row func(*rowJSON) error) error {
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return newRowScanner(resp.Body).each(row)
}

// rowJSON has the fields of both kinds of listings.
type rowJSON struct {
	Name         string `json:"name"`
	Subdir       string `json:"subdir"`
	Hash         string `json:"hash"`
	Bytes        int64  `json:"bytes"`
	Count        int64  `json:"count"`
	ContentType  string `json:"content_type"`
	LastModified string `json:"last_modified"`
	SymlinkPath  string `json:"symlink_path"`
	SLOETag      string `json:"slo_etag"`
}

func (j *rowJSON) object() (ObjectRow, error) {
	t, err := listingTime(j.LastModified)
	return ObjectRow{
		Name: j.Name, Subdir: j.Subdir, Bytes: j.Bytes, Hash: j.Hash, ContentType: j.ContentType, Modified: t,
		SymlinkPath: j.SymlinkPath, SLOETag: unquoteETag(j.SLOETag),
	}, err
}

func (j *rowJSON) container() (ContainerRow, error) {
	t, err := listingTime(j.LastModified)
	return ContainerRow{Name: j.Name, Count: j.Count, Bytes: j.Bytes, Modified: t}, err
}

// listingTime reads "2026-11-23T02:20:53.924350" (OpenStack Swift) and
// "2026-11-23T02:20:53.942Z" (RGW); "" is no time.
func listingTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02T15:04:05.999999999", strings.TrimSuffix(s, "Z"))
}
