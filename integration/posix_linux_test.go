package integration

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"

	"swiftfs/swiftbackend/fakeswift"
)

// hardLinkTests are the rows of posixtest about what a mount refuses, because
// an object has one name.
var hardLinkTests = []string{"Link", "LinkUnlinkRename"}

// wrongTests are the rows that no disk passes either, as go-fuse's own run of
// them notes: a process is said to be kept out by a lock of its own.
var wrongTests = []string{"FcntlFlockLocksFile"}

// optionalTests are the rows that look whether the file system can do
// something, and skip themselves if it cannot: values as long as XAttrLarge's
// do not fit into the metadata of an object.
var optionalTests = []string{"Tmpfile", "XAttrLarge"}

// TestPosix runs go-fuse's collection of what file systems get wrong. The mount
// is served by a process of its own, because the system calls are made by this
// one.
func TestPosix(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := fakeAccount(srv)
	for i, name := range slices.Sorted(maps.Keys(posixtest.All)) {
		if slices.Contains(slices.Concat(hardLinkTests, wrongTests), name) {
			continue // for the former, see TestHardLinksAreRefused
		}
		t.Run(name, func(t *testing.T) {
			container := fmt.Sprint("posix-", i)
			logIn(t, a).want(http.StatusCreated, http.MethodPut, container, "")
			d := mountForeground(t, a, ":"+container)
			t.Cleanup(func() {
				if t.Skipped() && !slices.Contains(optionalTests, name) {
					t.Error("the test found a feature missing and skipped itself")
				}
			})
			posixtest.All[name](t, d.dir)
		})
	}
}

func TestHardLinksAreRefused(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	logIn(t, fakeAccount(srv)).want(http.StatusCreated, http.MethodPut, "posix", "")
	d := mountForeground(t, fakeAccount(srv), ":posix")
	if err := os.WriteFile(d.path("file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Link(d.path("file"), d.path("link")); !errors.Is(err, syscall.EPERM) {
		t.Errorf("link: %v, want EPERM", err)
	}
	if _, err := os.Lstat(d.path("link")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the link was refused: %v, want no such file", err)
	}
	object(t, srv, "posix", "file", []byte("content"))
}
