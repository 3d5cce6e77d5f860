package integration

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/swiftbackend/fakeswift"
)

// lockVariable has the path of the file that a child of a test is to lock.
const lockVariable = "SWIFTFS_TEST_LOCK"

// holdLock tries to lock a file by fcntl, says how that went and waits for the
// end of its input.
func holdLock(path string) int {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		return 1
	}
	defer func() { _ = f.Close() }()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, "locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// lockInChild has a process lock a file; the result is what it says, and a
// function that ends it.
func lockInChild(t *testing.T, path string) (said string, end func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), lockVariable+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() { _ = in.Close(); _ = cmd.Wait() }
}

// "flock and fcntl locks work between the programs that use one mount. Other
// mounts and other clients see none of them."
func TestLocksWorkBetweenTheProgramsOfOneMount(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("content"))
	m, other := mount(t, fakeAccount(srv)), mount(t, fakeAccount(srv))
	file := m.path("c/file")

	holder := converse(t)
	holder.say("exec 9< " + file + "; flock -n 9")
	fails(t, "", "flock -n "+file+" true")
	sh(t, "flock -n "+other.path("c/file")+" true")
	holder.leave()
	sh(t, "flock -n "+file+" true")

	first, release := lockInChild(t, file)
	second, end := lockInChild(t, file)
	end()
	elsewhere, end := lockInChild(t, other.path("c/file"))
	end()
	release()
	third, end := lockInChild(t, file)
	end()
	if first != "locked" || second == "locked" || elsewhere != "locked" || third != "locked" {
		t.Errorf("the first process says %q, one at the same time %q, one on another mount %q, one afterwards %q", first, second, elsewhere, third)
	}
	object(t, srv, "c", "file", []byte("content"))
}
