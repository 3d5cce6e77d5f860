package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Candidate is a program that mounts.
type Candidate struct {
	Name    string
	Version string
	S3      bool // it speaks to Swift's S3 API
	// Serverless says that all it has is its own: it neither gets a container nor
	// is anything on the server checked.
	Serverless bool
	// command returns the command line that mounts a container in the foreground,
	// and its environment.
	command func(m mountSpec) (args, env []string)
}

// mountSpec is what a candidate needs to know.
type mountSpec struct {
	root, user, key string // of the proxy
	container       string
	dir             string // where to mount
	scratch         string // for what it keeps on disk
	flags           []string
}

// mount is a mount that is served by a process of its own.
type mount struct {
	dir  string
	pid  int
	log  *tailBuffer
	done chan struct{} // closed when the process has ended
	err  error         // of the process, valid then
}

// mountTime is how long mounting and unmounting may take.
const mountTime = 20 * time.Second

// startMount mounts and returns when the kernel knows of it.
func startMount(ctx context.Context, c Candidate, spec mountSpec) (*mount, error) {
	args, env := c.command(spec)
	m := &mount{dir: spec.dir, log: new(tailBuffer), done: make(chan struct{})}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	cmd.Env = append(plainEnvironment(), env...)
	cmd.Stdout, cmd.Stderr = m.log, m.log
	started := make(chan error)
	go func() {
		defer close(m.done)
		m.err = runBound(cmd, started)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	m.pid = cmd.Process.Pid
	if err := m.awaitMounted(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not mount: %w\n%s", c.Name, err, m.log), m.stop(ctx))
	}
	return m, nil
}

// plainEnvironment is this process's own without variables that name an account.
func plainEnvironment() []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !hasAnyPrefix(name, "OS_", "ST_", "AWS", "RCLONE_", "SWIFTFS_") || name == runVariable {
			env = append(env, e)
		}
	}
	return append(env, "LC_ALL=C", "TZ=UTC")
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func (m *mount) awaitMounted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mountTime)
	defer cancel()
	for {
		if mounted, err := mountinfo.Mounted(m.dir); err != nil || mounted {
			return err
		}
		select {
		case <-m.done:
			return fmt.Errorf("it ended: %w", m.err)
		default:
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// stop unmounts and returns when the process has ended. It is done also when ctx
// is cancelled.
func (m *mount) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mountTime)
	defer cancel()
	err := m.unmount(ctx)
	select {
	case <-m.done:
		return err
	case <-ctx.Done():
	}
	// The end of its process breaks the mount, also for those who wait in it.
	err = errors.Join(err, fmt.Errorf("process %d did not end with its mount", m.pid), unix.Kill(m.pid, unix.SIGKILL))
	<-m.done
	return err
}

// unmount takes the mount away, gently as long as that helps.
func (m *mount) unmount(ctx context.Context) error {
	for {
		out, err := exec.CommandContext(ctx, "fusermount3", "-u", m.dir).CombinedOutput()
		mounted, infoErr := mountinfo.Mounted(m.dir)
		if infoErr != nil || (err == nil && !mounted) {
			return infoErr
		}
		if !mounted {
			return nil // it went by itself
		}
		// A program that was stopped may still be in it.
		if pause(ctx, 100*time.Millisecond) != nil {
			lazy := exec.CommandContext(context.WithoutCancel(ctx), "fusermount3", "-uz", m.dir)
			return errors.Join(fmt.Errorf("unmount: %w: %s", err, bytes.TrimSpace(out)), lazy.Run())
		}
	}
}

// usage is what a process has used.
type usage struct {
	cpu    float64 // seconds
	memory int64   // the most that was resident, in bytes
}

// usage returns what the process has used up to now.
func (m *mount) usage() (usage, error) {
	p, err := procfs.NewProc(m.pid)
	if err != nil {
		return usage{}, err
	}
	stat, err := p.Stat()
	if err != nil {
		return usage{}, err
	}
	status, err := p.NewStatus()
	if err != nil {
		return usage{}, err
	}
	return usage{cpu: stat.CPUTime(), memory: int64(status.VmHWM)}, nil //nolint:gosec // far below 2^63
}

// tailBuffer keeps the end of what a process writes.
type tailBuffer struct {
	mu sync.Mutex // guards the following
	b  []byte
}

const tailSize = 4 * kib

// Write implements io.Writer.
func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-tailSize):]
	return len(p), nil
}

// String returns the end of what was written.
func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// MountsBelow returns the mount points in a directory.
func MountsBelow(dir string) ([]string, error) {
	infos, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	var points []string
	for _, i := range infos {
		points = append(points, i.Mountpoint)
	}
	return points, err
}
