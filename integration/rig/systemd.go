package rig

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Systemd is a booted systemd in a box: process 1 of its own namespaces, on an
// overlay of this machine's root. Units, fstab lines and helpers made inside
// vanish with the box. Only the network is the machine's, so that a server on
// 127.0.0.1 is reached from inside.
type Systemd struct {
	dir     string
	cgroup  string
	outer   *process
	init    int // process 1 of the box, as numbered outside
	stopped bool
}

//go:embed systemd/box.sh
var boxScript string

const boxPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// StartSystemd boots a box and returns when its jobs are done. Inside, dir is
// /rig, for files in and out; the directory itself is outside the overlay and
// must exist. It needs root, a cgroup2 mount and overlayfs. The caller stops it.
func StartSystemd(ctx context.Context, dir string) (*Systemd, error) {
	if err := require("systemd"); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("start systemd: needs root: %w", os.ErrPermission)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b := &Systemd{dir: abs}
	if err := b.boot(ctx); err != nil {
		return nil, fmt.Errorf("start systemd: %w", errors.Join(err, b.Stop()))
	}
	return b, nil
}

func (b *Systemd) boot(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(b.dir, "box"), 0o755); err != nil {
		return err
	}
	cgroups, err := findCgroup2()
	if err != nil {
		return err
	}
	sweepCgroups(cgroups)
	b.cgroup, err = os.MkdirTemp(cgroups, fmt.Sprintf("%s%d-", cgroupPrefix, os.Getpid()))
	if err != nil {
		return err
	}
	b.outer, err = start(ctx, command{
		name:  "systemd",
		args:  []string{"sh", "-c", boxScript, "box", b.dir, b.cgroup},
		env:   []string{"BOX_SCRIPT=" + boxScript, "BOX_PATH=" + boxPath, "PATH=" + searchPath(), RunVariable + "=" + os.Getenv(RunVariable)},
		log:   filepath.Join(b.dir, "boot.log"),
		ready: b.ready,
		wait:  90 * time.Second,
	})
	if err != nil {
		return err
	}
	return b.outer.await(ctx)
}

// ready reports whether systemd runs and has nothing left to do.
func (b *Systemd) ready(ctx context.Context) error {
	var err error
	if b.init, err = systemdChild(b.outer.pid); err != nil {
		return err
	}
	// The exit status tells running from degraded; which one it is shows in what
	// a test asks of its units.
	state, err := b.Run(ctx, "systemctl", "is-system-running")
	switch strings.TrimSpace(state) {
	case "running", "degraded":
		return nil
	}
	return fmt.Errorf("systemd is %q (%w)", state, err)
}

// Run runs a command inside and returns its standard output and error. It has an
// environment of its own.
func (b *Systemd) Run(ctx context.Context, argv ...string) (string, error) {
	args := append([]string{
		"-t", strconv.Itoa(b.init), "-m", "-p", "-i", "-u", "-C", "--",
		"/usr/bin/env", "-i", "PATH=" + boxPath, "HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
		"SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
	}, argv...)
	cmd := exec.CommandContext(ctx, programPath("nsenter"), args...)
	// A daemon that the command leaves behind may keep the output open.
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out), nil
}

// Stop powers the box off, as an orderly shutdown if that takes no more than
// half a minute, and drops what was written in it. Stopping twice is no error.
func (b *Systemd) Stop() error {
	if b.stopped || b.cgroup == "" {
		return nil
	}
	b.stopped = true
	var errs []error
	if b.outer != nil {
		select {
		case <-b.outer.done:
		default:
			errs = append(errs, b.powerOff())
		}
	}
	errs = append(errs, removeCgroup(b.cgroup))
	errs = append(errs, os.Remove(filepath.Join(b.dir, "box")))
	return errors.Join(errs...)
}

func (b *Systemd) powerOff() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) //nolint:forbidigo // the box must end whatever became of the caller's context
	defer cancel()
	// systemctl loses its connection when it succeeds.
	_, _ = b.Run(ctx, "systemctl", "poweroff", "--no-wall")
	select {
	case <-b.outer.done:
		return nil
	case <-ctx.Done():
	}
	// Its end is the end of every process in the box.
	return b.outer.stop(0)
}

// systemdChild returns the child of pid if it became systemd.
func systemdChild(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("no box yet: %w", err)
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
	if err != nil {
		return 0, err
	}
	if string(name) != "systemd\n" {
		return 0, fmt.Errorf("the box still runs %q", name)
	}
	return child, nil
}

// removeCgroup removes a cgroup with those below it, once their processes are
// gone: the kernel ends these a moment after process 1 of the box.
func removeCgroup(dir string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := removeDirectories(dir)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-ticker.C
	}
}

// removeDirectories removes a tree of directories, children first; the files of
// a cgroup go with it.
func removeDirectories(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	for _, d := range slices.Backward(dirs) {
		err = errors.Join(err, os.Remove(d))
	}
	return err
}

// cgroupPrefix begins the names of boxes' cgroups; the process id of the program
// that made it follows.
const cgroupPrefix = "swiftfs-rig-"

// sweepCgroups removes the empty cgroups of programs that were killed.
func sweepCgroups(cgroups string) {
	dirs, err := filepath.Glob(filepath.Join(cgroups, cgroupPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), cgroupPrefix), "-")
		if _, err := os.Stat("/proc/" + owner); errors.Is(err, os.ErrNotExist) {
			_ = removeDirectories(dir) // not empty: it is still ending
		}
	}
}

// findCgroup2 returns where the unified hierarchy is mounted.
func findCgroup2() (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", errors.New("no cgroup2 is mounted")
}
