package swiftbackend_test

import (
	"errors"
	iofs "io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

var authRequests = fakeswift.Kind{Level: fakeswift.Auth}

// works checks that a client can write and read.
func works(t *testing.T, c *swiftbackend.Client) {
	t.Helper()
	if _, err := c.CreateContainer(t.Context(), "c", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), "c", "object", content("data"), swiftbackend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, c, "c", "object", whole); err != nil || got != "data" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestV1LoginFindsItsPlaceFromEveryFormOfURL(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"Swift", "RGW"} {
		for _, path := range []string{"/auth", "/auth/", "/auth/v1.0", "/auth/v1.0/", "/auth/1.0", "/auth/v1", "/auth/1", "/v1.0", "/v1.0/", "", "/"} {
			for _, version := range []int{0, 1} {
				t.Run(style+path, func(t *testing.T) {
					t.Parallel()
					srv := startFake(t, fakeswift.Options{RGWStyle: style == "RGW"})
					c := dial(t, srv, func(c *swiftbackend.Config) { c.Auth.URL, c.Auth.Version = srv.URL()+path, version })
					works(t, c)
					if !c.Info().Known {
						t.Error("/info was not found")
					}
					// From now on the place is known.
					srv.ExpireTokens()
					srv.Reset()
					works(t, c)
					wantCount(t, srv, authRequests, 1)
				})
			}
		}
	}
}

func TestV1LoginTakesAStorageTokenInTheOtherHeader(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.Inject(fakeswift.Fault{Kind: authRequests, Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(renamedHeader{w}, r)
	}})
	works(t, dial(t, srv))
}

// renamedHeader answers as a server whose token is in X-Storage-Token only.
type renamedHeader struct{ http.ResponseWriter }

func (w renamedHeader) WriteHeader(status int) {
	h := w.Header()
	h.Set("X-Storage-Token", h.Get("X-Auth-Token"))
	h.Del("X-Auth-Token")
	w.ResponseWriter.WriteHeader(status)
}

func TestKeystoneLogins(t *testing.T) {
	const password = swiftbackend.Secret(fakeswift.DefaultKey)
	for _, tt := range []struct {
		name string
		path string
		auth swiftbackend.Auth
		want fakeswift.Scope
	}{
		{
			"v2 with a tenant", "/v2.0", swiftbackend.Auth{User: "tester", Key: password, Project: fakeswift.ProjectName},
			fakeswift.Scope{Version: 2, Method: "password", User: "tester", Project: fakeswift.ProjectName},
		},
		{
			"v3 with names", "/v3",
			swiftbackend.Auth{
				User: "tester", Key: password, UserDomain: fakeswift.DomainName,
				Project: fakeswift.ProjectName, ProjectDomain: fakeswift.DomainName,
			},
			fakeswift.Scope{
				Version: 3, Method: "password", User: "tester", UserDomain: fakeswift.DomainName,
				Project: fakeswift.ProjectName, Domain: fakeswift.DomainName,
			},
		},
		{
			"v3 with ids", "/v3",
			swiftbackend.Auth{UserID: fakeswift.TesterID, Key: password, ProjectID: fakeswift.ProjectID},
			fakeswift.Scope{Version: 3, Method: "password", User: fakeswift.TesterID, Project: fakeswift.ProjectID},
		},
		{
			"v3 with domain ids", "/v3",
			swiftbackend.Auth{
				User: "tester", Key: password, UserDomainID: fakeswift.DomainID,
				Project: fakeswift.ProjectName, ProjectDomainID: fakeswift.DomainID,
			},
			fakeswift.Scope{
				Version: 3, Method: "password", User: "tester", UserDomain: fakeswift.DomainID,
				Project: fakeswift.ProjectName, Domain: fakeswift.DomainID,
			},
		},
		{
			"v3 with an application credential by id", "/v3",
			swiftbackend.Auth{AppCredentialID: fakeswift.AppCredentialID, AppCredentialSecret: fakeswift.AppCredentialSecret},
			fakeswift.Scope{Version: 3, Method: "application_credential", User: fakeswift.AppCredentialID},
		},
		{
			"v3 with an application credential by name", "/v3",
			swiftbackend.Auth{
				AppCredentialName: fakeswift.AppCredentialName, AppCredentialSecret: fakeswift.AppCredentialSecret,
				User: "tester", UserDomain: fakeswift.DomainName,
			},
			fakeswift.Scope{Version: 3, Method: "application_credential", User: fakeswift.AppCredentialName},
		},
		{
			"v3 with a trust", "/v3",
			swiftbackend.Auth{User: "tester", Key: password, UserDomain: fakeswift.DomainName, TrustID: fakeswift.TrustID},
			fakeswift.Scope{Version: 3, Method: "password", User: "tester", UserDomain: fakeswift.DomainName, Trust: fakeswift.TrustID},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, fakeswift.Options{})
			tt.auth.URL = srv.URL() + tt.path
			c := dial(t, srv, func(c *swiftbackend.Config) { c.Auth = tt.auth })
			works(t, c)
			if diff := cmp.Diff(tt.want, srv.LastScope()); diff != "" {
				t.Errorf("the login asked for (-want +got):\n%s", diff)
			}
			srv.ExpireTokens()
			works(t, c)
		})
	}
}

func TestAKeystoneTokenLogsIn(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	token := keystoneToken(t, srv)
	c := dial(t, srv, func(c *swiftbackend.Config) {
		c.Auth = swiftbackend.Auth{URL: srv.URL() + "/v3", Token: swiftbackend.Secret(token), ProjectID: fakeswift.ProjectID}
	})
	works(t, c)
	if got := srv.LastScope().Method; got != "token" {
		t.Errorf("logged in by %q", got)
	}
}

// keystoneToken logs in by hand.
func keystoneToken(t *testing.T, srv *fakeswift.Server) string {
	t.Helper()
	body := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + fakeswift.TesterID + `","password":"` + fakeswift.DefaultKey + `"}}},` +
		`"scope":{"project":{"id":"` + fakeswift.ProjectID + `"}}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL()+"/v3/auth/tokens", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	tr := new(http.Transport)
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("login: %s", resp.Status)
	}
	return resp.Header.Get("X-Subject-Token")
}

func TestRegionAndEndpointTypeChooseTheAddress(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	keystone := func(c *swiftbackend.Config) {
		c.Auth = swiftbackend.Auth{URL: srv.URL() + "/v3", UserID: fakeswift.TesterID, Key: fakeswift.DefaultKey, ProjectID: fakeswift.ProjectID}
	}
	for _, tt := range []struct{ region, endpointType, want string }{
		{"", "", "/v1/" + fakeswift.RegionTwoAccount}, // the catalog's first
		{fakeswift.RegionOne, "public", "/v1/" + fakeswift.DefaultAccount},
		{fakeswift.RegionTwo, "public", "/v1/" + fakeswift.RegionTwoAccount},
		{fakeswift.RegionOne, "internal", "/internal/v1/" + fakeswift.DefaultAccount},
		{fakeswift.RegionTwo, "admin", "/admin/v1/" + fakeswift.RegionTwoAccount},
	} {
		c := dial(t, srv, keystone, func(c *swiftbackend.Config) { c.Region, c.EndpointType = tt.region, tt.endpointType })
		u, err := c.StorageURL(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != tt.want {
			t.Errorf("region %q, endpoint type %q: storage URL %s, want path %s", tt.region, tt.endpointType, u, tt.want)
		}
		works(t, c)
	}
	cfg := config(srv, keystone, func(c *swiftbackend.Config) { c.Region = "Nowhere" })
	_, err := swiftbackend.Dial(t.Context(), cfg)
	wantKind(t, err, swiftbackend.KindInvalid)
	if err == nil || !strings.Contains(err.Error(), `no public object-store endpoint in region "Nowhere"`) {
		t.Errorf("got %v, want it to name the region", err)
	}
}

func TestAReadyTokenNeedsNoLoginAndIsNotRenewed(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	token := keystoneToken(t, srv)
	srv.Reset()
	c := dial(t, srv, func(c *swiftbackend.Config) {
		c.Auth = swiftbackend.Auth{Token: swiftbackend.Secret(token), StorageURL: srv.URL() + "/v1/" + fakeswift.DefaultAccount + "/"}
	})
	works(t, c)
	wantCount(t, srv, authRequests, 0)
	srv.ExpireTokens()
	_, err := c.Head(t.Context(), "c", "object")
	wantKind(t, err, swiftbackend.KindUnauthorized)
	if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "cannot be renewed") {
		t.Errorf("got %v", err)
	}
	wantCount(t, srv, authRequests, 0)
}

func TestAWrongKeyIsTriedOnceAndNotShown(t *testing.T) {
	const wrong = "hunter2-secret"
	for _, tt := range []struct {
		name  string
		path  string
		rgw   bool
		auth  swiftbackend.Auth
		tries int
	}{
		{"v1", "/auth/v1.0", false, swiftbackend.Auth{User: fakeswift.DefaultUser}, 1},
		{"v1 at RGW", "/auth/v1.0", true, swiftbackend.Auth{User: fakeswift.DefaultUser}, 1},
		{"v1 at a shorter URL", "/auth", false, swiftbackend.Auth{User: fakeswift.DefaultUser}, 2},
		{"v1 at a shorter URL of RGW", "/auth", true, swiftbackend.Auth{User: fakeswift.DefaultUser}, 2},
		{"v1 and an unknown user", "/auth/v1.0", false, swiftbackend.Auth{User: "test:nobody"}, 1},
		{"v3", "/v3", false, swiftbackend.Auth{UserID: fakeswift.TesterID, ProjectID: fakeswift.ProjectID}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, fakeswift.Options{RGWStyle: tt.rgw})
			cfg := config(srv, func(c *swiftbackend.Config) {
				c.Auth = tt.auth
				c.Auth.URL, c.Auth.Key = srv.URL()+tt.path, wrong
			})
			_, err := swiftbackend.Dial(t.Context(), cfg)
			wantKind(t, err, swiftbackend.KindUnauthorized)
			if !errors.Is(err, iofs.ErrPermission) {
				t.Errorf("got %v, want an fs.ErrPermission", err)
			}
			if err != nil && strings.Contains(err.Error(), wrong) {
				t.Errorf("the error shows the key: %v", err)
			}
			wantCount(t, srv, authRequests, tt.tries)
		})
	}
}

func TestAWrongV2KeyEnds(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	cfg := config(srv, func(c *swiftbackend.Config) {
		c.Auth = swiftbackend.Auth{URL: srv.URL() + "/v2.0", User: "tester", Key: "hunter2-secret", Project: fakeswift.ProjectName}
	})
	_, err := swiftbackend.Dial(t.Context(), cfg)
	wantKind(t, err, swiftbackend.KindUnauthorized)
	// The library tries the key as a password and as an API key.
	if n := srv.Count(authRequests); n > 2 {
		t.Errorf("%d logins", n)
	}
}

func TestALoginIsRepeatedWhenTheServerFails(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]fakeswift.Action{
		"500": fakeswift.Status(500), "503": fakeswift.Status(503), "429": fakeswift.Status(429), "reset": fakeswift.ResetBefore(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, fakeswift.Options{})
			fault := srv.Inject(fakeswift.Fault{Kind: authRequests, Times: 1, Do: do})
			works(t, dial(t, srv))
			if fault.Hits() != 1 {
				t.Error("the fault did not hit")
			}
		})
	}
}

func TestAnAddressThatIsNoSwiftIsSaidSo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.Inject(fakeswift.Fault{Kind: authRequests, Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = w.Write([]byte("<html><title>Welcome</title></html>"))
	}})
	_, err := swiftbackend.Dial(t.Context(), config(srv))
	wantKind(t, err, swiftbackend.KindInvalid)
	if err == nil || !strings.Contains(err.Error(), "no Swift or Keystone login") {
		t.Errorf("got %v", err)
	}
}

func TestNobodyThereIsANetworkError(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	cfg := config(srv, timeout(200*time.Millisecond))
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := swiftbackend.Dial(t.Context(), cfg)
	wantKind(t, err, swiftbackend.KindNetwork)
}
