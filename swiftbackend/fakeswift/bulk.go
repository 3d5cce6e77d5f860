package fakeswift

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// bulkResult is the report of a deletion of many things.
type bulkResult struct {
	deleted, notFound int
	errors            [][2]string // encoded path, status
	status            int         // 0 means by the errors
	body              string
}

func (b *bulkResult) fail(path, status string) {
	b.errors = append(b.errors, [2]string{escapePath(path), status})
}

// heartbeatAfter is the number of paths from which an answer begins with blanks, as Swift sends them to keep the
// connection of a long deletion alive.
const heartbeatAfter = 10

// bulkDelete reports whether the request is one.
func (q *request) bulkDelete() bool {
	return q.query.Has("bulk-delete") && q.s.has("bulk_delete") &&
		(q.r.Method == http.MethodPost || q.r.Method == http.MethodDelete)
}

// serveBulkDelete deletes what the body lists, one encoded path a line.
func (q *request) serveBulkDelete() *failure {
	body, err := io.ReadAll(http.MaxBytesReader(nil, q.r.Body, maxManifestSize))
	if err != nil {
		return uploadFailure(err)
	}
	var paths []string
	limits, tooLong := q.s.opts.Limits, false
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		// Swift compares the encoded path.
		tooLong = tooLong || len(line) > 2*(limits.MaxObjectName+limits.MaxContainerName+2)
		if path, err := url.PathUnescape(line); err == nil {
			line = path
		}
		paths = append(paths, line)
	}
	res := bulkResult{}
	switch {
	case len(paths) > limits.MaxDeletes:
		res.status, res.body = http.StatusRequestEntityTooLarge, fmt.Sprintf("Maximum Bulk Deletes: %d per request", limits.MaxDeletes)
	case tooLong:
		res.status, res.body = http.StatusBadRequest, "Invalid File Name"
	case len(paths) == 0:
		res.status, res.body = http.StatusBadRequest, "Invalid bulk delete."
	default:
		for _, path := range paths {
			q.deletePath(path, &res)
		}
	}
	if len(paths) > heartbeatAfter {
		q.w.Header().Set("Content-Type", q.bulkType())
		_, _ = q.w.Write([]byte(" \r\n\r\n"))
	}
	return q.sendBulk(&res)
}

// deletePath deletes a container or an object and notes the outcome.
func (q *request) deletePath(path string, res *bulkResult) {
	container, object, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	var f *failure
	switch {
	case !utf8.ValidString(path) || hasNUL(path):
		f = &failure{status: http.StatusPreconditionFailed}
	case object == "":
		f = q.account.drop(container)
	default:
		f = q.s.removeObject(q.account, container, object, q.at)
	}
	switch {
	case f == nil:
		res.deleted++
	case f.status == http.StatusNotFound:
		res.notFound++
	default:
		res.fail(path, statusLine(f.status))
	}
}

func (q *request) bulkType() string {
	if q.wantsJSON() {
		return "application/json"
	}
	return "text/plain"
}

// sendBulk answers with the report; the status of the whole is always 200.
func (q *request) sendBulk(res *bulkResult) *failure {
	if res.status == 0 {
		res.status = http.StatusOK
		if len(res.errors) > 0 {
			res.status = http.StatusBadRequest
		}
	}
	if res.errors == nil {
		res.errors = [][2]string{}
	}
	q.w.Header().Set("Content-Type", q.bulkType())
	if !q.wantsJSON() {
		_, _ = fmt.Fprintf(q.w, "Number Deleted: %d\nNumber Not Found: %d\nResponse Body: %s\nResponse Status: %s\nErrors:\n",
			res.deleted, res.notFound, res.body, statusLine(res.status))
		for _, e := range res.errors {
			_, _ = fmt.Fprintf(q.w, "%s, %s\n", e[0], e[1])
		}
		return nil
	}
	report, err := json.Marshal(map[string]any{
		"Response Status": statusLine(res.status), "Response Body": res.body,
		"Number Deleted": res.deleted, "Number Not Found": res.notFound, "Errors": res.errors,
	})
	if err != nil {
		return failf(http.StatusInternalServerError, "%v", err)
	}
	_, _ = q.w.Write(report)
	return nil
}
