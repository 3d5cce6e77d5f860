package swiftbackend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"swiftfs/swiftbackend"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	const secret = "hunter2"
	auth := swiftbackend.Auth{URL: "https://host/auth", User: "me", Key: secret, AppCredentialSecret: secret, Token: secret}
	cfg := swiftbackend.DefaultConfig()
	cfg.Auth, cfg.Log = auth, nil
	for what, v := range map[string]any{"Config": cfg, "*Config": &cfg, "Auth": auth, "Secret": auth.Key, "map": map[string]swiftbackend.Secret{"a": secret}} {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		js, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		ym, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).Info("it", "v", v)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("it", "v", v)
		hex := fmt.Sprintf("%x", secret)
		for _, text := range append(texts, string(js), string(ym), logged.String()) {
			if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), hex) {
				t.Errorf("%s shows the secret: %s", what, text)
			}
		}
	}
	if auth.Key.Reveal() != secret {
		t.Error("the secret itself is lost")
	}
	if s := fmt.Sprintf("%#v", swiftbackend.Secret("")); strings.Contains(s, "*") {
		t.Errorf("no secret looks like one: %s", s)
	}
}

// env returns a lookup of these variables.
func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestTheEnvironmentNamesTheAccount(t *testing.T) {
	for _, tt := range []struct {
		name   string
		vars   map[string]string
		want   swiftbackend.Auth
		region string
		kind   string
	}{
		{
			"v1 of the swift command line", map[string]string{"ST_AUTH": "https://host/auth", "ST_USER": "a:b", "ST_KEY": "k"},
			swiftbackend.Auth{URL: "https://host/auth", User: "a:b", Key: "k", Version: 1}, "", "",
		},
		{
			"v1 beside other variables of OpenStack",
			map[string]string{"ST_AUTH": "https://host/auth/v1.0", "ST_USER": "a:b", "ST_KEY": "k", "OS_USERNAME": "other", "OS_PASSWORD": "x"},
			swiftbackend.Auth{URL: "https://host/auth/v1.0", User: "a:b", Key: "k", Version: 1}, "", "",
		},
		{
			"v3 with names",
			map[string]string{
				"OS_AUTH_URL": "https://host/v3", "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_USER_DOMAIN_NAME": "ud", "OS_PROJECT_NAME": "pr",
				"OS_PROJECT_DOMAIN_NAME": "pd", "OS_REGION_NAME": "R", "OS_INTERFACE": "internal", "OS_IDENTITY_API_VERSION": "3", "ST_USER": "other",
			},
			swiftbackend.Auth{URL: "https://host/v3", Version: 3, User: "u", Key: "p", UserDomain: "ud", Project: "pr", ProjectDomain: "pd"}, "R", "internal",
		},
		{
			"v3 with ids",
			map[string]string{
				"OS_AUTH_URL": "https://host/v3", "OS_USER_ID": "u", "OS_PASSWORD": "p", "OS_USER_DOMAIN_ID": "ud", "OS_PROJECT_ID": "pr",
				"OS_PROJECT_DOMAIN_ID": "pd", "OS_ENDPOINT_TYPE": "admin",
			},
			swiftbackend.Auth{URL: "https://host/v3", UserID: "u", Key: "p", UserDomainID: "ud", ProjectID: "pr", ProjectDomainID: "pd"}, "", "admin",
		},
		{
			"an application credential",
			map[string]string{
				"OS_AUTH_URL": "https://host/v3", "OS_APPLICATION_CREDENTIAL_ID": "i", "OS_APPLICATION_CREDENTIAL_NAME": "n",
				"OS_APPLICATION_CREDENTIAL_SECRET": "s",
			},
			swiftbackend.Auth{URL: "https://host/v3", AppCredentialID: "i", AppCredentialName: "n", AppCredentialSecret: "s"}, "", "",
		},
		{
			"v2 with a tenant", map[string]string{"OS_AUTH_URL": "https://host/v2.0", "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_TENANT_NAME": "t"},
			swiftbackend.Auth{URL: "https://host/v2.0", User: "u", Key: "p", Project: "t"}, "", "",
		},
		{
			"a token and its storage URL, which need no login",
			map[string]string{"OS_AUTH_URL": "https://host/v3", "OS_AUTH_TOKEN": "t", "OS_STORAGE_URL": "https://host/v1/a"},
			swiftbackend.Auth{Token: "t", StorageURL: "https://host/v1/a"}, "", "",
		},
		{"nothing", nil, swiftbackend.Auth{}, "", ""},
	} {
		got, region, kind, err := swiftbackend.AuthFromEnv(env(tt.vars))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || region != tt.region || kind != tt.kind {
			t.Errorf("%s: region %q, endpoint type %q (-want +got):\n%s", tt.name, region, kind, diff)
		}
	}
	_, _, _, err := swiftbackend.AuthFromEnv(env(map[string]string{"ST_AUTH_VERSION": "seven"}))
	if err == nil || !strings.Contains(err.Error(), "ST_AUTH_VERSION") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
}

func TestAuthVersionsAreRead(t *testing.T) {
	for s, want := range map[string]int{"": 0, "auto": 0, "1": 1, "1.0": 1, "v1": 1, "v1.0": 1, "2": 2, "2.0": 2, "v2.0": 2, "3": 3, "v3": 3, "3.0": 3} {
		if got, err := swiftbackend.ParseAuthVersion(s); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"0", "4", "-1", "v", "one", "1.x", "NaN", "Inf"} {
		if got, err := swiftbackend.ParseAuthVersion(s); err == nil {
			t.Errorf("%q: got %d and no error", s, got)
		}
	}
}

func TestWhatIsMissingIsSaidInOneSentence(t *testing.T) {
	for _, tt := range []struct {
		cfg  swiftbackend.Config
		want string
	}{
		{swiftbackend.Config{}, "no account to log in to"},
		{swiftbackend.Config{EndpointType: "secret"}, `endpoint type "secret" is not known`},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "host/auth"}}, "not of the form https://host/path"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://u:p@host/auth"}}, "has a password in it"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/auth"}}, "no user name"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/auth", User: "u"}}, "no key for user"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/v3", User: "u"}}, "no password for user"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/v3"}}, "no user for"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/v3", AppCredentialID: "i"}}, "no secret"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/v3", AppCredentialName: "n", AppCredentialSecret: "s"}}, "needs its user"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{URL: "https://host/auth", User: "u", Key: "k", Version: 9}}, "auth version 9"},
		{swiftbackend.Config{Auth: swiftbackend.Auth{Token: "t", StorageURL: "nonsense"}}, "storage URL"},
	} {
		err := tt.cfg.Validate()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want %q", tt.cfg.Auth, err, tt.want)
		}
		if _, err := swiftbackend.Dial(t.Context(), tt.cfg); err == nil {
			t.Errorf("%+v: dialled", tt.cfg.Auth)
		}
	}
}

const cloudsYAML = `
clouds:
  dream:
    auth:
      auth_url: https://host/v3
      username: me
      project_name: p
      user_domain_name: ud
      project_domain_id: pd
    region_name: R
    interface: internalURL
    identity_api_version: 3
    cacert: /etc/ca.pem
    verify: false
  app:
    auth:
      auth_url: https://host/v3
      application_credential_id: i
`

const secureYAML = `
clouds:
  dream:
    auth:
      password: hunter2
  app:
    auth:
      application_credential_secret: hunter3
`

func TestAnEntryOfCloudsYAMLIsRead(t *testing.T) {
	dir := t.TempDir()
	clouds := filepath.Join(dir, "clouds.yaml")
	for name, text := range map[string]string{"clouds.yaml": cloudsYAML, "secure.yaml": secureYAML, "broken.yaml": "clouds: [", "strange.yaml": "clouds:\n  a:\n    identity_api_version: x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{filepath.Join(dir, "missing.yaml"), clouds}
	got, err := swiftbackend.FromClouds("dream", paths)
	if err != nil {
		t.Fatal(err)
	}
	want := swiftbackend.Auth{
		URL: "https://host/v3", Version: 3, User: "me", Key: "hunter2", Project: "p", UserDomain: "ud", ProjectDomainID: "pd",
	}
	if diff := cmp.Diff(want, got.Auth); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Region != "R" || got.EndpointType != "internal" || got.CACert != "/etc/ca.pem" || !got.Insecure || got.Requests != swiftbackend.DefaultConfig().Requests {
		t.Errorf("got %+v", got)
	}
	if got, err = swiftbackend.FromClouds("app", paths); err != nil || got.Auth.AppCredentialSecret != "hunter3" || got.Insecure || got.Auth.Key != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, tt := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"other", paths, "has no cloud \"other\"; it has app, dream"},
		{"dream", paths[:1], "no clouds.yaml for cloud \"dream\""},
		{"dream", []string{filepath.Join(dir, "broken.yaml")}, "is not a clouds.yaml"},
		{"a", []string{filepath.Join(dir, "strange.yaml")}, "identity_api_version"},
	} {
		if _, err := swiftbackend.FromClouds(tt.name, tt.paths); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s in %v: got %v, want %q", tt.name, tt.paths, err, tt.want)
		}
	}
}

func TestCloudsYAMLIsLookedForWhereOpenStackDoes(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/home/me/.config")
	got := swiftbackend.CloudsPaths(env(map[string]string{"OS_CLIENT_CONFIG_FILE": "/my/clouds.yaml"}))
	want := []string{"/my/clouds.yaml", "clouds.yaml", "/home/me/.config/openstack/clouds.yaml", "/etc/openstack/clouds.yaml"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
