package integration

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// account is where a mount of a test goes: the credentials of a server.
type account struct {
	authURL, user, key string
}

// mounted is a file system mounted in this process.
type mounted struct {
	t       *testing.T
	account account
	dir     string
	log     *bytes.Buffer
	client  *swiftbackend.Client
	fs      *fs.FS
	gone    bool
}

// startFake starts a fakeswift that the test's end stops.
func startFake(t *testing.T, opts fakeswift.Options) *fakeswift.Server {
	t.Helper()
	srv, err := fakeswift.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("stopping fakeswift: %v", err)
		}
	})
	return srv
}

func fakeAccount(srv *fakeswift.Server) account {
	return account{srv.AuthURL(), fakeswift.DefaultUser, fakeswift.DefaultKey}
}

// dial connects to an account; the test's end closes the client.
func dial(t *testing.T, a account, change ...func(*swiftbackend.Config)) *swiftbackend.Client {
	t.Helper()
	cfg := swiftbackend.DefaultConfig()
	cfg.Auth = swiftbackend.Auth{URL: a.authURL, User: a.user, Key: swiftbackend.Secret(a.key), Version: 1}
	cfg.Timeout = 20 * time.Second
	for _, c := range change {
		c(&cfg)
	}
	client, err := swiftbackend.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// mount mounts an account in this process. The test's end unmounts it.
func mount(t *testing.T, a account, change ...func(*fs.Config)) *mounted {
	t.Helper()
	m := mountClient(t, dial(t, a), change...)
	m.account = a
	return m
}

func mountClient(t *testing.T, client *swiftbackend.Client, change ...func(*fs.Config)) *mounted {
	t.Helper()
	m := &mounted{t: t, client: client, log: new(bytes.Buffer)}
	m.dir = t.TempDir()
	cfg := fs.DefaultConfig()
	cfg.FSName = "swiftfs-test"
	cfg.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: m.log}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	for _, c := range change {
		c(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var err error
	if m.fs, err = fs.Mount(ctx, client, m.dir, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.unmount()
		if t.Failed() {
			t.Logf("log of the mount:\n%s", m.log)
		}
	})
	return m
}

// unmount unmounts and waits until everything of the mount has ended.
func (m *mounted) unmount() {
	m.t.Helper()
	if m.gone {
		return
	}
	m.gone = true
	if err := m.fs.Unmount(); err != nil {
		m.t.Errorf("unmount: %v", err)
		_ = exec.CommandContext(context.Background(), "umount", "-l", m.dir).Run()
	}
	m.fs.Wait()
}

// path returns a path in the mount.
func (m *mounted) path(parts ...string) string {
	return filepath.Join(append([]string{m.dir}, parts...)...)
}

// result is how a program ended.
type result struct {
	out  string // standard output and error
	code int
}

// try runs a program and returns how it ended.
func try(t *testing.T, name string, args ...string) result {
	t.Helper()
	return tryFor(t, 2*time.Minute, name, args...)
}

// tryFor is try with another limit on the time.
func tryFor(t *testing.T, limit time.Duration, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return result{string(out), cmd.ProcessState.ExitCode()}
}

// run runs a program that must succeed and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	r := try(t, name, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: exit status %d\n%s", name, strings.Join(args, " "), r.code, r.out)
	}
	return r.out
}

// sh runs a line of shell that must succeed.
func sh(t *testing.T, line string) string {
	t.Helper()
	return run(t, "sh", "-ec", line)
}

// fails runs a line of shell that must fail with a message that has want in it.
func fails(t *testing.T, want, line string) {
	t.Helper()
	r := try(t, "sh", "-ec", line)
	if r.code == 0 {
		t.Errorf("%s: succeeded, want it to fail with %q\n%s", line, want, r.out)
	} else if !strings.Contains(r.out, want) {
		t.Errorf("%s: failed with\n%swant %q", line, r.out, want)
	}
}

// localFile makes a file outside the mount.
func localFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, data, 0o644); err != nil { //nolint:gosec // the mode that most files have, which cp takes along
		t.Fatal(err)
	}
	return p
}

// requests runs f and checks how many requests it cost, logins and /info not
// counted.
func requests(t *testing.T, srv *fakeswift.Server, want int, what string, f func()) {
	t.Helper()
	srv.Reset()
	f()
	if got := srv.Total(); got != want {
		t.Errorf("%s: %d requests, want %d: %s", what, got, want, requestList(srv))
	}
}

func requestList(srv *fakeswift.Server) string {
	var b strings.Builder
	for i, r := range srv.Requests() {
		if i == 20 {
			b.WriteString(" …")
			break
		}
		b.WriteString("\n\t" + r.Method + " " + r.Container + "/" + r.Object + "?" + r.Query.Encode() + " " + r.Range)
	}
	return b.String()
}

// object checks what the server has under a name.
func object(t *testing.T, srv *fakeswift.Server, container, name string, want []byte) {
	t.Helper()
	got, _, ok := srv.Object(container, name)
	switch {
	case !ok:
		t.Errorf("the server has no %s/%s", container, name)
	case !bytes.Equal(got, want):
		t.Errorf("the server has %d bytes in %s/%s, want %d bytes", len(got), container, name, len(want))
	}
}

// pattern returns n bytes that differ everywhere.
func pattern(n int, seed uint64) []byte {
	b := make([]byte, n)
	x := seed*2862933555777941757 + 3037000493
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// lockedWriter lets many goroutines write to one buffer.
type lockedWriter struct {
	mu sync.Mutex // guards the following
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func wantBytes(t *testing.T, path string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) { //nolint:gosec // a path of the test
		t.Errorf("%s has %d bytes, %v; want %d, or others", path, len(got), err, len(want))
	}
}
