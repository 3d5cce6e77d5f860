//go:build !linux

package main

import "golang.org/x/sys/unix"

func forbidDumps() {}

// closeOnExec does nothing: these systems have no call for a range.
func closeOnExec(uint) {}

// unmountAsRoot takes the mount off path, with lazy by force.
func unmountAsRoot(path string, lazy bool) error {
	flags := 0
	if lazy {
		flags = unix.MNT_FORCE
	}
	return unix.Unmount(path, flags)
}
