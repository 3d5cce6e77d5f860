package main

import (
	"errors"
	iofs "io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

func answering(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reply(w, outcome{Error: text}) })
}

func TestTheSocketOfAMountIsForItsUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "swiftfs")
	m := &mountinfo.Info{Major: 0, Minor: 7}
	c, err := openControlIn(t.Context(), dir, m, answering("hello"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, socketName(m))
	for name, want := range map[string]iofs.FileMode{dir: iofs.ModeDir | 0o700, path: iofs.ModeSocket | 0o600} {
		if info, err := os.Lstat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want mode %v", name, info.Mode(), err, want)
		}
	}
	var got outcome
	if err := ask(t.Context(), path, http.MethodGet, "status", &got); err != nil || got.Error != "hello" {
		t.Errorf("got %+v, %v", got, err)
	}
	c.close()
	if _, err := os.Lstat(path); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestADirectoryThatOthersCanGetIntoHasNoSocket(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil { //nolint:gosec // what the test is about
		t.Fatal(err)
	}
	private := t.TempDir()
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(private, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, link, filepath.Join(private, "absent", "too")} {
		if c, err := openControlIn(t.Context(), dir, &mountinfo.Info{}, nil); err == nil {
			c.close()
			t.Errorf("%s is taken", dir)
		}
	}
}

func TestSocketsOfTheDeadAreRemovedByTheNextMount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "swiftfs")
	dead, alive, next := &mountinfo.Info{Minor: 1}, &mountinfo.Info{Minor: 2}, &mountinfo.Info{Minor: 3}
	a, err := openControlIn(t.Context(), dir, alive, answering("alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	leaveSocket(t, filepath.Join(dir, socketName(dead)))
	leaveSocket(t, filepath.Join(dir, socketName(next)))
	b, err := openControlIn(t.Context(), dir, next, answering("next"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if _, err := os.Lstat(filepath.Join(dir, socketName(dead))); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("the socket of the dead: %v", err)
	}
	for m, want := range map[*mountinfo.Info]string{alive: "alive", next: "next"} {
		var got outcome
		if err := ask(t.Context(), filepath.Join(dir, socketName(m)), http.MethodGet, "status", &got); err != nil || got.Error != want {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
	// Nor is the place of one taken that lives.
	if c, err := openControlIn(t.Context(), dir, alive, nil); err == nil {
		c.close()
		t.Error("a second socket of one mount")
	}
}

func TestTheMountOfAPathIsFoundWithoutTouchingIt(t *testing.T) {
	outside := t.TempDir()
	mnt := filepath.Join(outside, "mnt")
	if err := os.Mkdir(mnt, 0o700); err != nil {
		t.Fatal(err)
	}
	// What is in the mount leads astray if anybody looks.
	if err := errors.Join(os.Symlink("/nowhere", filepath.Join(mnt, "dir")), os.Symlink("mnt", filepath.Join(outside, "link")),
		os.Symlink(mnt+"/dir", filepath.Join(outside, "deep")), os.Symlink("loop", filepath.Join(outside, "loop"))); err != nil {
		t.Fatal(err)
	}
	h := testHost(t)
	h.mounts = func() ([]*mountinfo.Info, error) {
		return []*mountinfo.Info{
			{Mountpoint: "/", FSType: "ext4", Root: "/"},
			{Mountpoint: mnt, FSType: fsType, Root: "/", VFSOptions: "rw,user_id=7,group_id=8"},
			{Mountpoint: mnt + "/dir/bound", FSType: "ext4", Root: "/"},
			{Mountpoint: "/elsewhere", FSType: fsType, Root: "/c/photos"},
		}, nil
	}
	for path, want := range map[string]string{
		mnt: "", mnt + "/": "", mnt + "/dir/x//y": "dir/x/y", outside + "/link/dir/file": "dir/file", outside + "/deep/x": "dir/x",
		"/elsewhere/2024": "c/photos/2024",
	} {
		m, rest, err := h.mountOf(path)
		if err != nil || m == nil || rest != want {
			t.Errorf("%s: %v, %q, %v; want %q", path, m, rest, err, want)
		}
	}
	for _, path := range []string{outside, "/", outside + "/mnt2/dir"} {
		if m, _, err := h.mountOf(path); m != nil || err != nil {
			t.Errorf("%s is taken to be in %v, %v", path, m, err)
		}
	}
	if _, _, err := h.mountOf(outside + "/loop/x"); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("a link to itself: %v", err)
	}
	if _, err := h.targetAt(mnt+"/dir", lookupIn(nil)); !errors.Is(err, iofs.ErrNotExist) || !strings.Contains(err.Error(), "the process of the mount on "+mnt+" cannot be found") {
		t.Errorf("a mount without a process: %v", err)
	}
	if m, _, _ := h.mountOf(mnt); ownerOf(m) != 7 {
		t.Errorf("the owner is %d", ownerOf(m))
	}
}

// leaveSocket makes a socket that nobody listens on, as a process that was killed
// leaves it.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}
