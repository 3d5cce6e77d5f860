package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playChild is the second process of the mounts below.
func playChild(part string) int {
	pipe := statusPipe()
	if pipe == nil {
		return 99
	}
	switch part {
	case "mounts":
		if err := report(pipe, verdict{Mounted: true, Warnings: []string{"look out"}}); err != nil {
			return 98
		}
		return 0
	case "fails":
		if err := report(pipe, verdict{Error: "no luck with " + strings.Join(os.Args, " "), Class: classUsage}); err != nil {
			return 98
		}
		return 0
	case "waits":
		terminated := make(chan os.Signal, 1)
		signal.Notify(terminated, syscall.SIGTERM)
		<-terminated
		if err := report(pipe, verdict{Error: "interrupted", Class: classInterrupted}); err != nil {
			return 98
		}
		return 0
	}
	return 3
}

func TestTheFirstProcessReturnsWhenTheMountWorks(t *testing.T) {
	t.Setenv(childVariable, "mounts")
	var stderr bytes.Buffer
	if err := spawn(t.Context(), []string{"swiftfs", "mount"}, time.Minute, &stderr); err != nil {
		t.Fatal(err)
	}
	if got, want := stderr.String(), "swiftfs: warning: look out\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheFirstProcessEndsWithTheErrorOfTheSecond(t *testing.T) {
	t.Setenv(childVariable, "fails")
	err := spawn(t.Context(), []string{"swiftfs", "mount", "x"}, time.Minute, os.Stderr)
	if err == nil || err.Error() != "no luck with swiftfs mount x" || classOf(err) != classUsage {
		t.Errorf("got %v, class %d", err, classOf(err))
	}
}

func TestASecondProcessThatDiesInSilenceIsABug(t *testing.T) {
	t.Setenv(childVariable, "dies")
	err := spawn(t.Context(), []string{"swiftfs"}, time.Minute, os.Stderr)
	if err == nil || !strings.Contains(err.Error(), "without a word (exit status 3)") || classOf(err) != classBug {
		t.Errorf("got %v, class %d", err, classOf(err))
	}
}

func TestAnInterruptReachesTheSecondProcess(t *testing.T) {
	t.Setenv(childVariable, "waits")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := spawn(ctx, []string{"swiftfs"}, time.Minute, os.Stderr)
	// It may be reached before it listens, and then ends without a word.
	if c := classOf(err); err == nil || c != classInterrupted && c != classBug {
		t.Errorf("got %v, class %d", err, c)
	}
}
