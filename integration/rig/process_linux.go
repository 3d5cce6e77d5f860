package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one running server: the leader of its own process group.
type process struct {
	command command
	pid     int
	done    chan struct{} // closed once the process was reaped; err is valid then
	err     error

	mu     sync.Mutex // guards the following
	reaped bool       // the process id is free for others
}

// start runs c and returns once it was executed. The process outlives ctx: it
// ends with stop, by itself, or with this program.
func start(ctx context.Context, c command) (*process, error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), programPath(c.args[0]), c.args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}

	p := &process{command: c, done: make(chan struct{})}
	started := make(chan error)
	go p.keep(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	return p, nil
}

// keep starts cmd, waits for it and reaps it, all on one thread: the kernel
// sends the death signal when the thread that started a process ends, not when
// the program does.
func (p *process) keep(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil

	// Until it is reaped, the dead leader reserves the number of its group.
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	_ = unix.Kill(-p.pid, unix.SIGKILL) // what the leader left of its group
	p.err = cmd.Wait()
	p.reaped = true
	p.mu.Unlock()
	close(p.done)
}

// signal sends sig to the process and all of its group; no error if it ended.
func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	if err := unix.Kill(-p.pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.command.name, err)
	}
	return nil
}

func (p *process) pause() error  { return p.signal(unix.SIGSTOP) }
func (p *process) resume() error { return p.signal(unix.SIGCONT) }

// stop asks the process to end, makes it end after grace, and returns when it
// did. How it ended is no error: it was told to.
func (p *process) stop(grace time.Duration) error {
	err := errors.Join(p.signal(unix.SIGTERM), p.signal(unix.SIGCONT))
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return err
	case <-timer.C:
	}
	err = errors.Join(err, p.signal(unix.SIGKILL))
	<-p.done
	return err
}

// holdsAttributes reports whether files in dir may have the user attributes in
// which Swift's object server keeps metadata, as large as Swift allows them.
func holdsAttributes(dir string) bool {
	f, err := os.CreateTemp(dir, "rig-xattr-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(f.Name()); _ = f.Close() }()
	return unix.Fsetxattr(int(f.Fd()), "user.swiftfs.rig", make([]byte, 16<<10), 0) == nil
}
