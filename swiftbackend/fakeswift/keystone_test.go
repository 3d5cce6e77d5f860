package fakeswift

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const userJSON = `{"name": "tester", "domain": {"name": "Default"}, "password": "testing"}`

func v3Body(identity, scope string) string {
	return fmt.Sprintf(`{"auth": {"identity": %s, "scope": %s}}`, identity, scope)
}

func passwordIdentity(user string) string {
	return fmt.Sprintf(`{"methods": ["password"], "password": {"user": %s}}`, user)
}

const projectScope = `{"project": {"name": "test", "domain": {"id": "default"}}}`

func (c *client) loginV3(body string) answer {
	c.t.Helper()
	return c.raw(http.MethodPost, c.srv.URL()+"/v3/auth/tokens", strings.NewReader(body))
}

func TestV3LoginMethods(t *testing.T) {
	srv, c := start(t, Options{})
	byID := `{"id": "` + TesterID + `", "password": "testing"}`
	app := func(credential string) string {
		return `{"methods": ["application_credential"], "application_credential": ` + credential + `}`
	}
	tests := []struct {
		name, identity, scope string
		status                int
		want                  Scope
	}{
		{"password by names", passwordIdentity(userJSON), projectScope, 201,
			Scope{Version: 3, Method: "password", User: "tester", UserDomain: "Default", Project: "test", Domain: "default"}},
		{"password by ids", passwordIdentity(byID), `{"project": {"id": "` + ProjectID + `"}}`, 201,
			Scope{Version: 3, Method: "password", User: TesterID, Project: ProjectID}},
		{"trust", passwordIdentity(byID), `{"OS-TRUST:trust": {"id": "` + TrustID + `"}}`, 201,
			Scope{Version: 3, Method: "password", User: TesterID, Trust: TrustID}},
		{"wrong password", passwordIdentity(`{"id": "` + TesterID + `", "password": "no"}`), projectScope, 401, Scope{}},
		{"user without domain", passwordIdentity(`{"name": "tester", "password": "testing"}`), projectScope, 401, Scope{}},
		{"other project", passwordIdentity(userJSON), `{"project": {"id": "other"}}`, 401, Scope{}},
		{"credential by id", app(`{"id": "` + AppCredentialID + `", "secret": "app-secret"}`), `{}`, 201,
			Scope{Version: 3, Method: "application_credential", User: AppCredentialID}},
		{"credential by name", app(`{"name": "swiftfs", "secret": "app-secret", "user": {"id": "` + TesterID + `"}}`), `{}`, 201,
			Scope{Version: 3, Method: "application_credential", User: AppCredentialName}},
		{"credential with wrong secret", app(`{"id": "` + AppCredentialID + `", "secret": "no"}`), `{}`, 401, Scope{}},
		{"token", `{"methods": ["token"], "token": {"id": "` + c.token + `"}}`, projectScope, 201,
			Scope{Version: 3, Method: "token", Project: "test", Domain: "default"}},
		{"bad token", `{"methods": ["token"], "token": {"id": "bad"}}`, projectScope, 401, Scope{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := c.loginV3(v3Body(tt.identity, tt.scope))
			if a.StatusCode != tt.status {
				t.Fatalf("got %d, want %d: %s", a.StatusCode, tt.status, a.text)
			}
			if tt.status != 201 {
				return
			}
			if got := srv.LastScope(); got != tt.want {
				t.Errorf("scope: got %+v, want %+v", got, tt.want)
			}
			if a := c.raw(http.MethodGet, c.base, nil, "X-Auth-Token", a.Header.Get("X-Subject-Token")); a.StatusCode != 204 {
				t.Errorf("account with the token: got %d, want 204", a.StatusCode)
			}
		})
	}
}

func TestV3EndpointsShowRegionAndInterface(t *testing.T) {
	srv, c := start(t, Options{})
	a := c.loginV3(v3Body(passwordIdentity(userJSON), projectScope))
	var body struct {
		Token struct {
			ExpiresAt string `json:"expires_at"`
			Catalog   []struct {
				Type      string
				Endpoints []struct{ Region, Interface, URL string }
			}
		}
	}
	if err := json.Unmarshal([]byte(a.text), &body); err != nil {
		t.Fatal(err)
	}
	if body.Token.ExpiresAt == "" {
		t.Error("no expires_at")
	}
	urls := map[string]string{}
	for _, service := range body.Token.Catalog {
		for _, e := range service.Endpoints {
			urls[service.Type+" "+e.Region+" "+e.Interface] = e.URL
		}
	}
	if len(urls) != 6 {
		t.Errorf("got %d endpoints, want 6: %v", len(urls), urls)
	}
	c.token = a.Header.Get("X-Subject-Token")
	for key, want := range map[string][2]string{
		"object-store RegionOne public":   {"", DefaultAccount},
		"object-store RegionOne internal": {"internal", DefaultAccount},
		"object-store RegionTwo admin":    {"admin", RegionTwoAccount},
	} {
		srv.Reset()
		c.base = urls[key]
		c.want(204, http.MethodHead, "", "")
		if got := srv.Requests()[0]; got.Endpoint != want[0] || got.Account != want[1] {
			t.Errorf("%s (%s): got endpoint %q account %q, want %q", key, urls[key], got.Endpoint, got.Account, want)
		}
	}
}

func TestV2Login(t *testing.T) {
	srv, c := start(t, Options{})
	login := func(password, tenant string) answer {
		return c.raw(http.MethodPost, srv.URL()+"/v2.0/tokens", strings.NewReader(fmt.Sprintf(
			`{"auth": {"passwordCredentials": {"username": "tester", "password": %q}, %s}}`, password, tenant)))
	}
	if a := login("no", `"tenantName": "test"`); a.StatusCode != 401 {
		t.Errorf("wrong password: got %d, want 401", a.StatusCode)
	}
	if a := login("testing", `"tenantName": "other"`); a.StatusCode != 401 {
		t.Errorf("other tenant: got %d, want 401", a.StatusCode)
	}
	a := login("testing", `"tenantId": "`+ProjectID+`"`)
	var body struct {
		Access struct {
			Token          struct{ ID, Expires string }
			ServiceCatalog []struct {
				Type      string
				Endpoints []struct{ Region, PublicURL, InternalURL, AdminURL string }
			}
		}
	}
	if err := json.Unmarshal([]byte(a.text), &body); err != nil || a.StatusCode != 200 {
		t.Fatalf("%d %v: %s", a.StatusCode, err, a.text)
	}
	if got := srv.LastScope(); got.Version != 2 || got.Project != ProjectID {
		t.Errorf("scope: %+v", got)
	}
	endpoint := body.Access.ServiceCatalog[0].Endpoints[1]
	if endpoint.Region != RegionOne || endpoint.InternalURL != srv.URL()+"/internal/v1/AUTH_test" {
		t.Errorf("endpoint: %+v", endpoint)
	}
	c.base, c.token = endpoint.PublicURL, body.Access.Token.ID
	c.want(204, http.MethodHead, "", "")
}
