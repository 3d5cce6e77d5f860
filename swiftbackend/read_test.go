package swiftbackend_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

var objectGets = fakeswift.Kind{Method: "GET", Level: fakeswift.Object}

func TestABodyThatBreaksOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]fakeswift.Action{"reset": fakeswift.ResetMidBody(20000), "truncated": fakeswift.TruncateBody(20000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c, fault := faulty(t, fakeswift.Fault{Kind: objectGets, Times: 3, Do: do})
			if got, err := read(t, c, "c", "object", whole); err != nil || got != data {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if fault.Hits() != 3 {
				t.Errorf("%d faults", fault.Hits())
			}
			var sent int64
			for i, r := range srv.Requests() {
				sent += r.BytesOut
				if i > 0 && (r.Header.Get("If-Match") != md5Of(data) || r.Range == "") {
					t.Errorf("request %d: range %q, If-Match %q", i, r.Range, r.Header.Get("If-Match"))
				}
			}
			// What a reset throws away in the kernel's buffers is sent again.
			if sent > 2*int64(len(data)) {
				t.Errorf("the server sent %d bytes of %d", sent, len(data))
			}
		})
	}
}

func TestARangeThatBreaksOffIsTakenUpAgain(t *testing.T) {
	_, c, fault := faulty(t, fakeswift.Fault{Kind: objectGets, Times: 2, Do: fakeswift.TruncateBody(100)})
	got, err := read(t, c, "c", "object", swiftbackend.GetOptions{Offset: 1000, Length: 1000})
	if err != nil || got != data[1000:2000] {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if fault.Hits() != 2 {
		t.Errorf("%d faults", fault.Hits())
	}
}

func TestABodyThatBreaksOffIsNotTakenUpFromAnotherVersion(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Times: 1, Do: fakeswift.TruncateBody(1000)})
	body, _, err := c.Get(t.Context(), "c", "object", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	srv.PutObject("c", "object", "", []byte(strings.ToUpper(data)))
	got, err := io.ReadAll(body)
	wantKind(t, err, swiftbackend.KindChanged)
	if string(got) != data[:1000] {
		t.Errorf("%d bytes came before the error, want the 1000 of the old version", len(got))
	}
}

func TestABodyThatBreaksOffForEverIsGivenUp(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: fakeswift.TruncateBody(0)})
	_, err := read(t, c, "c", "object", whole)
	wantKind(t, err, swiftbackend.KindNetwork)
	if n := srv.Count(objectGets); n < 2 || n > 10 {
		t.Errorf("%d requests", n)
	}
}

func TestADamagedBodyIsAChecksumError(t *testing.T) {
	_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: fakeswift.CorruptBody()})
	got, err := read(t, c, "c", "object", whole)
	wantKind(t, err, swiftbackend.KindChecksum)
	if len(got) != len(data) {
		t.Errorf("%d bytes", len(got))
	}
}

func TestAnAnswerOfAnotherVersionIsNotRead(t *testing.T) {
	// A server that ignores If-Match.
	_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("If-Match")
		next.ServeHTTP(w, r)
	}})
	_, err := read(t, c, "c", "object", swiftbackend.GetOptions{Length: -1, IfMatch: md5Of("another version")})
	wantKind(t, err, swiftbackend.KindChanged)
}

func TestAServerThatIgnoresRangesIsNoticed(t *testing.T) {
	_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("Range")
		next.ServeHTTP(w, r)
	}})
	if got, err := read(t, c, "c", "object", swiftbackend.GetOptions{Length: 10}); err != nil || got != data[:10] {
		t.Errorf("from the beginning: %q, %v", got, err)
	}
	_, err := read(t, c, "c", "object", swiftbackend.GetOptions{Offset: 10, Length: 10})
	wantKind(t, err, swiftbackend.KindUnsupported)
}

// Such answers come from gateways, and of a dynamic large object of more segments
// than a listing has.
func TestAnAnswerOfUnknownOrWrongLengthIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		length string // Content-Length
		which  string // Content-Range
		o      swiftbackend.GetOptions
		want   swiftbackend.Kind
	}{
		"no length":                    {200, "", "", whole, swiftbackend.KindUnsupported},
		"no length, with a range":      {200, "", "", swiftbackend.GetOptions{Length: 10}, swiftbackend.KindUnsupported},
		"a range beyond the total":     {206, "10", "bytes 100-109/50", swiftbackend.GetOptions{Offset: 100, Length: 10}, swiftbackend.KindNetwork},
		"a negative total":             {206, "10", "bytes 0-9/-5", swiftbackend.GetOptions{Length: 10}, swiftbackend.KindNetwork},
		"a range that ends before it":  {206, "10", "bytes 100-90/500", swiftbackend.GetOptions{Offset: 100, Length: -1}, swiftbackend.KindNetwork},
		"a range of unknown total":     {206, "10", "bytes 0-9/*", swiftbackend.GetOptions{Length: 10}, swiftbackend.KindNetwork},
		"a range without a length":     {206, "", "bytes 0-9/100", swiftbackend.GetOptions{Length: 10}, swiftbackend.KindOther},
		"a part of a range, no length": {206, "", "bytes 0-9/100", swiftbackend.GetOptions{Offset: 5, Length: 10}, swiftbackend.KindNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				if tt.which != "" {
					w.Header().Set("Content-Range", tt.which)
				}
				if tt.length != "" {
					w.Header().Set("Content-Length", tt.length)
				}
				w.WriteHeader(tt.status)
				_ = http.NewResponseController(w).Flush()
				_, _ = io.WriteString(w, "0123456789")
			}})
			got, err := read(t, c, "c", "object", tt.o)
			if tt.want == swiftbackend.KindOther { // none: the range tells enough
				if err != nil || got != "0123456789" {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			wantKind(t, err, tt.want)
		})
	}
}

func TestAStalledServerIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		if op.method == "COPY" {
			continue // gets ten times as long, see TestASlowCopyIsWaitedFor
		}
		t.Run(op.method, func(t *testing.T) {
			t.Parallel()
			ctx, release := context.WithCancel(t.Context())
			defer release()
			_, c, fault := faulty(t, fakeswift.Fault{Kind: op.kind(), Do: fakeswift.Stall(ctx)}, timeout(patience))
			start := time.Now()
			wantKind(t, op.do(t.Context(), c), swiftbackend.KindTimeout)
			if d := time.Since(start); d < patience || d > 10*patience {
				t.Errorf("gave up after %v", d)
			}
			if fault.Hits() > 3 {
				t.Errorf("%d requests", fault.Hits())
			}
		})
	}
}

func TestOneStallIsPassed(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		if op.method == "COPY" {
			continue
		}
		t.Run(op.method, func(t *testing.T) {
			t.Parallel()
			ctx, release := context.WithCancel(t.Context())
			defer release()
			srv, c, _ := faulty(t, fakeswift.Fault{Kind: op.kind(), Times: 1, Do: fakeswift.Stall(ctx)}, timeout(time.Second))
			if err := op.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			op.done(t, srv)
		})
	}
}

func TestABodyThatStallsIsTakenUpAgainAndThenGivenUp(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"once": 1, "always": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, release := context.WithCancel(t.Context())
			defer release()
			_, c, _ := faulty(t, fakeswift.Fault{Kind: objectGets, Times: times, Do: fakeswift.StallBody(ctx, 0)}, timeout(patience))
			start := time.Now()
			got, err := read(t, c, "c", "object", whole)
			if times == 1 {
				if err != nil || got != data {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				return
			}
			wantKind(t, err, swiftbackend.KindTimeout)
			if d := time.Since(start); d > 10*patience {
				t.Errorf("gave up after %v, with a limit of %v", d, patience)
			}
		})
	}
}

func TestASlowCopyIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "COPY"}, Do: fakeswift.Stall(ctx)}, timeout(patience))
	if _, err := c.Copy(t.Context(), "c", "object", "c", "copy", swiftbackend.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	wantObject(t, srv, "c", "copy", data)
	wantCount(t, srv, fakeswift.Kind{Method: "COPY"}, 1)
}

func TestASlowReaderIsNoStall(t *testing.T) {
	t.Parallel()
	_, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)}, timeout(patience))
	body, _, err := c.Get(t.Context(), "c", "object", whole)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	<-timer.C
	if got, err := io.ReadAll(body); err != nil || string(got) != data {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestASlowUploadIsNoStall(t *testing.T) {
	t.Parallel()
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)}, timeout(patience))
	slow := content(data)
	slow.Open = func() io.Reader {
		return &slowReader{r: strings.NewReader(data), piece: len(data) / 5, pause: patience / 2}
	}
	if _, err := c.Put(t.Context(), "c", "slow", slow, swiftbackend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	wantObject(t, srv, "c", "slow", data)
	wantCount(t, srv, fakeswift.Kind{Method: "PUT"}, 1)
}

// slowReader gives one piece after each pause.
type slowReader struct {
	r     io.Reader
	piece int
	pause time.Duration
}

func (s *slowReader) Read(p []byte) (int, error) {
	<-time.After(s.pause)
	return s.r.Read(p[:min(len(p), s.piece)])
}
