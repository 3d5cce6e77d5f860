package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// wantNoMount checks that a cache directory is refused with a sentence, by the
// command and by the helper of mount(8), before anything is mounted. before is
// a line of shell that prepares the machine, in a mount name space of its own.
func wantNoMount(t *testing.T, a account, before, cacheDir, sentence string) {
	t.Helper()
	dir := t.TempDir()
	for program, code := range map[string]int{binary(t) + " mount": 1, helper(t): 32} {
		line := fmt.Sprintf("%s; exec %s : %s -o cache-dir=%s", before, program, dir, cacheDir)
		wantResult(t, command(t, a, "unshare", "-m", "sh", "-ec", line), code, sentence)
	}
	if isMounted(t, dir) {
		t.Errorf("%s is mounted", dir)
	}
}

func TestACacheDirectoryThatCannotBeUsedSaysWhy(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := fakeAccount(srv)
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "cache")
	wantNoMount(t, a, "true", missing, "cannot create cache directory "+missing+": no such file or directory")

	file := localFile(t, "file", []byte("data"))
	wantNoMount(t, a, "true", file, "cannot use cache directory "+file+": not a directory")

	foreign := filepath.Dir(file)
	wantNoMount(t, a, "true", foreign, "cannot use cache directory "+foreign+`: it has other files ("file"): not a cache directory of this version of swiftfs`)
	object := filepath.Join(foreign, "file")
	if text, err := os.ReadFile(object); err != nil || string(text) != "data" {
		t.Errorf("a file in the way has %q, %v afterwards", text, err)
	}

	frozen := "mount -t tmpfs -o ro,mode=700 none " + dir
	wantNoMount(t, a, frozen, dir, "cannot lock cache directory "+dir+": read-only file system")
	wantNoMount(t, a, frozen, dir+"/new", "cannot create cache directory "+dir+"/new: read-only file system")

	full := "mount -t tmpfs -o mode=700,size=64k,nr_inodes=3 none " + dir
	wantNoMount(t, a, full, dir, "cannot write to cache directory "+dir+": no space left on device")
	full = "mount -t tmpfs -o mode=700,size=64k none " + dir + "; mkdir " + dir + "/lost+found; head -c 64k /dev/zero > " + dir + "/lost+found/x"
	wantNoMount(t, a, full, dir, "cannot write to cache directory "+dir+": no space left on device")

	if got := srv.Count(fakeswift.Kind{}); got != 0 {
		t.Errorf("%d requests for mounts that could not be", got)
	}
}

func TestATemporaryCacheDirectoryThatCannotBeMadeSaysHowToNameAnother(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	tmp := filepath.Join(t.TempDir(), "gone")
	mount := "TMPDIR=" + tmp + " exec " + binary(t) + " mount "
	got := command(t, a, "sh", "-ec", mount+": "+t.TempDir())
	wantResult(t, got, 1, "cannot create a temporary cache directory in "+tmp+": no such file or directory; name another directory with the option cache-dir")
	// A mount that changes nothing needs none.
	dir := t.TempDir()
	if got := command(t, a, "sh", "-ec", mount+"--read-only : "+dir); got.code != 0 {
		t.Fatalf("a read-only mount: %+v", got)
	}
	if got := swiftfs(t, account{}, "umount", dir); got.code != 0 {
		t.Errorf("umount: %+v", got)
	}
}

func TestACacheDirectoryBelowTheMountPointIsRefused(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{dir, filepath.Join(dir, "cache"), filepath.Join(link, "cache")} {
		wantResult(t, swiftfs(t, a, "mount", "--cache-dir="+c, ":", dir), 2, "cache directory "+c+" is below the mount point, where the mount would wait for itself")
	}
	got := command(t, a, "sh", "-ec", "TMPDIR="+dir+" exec "+binary(t)+" mount : "+dir)
	wantResult(t, got, 2, " is below the mount point, where the mount would wait for itself; name another directory with the option cache-dir")
}

func TestACacheDirectoryServesOneMountAtATime(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	cacheDir := filepath.Join(t.TempDir(), "cache")
	d := mountBinary(t, a, ":", "--cache-dir="+cacheDir, "--cache-size=1GiB")
	wantResult(t, swiftfs(t, a, "mount", "--cache-dir="+cacheDir, ":", t.TempDir()), 1,
		fmt.Sprintf("cannot use cache directory %s: another mount has it (process %d): the cache directory is in use", cacheDir, d.pid))
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 {
		t.Fatalf("umount: %+v", got)
	}
	// Also after a death without farewell.
	d = mountBinary(t, a, ":", "--cache-dir="+cacheDir)
	kill(t, d)
	mountBinary(t, a, ":", "--cache-dir="+cacheDir)
	if info, err := os.Stat(cacheDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache directory: %v, %v; want one for its owner alone", info, err)
	}
}

func TestACacheDirectoryMayBeOnAnotherFileSystem(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	dir := t.TempDir()
	sh(t, "mount -t tmpfs -o mode=755 none "+dir)
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d := mountBinary(t, a, ":", "--cache-dir="+dir+"/cache")
	if _, err := os.Stat(filepath.Join(dir, "cache", "lock")); err != nil {
		t.Error(err)
	}
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 {
		t.Errorf("umount: %+v", got)
	}
}

func TestATemporaryCacheDirectoryGoesWithItsMount(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	left := func() int {
		all, err := filepath.Glob(filepath.Join(tmp, "swiftfs-cache-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	d := mountBinary(t, a, ":")
	if left() != 1 {
		t.Errorf("%d temporary directories while it is mounted", left())
	}
	kill(t, d) // what it leaves, the next mount removes
	d = mountBinary(t, a, ":")
	if left() != 1 {
		t.Errorf("%d temporary directories after a mount that was killed", left())
	}
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 || left() != 0 {
		t.Errorf("umount: %+v, %d temporary directories are left", got, left())
	}
}

// kill ends the process of a mount without warning, and takes the dead mount
// away.
func kill(t *testing.T, d *daemon) {
	t.Helper()
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, d.pid)
	d.detach()
}
