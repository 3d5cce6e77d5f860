package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
)

// target is a mount to talk to.
type target struct {
	mount *mountinfo.Info // or nil: it is not in the tree any more
	// path is below the root of the mount; "" is all of it.
	path   string
	socket string
}

// name is how messages call the target.
func (t *target) name() string {
	if t.mount == nil {
		return t.socket
	}
	return t.mount.Mountpoint
}

// targetAt finds the mount that path is in.
func (h host) targetAt(path string, env lookupFunc) (*target, error) {
	m, rest, err := h.mountOf(path)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("%s is not in a swiftfs mount; `swiftfs status` lists those that there are", path)
	}
	t := &target{mount: m, path: rest}
	return t, t.find(env)
}

// targets finds all swiftfs mounts in the tree that are the user's, or for root
// all; and those of the user that are detached from the tree but in use.
func (h host) targets(env lookupFunc) ([]*target, error) {
	all, err := h.mounts()
	if err != nil {
		return nil, fmt.Errorf("reading the table of mounts: %w", err)
	}
	var found []*target
	known := map[string]bool{}
	for _, m := range all {
		if m.FSType != fsType || h.euid != 0 && ownerOf(m) != h.euid || known[socketName(m)] {
			continue // bind mounts have the same device
		}
		known[socketName(m)] = true
		t := &target{mount: m}
		_ = t.find(env) // whoever needs the socket finds out again what is wrong
		found = append(found, t)
	}
	for _, dir := range controlDirs(h.euid, env) {
		paths, err := filepath.Glob(filepath.Join(dir, "*"+socketSuffix))
		if err != nil || privateDir(dir, h.euid) != nil {
			continue
		}
		for _, path := range paths {
			if !known[filepath.Base(path)] {
				found = append(found, &target{socket: path})
			}
		}
	}
	return found, nil
}

// find looks for the socket of the mount's process. The error is ErrNotExist's
// kind if there is none.
func (t *target) find(env lookupFunc) error {
	uid := ownerOf(t.mount)
	for _, dir := range controlDirs(uid, env) {
		path := filepath.Join(dir, socketName(t.mount))
		_, err := os.Lstat(path)
		switch {
		case errors.Is(err, iofs.ErrPermission):
			return say(err, "the mount on %s belongs to another user (%d)", t.mount.Mountpoint, uid)
		case err != nil:
			continue
		}
		if err := privateDir(dir, uid); err != nil {
			return err
		}
		t.socket = path
		return nil
	}
	return say(iofs.ErrNotExist, "the process of the mount on %s cannot be found: it has died, or runs where its socket cannot be seen, as in a container", t.mount.Mountpoint)
}

// talk sends a request to the mount's process.
func (t *target) talk(ctx context.Context, method, what string, v any) error {
	err := ask(ctx, t.socket, method, what, v)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, iofs.ErrNotExist):
		return say(err, "the process of the mount on %s has died; `swiftfs umount %s` takes the mount away", t.name(), t.name())
	case errors.Is(err, context.Canceled):
		return &failure{classInterrupted, say(err, "interrupted")}
	case err != nil:
		return say(err, "the process of the mount on %s does not answer: %s", t.name(), innermost(err))
	}
	return nil
}

// ownerOf returns the user who mounted m, as the kernel tells.
func ownerOf(m *mountinfo.Info) int {
	for o := range strings.SplitSeq(m.VFSOptions, ",") {
		if id, ok := strings.CutPrefix(o, "user_id="); ok {
			if n, err := strconv.Atoi(id); err == nil {
				return n
			}
		}
	}
	return 0
}

// mountOf returns the swiftfs mount that path is in, and what of path is below
// its root; nil if it is in none. It touches nothing in a swiftfs, which may hang.
func (h host) mountOf(path string) (*mountinfo.Info, string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	all, err := h.mounts()
	if err != nil {
		return nil, "", fmt.Errorf("reading the table of mounts: %w", err)
	}
	top := map[string]*mountinfo.Info{}
	for _, m := range all {
		top[m.Mountpoint] = m
	}
	const mostLinks = 40 // as the kernel has it
	at, rest := "/", splitPath(abs)
	for links := 0; ; {
		if m := top[at]; m != nil && m.FSType == fsType {
			return m, filepath.Join(append([]string{strings.TrimPrefix(m.Root, "/")}, rest...)...), nil
		}
		if len(rest) == 0 {
			return nil, "", nil
		}
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		if m := top[next]; m != nil {
			at = next // a mount point is no link
			continue
		}
		link, err := os.Readlink(next)
		if err != nil {
			at = next // no link, or nothing at all
			continue
		}
		if links++; links > mostLinks {
			return nil, "", fmt.Errorf("%s: %w", path, syscall.ELOOP)
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(at, link)
		}
		at, rest = "/", append(splitPath(link), rest...)
	}
}

func splitPath(path string) []string {
	return slices.DeleteFunc(strings.Split(filepath.Clean(path), "/"), func(s string) bool { return s == "" })
}
