package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"swiftfs/integration/rig"
)

// goTest runs go test with args, prints the outcome of each package, the output
// of what failed, and a count. It fails if a test does, or if a process that a
// test started or a mount of swiftfs is left. The flag -again N before the
// arguments of go test has up to N failed tests run again (again.go).
func goTest(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	most, args, err := parseAgain(args)
	if err != nil {
		return err
	}
	mounts, err := rig.Mounts()
	if err != nil {
		return err
	}
	run := rand.Text()
	r := newReport(stdout)
	err = goTestOnce(ctx, run, args, r, stderr)
	if err != nil && r.excusable(most) {
		err = runAgain(ctx, run, args, r, stderr)
	}
	return errors.Join(err, r.summary(), leftovers(ctx, run, mounts))
}

// goTestOnce is one go test, of which r gets the events.
func goTestOnce(ctx context.Context, run string, args []string, r *report, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(os.Environ(), rig.RunVariable+"="+run)
	cmd.Stderr = stderr
	// go test passes an interrupt on to the tests, which then clean up.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := r.read(events)
	if err := cmd.Wait(); err != nil {
		readErr = errors.Join(readErr, fmt.Errorf("go test: %w", err))
	}
	return readErr
}

// leftovers returns an error that names what the run left behind. What is ending
// gets a few seconds.
func leftovers(ctx context.Context, run string, mountsBefore []string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		processes, err := rig.Processes(run)
		if err != nil {
			return err
		}
		mounts, err := rig.Mounts()
		if err != nil {
			return err
		}
		mounts = slices.DeleteFunc(mounts, func(m string) bool { return slices.Contains(mountsBefore, m) })
		if len(processes)+len(mounts) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("left behind by the tests:\nprocesses:\n%s\nmounts:\n%s",
				strings.Join(processes, "\n"), strings.Join(mounts, "\n"))
		}
	}
}
