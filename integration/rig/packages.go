package rig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// packageSet is a set of Debian packages and the programs that are used of them.
type packageSet struct {
	packages []string
	programs []string
}

var packageSets = map[string]packageSet{
	"swift": {
		packages: []string{"swift-proxy", "swift-account", "swift-container", "swift-object", "memcached"},
		programs: []string{"swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server", "memcached"},
	},
	"rgw": {
		packages: []string{"radosgw", "ceph-mon", "ceph-osd", "ceph-common"},
		programs: []string{"radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "monmaptool"},
	},
	"systemd": {
		packages: []string{"systemd", "util-linux", "fuse3"},
		programs: []string{"/lib/systemd/systemd", "unshare", "nsenter", "setpriv", "pivot_root", "mount.fuse3"},
	},
	"tools": {
		packages: []string{
			"fuse3", "curl", "rsync", "attr", "git", "sqlite3", "zip", "unzip", "fio", "vim-tiny", "perl", "python3",
			"rclone", "python3-swiftclient",
		},
		programs: []string{
			"fusermount3", "curl", "rsync", "getfattr", "setfattr", "attr", "git", "sqlite3", "zip", "unzip", "fio", "vim.tiny",
			"perl", "/usr/bin/python3", "rclone", "swift",
		},
	},
	"peers": {
		packages: []string{"rclone", "s3fs", "fuse3"},
		programs: []string{"rclone", "s3fs", "fusermount3"},
	},
}

// PackageSets returns the names that Install takes.
func PackageSets() []string {
	return []string{"swift", "rgw", "systemd", "tools", "peers"}
}

// searchPath is PATH with the directories of system programs, which an ordinary
// user's lacks.
func searchPath() string {
	return os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
}

// find returns the path of a program, or "".
func find(program string) string {
	if filepath.IsAbs(program) {
		return executable(program)
	}
	for _, dir := range filepath.SplitList(searchPath()) {
		if path := executable(filepath.Join(dir, program)); path != "" {
			return path
		}
	}
	return ""
}

// programPath returns the path of a program, or its name, so that running it
// says what is missing.
func programPath(program string) string {
	if path := find(program); path != "" {
		return path
	}
	return program
}

func executable(path string) string {
	if info, err := os.Stat(path); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return ""
	}
	return path
}

// missing returns the packages of the sets that have a program missing, and
// these programs.
func missing(sets []string) (packages, programs []string, err error) {
	for _, name := range sets {
		set, ok := packageSets[name]
		if !ok {
			return nil, nil, fmt.Errorf("no package set %q; there are %s", name, strings.Join(PackageSets(), ", "))
		}
		before := len(programs)
		for _, p := range set.programs {
			if find(p) == "" {
				programs = append(programs, p)
			}
		}
		if len(programs) > before {
			packages = append(packages, set.packages...)
		}
	}
	slices.Sort(packages)
	return slices.Compact(packages), programs, nil
}

// ErrMissing says that programs which a rig needs are not installed.
var ErrMissing = errors.New("programs are missing")

// require returns an error that says what to install if a program of the sets is
// missing.
func require(sets ...string) error {
	packages, programs, err := missing(sets)
	if err != nil || len(programs) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s\ninstall them with `go run ./integration/rig/cmd/rig install %s`, or as root:\n%s",
		ErrMissing, strings.Join(programs, " "), strings.Join(sets, " "), aptLine(packages))
}

// aptLine returns the command that installs packages.
func aptLine(packages []string) string {
	return "apt-get update && apt-get install -y --no-install-recommends " + strings.Join(packages, " ")
}
