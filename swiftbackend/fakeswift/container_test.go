package fakeswift

import (
	"net/http"
	"strings"
	"testing"
)

func TestContainerLifeCycle(t *testing.T) {
	_, c := start(t, Options{})
	c.want(404, http.MethodHead, "/c", "")
	c.want(404, http.MethodDelete, "/c", "")
	c.want(201, http.MethodPut, "/c", "")
	c.want(202, http.MethodPut, "/c", "")
	c.put("/c/o", "12345")
	h := c.want(204, http.MethodHead, "/c", "").Header
	wantHeaders(t, h, "X-Container-Object-Count", "1", "X-Container-Bytes-Used", "5", "X-Storage-Policy", "Policy-0")
	c.put("/c/o", "123")
	wantHeaders(t, c.want(204, http.MethodHead, "/c", "").Header, "X-Container-Object-Count", "1", "X-Container-Bytes-Used", "3")
	c.want(409, http.MethodDelete, "/c", "")
	c.want(204, http.MethodDelete, "/c/o", "")
	c.want(204, http.MethodDelete, "/c", "")
	c.want(404, http.MethodGet, "/c", "")
	c.want(404, http.MethodPut, "/c/o", "x")
}

func TestContainerNames(t *testing.T) {
	_, c := start(t, Options{})
	for _, name := range []string{"x", ".", "..", "a%20b", "n%0Al", "%C3%BC%E2%98%83", strings.Repeat("a", 256)} {
		c.put("/"+strings.ReplaceAll(name, ".", "%2E"), "")
	}
	c.want(400, http.MethodPut, "/"+strings.Repeat("a", 257), "")
	c.want(412, http.MethodPut, "/%FF", "")
	if got := len(c.list("")); got != 7 {
		t.Errorf("got %d containers, want 7", got)
	}
}

func TestContainerMetadataMerges(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "", "X-Container-Meta-A", "1", "X-Container-Read", ".r:*")
	c.want(204, http.MethodPost, "/c", "", "X-Container-Meta-B", "2")
	wantHeaders(t, c.want(204, http.MethodHead, "/c", "").Header,
		"X-Container-Meta-A", "1", "X-Container-Meta-B", "2", "X-Container-Read", ".r:*")
	c.want(204, http.MethodPost, "/c", "", "X-Remove-Container-Meta-A", "x", "X-Container-Meta-B", "", "X-Remove-Container-Read", "x")
	wantHeaders(t, c.want(204, http.MethodHead, "/c", "").Header,
		"X-Container-Meta-A", "", "X-Container-Meta-B", "", "X-Container-Read", "")
}

func TestStoragePolicies(t *testing.T) {
	_, c := start(t, Options{Policies: []string{"gold", "silver"}})
	c.put("/a", "")
	c.put("/b", "", "X-Storage-Policy", "silver")
	wantHeaders(t, c.want(204, http.MethodHead, "/a", "").Header, "X-Storage-Policy", "gold")
	wantHeaders(t, c.want(204, http.MethodHead, "/b", "").Header, "X-Storage-Policy", "silver")
	c.want(409, http.MethodPut, "/b", "", "X-Storage-Policy", "gold")
	c.want(400, http.MethodPut, "/d", "", "X-Storage-Policy", "lead")
}

func TestQuotasRefuseUploads(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "", "X-Container-Meta-Quota-Bytes", "10")
	if a := c.want(413, http.MethodPut, "/c/a", "12345678901"); a.text != "Upload exceeds quota." {
		t.Errorf("got %q", a.text)
	}
	c.put("/c/a", "12345")
	c.want(204, http.MethodPost, "/c", "", "X-Container-Meta-Quota-Bytes", "", "X-Container-Meta-Quota-Count", "1")
	c.want(413, http.MethodPut, "/c/b", "1")
	c.want(400, http.MethodPost, "/c", "", "X-Container-Meta-Quota-Count", "many")
	c.put("/d", "")
	c.want(204, http.MethodPost, "", "", "X-Account-Meta-Quota-Bytes", "8")
	c.want(413, http.MethodPut, "/d/b", "1234")
	c.put("/d/b", "123")
}

func TestAccountListsAndCounts(t *testing.T) {
	_, c := start(t, Options{})
	c.want(204, http.MethodGet, "", "")
	for _, name := range []string{"b", "a-1", "a-2"} {
		c.put("/"+name, "")
	}
	c.put("/b/o", "123")
	wantHeaders(t, c.want(204, http.MethodHead, "", "").Header,
		"X-Account-Container-Count", "3", "X-Account-Object-Count", "1", "X-Account-Bytes-Used", "3")
	if got := c.get("").text; got != "a-1\na-2\nb\n" {
		t.Errorf("plain listing: got %q", got)
	}
	wantNames(t, c.names("?prefix=a"), "a-1", "a-2")
	wantNames(t, c.names("?marker=a-1&limit=1"), "a-2")
	wantNames(t, c.names("?end_marker=a-2&reverse=true"), "b")
	wantNames(t, c.names("?delimiter=-"), "a-", "b")
	rows := c.list("?marker=a-2")
	if len(rows) != 1 || rows[0].Count != 1 || rows[0].Bytes != 3 || rows[0].LastModified == "" {
		t.Errorf("row: got %+v", rows)
	}
	c.want(204, http.MethodPost, "", "", "X-Account-Meta-A", "1")
	wantHeaders(t, c.want(204, http.MethodHead, "", "").Header, "X-Account-Meta-A", "1")
	c.want(405, http.MethodDelete, "", "")
}

func TestListingParameters(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/l", "")
	if a := c.get("/l?format=json"); a.text != "[]" {
		t.Errorf("empty JSON listing: %q", a.text)
	}
	c.want(204, http.MethodGet, "/l", "")
	for _, name := range []string{"a/1", "a/2", "a", "b/c/d", "e/"} {
		srv.PutObject("l", name, "", []byte("x"))
	}
	for query, want := range map[string]string{
		"":                                  "a a/1 a/2 b/c/d e/",
		"delimiter=/":                       "a a/ b/ e/",
		"delimiter=/&prefix=a/":             "a/1 a/2",
		"delimiter=/&prefix=a":              "a a/",
		"delimiter=/&prefix=e/":             "e/",
		"delimiter=/&marker=a/":             "b/ e/",
		"delimiter=/&marker=a/1":            "a/ b/ e/",
		"delimiter=/&marker=b":              "b/ e/",
		"prefix=a/&delimiter=/&marker=a/1":  "a/2",
		"delimiter=/&limit=1&marker=a":      "a/",
		"path=a":                            "a/1 a/2",
		"path=":                             "a e/",
		"end_marker=a/2":                    "a a/1",
		"reverse=on":                        "e/ b/c/d a/2 a/1 a",
		"reverse=on&marker=b":               "a/2 a/1 a",
		"reverse=on&delimiter=/&marker=b/":  "a/ a",
		"reverse=on&end_marker=a/1&limit=2": "e/ b/c/d",
		"delimiter=%2F1":                    "a a/1 a/2 b/c/d e/",
		"limit=0":                           "",
		"limit=-1":                          "a a/1 a/2 b/c/d e/",
		"limit=x":                           "a a/1 a/2 b/c/d e/",
	} {
		if got := strings.Join(c.names("/l?"+query), " "); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	if a := c.want(412, http.MethodGet, "/l?limit=10001", ""); a.text != "Maximum limit is 10000" {
		t.Errorf("got %q", a.text)
	}
	c.want(400, http.MethodGet, "/l?prefix=%FF", "")
	if a := c.get("/l", "Accept", "application/json"); !strings.HasPrefix(a.text, "[{") {
		t.Errorf("Accept: application/json: got %q", a.text)
	}
}

func TestManyNamesAreListedByPage(t *testing.T) {
	srv, c := start(t, Options{})
	const dirs, perDir = 20, 1500
	srv.FillContainer("many", func(yield func(string) bool) {
		for d := range dirs {
			for i := range perDir {
				if !yield(string(rune('A'+d)) + "/" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)) {
					return
				}
			}
		}
	}, 7)
	wantHeaders(t, c.want(204, http.MethodHead, "/many", "").Header,
		"X-Container-Object-Count", "30000", "X-Container-Bytes-Used", "210000")
	if got := len(c.names("/many?delimiter=/")); got != dirs {
		t.Errorf("subdirs: got %d, want %d", got, dirs)
	}
	total, marker := 0, ""
	for {
		names := c.names("/many?marker=" + marker)
		if total += len(names); len(names) < 10000 {
			break
		}
		marker = names[len(names)-1]
	}
	if total != dirs*perDir {
		t.Errorf("paged through %d names, want %d", total, dirs*perDir)
	}
	if a := c.get("/many/A/a"); a.text != "xxxxxxx" {
		t.Errorf("content: got %q", a.text)
	}
}

func TestLaggingListingsShowThePast(t *testing.T) {
	srv, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/old", "1")
	srv.LagListings(true)
	c.put("/c/new", "22")
	c.want(204, http.MethodDelete, "/c/old", "")
	wantNames(t, c.names("/c"), "old")
	wantHeaders(t, c.want(204, http.MethodHead, "/c", "").Header, "X-Container-Bytes-Used", "1")
	c.get("/c/new")
	c.want(404, http.MethodGet, "/c/old", "")
	srv.FlushListings()
	wantNames(t, c.names("/c"), "new")
	c.want(202, http.MethodPost, "/c/new", "", "Content-Type", "text/late")
	if got := c.list("/c")[0].ContentType; got == "text/late" {
		t.Error("the listing does not lag after a flush")
	}
	srv.LagListings(false)
	if got := c.list("/c")[0].ContentType; got != "text/late" {
		t.Errorf("after the lag: got %q", got)
	}
}
