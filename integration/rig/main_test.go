package rig_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"swiftfs/integration/rig"
)

// victimVariable makes the test program start servers in the directory that it
// names and wait to be killed.
const victimVariable = "SWIFTFS_RIG_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimVariable); dir != "" {
		os.Exit(victim(dir))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func victim(dir string) int {
	ctx := context.Background()
	s, err := rig.StartSwift(ctx, rig.SwiftOptions{Dir: dir + "/swift"})
	if err == nil {
		_, err = rig.StartSystemd(ctx, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, s.AuthURL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
	return 0
}

func TestServersDieWithAKilledProgram(t *testing.T) {
	run := t.Name() + t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimVariable+"="+t.TempDir(), rig.RunVariable+"="+run)
	cmd.Stderr = os.Stderr
	// Never written to and closed after the end: the victim waits.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err, cmd.Wait())
	}
	before, err := rig.Processes(run)
	if err != nil {
		t.Fatal(err)
	}
	// The program, five of Swift's, unshare, and systemd with its services.
	if len(before) < 8 {
		t.Errorf("processes of the run: %q", before)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the program ended by itself")
	}

	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		after, err := rig.Processes(run)
		if err != nil {
			t.Fatal(err)
		}
		if len(after) == 0 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("left running: %q", after)
		case <-tick.C:
		}
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	// A process that is being killed gives up its memory, and with that its
	// environment, before its sockets.
	for {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
		if err != nil {
			return
		}
		_ = c.Close()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s still listens", u.Host)
		}
	}
}
