package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func lookupIn(vars map[string]string) lookupFunc {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func writeFile(t *testing.T, mode os.FileMode, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCredentialsAreReadAsAShellWouldWithoutExpansion(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`K=plain`, "plain"},
		{`K=plain   `, "plain"},
		{`  export K=plain`, "plain"},
		{"export\tK=plain", "plain"},
		{`K=a$HOME$(id)` + "`x`", "a$HOME$(id)`x`"},
		{`K='a$b "c" \d'`, `a$b "c" \d`},
		{`K="a$b \"c\" \\ \$ \d 'e'"`, `a$b "c" \ $ \d 'e'`},
		{`K="with # hash" # comment`, "with # hash"},
		{`K=with#hash`, "with#hash"},
		{`K=#hash`, "#hash"},
		{`K=value # comment`, "value"},
		{`K= # comment`, ""},
		{`K= value`, "value"},
		{`K=`, ""},
		{`K=''`, ""},
		{`K=a=b==`, "a=b=="},
		{"K=dos\r", "dos"},
		{`K=back\slash`, `back\slash`},
		{`K=two words`, "two words"},
		{"\ufeffK=marked", "marked"},
		{"# comment\n\nK=later\n#end", "later"},
		{"K=one\nK=two", "two"},
	} {
		vars, err := parseCredentials(c.line + "\n")
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
		} else if got := vars["K"]; got != c.want {
			t.Errorf("%s: got %q, want %q", c.line, got, c.want)
		}
	}
}

func TestErrorsInCredentialsNameTheLineAndNoSecret(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"ST_USER=u\nsecret\n", "line 2 is not of the form KEY=VALUE"},
		{"1X=secret\n", "line 1 is not of the form KEY=VALUE"},
		{"A B=secret\n", "line 1 is not of the form KEY=VALUE"},
		{"ST_KEY='secret\n", "line 1, ST_KEY: the quote is not closed"},
		{"ST_KEY=\"secret\\\"\n", "line 1, ST_KEY: the quote is not closed"},
		{"ST_KEY='secret'secret\n", "line 1, ST_KEY: something follows the closing quote"},
		{"# nothing\n", "it sets no variable; write lines as ST_AUTH=https://host/auth"},
	} {
		path := writeFile(t, 0o600, c.content)
		_, err := readCredentials(path)
		if want := "credentials file " + path + ": " + c.want; err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", c.content, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the secret is in %v", err)
		}
	}
}

func TestCredentialsFilesThatOthersCanReadAreRefused(t *testing.T) {
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o660: false, 0o644: false, 0o610: false} {
		path := writeFile(t, mode, "ST_USER=u\n")
		_, err := readCredentials(path)
		if ok != (err == nil) {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if err != nil && !strings.HasSuffix(err.Error(), "; run: chmod 600 "+path) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestCredentialsMustBeARegularFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := writeFile(t, 0o600, "")
	if err := os.Truncate(huge, maxCredentials+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                          "is a directory",
		fifo:                         "is not a regular file",
		filepath.Join(dir, "absent"): "does not exist",
		huge:                         "that is no list of variables",
	} {
		if _, err := readCredentials(path); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want ... %s", path, err, want)
		}
	}
}

func TestTheCredentialsFileStandsInForTheWholeEnvironment(t *testing.T) {
	path := writeFile(t, 0o600, "ST_AUTH=http://file/auth\nST_USER=file:user\nST_KEY=k\n")
	env := lookupIn(map[string]string{"OS_AUTH_URL": "http://env:5000/v3", "OS_USERNAME": "env", "OS_PASSWORD": "p", "OS_REGION_NAME": "env"})
	o := defaultOptions()
	o.server.credentials = path
	c, err := o.backendConfig(source{}, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Auth.URL != "http://file/auth" || c.Auth.User != "file:user" || c.Region != "" {
		t.Errorf("the environment shows through: %+v", c)
	}
	o.server.credentials = ""
	if c, err = o.backendConfig(source{}, env); err != nil || c.Auth.URL != "http://env:5000/v3" {
		t.Errorf("without a file: %+v, %v", c, err)
	}
}

func TestWithoutAnyAccountTheErrorSaysWhereItCouldComeFrom(t *testing.T) {
	_, err := defaultOptions().backendConfig(source{}, lookupIn(nil))
	if err == nil || classOf(err) != classUsage || !strings.Contains(err.Error(), "credentials=FILE; mount(8) and systemd pass no environment") {
		t.Errorf("empty environment: %v", err)
	}
	o := defaultOptions()
	o.server.credentials = writeFile(t, 0o600, "HOME=/x\n")
	if _, err = o.backendConfig(source{}, lookupIn(nil)); err == nil || !strings.Contains(err.Error(), "names no account") {
		t.Errorf("file without account: %v", err)
	}
}

func TestACloudIsReadFromCloudsYAML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	const text = "clouds:\n  work:\n    auth: {auth_url: 'https://k:5000/v3', username: u, password: p, project_name: pr}\n    region_name: R1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := lookupIn(map[string]string{"OS_CLIENT_CONFIG_FILE": path, "ST_AUTH": "http://env/auth", "ST_USER": "e", "ST_KEY": "e"})
	c, err := defaultOptions().backendConfig(source{cloud: "work"}, env)
	if err != nil || c.Auth.URL != "https://k:5000/v3" || c.Region != "R1" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err = defaultOptions().backendConfig(source{cloud: "play"}, env); err == nil || !strings.Contains(err.Error(), "it has work") {
		t.Errorf("unknown cloud: %v", err)
	}
}
