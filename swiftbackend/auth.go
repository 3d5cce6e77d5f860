package swiftbackend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ncw/swift/v2"
)

// token is one login's result.
type token struct {
	value      Secret
	storageURL *url.URL
	issued     time.Time
	expires    time.Time // zero: not said
}

func (t *token) valid(now time.Time) bool {
	return t != nil && (t.expires.IsZero() || now.Before(t.expires))
}

// same reports whether other, which may be nil, has the same value.
func (t *token) same(other *token) bool { return other != nil && t.value == other.value }

// ageing reports whether t is in the last fifth of its life, a minute at most:
// time to renew it while it still serves.
func (t *token) ageing(now time.Time) bool {
	if t.expires.IsZero() {
		return false
	}
	margin := min(t.expires.Sub(t.issued)/5, time.Minute)
	return !now.Before(t.expires.Add(-margin))
}

// tokenSource gives every request the current token and renews it once for all
// of them.
type tokenSource struct {
	login func(context.Context) (*token, error)
	// ctx ends logins when the client closes; they belong to it, not to the
	// request that happened to need them.
	ctx  context.Context
	wg   sync.WaitGroup
	once bool // a ready-made token, that cannot be renewed

	mu sync.Mutex // guards the following
	// current is the newest token, or nil before the first login.
	current *token
	// pending is the login under way, or nil.
	pending *renewal
	// repeated is a token that a renewal ahead of time returned unchanged;
	// OpenStack's TempAuth hands out the same token until it expires.
	repeated Secret
	// refusal is the error of the last login, if that was refused; until again no
	// other is sent, which would be refused too and have the user locked out.
	// pause is how long that is.
	refusal error
	again   time.Time
	pause   time.Duration
}

// A login that was refused is repeated after pauses from the one to the other.
const (
	firstRefusalPause = 10 * time.Second
	longRefusalPause  = time.Minute
)

// renewal is one login that any number of requests wait for.
type renewal struct {
	done chan struct{}
	tok  *token
	err  error
}

// get returns a token that has not expired.
func (s *tokenSource) get(ctx context.Context) (*token, error) {
	now := time.Now()
	s.mu.Lock()
	t := s.current
	if t.valid(now) {
		if t.ageing(now) && !s.once && t.value != s.repeated {
			s.startLocked()
		}
		s.mu.Unlock()
		return t, nil
	}
	s.mu.Unlock()
	return s.renew(ctx, t)
}

// renew returns a token of another value than old, which may be nil, logging in
// unless that has been done or is being done. A login that was under way already
// may bring old once more; then there is one more.
func (s *tokenSource) renew(ctx context.Context, old *token) (*token, error) {
	for again := false; ; again = true {
		s.mu.Lock()
		if t := s.current; t.valid(time.Now()) && !t.same(old) {
			s.mu.Unlock()
			return t, nil
		}
		if s.once {
			s.mu.Unlock()
			return nil, &Error{Op: "log in", Kind: KindUnauthorized, Detail: "the ready-made token is not accepted (any more) and cannot be renewed"}
		}
		r := s.startLocked()
		s.mu.Unlock()
		select {
		case <-r.done:
			if r.err != nil || again || !r.tok.same(old) {
				return r.tok, r.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// startLocked begins a login, or joins the one under way. Soon after one that was
// refused its result is that.
func (s *tokenSource) startLocked() *renewal {
	if s.pending != nil {
		return s.pending
	}
	r := &renewal{done: make(chan struct{})}
	if s.refusal != nil && time.Now().Before(s.again) {
		r.err = s.refusal
		close(r.done)
		return r
	}
	s.pending = r
	s.wg.Go(func() {
		defer close(r.done)
		r.tok, r.err = s.login(s.ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pending = nil
		s.refusedLocked(r.err)
		if r.err != nil {
			return
		}
		s.repeated = ""
		if s.current != nil && s.current.value == r.tok.value {
			s.repeated = r.tok.value
		}
		s.current = r.tok
	})
	return r
}

// refusedLocked notes what came of a login. One that failed in another way than
// being refused says nothing of the next.
func (s *tokenSource) refusedLocked(err error) {
	switch kind := KindOf(err); {
	case err == nil:
		s.refusal, s.pause = nil, 0
	case kind == KindUnauthorized, kind == KindDenied:
		s.pause = min(max(2*s.pause, firstRefusalPause), longRefusalPause)
		s.refusal, s.again = err, time.Now().Add(s.pause)
	}
}

// tokenTransport is the outermost stage: it puts the token on a request, and
// sends a request that was answered 401 once more with a new one. A redirection
// is an error, see redirectError.
type tokenTransport struct {
	next   http.RoundTripper
	source *tokenSource
}

func (t *tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	tok, err := t.source.get(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	for try := 1; ; try++ {
		resp, err := t.next.RoundTrip(withToken(req, tok))
		if err == nil {
			err = redirected(resp)
		}
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized || !rewindable(req) || try == mostTokens {
			return resp, nil
		}
		drain(resp)
		if tok, err = t.source.renew(req.Context(), tok); err != nil {
			return nil, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

// redirectError is an answer that sends the client to another place. Following it
// would send the token there, and make a GET of most other methods, whose success
// is not that of the request.
type redirectError struct {
	status int
	to     string // where to, if it says so
}

func (e *redirectError) Error() string {
	if e.to == "" {
		return "the server redirects to another place and does not say where"
	}
	return fmt.Sprintf("the server redirects to %q, and requests do not follow", e.to)
}

// redirected is the error of an answer that net/http would follow, which it
// closes; nil for any other.
func redirected(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	e := &redirectError{status: resp.StatusCode}
	if u, err := resp.Location(); err == nil {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		e.to = u.String()
	}
	drain(resp)
	return e
}

// mostTokens is how many tokens a request is tried with: the next one may end
// too while a busy machine sends it.
const mostTokens = 3

func withToken(req *http.Request, tok *token) *http.Request {
	r := req.WithContext(req.Context())
	r.Header = req.Header.Clone()
	r.Header.Set("X-Auth-Token", tok.value.Reveal())
	return r
}

// authenticator performs logins with the library's Connection, a new one each
// time: it keeps state between logins that two of them at once would race for.
type authenticator struct {
	cfg Config
	rt  http.RoundTripper
	m   *metrics
	// works is the v1 URL that answered, tried first from then on.
	works string
}

// login logs in once. For v1 it tries the places where servers have the login
// when the one given is not it.
func (a *authenticator) login(ctx context.Context) (*token, error) {
	a.m.logins.Inc()
	auth := a.cfg.Auth
	urls := []string{auth.URL}
	if auth.version() == 1 {
		urls = v1URLs(auth.URL)
		if a.works != "" {
			urls = []string{a.works}
		}
	}
	var first error
	for _, u := range urls {
		t, err := a.loginAt(ctx, u)
		if err == nil {
			a.works = u
			return t, nil
		}
		if first == nil {
			first = err
		}
		var e *Error
		if !errors.As(err, &e) || e.Status < 400 || e.Status >= 500 || e.Status == http.StatusTooManyRequests {
			break
		}
		if e.Kind == KindUnauthorized {
			first = err // a login that knows the user beats a place that is none
			if strings.HasSuffix(u, "/auth/v1.0") {
				break
			}
		}
	}
	return nil, first
}

func (a *authenticator) loginAt(ctx context.Context, authURL string) (*token, error) {
	auth := a.cfg.Auth
	rec := &authAnswers{next: a.rt, once: auth.version() != 2}
	conn := &swift.Connection{
		AuthUrl: authURL, AuthVersion: auth.version(),
		UserName: auth.User, UserId: auth.UserID, ApiKey: auth.Key.Reveal(), Domain: auth.UserDomain, DomainId: auth.UserDomainID,
		Tenant: auth.Project, TenantId: auth.ProjectID, TenantDomain: auth.ProjectDomain, TenantDomainId: auth.ProjectDomainID,
		ApplicationCredentialId: auth.AppCredentialID, ApplicationCredentialName: auth.AppCredentialName,
		ApplicationCredentialSecret: auth.AppCredentialSecret.Reveal(),
		Token:                       auth.Token.Reveal(), TrustId: auth.TrustID, Region: a.cfg.Region,
		EndpointType: swift.EndpointType(a.cfg.EndpointType), UserAgent: a.cfg.UserAgent,
		Transport: rec, Retries: -1, ConnectTimeout: 2 * a.cfg.Timeout, Timeout: 2 * a.cfg.Timeout,
	}
	issued := time.Now()
	err := conn.Authenticate(ctx)
	if rec.ok && conn.StorageUrl != "" && conn.AuthToken != "" {
		err = nil // the library refuses a token with less than a minute to live
	}
	if err != nil {
		// The library says "no storage URL" only in words; the answer was good.
		if rec.ok && KindOf(wrap("", "", &hints{}, err)) == KindNetwork {
			return nil, a.noEndpoint(authURL, err)
		}
		return nil, wrap("log in at", authURL, &hints{}, err)
	}
	u, err := url.Parse(conn.StorageUrl)
	if err != nil || u.Host == "" {
		return nil, &Error{Op: "log in at", Path: authURL, Kind: KindInvalid, Detail: fmt.Sprintf("the server's storage URL %q is not a URL", conn.StorageUrl)}
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	t := &token{value: Secret(conn.AuthToken), storageURL: u, issued: issued, expires: conn.Expires}
	if rec.life > 0 {
		t.expires = issued.Add(rec.life)
	}
	return t, nil
}

// noEndpoint explains a login that worked and gave no place to go.
func (a *authenticator) noEndpoint(authURL string, err error) error {
	e := &Error{Op: "log in at", Path: authURL, Kind: KindInvalid, Err: err, Detail: "the answer has no token and storage URL in it; this is no Swift or Keystone login"}
	if a.cfg.Auth.version() > 1 {
		region := "any region"
		if a.cfg.Region != "" {
			region = "region " + strconv.Quote(a.cfg.Region)
		}
		e.Detail = fmt.Sprintf("the catalog has no %s object-store endpoint in %s", a.cfg.EndpointType, region)
	}
	return e
}

// authAnswers sees the answers to a login: the lifetime of v1 tokens, which the
// library does not read, and DreamObjects' X-Storage-Token.
type authAnswers struct {
	next http.RoundTripper
	// once has a login that was refused not sent again. The library repeats each
	// one, which helps with version 2 only (there it changes the form of the key)
	// and counts twice where wrong keys lock the user out.
	once    bool
	refused *http.Response
	ok      bool
	life    time.Duration
}

func (t *authAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.refused != nil {
		again := *t.refused
		again.Body = http.NoBody
		return &again, nil
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if t.once && resp.StatusCode/100 == 4 {
		t.refused = resp
	}
	t.ok = resp.StatusCode/100 == 2
	if s, err := strconv.Atoi(resp.Header.Get("X-Auth-Token-Expires")); err == nil {
		t.life = time.Duration(s) * time.Second
	}
	if resp.Header.Get("X-Auth-Token") == "" {
		if v := resp.Header.Get("X-Storage-Token"); v != "" {
			resp.Header.Set("X-Auth-Token", v)
		}
	}
	return resp, nil
}

// v1URLs returns where a v1 login may be, beginning with the URL given: RGW
// takes anything below /auth, OpenStack Swift only /auth/v1.0.
func v1URLs(given string) []string {
	urls := []string{given}
	u, err := url.Parse(given)
	if err != nil {
		return urls
	}
	path := strings.TrimSuffix(u.Path, "/")
	for _, tail := range []string{"/v1.0", "/1.0", "/v1", "/1"} {
		if rest, ok := strings.CutSuffix(path, tail); ok {
			path = rest
			break
		}
	}
	u.Path = strings.TrimSuffix(path, "/auth") + "/auth/v1.0"
	if canonical := u.String(); canonical != given {
		urls = append(urls, canonical)
	}
	return urls
}
