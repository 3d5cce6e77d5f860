package fakeswift

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPutGetHeadDelete(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	a := c.put("/c/o", "hello", "Content-Type", "text/x; a=b", "X-Object-Meta-miXed_Case", "1", "Content-Encoding", "x-foo")
	wantHeaders(t, a.Header, "Etag", "5d41402abc4b2a76b9719d911017c592", "Content-Length", "0")
	h := c.head("/c/o")
	wantHeaders(t, h, "Content-Length", "5", "Etag", "5d41402abc4b2a76b9719d911017c592", "Content-Type", "text/x; a=b",
		"X-Object-Meta-Mixed-Case", "1", "Content-Encoding", "x-foo", "Accept-Ranges", "bytes",
		"Last-Modified", a.Header.Get("Last-Modified"))
	if got := c.get("/c/o").text; got != "hello" {
		t.Errorf("got %q", got)
	}
	c.want(204, http.MethodDelete, "/c/o", "")
	c.want(404, http.MethodDelete, "/c/o", "")
	c.want(404, http.MethodGet, "/c/o", "")
	c.want(404, http.MethodPost, "/c/o", "")
}

func TestTimesOfOneObjectAgree(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 58, 19, 670580000, time.UTC)
	_, c := start(t, Options{Now: func() time.Time { return now }})
	c.put("/c", "")
	c.put("/c/o", "x")
	listed := c.list("/c")[0].LastModified
	stamp := c.head("/c/o").Get("X-Timestamp")
	if !strings.HasPrefix(listed, "2026-11-23T02:58:19.6706") || !strings.HasSuffix(listed, "0") {
		t.Errorf("last_modified: got %s", listed)
	}
	if want := "1795402699." + listed[20:25]; stamp != want {
		t.Errorf("X-Timestamp: got %s, want %s", stamp, want)
	}
	wantHeaders(t, c.head("/c/o"), "Last-Modified", "Mon, 23 Nov 2026 02:58:20 GMT")
}

func TestNamesRoundTrip(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	names := []string{
		"a b", "é", "e\u0301", "n\nl", "t\tb", "\x01", "%41", "?#&", "+", `\`, `"'`, "d/", "/lead", "x//y", ".", "..",
		"a/../b", "trail ", "😀", "semi;colon", strings.Repeat("l", 1024),
	}
	want := map[string]bool{}
	for _, name := range names {
		escaped := "/c/" + url.PathEscape(name)
		c.put(escaped, name)
		if got := c.get(escaped).text; got != name {
			t.Errorf("%q: got %q", name, got)
		}
		want[name] = true
		if got := c.names("/c?limit=1&prefix=" + url.QueryEscape(name)); len(got) != 1 || got[0] != name {
			t.Errorf("listing of %q: got %q", name, got)
		}
	}
	for _, name := range c.names("/c") {
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing in the listing: %v", want)
	}
	c.want(400, http.MethodPut, "/c/"+strings.Repeat("l", 1025), "x")
	c.want(412, http.MethodPut, "/c/%FF", "x")
	c.want(412, http.MethodPut, "/c/a%00b", "x")
}

func TestWhatRefusesAPut(t *testing.T) {
	_, c := start(t, Options{Limits: Limits{MaxFileSize: 100}})
	c.put("/c", "")
	c.put("/c/old", "one")
	md5x := "9dd4e461268c8034f5c8564e155c67a6"
	tests := []struct {
		name, path, body string
		header           []string
		status           int
	}{
		{"right ETag", "/c/n", "x", []string{"Etag", md5x}, 201},
		{"quoted ETag", "/c/n", "x", []string{"Etag", `"` + md5x + `"`}, 201},
		{"wrong ETag", "/c/old", "x", []string{"Etag", strings.Repeat("0", 32)}, 422},
		{"If-None-Match on existing", "/c/old", "x", []string{"If-None-Match", "*"}, 412},
		{"If-None-Match on new", "/c/new", "x", []string{"If-None-Match", "*"}, 201},
		{"If-None-Match with an ETag", "/c/old", "x", []string{"If-None-Match", md5x}, 400},
		{"swift_bytes", "/c/n", "x", []string{"Content-Type", "text/plain; swift_bytes=1"}, 400},
		{"long content type", "/c/n", "x", []string{"Content-Type", strings.Repeat("x", 9000)}, 400},
		{"as long as may be", "/c/n", "x", []string{"Content-Type", strings.Repeat("x", 8100)}, 201},
		{"too large", "/c/old", strings.Repeat("x", 101), nil, 413},
		{"value at limit", "/c/n", "x", []string{"X-Object-Meta-A", strings.Repeat("x", 256)}, 201},
		{"value over limit", "/c/n", "x", []string{"X-Object-Meta-A", strings.Repeat("x", 257)}, 400},
		{"name at limit", "/c/n", "x", []string{"X-Object-Meta-" + strings.Repeat("x", 128), "1"}, 201},
		{"name over limit", "/c/n", "x", []string{"X-Object-Meta-" + strings.Repeat("x", 129), "1"}, 400},
		{"90 items", "/c/n", "x", items(90, "1"), 201},
		{"91 items", "/c/n", "x", items(91, "1"), 400},
		{"over 4096 in all", "/c/n", "x", items(20, strings.Repeat("x", 250)), 400},
		{"over 100 headers", "/c/n", "x", items(110, "1"), 431},
		{"X-Delete-At in the past", "/c/n", "x", []string{"X-Delete-At", "1000"}, 400},
		{"bad X-Delete-After", "/c/n", "x", []string{"X-Delete-After", "soon"}, 400},
		{"bad manifest", "/c/n", "", []string{"X-Object-Manifest", "nocontainer"}, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if a := c.do(http.MethodPut, tt.path, tt.body, tt.header...); a.StatusCode != tt.status {
				t.Errorf("got %d, want %d: %.100s", a.StatusCode, tt.status, a.text)
			}
		})
	}
	if got := c.get("/c/old").text; got != "one" {
		t.Errorf("old object: got %q", got)
	}
}

func items(n int, value string) (header []string) {
	for i := range n {
		header = append(header, fmt.Sprintf("X-Object-Meta-%d", i), value)
	}
	return header
}

func TestContentTypes(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	for _, tt := range []struct{ name, sent, head, listed string }{
		{"n", "", "application/octet-stream", "application/octet-stream"},
		{"n.txt", "", "text/plain", "text/plain"},
		{"n.JPG", "", "image/jpeg", "image/jpeg"},
		{"p", "text/plain; mtime=1.5; mode=0644", "text/plain; mtime=1.5; mode=0644", "text/plain;mtime=1.5;mode=0644"},
		{"q", `a/x-y; a="b c;d"; z=1`, `a/x-y; a="b c;d"; z=1`, `a/x-y;a="b c;d";z=1`},
		{"e", "a/b;;  ; x=1", "a/b;;  ; x=1", "a/b;x=1"},
		{"l", "text/plain;link=..%2Fa%20b%0A", "text/plain;link=..%2Fa%20b%0A", "text/plain;link=..%2Fa%20b%0A"},
	} {
		var header []string
		if tt.sent != "" {
			header = []string{"Content-Type", tt.sent}
		}
		c.put("/c/"+tt.name, "x", header...)
		wantHeaders(t, c.head("/c/"+tt.name), "Content-Type", tt.head)
		if got := c.list("/c?prefix=" + tt.name + "&limit=1")[0].ContentType; got != tt.listed {
			t.Errorf("%s listed: got %q, want %q", tt.name, got, tt.listed)
		}
	}
	c.put("/c/d.txt", "x", "Content-Type", "a/b", "X-Detect-Content-Type", "true")
	wantHeaders(t, c.head("/c/d.txt"), "Content-Type", "text/plain")
}

func TestPostReplacesMetadata(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "x", "Content-Type", "text/plain; k=v", "X-Object-Meta-A", "1", "Content-Encoding", "x-foo",
		"X-Delete-After", "9999", "Content-Disposition", "inline")
	before := c.list("/c")[0]
	c.want(202, http.MethodPost, "/c/o", "", "X-Object-Meta-B", "2")
	wantHeaders(t, c.head("/c/o"), "X-Object-Meta-A", "", "X-Object-Meta-B", "2", "Content-Type", "text/plain; k=v",
		"Content-Encoding", "", "X-Delete-At", "", "Content-Disposition", "")
	c.want(202, http.MethodPost, "/c/o", "", "Content-Type", "text/q; mtime=5")
	after := c.list("/c")[0]
	if after.ContentType != "text/q;mtime=5" || after.LastModified == before.LastModified || after.Hash != before.Hash {
		t.Errorf("row: got %+v, before %+v", after, before)
	}
	if got := c.get("/c/o").text; got != "x" {
		t.Errorf("content: got %q", got)
	}
}

func TestExpiredObjectsAreHiddenButListed(t *testing.T) {
	var now atomic.Int64
	now.Store(1_800_000_000)
	srv, c := start(t, Options{Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	c.put("/c", "")
	c.put("/c/o", "x", "X-Delete-After", "2")
	wantHeaders(t, c.head("/c/o"), "X-Delete-At", "1800000002")
	now.Add(2)
	c.want(404, http.MethodGet, "/c/o", "")
	wantNames(t, c.names("/c"), "o")
	srv.ExpireObjects()
	wantNames(t, c.names("/c"))
}

func TestConditionalRequests(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	a := c.put("/c/o", "0123456789")
	etag, date := a.Header.Get("Etag"), a.Header.Get("Last-Modified")
	const old = "Mon, 01 Jan 2001 00:00:00 GMT"
	for _, tt := range []struct {
		header []string
		status int
	}{
		{[]string{"If-None-Match", etag}, 304},
		{[]string{"If-None-Match", `"` + etag + `"`}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", "other"}, 200},
		{[]string{"If-Match", etag}, 200},
		{[]string{"If-Match", `"no", "` + etag + `"`}, 200},
		{[]string{"If-Match", "no"}, 412},
		{[]string{"If-Modified-Since", date}, 304},
		{[]string{"If-Modified-Since", old}, 200},
		{[]string{"If-Unmodified-Since", date}, 200},
		{[]string{"If-Unmodified-Since", old}, 412},
		{[]string{"Range", "bytes=1-3", "If-Match", "no"}, 412},
		{[]string{"Range", "bytes=1-3", "If-Range", "no"}, 206},
	} {
		if a := c.do(http.MethodGet, "/c/o", "", tt.header...); a.StatusCode != tt.status {
			t.Errorf("%q: got %d, want %d", tt.header, a.StatusCode, tt.status)
		}
	}
	c.want(304, http.MethodHead, "/c/o", "", "If-None-Match", etag)
	c.want(412, http.MethodHead, "/c/o", "", "If-Match", "no")
}

func TestRanges(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "0123456789")
	c.put("/c/empty", "")
	for _, tt := range []struct {
		path, header string
		status       int
		text, span   string
	}{
		{"o", "bytes=1-3", 206, "123", "bytes 1-3/10"},
		{"o", "bytes=-2", 206, "89", "bytes 8-9/10"},
		{"o", "bytes=-20", 206, "0123456789", "bytes 0-9/10"},
		{"o", "bytes=3-", 206, "3456789", "bytes 3-9/10"},
		{"o", "bytes=3-100", 206, "3456789", "bytes 3-9/10"},
		{"o", "bytes=100-", 416, "", "bytes */10"},
		{"o", "bytes=-0", 416, "", "bytes */10"},
		{"o", "bytes=5-2", 200, "0123456789", ""},
		{"o", "bytes=x-2", 200, "0123456789", ""},
		{"o", "lines=1-2", 200, "0123456789", ""},
		{"empty", "bytes=0-", 416, "", "bytes */0"},
		{"o", "bytes=100-,2-3", 206, "23", "bytes 2-3/10"},
	} {
		a := c.do(http.MethodGet, "/c/"+tt.path, "", "Range", tt.header)
		if a.StatusCode != tt.status || a.Header.Get("Content-Range") != tt.span || (tt.status != 416 && a.text != tt.text) {
			t.Errorf("%s %s: got %d %q %q, want %d %q %q", tt.path, tt.header,
				a.StatusCode, a.Header.Get("Content-Range"), a.text, tt.status, tt.span, tt.text)
		}
	}
}

func TestSeveralRangesAreMultipart(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "0123456789", "Content-Type", "text/x")
	a := c.want(206, http.MethodGet, "/c/o", "", "Range", "bytes=0-1,4-5")
	boundary, ok := strings.CutPrefix(a.Header.Get("Content-Type"), "multipart/byteranges;boundary=")
	if !ok {
		t.Fatalf("Content-Type: %s", a.Header.Get("Content-Type"))
	}
	want := "--B\r\nContent-Type: text/x\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n" +
		"--B\r\nContent-Type: text/x\r\nContent-Range: bytes 4-5/10\r\n\r\n45\r\n--B--"
	if want = strings.ReplaceAll(want, "B", boundary); a.text != want || a.ContentLength != int64(len(want)) {
		t.Errorf("got %q, want %q", a.text, want)
	}
}

// rawPut writes a request head and part of its body on a connection of its own.
func rawPut(t *testing.T, c *client, path, head, body string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.srv.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PUT %s%s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\n%s\r\n%s",
		strings.TrimPrefix(c.base, c.srv.URL()), path, c.token, head, body)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func readStatus(t *testing.T, conn net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestChunkedUploadNeedsNoLengthButAPlainOneDoes(t *testing.T) {
	_, c := start(t, Options{Limits: Limits{MaxFileSize: 10}})
	c.put("/c", "")
	chunked := func(body string) int {
		a := c.raw(http.MethodPut, c.base+"/c/o", io.MultiReader(strings.NewReader(body)), "X-Auth-Token", c.token)
		return a.StatusCode
	}
	if got := chunked("helloabc"); got != 201 {
		t.Errorf("chunked: got %d", got)
	}
	if got := chunked("helloabcdef"); got != 413 {
		t.Errorf("chunked over the limit: got %d", got)
	}
	if got := c.get("/c/o").text; got != "helloabc" {
		t.Errorf("content: got %q", got)
	}
	if got := readStatus(t, rawPut(t, c, "/c/o", "", "")); got != 411 {
		t.Errorf("no length: got %d, want 411", got)
	}
}

func TestACutOffUploadStoresNothing(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		_, c := start(t, Options{Dir: dir})
		c.put("/c", "")
		c.put("/c/o", "old")
		for _, tt := range [][2]string{
			{"Content-Length: 10\r\n", "hello"},
			{"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"},
		} {
			conn := rawPut(t, c, "/c/o", tt[0], tt[1])
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got := readStatus(t, conn); got != 499 {
				t.Errorf("%q: got %d, want 499", tt[0], got)
			}
			if got := c.get("/c/o").text; got != "old" {
				t.Errorf("%q: content is %q", tt[0], got)
			}
		}
	}
}

func TestThePutThatStartedLaterWins(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	slow := func(then func()) {
		t.Helper()
		srv.Reset()
		conn := rawPut(t, c, "/c/o", "Content-Length: 10\r\n", "first")
		for requests := srv.Requests(); len(requests) == 0 || requests[0].BytesIn < 5; requests = srv.Requests() {
			if t.Context().Err() != nil {
				t.Fatal("the upload did not begin")
			}
		}
		then()
		if _, err := io.WriteString(conn, "first"); err != nil {
			t.Fatal(err)
		}
		if got := readStatus(t, conn); got != 201 {
			t.Errorf("first PUT: got %d, want 201", got)
		}
	}
	slow(func() { c.put("/c/o", "second") })
	if got := c.get("/c/o").text; got != "second" {
		t.Errorf("after an overlapping PUT: got %q", got)
	}
	slow(func() { c.want(204, http.MethodDelete, "/c/o", "") })
	c.want(404, http.MethodGet, "/c/o", "")
}

func TestUnknownPathsAreNotFound(t *testing.T) {
	srv, c := start(t, Options{})
	for _, path := range []string{"/", "/nothing", "/v1", "/v1//c"} {
		if a := c.raw(http.MethodGet, srv.URL()+path, nil, "X-Auth-Token", c.token); a.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", path, a.StatusCode)
		}
	}
	c.want(405, http.MethodPatch, "/c/o", "")
}
