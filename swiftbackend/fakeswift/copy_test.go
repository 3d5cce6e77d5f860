package fakeswift

import (
	"net/http"
	"testing"
)

func TestCopyMergesMetadata(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/d", "")
	c.put("/c/s p", "copy me", "Content-Type", "text/x; a=b", "X-Object-Meta-A", "1")
	a := c.want(201, "COPY", "/c/s%20p", "", "Destination", "d/t%20%C3%BC")
	wantHeaders(t, a.Header, "X-Copied-From", "c/s%20p", "Etag", c.head("/c/s%20p").Get("Etag"), "Content-Length", "0")
	wantHeaders(t, c.head("/d/t%20%C3%BC"), "Content-Type", "text/x; a=b", "X-Object-Meta-A", "1")
	c.want(201, "COPY", "/c/s%20p", "", "Destination", "/d/2", "Content-Type", "text/y", "X-Object-Meta-B", "2")
	wantHeaders(t, c.head("/d/2"), "Content-Type", "text/y", "X-Object-Meta-A", "1", "X-Object-Meta-B", "2")
	c.put("/d/3", "", "X-Copy-From", "/c/s%20p", "X-Fresh-Metadata", "true", "X-Object-Meta-B", "2")
	wantHeaders(t, c.head("/d/3"), "Content-Type", "text/x; a=b", "X-Object-Meta-A", "", "X-Object-Meta-B", "2")
	if got := c.get("/d/3").text; got != "copy me" {
		t.Errorf("content: got %q", got)
	}
}

func TestCopyOntoItselfChangesTheType(t *testing.T) {
	_, c := start(t, Options{Dir: t.TempDir()})
	c.put("/c", "")
	c.put("/c/o", "copy me", "X-Object-Meta-A", "1")
	c.want(201, "COPY", "/c/o", "", "Destination", "c/o", "Content-Type", "text/z; q=1")
	wantHeaders(t, c.head("/c/o"), "Content-Type", "text/z; q=1", "X-Object-Meta-A", "1")
	if got := c.get("/c/o").text; got != "copy me" {
		t.Errorf("content: got %q", got)
	}
	if got := c.list("/c")[0].ContentType; got != "text/z;q=1" {
		t.Errorf("listed: got %q", got)
	}
}

func TestWhatRefusesACopy(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "x")
	c.want(404, "COPY", "/c/none", "", "Destination", "c/t")
	c.want(404, "COPY", "/c/o", "", "Destination", "none/t")
	c.want(412, "COPY", "/c/o", "", "Destination", "justone")
	c.want(412, "COPY", "/c/o", "")
	c.want(404, http.MethodPut, "/c/t", "", "X-Copy-From", "c/none")
	c.want(400, http.MethodPut, "/c/t", "body", "X-Copy-From", "c/o")
	c.want(412, "COPY", "/c/o", "", "Destination", "c/t", "If-Match", "no")
	// Swift asks this of the source, even if the destination is new.
	c.want(304, "COPY", "/c/o", "", "Destination", "c/t", "If-None-Match", "*")
	c.want(403, "COPY", "/c/o", "", "Destination", "c/t", "Destination-Account", "AUTH_other")
	wantNames(t, c.names("/c"), "o")
}
