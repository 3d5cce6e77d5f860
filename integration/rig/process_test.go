//go:build linux

package rig

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// never is a readiness check that fails.
func never(context.Context) error { return errors.New("not yet") }

func TestLaunchOfAProgramThatEndsShowsItsLog(t *testing.T) {
	_, err := launch(t.Context(), command{
		name: "speaker", args: []string{"sh", "-c", "echo first; echo what went wrong >&2; exit 3"},
		log: filepath.Join(t.TempDir(), "log"), ready: never, wait: time.Minute,
	})
	if err == nil || !strings.Contains(err.Error(), "speaker ended (exit status 3)") || !strings.Contains(err.Error(), "what went wrong") {
		t.Errorf("error: %v", err)
	}
}

func TestLaunchOfAProgramThatIsNeverReadyEndsIt(t *testing.T) {
	dir := t.TempDir()
	c := command{
		// A program that ends neither by itself nor when asked, nor does its child.
		name: "stubborn", args: []string{"sh", "-c", "trap '' TERM; (while :; do sleep 1; done) & echo $! > " + dir + "/child; wait"},
		log: filepath.Join(dir, "log"), grace: 50 * time.Millisecond, wait: time.Minute,
	}
	var child string
	ctx, cancel := context.WithCancel(t.Context())
	c.ready = func(context.Context) error {
		b, err := os.ReadFile(dir + "/child")
		if err == nil && len(b) > 1 {
			child = strings.TrimSpace(string(b))
			cancel()
		}
		return errors.New("not yet")
	}
	_, err := launch(ctx, c)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	// It was killed, and ends as soon as the kernel gets to it.
	deadline := time.After(10 * time.Second)
	for alive(t, child) {
		select {
		case <-deadline:
			t.Fatalf("process %s of the group lives", child)
		default:
			runtime.Gosched()
		}
	}
}

// alive reports whether a process runs, as opposed to waiting to be reaped.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestSignalAfterTheEndReachesNobody(t *testing.T) {
	p, err := start(t.Context(), command{name: "true", args: []string{"true"}, log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := errors.Join(p.pause(), p.resume(), p.stop(0)); err != nil {
		t.Error(err)
	}
}

func TestReservedPortsAreDistinctAndBindable(t *testing.T) {
	ports, err := reservePorts(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] {
			t.Errorf("port %d twice", p)
		}
		seen[p] = true
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			t.Errorf("the server does not get its port: %v", err)
			continue
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMissingProgramsNameWhatToInstall(t *testing.T) {
	packageSets["test"] = packageSet{packages: []string{"b-package", "a-package"}, programs: []string{"sh", "swiftfs-no-such-program"}}
	t.Cleanup(func() { delete(packageSets, "test") })
	err := require("test", "test")
	if !errors.Is(err, ErrMissing) {
		t.Fatalf("error: %v", err)
	}
	if !strings.Contains(err.Error(), "apt-get install -y --no-install-recommends a-package b-package") ||
		strings.Contains(err.Error(), ": sh ") {
		t.Errorf("error: %v", err)
	}
	if _, err := Install(t.Context(), "no-such-set"); err == nil {
		t.Error("an unknown set was installed")
	}
}
