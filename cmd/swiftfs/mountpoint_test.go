package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// testHost is a machine that lets root mount.
func testHost(t *testing.T, mounts ...*mountinfo.Info) host {
	t.Helper()
	device := filepath.Join(t.TempDir(), "fuse")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return host{
		fuseDevice: device, fuseConf: filepath.Join(t.TempDir(), "fuse.conf"),
		lookPath: func(string) (string, error) { return "", errors.New("none") },
		mounts:   func() ([]*mountinfo.Info, error) { return mounts, nil },
		detach:   func(string) error { return errors.New("not in this test") },
	}
}

func TestTheMountPointIsMadeAbsoluteAndFreeOfLinks(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "target")
	if err := errors.Join(os.Mkdir(target, 0o700), os.Symlink(target, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, path := range []string{"target", "./target/", "link", filepath.Join(dir, "link"), filepath.Join(dir, "link", "..", "target")} {
		got, warnings, err := testHost(t).prepareMountpoint(path, false)
		if got != target || len(warnings) > 0 || err != nil {
			t.Errorf("%s: %q %q %v", path, got, warnings, err)
		}
	}
}

func TestAMountPointThatWillNotDoGetsASentence(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent")
	deep := filepath.Join(absent, "deep")
	ours := &mountinfo.Info{Mountpoint: dir, FSType: fsType, Source: ":photos"}
	for _, c := range []struct{ path, want string }{
		{absent, "mount point " + absent + " does not exist; run: mkdir -p " + absent},
		{deep, "mount point " + deep + " does not exist; run: mkdir -p " + deep},
		{file, "mount point " + file + " is not a directory"},
		{filepath.Join(file, "x"), "mount point " + filepath.Join(file, "x") + " is not a directory"},
		{dir, dir + " is mounted already (:photos)"},
	} {
		_, _, err := testHost(t, ours).prepareMountpoint(c.path, false)
		if err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestMountingOverSomethingIsAllowedAndOverFilesWarnedAbout(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := testHost(t, &mountinfo.Info{Mountpoint: dir, FSType: "tmpfs"}).prepareMountpoint(dir, false)
	if err != nil || len(warnings) != 1 || warnings[0] != "mount point "+dir+" is not empty; what is in it is hidden while swiftfs is mounted" {
		t.Errorf("%q, %v", warnings, err)
	}
	_, warnings, err = testHost(t, &mountinfo.Info{Mountpoint: dir, FSType: "autofs"}).prepareMountpoint(dir, false)
	if err != nil || len(warnings) != 0 {
		t.Errorf("an automount point: %q, %v", warnings, err)
	}
}

func TestAMachineWithoutFUSEGetsASentence(t *testing.T) {
	h := testHost(t)
	h.fuseDevice = filepath.Join(t.TempDir(), "none")
	err := h.checkFUSE(false)
	if err == nil || !strings.HasPrefix(err.Error(), "there is no "+h.fuseDevice+": load the module") || classOf(err) != classSystem {
		t.Errorf("no device: %v", err)
	}

	h = testHost(t)
	h.euid = 1000
	if err := h.checkFUSE(false); !errors.Is(err, errNoFusermount) || classOf(err) != classSystem {
		t.Errorf("no fusermount3: %v", err)
	}

	h.lookPath = func(string) (string, error) { return "/bin/fusermount3", nil }
	if err := h.checkFUSE(false); err != nil {
		t.Error(err)
	}
	want := "allow-other is for root only, unless " + h.fuseConf + " has a line user_allow_other"
	for _, conf := range []string{"", "#user_allow_other\n"} {
		if err := os.WriteFile(h.fuseConf, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := h.checkFUSE(true); err == nil || err.Error() != want || classOf(err) != classUsage {
			t.Errorf("fuse.conf %q: %v", conf, err)
		}
	}
	if err := os.WriteFile(h.fuseConf, []byte("# comment\n user_allow_other \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.checkFUSE(true); err != nil {
		t.Error(err)
	}
}

func TestAMountWhoseServerHasDiedIsRemovedIfItIsOneOfOurs(t *testing.T) {
	for _, c := range []struct{ fsType, want string }{
		{"fuse.sshfs", "/dead is a mount whose server has died; run: umount /dead"},
		{fsType, "/dead is a mount of a swiftfs that has died, and removing it failed (not in this test); run: umount /dead"},
	} {
		h := testHost(t)
		if _, err := h.removeDead("/dead", &mountinfo.Info{FSType: c.fsType}); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	h := testHost(t)
	h.detach = func(path string) error {
		if path != "/dead" {
			t.Errorf("detached %s", path)
		}
		return nil
	}
	warning, err := h.removeDead("/dead", &mountinfo.Info{FSType: fsType})
	if want := "removed the mount on /dead of a swiftfs that has died"; err != nil || warning != want {
		t.Errorf("%q, %v", warning, err)
	}
}

func TestOnlySwiftfsMountsAreUnmounted(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mounts []*mountinfo.Info
		want   string
	}{
		{nil, dir + " is not mounted"},
		{[]*mountinfo.Info{{Mountpoint: dir, FSType: fsType}, {Mountpoint: dir, FSType: "ext4"}}, dir + " is not a swiftfs mount but ext4"},
	} {
		if err := testHost(t, c.mounts...).umount(t.Context(), dir, false); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
