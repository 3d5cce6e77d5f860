package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// command says how one server is started and how to see that it is ready.
type command struct {
	name  string
	args  []string
	env   []string // beside this program's own
	log   string   // path; standard output and error are appended to it
	ready func(context.Context) error
	wait  time.Duration // how long ready may fail
	grace time.Duration // from the request to end until it is killed
}

// launch starts c and waits until it is ready. On an error nothing is left
// running.
func launch(ctx context.Context, c command) (*process, error) {
	p, err := start(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(err, p.stop(c.grace))
	}
	return p, nil
}

// await polls until the process is ready. The error has the end of its log.
func (p *process) await(ctx context.Context) error {
	c := p.command
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := c.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%w); its log ends:\n%s", c.name, p.err, tail(c.log))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (%w: %w); its log ends:\n%s", c.name, ctx.Err(), err, tail(c.log))
		case <-ticker.C:
		}
	}
}

// tail returns the last lines of a log for an error message, which is all it is
// good for: a log that cannot be read is said so in its place.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// output runs a program to its end and returns what it printed. The error has
// all of its words.
func output(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, programPath(args[0]), args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.Bytes(), nil
}
