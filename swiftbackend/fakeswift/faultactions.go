package fakeswift

import (
	"context"
	"net/http"
)

// Status answers with a status instead of carrying the request out.
func Status(code int) Action { return StatusWith(code) }

// StatusWith is Status with header fields, given as name, value, name, value.
func StatusWith(code int, header ...string) Action {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		(&failure{status: code}).write(w)
	}
}

// ResetBefore resets the connection without carrying the request out.
func ResetBefore() Action {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { breakConn(w, true) }
}

// ResetAfter carries the request out and resets the connection instead of answering.
func ResetAfter() Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&lostAnswer{header: http.Header{}}, r)
		breakConn(w, true)
	}
}

// ResetMidBody resets the connection after n bytes of the request body were read or n bytes of the answer's
// body were sent; if there are fewer, the request is carried out and its answer lost.
func ResetMidBody(n int64) Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		cutBody(w, r, next, n, true, true, func() { breakConn(w, true) })
	}
}

// TruncateBody ends the connection in good order after n bytes of the answer's body.
func TruncateBody(n int64) Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		cutBody(w, r, next, n, false, false, func() { breakConn(w, false) })
	}
}

// StallBody sends n bytes of the answer's body and then nothing, until ctx or the server ends; then it breaks
// the connection.
func StallBody(ctx context.Context, n int64) Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		cutBody(w, r, next, n, false, false, func() {
			wait(ctx, r)
			breakConn(w, true)
		})
	}
}

// Stall holds the request up until ctx ends, then has it carried out. A client that gives up, or the end of the
// server, ends the wait too.
func Stall(ctx context.Context) Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		wait(ctx, r)
		if r.Context().Err() != nil {
			// Returning would have net/http answer 200.
			breakConn(w, true)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// CorruptBody changes the first byte of the answer's body.
func CorruptBody() Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&corruptWriter{ResponseWriter: w}, r)
	}
}

// CorruptUpload changes the first byte of the request's body.
func CorruptUpload() Action {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Body = &corruptReader{ReadCloser: r.Body}
		next.ServeHTTP(w, r)
	}
}

func wait(ctx context.Context, r *http.Request) {
	select {
	case <-ctx.Done():
	case <-r.Context().Done():
	}
}
