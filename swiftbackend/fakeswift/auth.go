package fakeswift

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// user is somebody who may log in.
type user struct {
	name     string // as the v1 login spells it: project:user
	key      string
	readOnly bool
}

// users are fixed: what a test varies is the credential it presents.
var users = []*user{
	{name: DefaultUser, key: DefaultKey},
	{name: ReaderUser, key: ReaderKey, readOnly: true},
}

// findUser returns the user with this name and key, or nil.
func findUser(name, key string) *user {
	for _, u := range users {
		if u.name == name && subtle.ConstantTimeCompare([]byte(u.key), []byte(key)) == 1 {
			return u
		}
	}
	return nil
}

// grant is a token that was handed out.
type grant struct {
	user    *user
	expires time.Time
}

// tokens are the valid tokens.
type tokens struct {
	mu     sync.Mutex // guards the following
	grants map[string]grant
	v1     map[*user]string // the token that repeated v1 logins share until it expires
}

// issue makes a token. With shared, a user's valid v1 token is given out again, as TempAuth does.
func (t *tokens) issue(u *user, now time.Time, life time.Duration, shared bool) (token string, g grant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if shared {
		if g, ok := t.grants[t.v1[u]]; ok && now.Before(g.expires) {
			return t.v1[u], g
		}
	}
	token, g = "AUTH_tk"+strings.ToLower(rand.Text()), grant{u, now.Add(life)}
	if t.grants == nil {
		t.grants, t.v1 = make(map[string]grant), make(map[*user]string)
	}
	t.grants[token] = g
	if shared {
		t.v1[u] = token
	}
	return token, g
}

// user returns whose valid token this is, or nil.
func (t *tokens) user(token string, now time.Time) *user {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.grants[token]
	if !ok || !now.Before(g.expires) {
		return nil
	}
	return g.user
}

// ExpireTokens ends the life of every token handed out so far.
func (s *Server) ExpireTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.grants, s.tokens.v1 = nil, nil
}

// serveAuth answers the logins of all versions.
func (s *Server) serveAuth(w http.ResponseWriter, r *http.Request) *failure {
	switch path := r.URL.Path; {
	case path == "/v2.0/tokens":
		return s.loginV2(w, r)
	case path == "/v3/auth/tokens":
		return s.loginV3(w, r)
	case strings.HasPrefix(path, "/v2.0"), strings.HasPrefix(path, "/v3"):
		return s.serveVersions(w, r)
	case s.opts.RGWStyle:
		return s.loginV1(w, r)
	case path == "/auth":
		return &failure{status: http.StatusPreconditionFailed}
	case path == "/auth/":
		return notFound
	case strings.HasPrefix(path, "/auth/") && path != "/auth/v1.0" && path != "/auth/v1.0/":
		return badRequest
	}
	return s.loginV1(w, r)
}

// loginV1 is the login of TempAuth, or of a RGW that differs in a few details.
func (s *Server) loginV1(w http.ResponseWriter, r *http.Request) *failure {
	if r.Method != http.MethodGet {
		return badRequest
	}
	name, key := r.Header.Get("X-Auth-User"), r.Header.Get("X-Auth-Key")
	if !s.opts.RGWStyle {
		name = firstOf(name, r.Header.Get("X-Storage-User"))
		key = firstOf(key, r.Header.Get("X-Storage-Pass"))
	}
	u := findUser(name, key)
	if u == nil {
		return unauthorized
	}
	now := s.opts.Now()
	token, g := s.tokens.issue(u, now, s.opts.TokenLife, true)
	h := w.Header()
	h.Set("X-Auth-Token", token)
	h.Set("X-Storage-Token", token)
	h.Set("X-Storage-Url", s.storageURL(r, "", DefaultAccount))
	if s.opts.RGWStyle {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h.Set("X-Auth-Token-Expires", strconv.Itoa(int(g.expires.Sub(now)/time.Second)))
	send(w, http.StatusOK, "text/html; charset=UTF-8", nil)
	return nil
}

// authorize decides whether the sender of q may do this.
func (q *request) authorize() *failure {
	u := q.s.tokens.user(q.r.Header.Get("X-Auth-Token"), q.s.opts.Now())
	if u == nil {
		return &failure{
			status: http.StatusUnauthorized,
			header: http.Header{"Www-Authenticate": {`Swift realm="` + q.route.account + `"`}},
		}
	}
	q.account = q.s.accounts[q.route.account]
	if q.account == nil {
		return forbidden
	}
	reading := q.r.Method == http.MethodGet || q.r.Method == http.MethodHead
	if u.readOnly && (q.level == Account || !reading) {
		return forbidden
	}
	return nil
}

// firstOf returns the first of its arguments that is not empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
