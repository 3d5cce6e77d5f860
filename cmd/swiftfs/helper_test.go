package main

import (
	"strings"
	"testing"
)

func TestTheHelperIsKnownByItsName(t *testing.T) {
	for name, want := range map[string]bool{
		"/sbin/mount.swiftfs": true, "mount.swiftfs": true, "/sbin/mount.fuse.swiftfs": true, "/usr/bin/swiftfs": false, "swiftfs": false,
	} {
		if isHelper(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestTheHelperTakesTheArgumentsOfMount(t *testing.T) {
	for _, args := range [][]string{
		{":photos", "/mnt", "-o", "rw,_netdev,allow_other,uid=5"},
		{":photos", "/mnt", "-n", "-v", "-t", "fuse.swiftfs", "-o", "rw,allow-other", "-o", "uid=5"},
		{"-nv", "-o", "allow_other,uid=5", ":photos", "/mnt"},
		{":photos", "/mnt", "-oallow_other,uid=5"},
		{":photos", "/mnt", "-o", "allow_other,nonsense,uid=5", "-s"},
	} {
		call, err := parseHelper(args)
		if err != nil {
			t.Errorf("%q: %v", args, err)
			continue
		}
		if call.source != ":photos" || call.mountpoint != "/mnt" || !call.opts.access.allowOther || call.opts.access.uid != 5 || call.fake {
			t.Errorf("%q: %+v %+v", args, call, call.opts.access)
		}
	}
}

func TestTheHelperRefusesWhatItCannotDo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{":"}, "1 arguments instead of SOURCE and MOUNTPOINT"},
		{[]string{":", "/mnt", "/x"}, "3 arguments instead of SOURCE and MOUNTPOINT"},
		{[]string{":", "/mnt", "-z"}, "usage: mount.swiftfs"},
		{[]string{":", "/mnt", "-N", "/proc/1/ns/mnt"}, "(-N) is not possible"},
		{[]string{":", "/mnt", "-o", "alow_other"}, `unknown option "alow_other"; did you mean "allow-other"?`},
		{[]string{":", "/mnt", "-s", "-o", "write_back"}, "option write-back is not available in this version"},
		{[]string{":", "/mnt", "-s", "-o", "uid=x"}, "option uid"},
	} {
		if _, err := parseHelper(c.args); err == nil || !strings.Contains(err.Error(), c.want) || classOf(err) != classUsage {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}

func TestTheHelperHasTheExitStatusesOfMount(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{":", dir, "-f", "-o", "rw"}, exitOK, ""},
		{[]string{"-h"}, exitOK, ""},
		{[]string{":"}, helperUsage, "mount.swiftfs: 1 arguments"},
		{[]string{":", dir, "-o", "alow_other"}, helperUsage, `mount.swiftfs: unknown option "alow_other"; did you mean "allow-other"?`},
	} {
		status, _, stderr := runProgram(t, nil, append([]string{"/sbin/mount.swiftfs"}, c.args...)...)
		if status != c.status || !strings.HasPrefix(stderr, c.stderr) || (c.stderr == "") != (stderr == "") {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
	}
}

func TestEachClassOfErrorHasItsStatus(t *testing.T) {
	plain := errReported
	for _, c := range []struct {
		err             error
		command, helper int
	}{
		{nil, 0, 0},
		{plain, 1, 32},
		{usageError(plain), 2, 1},
		{systemError(plain), 1, 2},
		{&failure{classBug, plain}, 1, 4},
		{&failure{classInterrupted, plain}, 1, 8},
	} {
		if got := commandStatus(c.err); got != c.command {
			t.Errorf("command, %v: %d, want %d", c.err, got, c.command)
		}
		if got := helperStatus(c.err); got != c.helper {
			t.Errorf("helper, %v: %d, want %d", c.err, got, c.helper)
		}
	}
}
