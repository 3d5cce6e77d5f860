package swiftbackend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	iofs "io/fs"
	"net"
	"net/http"
	"strings"

	"github.com/ncw/swift/v2"
)

// Kind says what an error means to the caller, whatever the server called it.
type Kind uint8

// The kinds of errors.
const (
	KindOther        Kind = iota // an answer that fits no other kind
	KindNotExist                 // no such container or object (404)
	KindExist                    // it exists and should not (412 to If-None-Match: *)
	KindNotEmpty                 // a container that still has objects (409)
	KindConflict                 // another change was under way (409)
	KindChanged                  // the object is another version than the one asked for (412 to If-Match)
	KindDenied                   // the user may not (403)
	KindUnauthorized             // the credentials or the token are refused (401)
	KindQuota                    // a quota of the account or container is used up (413)
	KindTooLarge                 // larger than the server takes in one object (413)
	KindInvalid                  // a name, header or request the server does not take (400, 411, 412, 414)
	KindRange                    // a range outside the object (416)
	KindChecksum                 // the bytes are not those that were sent (422, or an ETag that differs)
	KindUnsupported              // the server cannot do that (405, 501)
	KindUnavailable              // the server failed, after all retries (5xx, 429, 498)
	KindTimeout                  // no progress within the configured time
	KindNetwork                  // no connection, or it broke, after all retries
	KindTLS                      // the server's certificate is not accepted
	KindCanceled                 // the caller's context ended
)

var kindNames = [...]string{
	"unexpected answer", "not found", "exists already", "not empty", "conflict", "changed meanwhile", "permission denied",
	"not authorized", "quota exceeded", "too large", "invalid request", "range not satisfiable", "checksum mismatch",
	"not supported by the server", "server unavailable", "timed out", "network error", "certificate not accepted", "canceled",
}

func (k Kind) String() string { return kindNames[k] }

// Error is what every failed operation of this package returns.
type Error struct {
	Op     string // what was attempted, as "PUT object"
	Path   string // "container/object", "container", or "" for the account
	Kind   Kind
	Status int    // HTTP status, or 0 when there was no answer
	Detail string // the first line of the server's explanation, or ""
	Err    error  // the underlying error, or nil
	// Unsure says that it may have been done all the same: an earlier attempt was
	// not answered, or something went wrong after it.
	Unsure bool
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		fmt.Fprintf(&b, " %q", e.Path)
	}
	b.WriteString(": " + e.Kind.String())
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	switch {
	case e.Detail != "":
		b.WriteString(": " + e.Detail)
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the underlying error, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Is lets errors.Is compare with the values of io/fs.
func (e *Error) Is(target error) bool {
	switch target {
	case iofs.ErrNotExist:
		return e.Kind == KindNotExist
	case iofs.ErrExist:
		return e.Kind == KindExist
	case iofs.ErrPermission:
		return e.Kind == KindDenied || e.Kind == KindUnauthorized
	}
	return false
}

// KindOf returns the kind of err: that of the *Error it wraps, KindCanceled for
// an ended context, else KindOther.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return KindCanceled
	}
	return KindOther
}

// Refused reports whether the server has said that it did not carry a request
// out; an answer that is missing, or that tells of a failure, says nothing.
func Refused(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok && e.Unsure {
		return false
	}
	switch KindOf(err) {
	case KindNotExist, KindExist, KindDenied, KindUnauthorized, KindQuota, KindTooLarge, KindInvalid, KindUnsupported:
		return true
	default:
		return false
	}
}

// statusKind maps an HTTP status to a kind, for a request with these hints.
func statusKind(status int, h *hints) Kind {
	switch status {
	case http.StatusUnauthorized:
		return KindUnauthorized
	case http.StatusForbidden:
		return KindDenied
	case http.StatusNotFound:
		return KindNotExist
	case http.StatusConflict:
		if h.notEmptyOn409 {
			return KindNotEmpty
		}
		return KindConflict
	case http.StatusPreconditionFailed:
		if h.on412 == KindOther {
			return KindInvalid // no condition was sent: the name is not UTF-8
		}
		return h.on412
	case http.StatusRequestEntityTooLarge:
		return KindQuota
	case http.StatusRequestedRangeNotSatisfiable:
		return KindRange
	case http.StatusUnprocessableEntity:
		return KindChecksum
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return KindUnsupported
	case http.StatusRequestTimeout:
		return KindTimeout
	case http.StatusTooManyRequests, 498:
		return KindUnavailable
	case http.StatusBadRequest, http.StatusLengthRequired, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return KindInvalid
	}
	if status >= 500 {
		return KindUnavailable
	}
	return KindOther
}

// wrap turns whatever ended a request into an *Error.
func wrap(op, path string, h *hints, err error) *Error {
	if already, ok := errors.AsType[*Error](err); ok {
		return already
	}
	e := &Error{Op: op, Path: path, Err: err, Kind: transportKind(err), Unsure: h.lost}
	var se *swift.Error
	if errors.As(err, &se) && se.StatusCode != 0 {
		e.Status, e.Kind = se.StatusCode, statusKind(se.StatusCode, h)
		e.Detail = firstLine(strings.TrimPrefix(strings.TrimPrefix(err.Error(), se.Text), ": "))
	}
	if re, ok := errors.AsType[*redirectError](err); ok {
		e.Status, e.Kind, e.Detail = re.status, statusKind(re.status, h), firstLine(re.Error())
	}
	return e
}

// transportKind tells the kinds of failures apart that came without an answer.
func transportKind(err error) Kind {
	var (
		unknownCA x509.UnknownAuthorityError
		badHost   x509.HostnameError
		badCert   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		header    tls.RecordHeaderError
		netErr    net.Error
	)
	switch {
	case errors.Is(err, errStalled):
		return KindTimeout
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return KindCanceled
	case errors.As(err, &unknownCA), errors.As(err, &badHost), errors.As(err, &badCert), errors.As(err, &verify),
		errors.As(err, &alert), errors.As(err, &header):
		return KindTLS
	case errors.As(err, &netErr) && netErr.Timeout():
		return KindTimeout
	}
	return KindNetwork
}

// firstLine shortens an explanation from the server, often a page of HTML, to
// what fits a log line.
func firstLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(stripTags(s))
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// stripTags removes HTML tags, so that "<html><h1>Not Found</h1>" reads
// "Not Found".
func stripTags(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '<':
			depth++
			b.WriteByte(' ')
		case r == '>' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
