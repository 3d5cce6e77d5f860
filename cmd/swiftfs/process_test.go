package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogLinesHavePriorityAndNoTime(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLineHandler(slog.LevelInfo, journalLine(&out))).With("mount", "/mnt")
	log.Debug("hidden")
	log.Info("hello", "n", 1)
	log.WithGroup("g").Warn("look", "time", "kept")
	log.Error("no")
	const want = "<6>msg=hello mount=/mnt n=1\n<4>msg=look mount=/mnt g.time=kept\n<3>msg=no mount=/mnt\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

func TestLogRequestsMakesOnlyTheBackendTalkative(t *testing.T) {
	var out bytes.Buffer
	l := openLogs(processOptions{foreground: true, logLevel: "warn", logFormat: "json", logRequests: true}, &out)
	l.fs.Info("quiet")
	l.backend.Debug("request")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"request"`) {
		t.Errorf("got %s", got)
	}
}

func TestMetricsAndProfilesAreServed(t *testing.T) {
	m, err := serveMetrics(t.Context(), "127.0.0.1:0", newRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	for path, want := range map[string]string{"/metrics": "go_goroutines", "/debug/pprof/": "heap"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), want) {
			t.Errorf("%s has no %s", path, want)
		}
	}
	if _, err := serveMetrics(t.Context(), m.addr, newRegistry()); err == nil || classOf(err) != classSystem {
		t.Errorf("the same address again: %v", err)
	}
}

func TestAMountThatCannotBeginSaysWhy(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ mountpoint, words, want string }{
		{filepath.Join(dir, "absent"), "", "does not exist; run: mkdir -p"},
		{dir, "", "127.0.0.1:1 refuses connections"},
		{dir, "credentials=/nonexistent", "credentials file /nonexistent does not exist"},
		{dir, "metrics-address=no..host:80", "metrics-address no..host:80: "},
	} {
		o := defaultOptions()
		o.process.foreground = true
		if err := (&words{rows: o.table()}).Set(c.words); err != nil {
			t.Fatal(err)
		}
		r := &request{mountpoint: c.mountpoint, opts: o, env: lookupIn(account("http://127.0.0.1:1/auth")), host: testHost(t), stderr: t.Output()}
		if _, err := r.start(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -o %s: %v, want %s", c.mountpoint, c.words, err, c.want)
		}
	}
}

func TestMissingCredentialsEndAMountWithTheStatusForWrongOptions(t *testing.T) {
	for _, c := range []struct {
		argv   []string
		status int
	}{
		{[]string{"swiftfs", "mount", "--foreground", "--credentials=/nonexistent", ":", "/"}, exitUsage},
		{[]string{"mount.swiftfs", ":", "/", "-o", "foreground,credentials=/nonexistent"}, helperUsage},
	} {
		status, _, stderr := runProgram(t, nil, c.argv...)
		if want := c.argv[0] + ": credentials file /nonexistent does not exist\n"; status != c.status || stderr != want {
			t.Errorf("%q: status %d, %s", c.argv, status, stderr)
		}
	}
}
