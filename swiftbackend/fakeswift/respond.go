package fakeswift

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// failure is an answer that ends a request: a status and, where Swift says more than the standard page, its text.
type failure struct {
	status int
	text   string
	header http.Header // or nil
}

// The answers without particular text.
var (
	badRequest   = &failure{status: http.StatusBadRequest}
	unauthorized = &failure{status: http.StatusUnauthorized}
	forbidden    = &failure{status: http.StatusForbidden}
	notFound     = &failure{status: http.StatusNotFound}
	notAllowed   = &failure{status: http.StatusMethodNotAllowed}
	conflict     = &failure{status: http.StatusConflict}
	disconnected = &failure{status: 499}
	overQuota    = &failure{status: http.StatusRequestEntityTooLarge, text: "Upload exceeds quota."}
	tooLarge     = &failure{status: http.StatusRequestEntityTooLarge, text: "Your request is too large."}
)

// failf makes a failure with a text.
func failf(status int, format string, args ...any) *failure {
	return &failure{status: status, text: fmt.Sprintf(format, args...)}
}

// explanations are the second lines of the standard pages.
var explanations = map[int]string{
	400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
	401: "This server could not verify that you are authorized to access the document you requested.",
	403: "Access was denied to this resource.",
	404: "The resource could not be found.",
	405: "The method is not allowed for this resource.",
	409: "There was a conflict when trying to complete your request.",
	411: "Content-Length header required.",
	412: "A precondition for this request was not met.",
	413: "The body of your request was too large for this server.",
	416: "The Range requested is not available.",
	422: "Unable to process the contained instructions.",
	499: "The client was disconnected during request.",
	500: "The server has either erred or is incapable of performing the requested operation.",
	503: "The server is currently unavailable. Please try again at a later time.",
}

// statusLine is "404 Not Found", as bulk answers quote it.
func statusLine(code int) string { return strconv.Itoa(code) + " " + statusText(code) }

func statusText(code int) string {
	if code == 499 {
		return "Client Disconnect"
	}
	return http.StatusText(code)
}

// send answers with a body.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that went away is no error of the server.
	_, _ = w.Write(body)
}

// write sends the failure; 304 has no body.
func (f *failure) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.header)
	if f.status == http.StatusNotModified {
		w.WriteHeader(f.status)
		return
	}
	if f.text != "" {
		send(w, f.status, "text/plain", []byte(f.text))
		return
	}
	page := fmt.Sprintf("<html><h1>%s</h1><p>%s</p></html>", statusText(f.status), explanations[f.status])
	send(w, f.status, "text/html; charset=UTF-8", []byte(page))
}
