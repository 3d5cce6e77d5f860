package main

import (
	"errors"
	"os"
	"os/exec"

	"github.com/moby/sys/mountinfo"
)

// fsType is how a swiftfs mount shows in /proc/mounts.
const fsType = "fuse.swiftfs"

// host is what this package asks the machine. Tests replace parts of it.
type host struct {
	euid       int
	fuseDevice string
	fuseConf   string
	lookPath   func(program string) (string, error)
	mounts     func() ([]*mountinfo.Info, error)
	detach     func(mountpoint string) error
}

func thisHost() host {
	h := host{
		euid: os.Geteuid(), fuseDevice: "/dev/fuse", fuseConf: "/etc/fuse.conf", lookPath: exec.LookPath,
		mounts: func() ([]*mountinfo.Info, error) { return mountinfo.GetMounts(nil) },
	}
	h.detach = func(mountpoint string) error { return h.unmount(mountpoint, true) }
	return h
}

// mountAt returns the topmost mount on path, or nil.
func (h host) mountAt(path string) (*mountinfo.Info, error) {
	all, err := h.mounts()
	if err != nil {
		return nil, err
	}
	var top *mountinfo.Info
	for _, m := range all {
		if m.Mountpoint == path {
			top = m
		}
	}
	return top, nil
}

var errNoFusermount = errors.New("fusermount3 is not installed, and without it only root can mount and unmount; install the package fuse3")

// fusermount returns the program that mounts for ordinary users.
func (h host) fusermount() (string, error) {
	for _, name := range []string{"fusermount3", "/bin/fusermount3", "fusermount", "/bin/fusermount"} {
		if path, err := h.lookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoFusermount
}
