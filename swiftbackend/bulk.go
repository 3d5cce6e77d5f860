package swiftbackend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Name is one object, or with Object "" a container.
type Name struct{ Container, Object string }

func (n Name) path() string {
	if n.Object == "" {
		return n.Container
	}
	return n.Container + "/" + n.Object
}

// parallelDeletes is how many DELETEs are under way where the server has no
// bulk delete.
const parallelDeletes = 8

// DeleteAll deletes objects, and containers once they are empty: with the server's bulk delete where it has one,
// else several at once. A name that does not exist is no error; other failures
// are returned joined, each an *Error with its path.
func (c *Client) DeleteAll(ctx context.Context, names []Name) error {
	if len(names) == 0 {
		return nil
	}
	if !c.info.BulkDelete || len(names) == 1 {
		return c.deleteEach(ctx, names)
	}
	// OpenStack Swift refuses a whole list for one line that is longer, quoted,
	// than a path may be unquoted.
	longest := c.info.MaxContainerName + c.info.MaxObjectName
	long := make([]Name, 0, len(names))
	names = slices.DeleteFunc(slices.Clone(names), func(n Name) bool {
		if len(quote(n.path())) <= longest {
			return false
		}
		long = append(long, n)
		return true
	})
	errs := []error{c.deleteEach(ctx, long)}
	for len(names) > 0 {
		n := min(len(names), c.info.MaxBulkDeletes, 1000)
		errs = append(errs, c.bulkDelete(ctx, names[:n]))
		names = names[n:]
	}
	return errors.Join(errs...)
}

func (c *Client) deleteEach(ctx context.Context, names []Name) error {
	g := new(errgroup.Group)
	g.SetLimit(parallelDeletes)
	errs := make([]error, len(names))
	for i, n := range names {
		g.Go(func() error {
			err := c.deleteOne(ctx, n)
			if KindOf(err) != KindNotExist {
				errs[i] = err
			}
			return nil
		})
	}
	_ = g.Wait()
	return errors.Join(errs...)
}

func (c *Client) deleteOne(ctx context.Context, n Name) error {
	if n.Object == "" {
		return c.DeleteContainer(ctx, n.Container)
	}
	return c.Delete(ctx, n.Container, n.Object)
}

// bulkAnswer is the JSON that ends a bulk request. OpenStack Swift may send
// blanks and line ends before it, to keep the connection alive.
type bulkAnswer struct {
	Status  string     `json:"Response Status"`
	Body    string     `json:"Response Body"`
	Deleted int        `json:"Number Deleted"`
	Missing int        `json:"Number Not Found"`
	Errors  [][]string `json:"Errors"`
}

func (c *Client) bulkDelete(ctx context.Context, names []Name) error {
	var list strings.Builder
	for _, n := range names {
		list.WriteString(quote(n.path()))
		list.WriteByte('\n')
	}
	r := &request{
		method: http.MethodPost, what: "bulk delete", params: url.Values{"bulk-delete": {""}},
		header: map[string]string{"Content-Type": "text/plain", "Accept": "application/json"}, hints: hints{slow: true},
	}
	answer, err := c.bulk(ctx, r, list.String())
	if err != nil {
		return err
	}
	return answer.errors("DELETE object", "", len(names))
}

// bulk sends a bulk request to the account and reads its answer; the status 200
// says nothing.
func (c *Client) bulk(ctx context.Context, r *request, body string) (*bulkAnswer, error) {
	tok, err := c.source.get(ctx)
	if err != nil {
		return nil, r.wrap(err)
	}
	u := *tok.storageURL
	u.RawQuery = r.params.Encode()
	req, err := http.NewRequestWithContext(withHints(ctx, &r.hints), r.method, u.String(), bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, r.wrap(err)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, r.wrap(err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, r.wrap(refused(resp))
	}
	defer drain(resp)
	return readBulkAnswer(r, resp.Body)
}

func readBulkAnswer(r *request, body io.Reader) (*bulkAnswer, error) {
	answer := new(bulkAnswer)
	if err := decodeJSON(body, mostBulkAnswer, answer); err != nil {
		return nil, r.wrap(fmt.Errorf("reading the answer of a bulk request: %w", err))
	}
	return answer, nil
}

// mostBulkAnswer is more than the answer of a bulk request can have: an error for
// each of 1,000 names, and blanks.
const mostBulkAnswer = 16 << 20

var errTooLong = errors.New("the answer is too long")

// decodeJSON reads a JSON value that has no more than most bytes, blanks before
// it included.
func decodeJSON(r io.Reader, most int64, v any) error {
	limited := &io.LimitedReader{R: r, N: most}
	err := json.NewDecoder(limited).Decode(v)
	if err != nil && limited.N <= 0 {
		return fmt.Errorf("%w: more than %d bytes", errTooLong, most)
	}
	return err
}

// errors returns what a bulk request failed to do, each with its path; a
// request that failed as a whole gets path. It must account for each of names,
// which is how many there were, duplicates included: servers count the second of
// two as missing. A request for one object and what belongs to it has names 0.
func (a *bulkAnswer) errors(op, path string, names int) error {
	var errs []error
	missing, told := a.Missing, a.Deleted+a.Missing
	for _, e := range a.Errors {
		if len(e) != 2 {
			continue
		}
		told++
		status := statusNumber(e[1])
		if status == http.StatusNotFound {
			missing++
			continue
		}
		name, err := url.PathUnescape(e[0])
		if err != nil {
			name = e[0]
		}
		name = strings.TrimPrefix(name, "/")
		if container, object, _ := strings.Cut(name, "/"); object == "" {
			name = container // RGW writes a container as an object without a name
		}
		errs = append(errs, &Error{Op: op, Path: name, Status: status, Kind: statusKind(status, &hints{notEmptyOn409: true})})
	}
	status := statusNumber(a.Status)
	// Names that are missing make a server answer 400 at most.
	failed := status/100 != 2 && (status != http.StatusBadRequest || missing == 0)
	switch {
	case len(errs) == 0 && failed:
		errs = append(errs, &Error{Op: op, Path: path, Status: status, Kind: statusKind(status, &hints{}), Detail: firstLine(a.Body)})
	case names > 0 && told != names:
		errs = append(errs, &Error{
			Op: op, Path: path, Kind: KindUnavailable, Unsure: true,
			Detail: fmt.Sprintf("the server tells what became of %d names, and was asked to delete %d", told, names),
		})
	}
	return errors.Join(errs...)
}

// statusNumber reads the number of "409 Conflict"; 0 when there is none.
func statusNumber(s string) int {
	n := 0
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil {
		return 0
	}
	return n
}
