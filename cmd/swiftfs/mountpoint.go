package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// cleanPath makes path absolute and free of symbolic links without touching
// its last element: that may be a mount whose server is dead, or an automount
// point that must not be set off.
func cleanPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Lstat(abs); err == nil && info.Mode()&iofs.ModeSymlink != 0 {
		return filepath.EvalSymlinks(abs)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// prepareMountpoint checks everything that can be known before mounting on
// path, with one sentence for each thing that is wrong, and removes what a
// swiftfs that died has left behind. warnings are sentences too.
func (h host) prepareMountpoint(path string, allowOther bool) (clean string, warnings []string, err error) {
	if err := h.checkFUSE(allowOther); err != nil {
		return "", nil, err
	}
	if clean, err = cleanPath(path); err != nil {
		return "", nil, mountpointError(path, err)
	}
	top, err := h.mountAt(clean)
	if err != nil {
		return "", nil, systemError(fmt.Errorf("reading the table of mounts: %w", err))
	}
	info, err := os.Stat(clean)
	if errors.Is(err, syscall.ENOTCONN) {
		warning, err := h.removeDead(clean, top)
		if err != nil {
			return "", nil, err
		}
		clean, warnings, err = h.prepareMountpoint(clean, allowOther)
		return clean, append([]string{warning}, warnings...), err
	}
	switch {
	case err != nil:
		return "", nil, mountpointError(clean, err)
	case !info.IsDir():
		return "", nil, mountpointError(clean, syscall.ENOTDIR)
	case top != nil && top.FSType == fsType:
		return "", nil, fmt.Errorf("%s is mounted already (%s)", clean, top.Source)
	case h.euid != 0 && unix.Access(clean, unix.W_OK) != nil:
		return "", nil, usageError(fmt.Errorf("mount point %s is not writable for you, which mounting without root requires", clean))
	}
	// An automount point looks empty whatever it covers.
	if (top == nil || top.FSType != "autofs") && !isEmpty(clean) {
		warnings = append(warnings, fmt.Sprintf("mount point %s is not empty; what is in it is hidden while swiftfs is mounted", clean))
	}
	return clean, warnings, nil
}

// removeDead takes a mount off path whose server has died, if that was a
// swiftfs. The warning says so.
func (h host) removeDead(path string, m *mountinfo.Info) (warning string, err error) {
	if m == nil || m.FSType != fsType {
		return "", fmt.Errorf("%s is a mount whose server has died; run: umount %s", path, path)
	}
	if err := h.detach(path); err != nil {
		return "", fmt.Errorf("%s is a mount of a swiftfs that has died, and removing it failed (%w); run: umount %s", path, err, path)
	}
	return fmt.Sprintf("removed the mount on %s of a swiftfs that has died", path), nil
}

// mountpointError makes one sentence of an error of looking at path.
func mountpointError(path string, err error) error {
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return fmt.Errorf("mount point %s does not exist; run: mkdir -p %s", path, path)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("mount point %s is not a directory", path)
	case errors.Is(err, iofs.ErrPermission):
		return usageError(fmt.Errorf("mount point %s is not accessible for you", path))
	}
	return fmt.Errorf("mount point %s: %w", path, err)
}

func isEmpty(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return true
	}
	defer func() { _ = d.Close() }()
	_, err = d.Readdirnames(1)
	return errors.Is(err, io.EOF)
}

// checkFUSE tells whether this machine lets this user mount at all.
func (h host) checkFUSE(allowOther bool) error {
	dev, err := os.OpenFile(h.fuseDevice, os.O_RDWR, 0)
	switch {
	case errors.Is(err, iofs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return systemError(fmt.Errorf("there is no %s: load the module with `modprobe fuse`, or start the container with --device %s", h.fuseDevice, h.fuseDevice))
	case errors.Is(err, iofs.ErrPermission):
		return systemError(fmt.Errorf("you may not use %s; ask for read and write access to it", h.fuseDevice))
	case err != nil:
		return systemError(err)
	}
	_ = dev.Close()
	if h.euid == 0 {
		return nil
	}
	if _, err := h.fusermount(); err != nil {
		return systemError(err)
	}
	if allowOther && !h.userAllowOther() {
		return usageError(fmt.Errorf("allow-other is for root only, unless %s has a line user_allow_other", h.fuseConf))
	}
	return nil
}

// userAllowOther reports whether the administrator lets ordinary users share
// their mounts.
func (h host) userAllowOther() bool {
	f, err := os.Open(h.fuseConf)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "user_allow_other" {
			return true
		}
	}
	return false
}

// explainMount makes one sentence of an error of the mounting itself.
func explainMount(err error, mountpoint string) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return say(err, "the kernel does not permit mounting on %s; a container needs the capability SYS_ADMIN for that", mountpoint)
	case errors.Is(err, unix.ENODEV):
		return say(err, "the kernel has no FUSE; load the module with `modprobe fuse`")
	}
	return err
}
