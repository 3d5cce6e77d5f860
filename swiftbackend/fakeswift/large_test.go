package fakeswift

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// setupLarge stores three segments of 10, 10 and 5 bytes in /seg and returns a manifest of them.
func setupLarge(t *testing.T, opts Options) (*Server, *client, []map[string]any) {
	t.Helper()
	srv, c := start(t, opts)
	c.put("/big", "")
	c.put("/seg", "")
	var m []map[string]any
	for i, data := range []string{"AAAAAAAAAA", "BBBBBBBBBB", "CCCCC"} {
		path := "/seg/s" + string(rune('0'+i))
		c.put(path, data)
		m = append(m, map[string]any{"path": path, "etag": md5Hex([]byte(data)), "size_bytes": len(data)})
	}
	return srv, c, m
}

func manifestJSON(t *testing.T, m ...map[string]any) string {
	t.Helper()
	if m == nil {
		return "[]"
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const wholeETag = `"87b029ffa956199e23f47adbdb88c12e"` // of the three segments, as the real server gives it

func TestStaticLargeObject(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	c.want(422, http.MethodPut, "/big/slo?multipart-manifest=put", manifestJSON(t, m...), "Etag", strings.Repeat("0", 32))
	a := c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...), "Content-Type", "text/plain; mtime=7",
		"X-Object-Meta-Z", "9", "Etag", wholeETag)
	wantHeaders(t, a.Header, "Etag", wholeETag)
	h := c.head("/big/slo")
	wantHeaders(t, h, "Etag", wholeETag, "Content-Length", "25", "X-Static-Large-Object", "True",
		"Content-Type", "text/plain; mtime=7", "X-Object-Meta-Z", "9")
	row := c.list("/big")[0]
	if row.Bytes != 25 || row.SLOETag != wholeETag || row.Hash != h.Get("X-Manifest-Etag") || row.ContentType != "text/plain;mtime=7" {
		t.Errorf("row: %+v", row)
	}
	if got := c.want(206, http.MethodGet, "/big/slo", "", "Range", "bytes=8-21", "If-Match", wholeETag).text; got != "AABBBBBBBBBBCC" {
		t.Errorf("range: got %q", got)
	}
	c.want(304, http.MethodGet, "/big/slo", "", "If-None-Match", wholeETag)
	c.want(412, http.MethodPut, "/big/slo?multipart-manifest=put", manifestJSON(t, m...), "If-None-Match", "*")
	c.want(202, http.MethodPost, "/big/slo", "", "Content-Type", "text/q")
	wantHeaders(t, c.head("/big/slo"), "Content-Length", "25", "X-Static-Large-Object", "True", "Content-Type", "text/q")
	if got := c.list("/big")[0].Bytes; got != 25 {
		t.Errorf("bytes after POST: got %d", got)
	}
}

func TestManifestIsCheckedWhenStored(t *testing.T) {
	_, c, m := setupLarge(t, Options{Limits: Limits{MaxManifestSegments: 4}})
	c.put("/seg/zero", "")
	with := func(key string, value any) string {
		changed := maps.Clone(m[0])
		changed[key] = value
		return manifestJSON(t, changed)
	}
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"missing segment", with("path", "/seg/none"), 400},
		{"wrong etag", with("etag", strings.Repeat("0", 32)), 400},
		{"wrong size", with("size_bytes", 3), 400},
		{"unknown key", with("color", "red"), 400},
		{"no object in path", with("path", "/seg"), 400},
		{"path only", `[{"path": "/seg/s0"}]`, 201},
		{"nulls", `[{"path": "/seg/s0", "etag": null, "size_bytes": null}]`, 201},
		{"empty segment", `[{"path": "/seg/zero"}]`, 201},
		{"empty segment before the last", `[{"path": "/seg/zero"}, {"path": "/seg/s0"}]`, 400},
		{"empty list", "[]", 201},
		{"no JSON", "{nope", 400},
		{"one segment twice", manifestJSON(t, m[0], m[0]), 201},
		{"too many", manifestJSON(t, m[0], m[0], m[0], m[0], m[0]), 413},
		{"bad range", with("range", "20-30"), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := c.do(http.MethodPut, "/big/x?multipart-manifest=put", tt.body); a.StatusCode != tt.status {
				t.Errorf("got %d, want %d: %s", a.StatusCode, tt.status, a.text)
			}
		})
	}
}

func TestRangedAndNestedSegments(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	m[0]["range"] = "2-4"
	c.put("/big/inner?multipart-manifest=put", manifestJSON(t, m[0], m[1]))
	if got := c.get("/big/inner").text; got != "AAABBBBBBBBBB" {
		t.Errorf("inner: got %q", got)
	}
	c.put("/big/outer?multipart-manifest=put", `[{"path": "/big/inner", "range": "1-4"}, {"path": "/seg/s2"}]`)
	if got := c.get("/big/outer").text; got != "AABBCCCCC" {
		t.Errorf("outer: got %q", got)
	}
	if got := c.want(206, http.MethodGet, "/big/outer", "", "Range", "bytes=1-5").text; got != "ABBCC" {
		t.Errorf("range of outer: got %q", got)
	}
}

func TestManifestTellsRangesButThoseOfAWholeSegment(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	m[0]["range"], m[1]["range"], m[2]["range"] = "-3", "0-9", "1-"
	etag := `"` + md5Hex([]byte(m[0]["etag"].(string)+":7-9;"+m[1]["etag"].(string)+m[2]["etag"].(string)+":1-4;")) + `"`
	c.want(422, http.MethodPut, "/big/slo?multipart-manifest=put", manifestJSON(t, m...), "Etag", wholeETag)
	wantHeaders(t, c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...), "Etag", etag).Header, "Etag", etag)
	var stored []map[string]any
	if err := json.Unmarshal([]byte(c.get("/big/slo?multipart-manifest=get").text), &stored); err != nil || len(stored) != 3 ||
		stored[0]["range"] != "7-9" || stored[0]["bytes"] != 10.0 || stored[1]["range"] != nil || stored[2]["range"] != "1-4" {
		t.Errorf("%v: %v", err, stored)
	}
	if got := c.get("/big/slo").text; got != "AAABBBBBBBBBBCCCC" {
		t.Errorf("got %q", got)
	}
}

func TestManifestCanBeReadBackAndStoredAgain(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...))
	a := c.get("/big/slo?multipart-manifest=get")
	wantHeaders(t, a.Header, "Content-Type", "application/json; charset=utf-8", "X-Static-Large-Object", "True")
	var stored []map[string]any
	if err := json.Unmarshal([]byte(a.text), &stored); err != nil || len(stored) != 3 ||
		stored[1]["name"] != "/seg/s1" || stored[1]["bytes"] != 10.0 || stored[1]["hash"] != m[1]["etag"] {
		t.Errorf("%v: %s", err, a.text)
	}
	raw := c.get("/big/slo?multipart-manifest=get&format=raw").text
	a = c.put("/big/again?multipart-manifest=put", raw)
	wantHeaders(t, a.Header, "Etag", wholeETag)
}

func TestCopyOfALargeObject(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...), "X-Object-Meta-Z", "9")
	c.want(201, "COPY", "/big/slo", "", "Destination", "big/plain")
	wantHeaders(t, c.head("/big/plain"), "Content-Length", "25", "X-Static-Large-Object", "", "X-Object-Meta-Z", "9")
	a := c.want(201, "COPY", "/big/slo?multipart-manifest=get", "", "Destination", "big/slo2")
	wantHeaders(t, a.Header, "Etag", wholeETag)
	wantHeaders(t, c.head("/big/slo2"), "Content-Length", "25", "X-Static-Large-Object", "True", "Etag", wholeETag)
	c.put("/big/dlo", "", "X-Object-Manifest", "seg/s")
	c.want(201, "COPY", "/big/dlo", "", "Destination", "big/plain2")
	wantHeaders(t, c.head("/big/plain2"), "Content-Length", "25", "X-Object-Manifest", "", "Etag", strings.Trim(c.head("/big/plain").Get("Etag"), `"`))
	c.want(201, "COPY", "/big/dlo?multipart-manifest=get", "", "Destination", "big/dlo2")
	wantHeaders(t, c.head("/big/dlo2"), "Content-Length", "25", "X-Object-Manifest", "seg/s")
}

func TestReadFailsIfASegmentIsNotWhatTheManifestSays(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...))
	c.put("/seg/s1", "XXXXXXXXXX")
	c.want(500, http.MethodGet, "/big/slo", "")
	c.want(204, http.MethodDelete, "/seg/s1", "")
	c.want(500, http.MethodGet, "/big/slo", "")
	c.head("/big/slo")
}

func TestASegmentThatGoesAwayCutsTheReadShort(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/big", "")
	c.put("/seg", "")
	large := strings.Repeat("x", 16<<20) // more than the sockets buffer
	c.put("/seg/0", large)
	c.put("/seg/1", large)
	c.put("/big/slo?multipart-manifest=put", `[{"path": "/seg/0"}, {"path": "/seg/1"}]`)
	resp, err := c.send(http.MethodGet, c.base+"/big/slo", nil, "X-Auth-Token", c.token)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if !srv.RemoveObject("seg", "1") {
		t.Fatal("no segment")
	}
	n, err := countBytes(resp)
	if err == nil || n != int64(len(large)) {
		t.Errorf("got %d bytes, %v; want %d and an error", n, err, len(large))
	}
}

func TestDeleteWithSegments(t *testing.T) {
	_, c, m := setupLarge(t, Options{})
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...))
	c.want(204, http.MethodDelete, "/big/slo", "")
	wantNames(t, c.names("/seg"), "s0", "s1", "s2")
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...))
	a := c.want(200, http.MethodDelete, "/big/slo?multipart-manifest=delete", "")
	if want := "Number Deleted: 4\nNumber Not Found: 0\nResponse Body: \nResponse Status: 200 OK\nErrors:\n"; a.text != want {
		t.Errorf("got %q, want %q", a.text, want)
	}
	wantNames(t, c.names("/seg"))
	c.put("/big/plain", "x")
	a = c.want(200, http.MethodDelete, "/big/plain?multipart-manifest=delete", "")
	if !strings.Contains(a.text, "Response Status: 400 Bad Request") {
		t.Errorf("plain object: got %q", a.text)
	}
	a = c.want(200, http.MethodDelete, "/big/none?multipart-manifest=delete", "")
	if !strings.Contains(a.text, "Number Not Found: 1") {
		t.Errorf("missing object: got %q", a.text)
	}
}

func TestDynamicLargeObject(t *testing.T) {
	_, c, _ := setupLarge(t, Options{})
	c.put("/big/dlo", "", "X-Object-Manifest", url.PathEscape("seg")+"/s")
	wantHeaders(t, c.head("/big/dlo"), "Content-Length", "25", "Etag", wholeETag, "X-Object-Manifest", "seg/s")
	if got := c.get("/big/dlo").text; got != "AAAAAAAAAABBBBBBBBBBCCCCC" {
		t.Errorf("got %q", got)
	}
	if got := c.want(206, http.MethodGet, "/big/dlo", "", "Range", "bytes=8-12").text; got != "AABBB" {
		t.Errorf("range: got %q", got)
	}
	if row := c.list("/big")[0]; row.Bytes != 0 || row.Hash != md5Hex(nil) {
		t.Errorf("row: %+v", row)
	}
	c.put("/seg/s9", "zz")
	wantHeaders(t, c.head("/big/dlo"), "Content-Length", "27")
	if got := c.get("/big/dlo?multipart-manifest=get").text; got != "" {
		t.Errorf("manifest itself: got %q", got)
	}
	c.want(202, http.MethodPost, "/big/dlo", "", "X-Object-Meta-A", "1")
	wantHeaders(t, c.head("/big/dlo"), "Content-Length", "0", "X-Object-Manifest", "")
}

func TestEmptyDynamicLargeObject(t *testing.T) {
	_, c, _ := setupLarge(t, Options{})
	c.put("/big/dlo", "", "X-Object-Manifest", "seg/none")
	wantHeaders(t, c.head("/big/dlo"), "Content-Length", "0")
	if got := c.get("/big/dlo").text; got != "" {
		t.Errorf("got %q", got)
	}
}

func TestSymlinks(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/t x", "target", "X-Object-Meta-A", "1")
	c.put("/c/l", "", "X-Symlink-Target", "c/t%20x", "Content-Type", "application/symlink")
	a := c.get("/c/l")
	wantHeaders(t, a.Header, "Content-Location", "/v1/AUTH_test/c/t%20x", "X-Object-Meta-A", "1", "X-Symlink-Target", "")
	if a.text != "target" {
		t.Errorf("got %q", a.text)
	}
	wantHeaders(t, c.head("/c/l?symlink=get"), "X-Symlink-Target", "c/t%20x", "Content-Length", "0")
	row := c.list("/c")[0]
	if row.SymlinkPath != "/v1/AUTH_test/c/t%20x" || row.ContentType != "application/symlink" {
		t.Errorf("row: %+v", row)
	}
	a = c.want(307, http.MethodPost, "/c/l", "", "X-Object-Meta-B", "2")
	wantHeaders(t, a.Header, "Location", srv.URL()+"/v1/AUTH_test/c/t%20x")
	c.put("/c/l2", "", "X-Symlink-Target", "c/l")
	c.get("/c/l2")
	c.put("/c/l3", "", "X-Symlink-Target", "c/l2")
	c.want(409, http.MethodGet, "/c/l3", "")
	c.want(201, "COPY", "/c/l", "", "Destination", "c/copy")
	wantHeaders(t, c.head("/c/copy?symlink=get"), "X-Symlink-Target", "", "Content-Length", "6")
	c.want(201, "COPY", "/c/l?symlink=get", "", "Destination", "c/copy")
	wantHeaders(t, c.head("/c/copy?symlink=get"), "X-Symlink-Target", "c/t%20x")
	c.put("/c/static", "", "X-Symlink-Target", "c/t%20x", "X-Symlink-Target-Etag", md5Hex([]byte("target")))
	c.put("/c/t x", "changed")
	c.want(409, http.MethodGet, "/c/static", "")
	c.want(409, http.MethodPut, "/c/static", "", "X-Symlink-Target", "c/t%20x", "X-Symlink-Target-Etag", "no")
	c.want(400, http.MethodPut, "/c/bad", "body", "X-Symlink-Target", "c/x")
	c.want(412, http.MethodPut, "/c/bad", "", "X-Symlink-Target", "x")
	c.want(400, http.MethodPut, "/c/bad", "", "X-Symlink-Target", "c/bad")
	c.want(204, http.MethodDelete, "/c/t x", "")
	c.want(404, http.MethodGet, "/c/l", "")
}

func TestBulkDelete(t *testing.T) {
	srv, c := start(t, Options{Limits: Limits{MaxDeletes: 30}})
	c.put("/b", "")
	fill := func() {
		for _, name := range []string{"a b", "c", "keep"} {
			srv.PutObject("b", name, "", nil)
		}
	}
	report := func(method, path, body string) (r struct {
		Status   string     `json:"Response Status"`
		Deleted  int        `json:"Number Deleted"`
		NotFound int        `json:"Number Not Found"`
		Errors   [][]string `json:"Errors"`
	}) {
		t.Helper()
		a := c.want(200, method, path+"?bulk-delete", body, "Content-Type", "text/plain", "Accept", "application/json")
		if err := json.Unmarshal([]byte(a.text), &r); err != nil {
			t.Fatalf("%v: %s", err, a.text)
		}
		return r
	}
	fill()
	r := report(http.MethodPost, "", "b/a%20b\n/b/c\nb/none\nb\n")
	if r.Status != "400 Bad Request" || r.Deleted != 2 || r.NotFound != 1 || len(r.Errors) != 1 || r.Errors[0][1] != "409 Conflict" {
		t.Errorf("POST: %+v", r)
	}
	r = report(http.MethodDelete, "", "b/keep\nb")
	if r.Status != "200 OK" || r.Deleted != 2 {
		t.Errorf("DELETE: %+v", r)
	}
	if got := srv.Containers(); len(got) != 0 {
		t.Errorf("containers: %q", got)
	}
	if r = report(http.MethodPost, "", "\n"); r.Status != "400 Bad Request" {
		t.Errorf("nothing to delete: %+v", r)
	}
	if r = report(http.MethodPost, "", strings.Repeat("b/x\n", 20)); r.NotFound != 20 {
		t.Errorf("with heartbeat: %+v", r)
	}
	if r = report(http.MethodPost, "", strings.Repeat("b/x\n", 31)); r.Status != "413 Request Entity Too Large" {
		t.Errorf("too many: %+v", r)
	}
}

func TestWithoutAMiddlewareItsBehaviourIsGone(t *testing.T) {
	_, c, m := setupLarge(t, Options{Without: []string{"slo", "dlo", "bulk_delete", "symlink"}})
	c.put("/big/slo?multipart-manifest=put", manifestJSON(t, m...))
	if got := c.get("/big/slo").text; got != manifestJSON(t, m...) {
		t.Errorf("SLO: got %q", got)
	}
	c.put("/big/dlo", "own", "X-Object-Manifest", "seg/s")
	if got := c.get("/big/dlo").text; got != "own" {
		t.Errorf("DLO: got %q", got)
	}
	c.put("/big/link", "", "X-Symlink-Target", "seg/s0")
	if got := c.get("/big/link").text; got != "" {
		t.Errorf("symlink: got %q", got)
	}
	c.do(http.MethodPost, "?bulk-delete", "seg/s0\n", "Content-Type", "text/plain")
	c.get("/seg/s0")
}

func TestInfoTellsLimitsAndMiddlewares(t *testing.T) {
	srv, c := start(t, Options{Limits: Limits{ContainerListing: 50, MaxManifestSegments: 7}, Without: []string{"dlo"}})
	a := c.raw(http.MethodGet, srv.URL()+"/info", nil)
	var info map[string]map[string]any
	if err := json.Unmarshal([]byte(a.text), &info); err != nil {
		t.Fatal(err)
	}
	if got := info["swift"]["container_listing_limit"]; got != 50.0 {
		t.Errorf("container_listing_limit: got %v", got)
	}
	if got := info["slo"]["max_manifest_segments"]; got != 7.0 {
		t.Errorf("max_manifest_segments: got %v", got)
	}
	for name, want := range map[string]bool{"slo": true, "dlo": false, "bulk_delete": true, "symlink": true, "tempauth": true} {
		if _, ok := info[name]; ok != want {
			t.Errorf("%s: got %v, want %v", name, ok, want)
		}
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("Total counts /info: %d", n)
	}
}
