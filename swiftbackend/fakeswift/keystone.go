package fakeswift

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The identities of the Keystone look-alikes. Users are "tester" and "reader" with the keys of the v1 login; domain and
// project are accepted by name and by id.
const (
	ProjectName         = "test"
	ProjectID           = "5a3c0f7e9b1d4c2e8f6a7b9c0d1e2f3a"
	DomainName          = "Default"
	DomainID            = "default"
	TesterID            = "0e1f2d3c4b5a69788796a5b4c3d2e1f0"
	AppCredentialID     = "c1d2e3f405162738495a6b7c8d9eafb0"
	AppCredentialName   = "swiftfs"
	AppCredentialSecret = "app-secret"
	TrustID             = "7f8e9dacbb0a1928374655647382910f"
	RegionOne           = "RegionOne"
	RegionTwo           = "RegionTwo"
	// RegionTwoAccount is the account that RegionTwo's endpoints lead to.
	RegionTwoAccount = "AUTH_test_two"
)

// Scope is what a Keystone login asked for.
type Scope struct {
	Version    int    // 2 or 3
	Method     string // password, application_credential or token
	User       string // name or id as sent
	UserDomain string // name or id as sent
	Project    string // name or id as sent; also the v2 tenant
	Domain     string // of the project, name or id as sent
	Trust      string
}

// scopeRecord remembers the last accepted Scope.
type scopeRecord struct {
	mu   sync.Mutex // guards the following
	last Scope
}

// LastScope returns what the last accepted Keystone login asked for.
func (s *Server) LastScope() Scope {
	s.scopes.mu.Lock()
	defer s.scopes.mu.Unlock()
	return s.scopes.last
}

// serveVersions answers the version document of an API root.
func (s *Server) serveVersions(w http.ResponseWriter, r *http.Request) *failure {
	if r.Method != http.MethodGet {
		return notAllowed
	}
	root, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return sendJSON(w, http.StatusOK, map[string]any{"version": map[string]any{
		"id": root, "status": "stable",
		"links": []any{map[string]any{"rel": "self", "href": "http://" + r.Host + "/" + root + "/"}},
	}})
}

func sendJSON(w http.ResponseWriter, status int, v any) *failure {
	body, err := json.Marshal(v)
	if err != nil {
		return failf(http.StatusInternalServerError, "%v", err)
	}
	send(w, status, "application/json", body)
	return nil
}

// named is a reference by id or name, in the JSON of a v3 login.
type named struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Domain *named `json:"domain"`
}

func (n *named) either() string {
	if n == nil {
		return ""
	}
	return firstOf(n.ID, n.Name)
}

func (n *named) domain() string {
	if n == nil {
		return ""
	}
	return n.Domain.either()
}

// is reports whether n refers to what has this id and name; a missing reference does not.
func (n *named) is(id, name string) bool {
	return n != nil && ((n.ID != "" && n.ID == id) || (n.ID == "" && n.Name == name))
}

// v3Login is the body of POST /v3/auth/tokens.
type v3Login struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User struct {
					named
					Password string `json:"password"`
				} `json:"user"`
			} `json:"password"`
			Token struct {
				ID string `json:"id"`
			} `json:"token"`
			AppCredential struct {
				named
				Secret string `json:"secret"`
				User   *named `json:"user"`
			} `json:"application_credential"`
		} `json:"identity"`
		Scope struct {
			Project *named `json:"project"`
			Trust   *named `json:"OS-TRUST:trust"`
		} `json:"scope"`
	} `json:"auth"`
}

// loginV3 answers POST /v3/auth/tokens.
func (s *Server) loginV3(w http.ResponseWriter, r *http.Request) *failure {
	var in v3Login
	if r.Method != http.MethodPost {
		return notAllowed
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil {
		return badRequest
	}
	u, scope := s.identify(&in)
	if u == nil || !in.scopeAllowed() {
		return unauthorized
	}
	s.record(scope)
	token, g := s.tokens.issue(u, s.opts.Now(), s.opts.TokenLife, false)
	w.Header().Set("X-Subject-Token", token)
	domain := map[string]any{"id": DomainID, "name": DomainName}
	return sendJSON(w, http.StatusCreated, map[string]any{"token": map[string]any{
		"methods":    in.Auth.Identity.Methods,
		"expires_at": g.expires.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"issued_at":  s.opts.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
		"user":       map[string]any{"id": TesterID, "name": shortName(u), "domain": domain},
		"project":    map[string]any{"id": ProjectID, "name": ProjectName, "domain": domain},
		"catalog":    []any{map[string]any{"type": "identity", "name": "keystone", "endpoints": []any{}}, s.catalogV3(r)},
	}})
}

func (s *Server) record(scope Scope) {
	s.scopes.mu.Lock()
	defer s.scopes.mu.Unlock()
	s.scopes.last = scope
}

// identify checks the credential; the user is nil if it is wrong.
func (s *Server) identify(in *v3Login) (*user, Scope) {
	id := &in.Auth.Identity
	scope := Scope{
		Version: 3, Project: in.Auth.Scope.Project.either(), Domain: in.Auth.Scope.Project.domain(),
		Trust: in.Auth.Scope.Trust.either(),
	}
	switch {
	case slices.Contains(id.Methods, "password"):
		scope.Method, scope.User, scope.UserDomain = "password", id.Password.User.either(), id.Password.User.domain()
		return findKeystoneUser(&id.Password.User.named, id.Password.User.Password), scope
	case slices.Contains(id.Methods, "application_credential"):
		app := &id.AppCredential
		scope.Method, scope.User = "application_credential", firstOf(app.ID, app.Name)
		named := app.ID == AppCredentialID || (app.ID == "" && app.Name == AppCredentialName && isTester(app.User))
		if !named || subtle.ConstantTimeCompare([]byte(app.Secret), []byte(AppCredentialSecret)) == 0 {
			return nil, scope
		}
		return users[0], scope
	case slices.Contains(id.Methods, "token"):
		scope.Method = "token"
		return s.tokens.user(id.Token.ID, s.opts.Now()), scope
	}
	return nil, scope
}

// scopeAllowed asks for the one project or the one trust there is. Without a scope, Keystone takes the user's
// default project.
func (in *v3Login) scopeAllowed() bool {
	if p := in.Auth.Scope.Project; p != nil {
		return p.is(ProjectID, ProjectName) && (p.ID != "" || p.Domain.is(DomainID, DomainName))
	}
	if t := in.Auth.Scope.Trust; t != nil {
		return t.ID == TrustID
	}
	return true
}

// isTester accepts the default user by id, or by name and domain.
func isTester(n *named) bool {
	return n.is(TesterID, "tester") && (n.ID != "" || n.Domain.is(DomainID, DomainName))
}

func findKeystoneUser(n *named, key string) *user {
	if n.ID != "" {
		if n.ID != TesterID {
			return nil
		}
		return findUser(DefaultUser, key)
	}
	if !n.Domain.is(DomainID, DomainName) {
		return nil
	}
	return findUser(ProjectName+":"+n.Name, key)
}

func shortName(u *user) string { return strings.TrimPrefix(u.name, ProjectName+":") }

// endpoint is the storage URL of one entry in the catalog: RegionTwo leads to another account, the internal and
// admin interfaces to another path.
func (s *Server) endpoint(r *http.Request, region, iface string) string {
	account := DefaultAccount
	if region == RegionTwo {
		account = RegionTwoAccount
	}
	if iface == "public" {
		iface = ""
	}
	return s.storageURL(r, iface, account)
}

func (s *Server) catalogV3(r *http.Request) map[string]any {
	var endpoints []any
	for _, region := range []string{RegionTwo, RegionOne} {
		for _, iface := range []string{"admin", "internal", "public"} {
			endpoints = append(endpoints, map[string]any{
				"id": region + "-" + iface, "region": region, "region_id": region, "interface": iface,
				"url": s.endpoint(r, region, iface),
			})
		}
	}
	return map[string]any{"type": "object-store", "name": "swift", "id": "swift", "endpoints": endpoints}
}

// loginV2 answers POST /v2.0/tokens.
func (s *Server) loginV2(w http.ResponseWriter, r *http.Request) *failure {
	var in struct {
		Auth struct {
			Password struct {
				Username string `json:"username"`
				Password string `json:"password"`
			} `json:"passwordCredentials"`
			TenantName string `json:"tenantName"`
			TenantID   string `json:"tenantId"`
		} `json:"auth"`
	}
	if r.Method != http.MethodPost {
		return notAllowed
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil {
		return badRequest
	}
	a := &in.Auth
	tenant := named{ID: a.TenantID, Name: a.TenantName}
	u := findUser(ProjectName+":"+a.Password.Username, a.Password.Password)
	if u == nil || !tenant.is(ProjectID, ProjectName) {
		return unauthorized
	}
	s.record(Scope{Version: 2, Method: "password", User: a.Password.Username, Project: tenant.either()})
	token, g := s.tokens.issue(u, s.opts.Now(), s.opts.TokenLife, false)
	var endpoints []any
	for _, region := range []string{RegionTwo, RegionOne} {
		endpoints = append(endpoints, map[string]any{
			"region": region, "id": region, "publicURL": s.endpoint(r, region, "public"),
			"internalURL": s.endpoint(r, region, "internal"), "adminURL": s.endpoint(r, region, "admin"),
		})
	}
	return sendJSON(w, http.StatusOK, map[string]any{"access": map[string]any{
		"token": map[string]any{
			"id": token, "expires": g.expires.UTC().Format(time.RFC3339),
			"tenant": map[string]any{"id": ProjectID, "name": ProjectName},
		},
		"serviceCatalog": []any{map[string]any{"type": "object-store", "name": "swift", "endpoints": endpoints}},
		"user":           map[string]any{"id": TesterID, "name": a.Password.Username},
	}})
}
