package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// policyPath is the script that Debian's packages ask whether they may start
// their services.
const policyPath = "/usr/sbin/policy-rc.d"

// policy answers "no" (101). Its second line tells a script that an interrupted
// Install left behind from the machine's own.
const policy = "#!/bin/sh\n# Made by the swiftfs test rig while it installs packages; remove it at will.\nexit 101\n"

// Install installs the packages of the sets (see PackageSets) that have a program
// missing, with apt-get and as root; no service is started. It returns the
// packages that it installed, none if nothing was missing. For an ordinary user
// the error has the command to run as root.
func Install(ctx context.Context, sets ...string) ([]string, error) {
	packages, _, err := missing(sets)
	if err != nil || len(packages) == 0 {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, require(sets...)
	}
	if find("apt-get") == "" {
		return nil, fmt.Errorf("%w; this machine has no apt-get", require(sets...))
	}
	before := daemons()
	if err := withoutServices(func() error { return apt(ctx, packages) }); err != nil {
		return nil, err
	}
	if err := require(sets...); err != nil {
		return nil, fmt.Errorf("after installation: %w", err)
	}
	started := slices.DeleteFunc(daemons(), func(d string) bool { return slices.Contains(before, d) })
	if len(started) > 0 {
		return nil, fmt.Errorf("the packages started services, which must be stopped: %s", strings.Join(started, ", "))
	}
	return packages, nil
}

// apt updates the package lists and installs packages. It waits for another
// apt-get to finish.
func apt(ctx context.Context, packages []string) error {
	env := []string{"DEBIAN_FRONTEND=noninteractive", "PATH=" + searchPath()}
	get := []string{"apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"}
	if _, err := output(ctx, env, append(slices.Clone(get), "update")...); err != nil {
		return err
	}
	_, err := output(ctx, env, append(append(get, "install", "-y", "--no-install-recommends"), packages...)...)
	return err
}

// withoutServices runs f while no package may start a service. A machine that
// has a rule of its own keeps it.
func withoutServices(f func() error) (err error) {
	old, err := os.ReadFile(policyPath)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case string(old) != policy:
		return f()
	}
	if err := os.WriteFile(policyPath, []byte(policy), 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(policyPath)) }()
	return f()
}

// daemons returns the running services of the packages, as "pid name".
func daemons() []string {
	var running []string
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		for arg := range bytes.SplitSeq(line, []byte{0}) {
			if name := filepath.Base(string(arg)); slices.Contains(daemonNames, name) {
				running = append(running, filepath.Base(filepath.Dir(path))+" "+name)
				break
			}
		}
	}
	return running
}

var daemonNames = []string{
	"memcached", "swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server",
	"ceph-mon", "ceph-osd", "ceph-mgr", "radosgw",
}
