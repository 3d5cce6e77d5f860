package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// mostWalking is the most memory that a mount at its defaults may have had after
// programs have gone through trees and opened many files.
const mostWalking = 150 << 20

// walkMemory runs a command in the container c of a mount of the real program
// and checks what it prints, and what memory and requests that took.
func walkMemory(t *testing.T, srv *fakeswift.Server, command, want string, requests int) {
	t.Helper()
	d := mountBinary(t, fakeAccount(srv), ":c")
	atMost(t, srv, requests, command, func() {
		got := tryFor(t, 10*time.Minute, "sh", "-ec", "cd "+d.dir+" && "+command)
		if strings.TrimSpace(got.out) != want {
			t.Errorf("%s prints %q, want %q", command, got.out, want)
		}
	})
	checkWalkMemory(t, d, command)
	d.detach()
}

func checkWalkMemory(t *testing.T, d *daemon, what string) {
	t.Helper()
	got := peakMemory(t, d.pid)
	if got > mostWalking {
		t.Errorf("%s: the process needed %d MiB at most, want %d or less", what, got>>20, mostWalking>>20)
		return
	}
	t.Logf("%s: peak memory %d MiB", what, got>>20)
}

func TestLookingAtEveryFileOfATreeNeedsLittleMemory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(2000, 30), 7)
	walkMemory(t, srv, "find . -size 7c | wc -l", "60000", 11)
}

// TestLookingAtEveryFileOfALargeDirectoryAsksForEachPageOnce has find take 100,000
// names at a time and ask for their attributes in the order of inode numbers, so that
// ten pages are in demand at once; and then another ten.
func TestLookingAtEveryFileOfALargeDirectoryAsksForEachPageOnce(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(1, 200_000), 7)
	walkMemory(t, srv, "find . -size 7c | wc -l", "200000", 25)
}

func TestAThousandOpenFilesNeedLittleMemory(t *testing.T) {
	const size = 256 << 10
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(1, 1000), size)
	d := mountBinary(t, fakeAccount(srv), ":c")
	for i := range 1000 {
		f, err := os.Open(d.path(fmt.Sprintf("tree/dir-00000/file-%05d", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if n, err := f.Read(make([]byte, 4096)); n != 4096 {
			t.Fatalf("read %d bytes, %v", n, err)
		}
	}
	checkWalkMemory(t, d, "1,000 open files")
}
