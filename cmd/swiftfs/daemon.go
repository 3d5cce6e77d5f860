package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"golang.org/x/sys/unix"
)

const (
	// statusVariable tells a process that it is the second one, and on which
	// descriptor the first one waits for its verdict.
	statusVariable = "_SWIFTFS_STATUS_FD"
	statusFD       = 3
	firstInherited = 3 // above the standard streams
	// verdictGrace is how much longer than mount-timeout the first process
	// waits: the second one's own limit gives the better sentence.
	verdictGrace = 10 * time.Second
)

// verdict is what the second process says about the mount, once.
type verdict struct {
	Mounted  bool     `json:"mounted"`
	Warnings []string `json:"warnings,omitempty"`
	Error    string   `json:"error,omitempty"`
	Class    class    `json:"class,omitempty"`
}

// spawn starts this program again with the same arguments and waits until the
// mount works. The second process reads the credentials by itself. It stays in
// the process group of the first one until it is mounted: see the package's
// documentation.
func spawn(ctx context.Context, args []string, timeout time.Duration, stderr io.Writer) error {
	program, err := os.Executable()
	if err != nil {
		return systemError(err)
	}
	// A caller that waits for the end of a pipe of its own must not wait for
	// the mount's: what this process has inherited goes no further.
	closeOnExec(firstInherited)
	r, w, err := os.Pipe()
	if err != nil {
		return systemError(err)
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command(program) //nolint:noctx // it outlives this process
	cmd.Args = args
	cmd.Env = append(os.Environ(), statusVariable+"="+strconv.Itoa(statusFD))
	cmd.ExtraFiles = []*os.File{w}
	if inJournal, err := journal.StderrIsJournalStream(); err == nil && inJournal {
		cmd.Stderr = os.Stderr
	}
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return systemError(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(timeout + verdictGrace)); err != nil {
		return systemError(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	v, err := readVerdict(r)
	if err != nil {
		return giveUp(cmd, err)
	}
	for _, warning := range v.Warnings {
		_, _ = fmt.Fprintf(stderr, "swiftfs: warning: %s\n", warning)
	}
	if !v.Mounted {
		_ = cmd.Wait()
		return &failure{v.Class, errors.New(v.Error)}
	}
	return cmd.Process.Release()
}

func readVerdict(r io.Reader) (v verdict, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return v, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return v, io.ErrUnexpectedEOF
	}
	return v, json.Unmarshal(text, &v)
}

// giveUp ends a second process that said nothing in time, or finds out how it
// ended without saying anything.
func giveUp(cmd *exec.Cmd, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return errors.New("the mount did not come about in time, and its process is stuck: it was killed")
	}
	end := "exit status 0"
	if err := cmd.Wait(); err != nil {
		end = err.Error()
	}
	return &failure{classBug, fmt.Errorf("the background process ended without a word (%s); try --foreground to see why, and please report it", end)}
}

// statusPipe returns the pipe to the first process, or nil in a process that
// was started by a user.
func statusPipe() *os.File {
	text, ok := os.LookupEnv(statusVariable)
	if !ok {
		return nil
	}
	_ = os.Unsetenv(statusVariable)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "status") //nolint:gosec // a small number
}

// report sends the verdict and leaves the pipe.
func report(pipe *os.File, v verdict) error {
	defer func() { _ = pipe.Close() }()
	return json.NewEncoder(pipe).Encode(v)
}

// detachFromCaller makes this process one of its own, now that its mount works:
// no session, no working directory and no terminal of its caller is held.
// Standard input and output are /dev/null already, and standard error is that
// or the journal.
func detachFromCaller() {
	_, _ = unix.Setsid()
	_ = os.Chdir("/")
}
