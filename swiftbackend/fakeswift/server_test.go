package fakeswift

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsAreCountedByKind(t *testing.T) {
	srv, c := start(t, Options{})
	srv.Reset()
	c.put("/c%20d", "")
	c.put("/c d/a%2Fb", "12345")
	c.want(206, http.MethodGet, "/c d/a/b?x=1", "", "Range", "bytes=1-2")
	c.want(206, http.MethodGet, "/c d/a/b?x=1", "", "Range", "bytes=1-2")
	c.want(404, http.MethodHead, "/c d/none", "")
	c.login(DefaultUser, DefaultKey)
	want := map[Kind]int{
		{http.MethodPut, Container}: 1, {http.MethodPut, Object}: 1, {http.MethodGet, Object}: 2,
		{http.MethodHead, Object}: 1, {http.MethodGet, Auth}: 1,
	}
	if diff := cmp.Diff(want, srv.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got := srv.Total(); got != 5 {
		t.Errorf("total: got %d, want 5", got)
	}
	if got := srv.Count(Kind{Level: Object}); got != 4 {
		t.Errorf("objects: got %d, want 4", got)
	}
	log := srv.Requests()
	put, get := log[1], log[2]
	if put.Container != "c d" || put.Object != "a/b" || put.Status != 201 || put.BytesIn != 5 {
		t.Errorf("PUT: %+v", put)
	}
	if get.Range != "bytes=1-2" || get.Query.Get("x") != "1" || get.Status != 206 || get.BytesOut != 2 {
		t.Errorf("GET: %+v", get)
	}
	for _, r := range log {
		if r.Header.Get("X-Auth-Token") != "" || r.Header.Get("X-Auth-Key") != "" {
			t.Errorf("%s %s: the log has a secret", r.Method, r.Level)
		}
	}
	srv.Reset()
	if n := len(srv.Counts()) + len(srv.Requests()); n != 0 {
		t.Errorf("%d left after Reset", n)
	}
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAReadKeepsTheBytesItBeganWith(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		t.Run("dir="+dir, func(t *testing.T) {
			_, c := start(t, Options{Dir: dir})
			c.put("/c", "")
			old := strings.Repeat("a", 16<<20) // more than the sockets buffer
			for _, change := range []func(){
				func() { c.put("/c/o", "new") },
				func() { c.want(204, http.MethodDelete, "/c/o", "") },
			} {
				c.put("/c/o", old)
				resp, err := c.send(http.MethodGet, c.base+"/c/o", nil, "X-Auth-Token", c.token)
				if err != nil {
					t.Fatal(err)
				}
				change()
				data, err := io.ReadAll(resp.Body)
				if err != nil || string(data) != old {
					t.Errorf("got %d bytes, %v", len(data), err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}

func TestFilesGoWithTheLastVersionThatUsesThem(t *testing.T) {
	dir := t.TempDir()
	srv, c := start(t, Options{Dir: dir})
	c.put("/c", "")
	c.put("/c/o", "one")
	c.put("/c/o", "two")
	c.want(201, "COPY", "/c/o", "", "Destination", "c/p")
	c.want(202, http.MethodPost, "/c/o", "", "X-Object-Meta-A", "1")
	if n := files(t, dir); n != 1 {
		t.Errorf("two names of one content: got %d files", n)
	}
	c.want(422, http.MethodPut, "/c/o", "x", "Etag", "wrong")
	c.want(204, http.MethodDelete, "/c/o", "")
	if got := c.get("/c/p").text; got != "two" {
		t.Errorf("copy: got %q", got)
	}
	if n := files(t, dir); n != 1 {
		t.Errorf("one name left: got %d files", n)
	}
	c.put("/c/q", "three")
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("after Close: got %d files", n)
	}
}

func TestDirectAccessCountsNothing(t *testing.T) {
	srv, c := start(t, Options{})
	srv.Reset()
	srv.CreateContainer("empty")
	srv.PutObject("c", "o.txt", "", []byte("data"))
	data, header, ok := srv.Object("c", "o.txt")
	if !ok || string(data) != "data" {
		t.Errorf("got %q %v", data, ok)
	}
	wantHeaders(t, header, "Content-Type", "text/plain", "Etag", md5Hex([]byte("data")))
	wantNames(t, srv.Containers(), "c", "empty")
	wantNames(t, srv.Objects("c"), "o.txt")
	if srv.RemoveObject("c", "none") || !srv.RemoveObject("c", "o.txt") {
		t.Error("RemoveObject does not tell what it did")
	}
	if _, _, ok := srv.Object("c", "o.txt"); ok {
		t.Error("the object is still there")
	}
	if n := srv.Total(); n != 0 {
		t.Errorf("counted %d", n)
	}
	c.want(404, http.MethodGet, "/c/o.txt", "")
}

func TestServerIsAnHTTPHandler(t *testing.T) {
	srv := New(Options{})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://cloud/auth/v1.0", nil)
	r.Header.Set("X-Auth-User", DefaultUser)
	r.Header.Set("X-Auth-Key", DefaultKey)
	srv.ServeHTTP(w, r)
	if got := w.Header().Get("X-Storage-Url"); got != "https://cloud/v1/AUTH_test" {
		t.Errorf("storage URL: got %q", got)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "nonsense"} {
		if srv, err := Start(Options{Addr: addr}); err == nil {
			t.Errorf("%q was accepted", addr)
			_ = srv.Close()
		}
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	srv, c := start(t, Options{Dir: t.TempDir()})
	c.put("/c", "")
	srv.FailEvery(0.05, 1)
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range 30 {
				path := fmt.Sprintf("/c/%d", rng.IntN(8))
				switch rng.IntN(7) {
				case 0:
					_, _, _ = c.try(http.MethodDelete, path, "")
				case 1:
					_, _, _ = c.try(http.MethodPost, path, "")
				case 2:
					_, _, _ = c.try(http.MethodGet, "/c?format=json", "")
				case 3, 4:
					_, _, _ = c.try(http.MethodPut, path, strings.Repeat(string(rune('A'+n)), 5000))
				default:
					status, text, err := c.try(http.MethodGet, path, "")
					if err == nil && status == 200 && text != strings.Repeat(text[:1], 5000) {
						t.Errorf("a mix of versions: %.20q", text)
					}
				}
			}
		})
	}
	wg.Wait()
	objects, bytes := srv.accounts[DefaultAccount].container("c").totals()
	if objects != len(srv.Objects("c")) || bytes != int64(objects)*5000 {
		t.Errorf("totals: %d objects, %d bytes; listed %d", objects, bytes, len(srv.Objects("c")))
	}
}
