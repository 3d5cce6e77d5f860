package fakeswift

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestV1LoginGivesTokenAndStorageURL(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	srv, c := start(t, Options{Now: func() time.Time { return now }})
	a := c.raw(http.MethodGet, srv.AuthURL(), nil, "X-Auth-User", DefaultUser, "X-Auth-Key", DefaultKey)
	wantHeaders(t, a.Header, "X-Storage-Url", srv.URL()+"/v1/AUTH_test", "X-Auth-Token-Expires", "86400",
		"X-Storage-Token", a.Header.Get("X-Auth-Token"))
	if a.Header.Get("X-Auth-Token") != c.token {
		t.Error("a second login got another token")
	}
}

func TestV1LoginPaths(t *testing.T) {
	tests := []struct {
		opts   Options
		path   string
		user   string // header prefix
		key    string
		status int
	}{
		{Options{}, "/auth/v1.0", "X-Auth-User", "X-Auth-Key", 200},
		{Options{}, "/auth/v1.0/", "X-Storage-User", "X-Storage-Pass", 200},
		{Options{}, "/v1.0", "X-Auth-User", "X-Auth-Key", 200},
		{Options{}, "/auth", "X-Auth-User", "X-Auth-Key", 412},
		{Options{}, "/auth/", "X-Auth-User", "X-Auth-Key", 404},
		{Options{}, "/auth/1.0", "X-Auth-User", "X-Auth-Key", 400},
		{Options{}, "/auth/v1", "X-Auth-User", "X-Auth-Key", 400},
		{Options{AuthPaths: []string{"/login"}}, "/login", "X-Auth-User", "X-Auth-Key", 200},
		{Options{RGWStyle: true}, "/auth", "X-Auth-User", "X-Auth-Key", 204},
		{Options{RGWStyle: true}, "/auth/v1.0", "X-Storage-User", "X-Storage-Pass", 401},
		{Options{RGWStyle: true}, "/auth/anything", "X-Auth-User", "X-Auth-Key", 204},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			srv, c := start(t, tt.opts)
			a := c.raw(http.MethodGet, srv.URL()+tt.path, nil, tt.user, DefaultUser, tt.key, DefaultKey)
			if a.StatusCode != tt.status {
				t.Errorf("got %d, want %d", a.StatusCode, tt.status)
			}
			if a.StatusCode == 200 {
				if a := c.raw(http.MethodGet, srv.URL()+tt.path, nil, tt.user, DefaultUser, tt.key, "no"); a.StatusCode != 401 {
					t.Errorf("wrong key: got %d, want 401", a.StatusCode)
				}
			}
		})
	}
}

func TestRGWStyleServesBelowSwiftV1(t *testing.T) {
	srv, c := start(t, Options{RGWStyle: true, ListingCap: 2})
	if want := srv.URL() + "/swift/v1"; c.base != want {
		t.Fatalf("storage URL: got %s, want %s", c.base, want)
	}
	c.put("/c", "")
	for _, n := range []string{"1", "2", "3"} {
		c.put("/c/"+n, "x")
	}
	wantNames(t, c.names("/c"), "1", "2", "3")
	wantNames(t, c.names("/c?limit=10000"), "1", "2")
	if a := c.raw(http.MethodGet, srv.URL()+"/info", nil); a.StatusCode != 404 {
		t.Errorf("/info: got %d, want 404", a.StatusCode)
	}
	if a := c.raw(http.MethodGet, srv.URL()+"/swift/info", nil); a.StatusCode != 200 {
		t.Errorf("/swift/info: got %d, want 200", a.StatusCode)
	}
}

func TestMissingBadAndExpiredTokensAreRefused(t *testing.T) {
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	srv, c := start(t, Options{TokenLife: time.Hour, Now: now})
	c.put("/c", "")
	c.put("/c/o", "x")
	refused := func(why, token string) {
		t.Helper()
		for _, path := range []string{"", "/c", "/c/o"} {
			if a := c.raw(http.MethodGet, c.base+path, nil, "X-Auth-Token", token); a.StatusCode != 401 {
				t.Errorf("%s, %q: got %d, want 401", why, path, a.StatusCode)
			}
		}
	}
	refused("none", "")
	refused("bad", "AUTH_tkbad")
	srv.ExpireTokens()
	refused("ended", c.token)
	c.login(DefaultUser, DefaultKey)
	c.get("/c/o")
	offset.Store(int64(time.Hour))
	refused("expired", c.token)
}

func TestOtherAccountsAreForbidden(t *testing.T) {
	_, c := start(t, Options{})
	c.base = strings.Replace(c.base, "AUTH_test", "AUTH_other", 1)
	c.want(403, http.MethodGet, "/c", "")
}

func TestReaderMayOnlyReadInContainers(t *testing.T) {
	_, c := start(t, Options{})
	c.put("/c", "")
	c.put("/c/o", "x")
	c.login(ReaderUser, ReaderKey)
	c.want(403, http.MethodGet, "", "")
	c.get("/c")
	c.get("/c/o")
	c.want(403, http.MethodPut, "/c/o", "y")
	c.want(403, http.MethodDelete, "/c/o", "")
	c.want(403, http.MethodPost, "/c", "")
	c.want(403, http.MethodPut, "/d", "")
}

func TestRefusalComesBefore100Continue(t *testing.T) {
	srv, c := start(t, Options{Limits: Limits{MaxFileSize: 10}})
	c.put("/c", "")
	c.put("/c/o", "old")
	tests := []struct {
		path, body string
		header     []string
		status     int
		reads      bool
	}{
		{"/c/new", "x", nil, 201, true},
		{"/missing/o", "x", nil, 404, false},
		{"/c/o", "x", []string{"X-Auth-Token", "bad"}, 401, false},
		{"/c/o", "x", []string{"If-None-Match", "*"}, 412, false},
		{"/c/o", strings.Repeat("x", 11), nil, 413, false},
	}
	for _, tt := range tests {
		srv.Reset()
		a := c.do(http.MethodPut, tt.path, tt.body, append([]string{"Expect", "100-continue"}, tt.header...)...)
		log := srv.Requests()
		if a.StatusCode != tt.status || log[0].BytesIn > 0 != tt.reads {
			t.Errorf("PUT %s %q: got %d after %d bytes, want %d", tt.path, tt.header, a.StatusCode, log[0].BytesIn, tt.status)
		}
	}
}
