package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// RunVariable is the environment variable that marks the processes of one run of
// the tests: everything that a test starts inherits it, daemons as well.
const RunVariable = "SWIFTFS_RIG_RUN"

// Processes returns the running processes whose environment has RunVariable set
// to run, as "pid command line". Of a process that belongs to somebody else the
// environment cannot be read; it is none of ours.
func Processes(run string) ([]string, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	mark := []byte(RunVariable + "=" + run)
	var found []string
	for _, path := range paths {
		environ, err := os.ReadFile(path)
		if err != nil || !hasEntry(environ, mark) {
			continue // it ended, or it is somebody else's
		}
		dir := filepath.Dir(path)
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(line) == 0 {
			continue
		}
		words := strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		found = append(found, fmt.Sprintf("%s %.200s", filepath.Base(dir), words))
	}
	return found, nil
}

func hasEntry(environ, entry []byte) bool {
	for e := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(e, entry) {
			return true
		}
	}
	return false
}

// Mounts returns the mount points of swiftfs on this machine.
func Mounts() ([]string, error) {
	infos, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("fuse.swiftfs"))
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	var points []string
	for _, i := range infos {
		points = append(points, i.Mountpoint)
	}
	return points, err
}
