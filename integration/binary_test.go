package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary returns the path of the program that users run, built once for all
// tests, as `make` builds it. It lies in the directory that TestMain removes.
func binary(t *testing.T) string {
	t.Helper()
	path, err := buildBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bin-")
	if err != nil {
		return "", err
	}
	// Other users run it too.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // a program is for everybody
		return "", err
	}
	path := filepath.Join(dir, "swiftfs")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, "swiftfs/cmd/swiftfs")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building swiftfs: %w\n%s", err, out)
	}
	return path, errors.Join(os.Symlink("swiftfs", filepath.Join(dir, "mount.swiftfs")), os.Symlink("swiftfs", filepath.Join(dir, "mount.fuse.swiftfs")))
})

// environment is the test's own, without variables that name an account, and
// with those that name a.
func environment(a account) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "OS_") && !strings.HasPrefix(e, "ST_") {
			env = append(env, e)
		}
	}
	env = append(env, "LC_ALL=C", "TZ=UTC")
	if a.authURL != "" {
		env = append(env, "ST_AUTH="+a.authURL, "ST_USER="+a.user, "ST_KEY="+a.key)
	}
	return env
}

// swiftfs runs the program, or another by its path, with a's variables in the
// environment.
func swiftfs(t *testing.T, a account, args ...string) result {
	t.Helper()
	return command(t, a, binary(t), args...)
}

func command(t *testing.T, a account, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environment(a)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%s %q: %v", program, args, err)
	}
	return result{string(out), cmd.ProcessState.ExitCode()}
}

// wantResult checks a program's exit status and that it printed a sentence, and
// nothing but that.
func wantResult(t *testing.T, got result, code int, sentence string) {
	t.Helper()
	if got.code != code || !strings.Contains(got.out, sentence) || strings.Count(got.out, "\n") > 1 {
		t.Errorf("exit status %d, %q\nwant %d and one line with %q", got.code, got.out, code, sentence)
	}
}

// daemon is a mount served by a process of its own.
type daemon struct {
	t   *testing.T
	dir string
	pid int

	// Of a process in the foreground:
	log   *logBuffer
	ended chan error // its end, once
}

// mountBinary mounts in the background, as users do. The test's end unmounts
// what is still mounted.
func mountBinary(t *testing.T, a account, source string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir()}
	t.Cleanup(d.detach)
	got := swiftfs(t, a, append(append([]string{"mount"}, args...), source, d.dir)...)
	if got.code != 0 || got.out != "" {
		t.Fatalf("swiftfs mount %q %s: exit status %d, %q; want 0 and silence", args, source, got.code, got.out)
	}
	d.pid = serving(t, d.dir)
	return d
}

// mountForeground mounts with --foreground and returns when the process has
// told its service manager that the mount works.
func mountForeground(t *testing.T, a account, source string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), log: new(logBuffer), ended: make(chan error, 1)}
	t.Cleanup(d.detach)
	socket := filepath.Join(t.TempDir(), "notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ready.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary(t), append(append([]string{"mount", "--foreground"}, args...), source, d.dir)...)
	cmd.Env = append(environment(a), "NOTIFY_SOCKET="+socket)
	cmd.Stderr = d.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.pid = cmd.Process.Pid
	go func() { d.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		d.detach()
		select {
		case err := <-d.ended:
			d.ended <- err
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("the process did not end with its mount")
		}
		if t.Failed() {
			t.Logf("log of the mount:\n%s", d.log)
		}
	})
	if err := ready.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 100)
	if n, err := ready.Read(word); err != nil || string(word[:n]) != "READY=1" {
		t.Fatalf("the process says %q, %v\n%s", word[:n], err, d.log)
	}
	return d
}

// end waits for the end of a process in the foreground and returns its exit
// status.
func (d *daemon) end() int {
	d.t.Helper()
	select {
	case err := <-d.ended:
		d.ended <- err
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return 0
	case <-time.After(20 * time.Second):
		d.t.Fatal("the process did not end")
		return -1
	}
}

// path returns a path in the mount.
func (d *daemon) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// detach takes the mount away if it is still there.
func (d *daemon) detach() {
	if isMounted(d.t, d.dir) {
		_ = exec.CommandContext(context.Background(), "umount", "-l", d.dir).Run()
	}
}

// isMounted reports whether something is mounted on dir.
func isMounted(t *testing.T, dir string) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(table), " "+dir+" ")
}

// serving returns the process that serves the mount on dir.
func serving(t *testing.T, dir string) int {
	t.Helper()
	var found []int
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		words, err := os.ReadFile(l)
		if err != nil || !bytes.Contains(words, []byte("swiftfs\x00mount\x00")) || !bytes.Contains(words, []byte("\x00"+dir+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(l))); err == nil {
			found = append(found, pid)
		}
	}
	if len(found) != 1 {
		t.Fatalf("processes %v serve %s, want one", found, dir)
	}
	return found[0]
}

// awaitEnd waits until a process that is no child of this one has ended.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := pidfdOpen(pid)
	if errors.Is(err, syscall.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = f.Close() }()
	if !pollReadable(fd, 20*time.Second) {
		t.Fatalf("process %d did not end", pid)
	}
}

// logBuffer is what a process or a logger wrote, to be read while it writes.
type logBuffer struct {
	mu sync.Mutex // guards the following
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns everything written so far.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*logBuffer)(nil)
