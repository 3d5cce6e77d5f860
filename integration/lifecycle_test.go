package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"swiftfs/integration/rig"
	"swiftfs/swiftbackend/fakeswift"
)

func TestMountReturnsWhenTheMountWorks(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	d := mountBinary(t, fakeAccount(srv), ":")
	if got := sh(t, "cat "+d.path("c/file")); got != "data" {
		t.Errorf("cat shows %q", got)
	}
	if got := sh(t, "findmnt -no FSTYPE,SOURCE "+d.dir); strings.Join(strings.Fields(got), " ") != "fuse.swiftfs :" {
		t.Errorf("findmnt shows %q", got)
	}
	// The process holds nothing of its caller.
	if got, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", d.pid)); err != nil || got != "/" {
		t.Errorf("its working directory is %q, %v", got, err)
	}
}

func TestUnmountingEndsTheProcess(t *testing.T) {
	for _, unmount := range []string{"swiftfs umount", "umount", "fusermount3 -u"} {
		t.Run(unmount, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			d := mountBinary(t, fakeAccount(srv), ":")
			sh(t, "echo data > "+d.path("c/file"))
			sh(t, strings.Replace(unmount, "swiftfs", binary(t), 1)+" "+d.dir)
			if isMounted(t, d.dir) {
				t.Error("it is still mounted")
			}
			if unmount == "swiftfs umount" {
				// It returns when the process has ended.
				if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", d.pid)); err == nil {
					if _, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", d.pid)); err == nil {
						t.Error("the process is still there")
					}
				}
			}
			awaitEnd(t, d.pid)
			object(t, srv, "c", "file", []byte("data\n"))
		})
	}
}

func TestSIGTERMUnmounts(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		foreground := mountForeground(t, fakeAccount(srv), ":")
		if err := syscall.Kill(foreground.pid, signal); err != nil {
			t.Fatal(err)
		}
		if code := foreground.end(); code != 0 || isMounted(t, foreground.dir) {
			t.Errorf("after %v the process ended with %d, mounted: %v", signal, code, isMounted(t, foreground.dir))
		}
		background := mountBinary(t, fakeAccount(srv), ":")
		if err := syscall.Kill(background.pid, signal); err != nil {
			t.Fatal(err)
		}
		awaitEnd(t, background.pid)
		if isMounted(t, background.dir) {
			t.Errorf("after %v it is still mounted", signal)
		}
	}
}

func TestSIGTERMLetsAnOpenFileBeStored(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	d := mountForeground(t, fakeAccount(srv), ":")
	w := writeTo(t, d.path("c/file"))
	w.write("first")
	if err := syscall.Kill(d.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "grep -c ' "+d.dir+" ' /proc/self/mounts", "0\n")
	w.writeUnseen(" and last")
	if said := w.close(); said != "" {
		t.Error(said)
	}
	if code := d.end(); code != 0 {
		t.Errorf("the process ended with %d", code)
	}
	object(t, srv, "c", "file", []byte("first and last"))
	wantLogged(t, d.log, "the mount is busy: detached it from the tree")
}

func TestAKilledProcessLeavesNoHangAndCanBeReplaced(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	for _, again := range []bool{false, true} {
		d := mountBinary(t, fakeAccount(srv), ":")
		sh(t, "ls "+d.path("c"))
		if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		awaitEnd(t, d.pid)
		fails(t, "Transport endpoint is not connected", "timeout 20 ls "+d.dir)
		if !again {
			sh(t, "umount "+d.dir)
			continue
		}
		got := swiftfs(t, fakeAccount(srv), "mount", ":", d.dir)
		wantResult(t, got, 0, "removed the mount on "+d.dir+" of a swiftfs that has died")
		if got := sh(t, "cat "+d.path("c/file")); got != "data" {
			t.Errorf("cat shows %q", got)
		}
		sh(t, binary(t)+" umount "+d.dir)
	}
}

// credentials makes a file as the option credentials wants it.
func credentials(t *testing.T, dir string, a account) string {
	t.Helper()
	path := filepath.Join(dir, "creds")
	text := "ST_AUTH=" + a.authURL + "\nST_USER=" + a.user + "\nST_KEY=" + a.key + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// In a name space of mounts of its own, where the helper is installed and fstab
// has a line.
func TestMount8AndFstab(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data\n"))
	a := fakeAccount(srv)
	dir, creds := t.TempDir(), credentials(t, t.TempDir(), a)
	fstab := localFile(t, "fstab", []byte(": "+dir+" swiftfs noauto,_netdev,nofail,x-systemd.automount,credentials="+creds+",cache_ttl=5s 0 0\n"))
	prepare := fmt.Sprintf("mount -t tmpfs none $(readlink -f /sbin); cp %s /sbin/mount.swiftfs; ln -s mount.swiftfs /sbin/mount.fuse.swiftfs; mount --bind %s /etc/fstab; cd /; ", binary(t), fstab)
	inside := func(line string) result {
		return command(t, account{}, "unshare", "-m", "sh", "-ec", prepare+line)
	}
	show := fmt.Sprintf("findmnt -no FSTYPE,SOURCE %[1]s | tr -s ' '; cat %[1]s/c/file; umount %[1]s; ", dir)
	for _, line := range []string{
		"mount -t swiftfs : " + dir + " -o rw,noatime,credentials=" + creds,
		"mount -t fuse.swiftfs : " + dir + " -o credentials=" + creds,
		"mount " + dir,
	} {
		if got := inside(line + "; " + show); got.code != 0 || got.out != "fuse.swiftfs :\ndata\n" {
			t.Errorf("%s: exit status %d, %s", line, got.code, got.out)
		}
	}
	got := inside("mount -t swiftfs :nothing " + dir + " -o credentials=" + creds)
	if got.code != 32 || !strings.Contains(got.out, `there is no container "nothing" in the account`) {
		t.Errorf("mounting what is not there: exit status %d, %s", got.code, got.out)
	}
	got = inside("mount -t swiftfs : " + dir + " -o ro,credentials=" + creds + "; echo x > " + dir + "/c/x || echo refused; umount " + dir)
	if got.code != 0 || !strings.Contains(got.out, "Read-only file system") {
		t.Errorf("a read-only mount: exit status %d, %s", got.code, got.out)
	}
}

func TestSystemdMountUnit(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	a := fakeAccount(srv)
	dir := t.TempDir()
	credentials(t, dir, a)
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "swiftfs"), program, 0o755); err != nil { //nolint:gosec // a program is for everybody
		t.Fatal(err)
	}
	box, err := rig.StartSystemd(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Stop(); err != nil {
			t.Error(err)
		}
	})
	inside := func(line string) string {
		t.Helper()
		out, err := box.Run(t.Context(), "sh", "-ec", line)
		if err != nil {
			log, _ := box.Run(t.Context(), "journalctl", "-b", "--no-pager", "-n", "50")
			t.Fatalf("%s: %v\n%s\n%s", line, err, out, log)
		}
		return out
	}
	inside(`
		cp /rig/swiftfs /usr/bin/swiftfs
		ln -s /usr/bin/swiftfs /sbin/mount.swiftfs
		mkdir /mnt/swift /mnt/fstab
		cat > /etc/systemd/system/mnt-swift.mount <<-X
			[Mount]
			What=:
			Where=/mnt/swift
			Type=swiftfs
			Options=_netdev,allow-other,credentials=/rig/creds
		X
		echo ':c /mnt/fstab swiftfs noauto,_netdev,x-systemd.automount,x-systemd.idle-timeout=1h,credentials=/rig/creds 0 0' >> /etc/fstab
		systemctl daemon-reload
		systemctl start mnt-swift.mount`)
	if got := inside("ls /mnt/swift; echo kept > /mnt/swift/c/file; cat /mnt/swift/c/file; systemctl is-active mnt-swift.mount"); got != "c\nkept\nactive\n" {
		t.Errorf("the unit shows %q", got)
	}
	object(t, srv, "c", "file", []byte("kept\n"))
	if got := inside("setpriv --reuid nobody --regid nogroup --clear-groups cat /mnt/swift/c/file"); got != "kept\n" {
		t.Errorf("another user reads %q", got)
	}
	if got := inside("systemctl stop mnt-swift.mount; ls /mnt/swift; timeout 20 sh -c 'while pgrep -x swiftfs; do :; done > /dev/null'"); got != "" {
		t.Errorf("after the stop: %q", got)
	}
	if got := inside("systemctl start mnt-swift.mount; cat /mnt/swift/c/file"); got != "kept\n" {
		t.Errorf("after the second start: %q", got)
	}
	// An automount made of the line of fstab.
	if got := inside("systemctl start mnt-fstab.automount; cat /mnt/fstab/file; findmnt -no FSTYPE /mnt/fstab"); got != "kept\nautofs\nfuse.swiftfs\n" {
		t.Errorf("the automount shows %q", got)
	}
	// A unit that cannot start says why.
	out := inside(`
		sed 's/What=:/What=:nothing/; s,/mnt/swift,/mnt/bad,' /etc/systemd/system/mnt-swift.mount > /etc/systemd/system/mnt-bad.mount
		systemctl daemon-reload
		systemctl start mnt-bad.mount || echo failed
		systemctl stop mnt-swift.mount mnt-fstab.automount mnt-fstab.mount
		journalctl --sync
		journalctl -b --no-pager -o cat; cat /proc/*/cmdline | tr '\0' ' '`)
	for _, want := range []string{"failed", `there is no container "nothing" in the account`, "mounted"} {
		if !strings.Contains(out, want) {
			t.Errorf("the journal does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, a.key+"\n") || strings.Contains(out, logIn(t, a).token) {
		t.Errorf("the journal or a command line has a secret:\n%s", out)
	}
}
