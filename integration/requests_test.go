package integration

import (
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// names yields n names of one form.
func names(n int, form string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf(form, i)) {
				return
			}
		}
	}
}

func TestListingADirectoryOf9999ObjectsCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(9999, "file-%05d"), 10)
	for _, command := range []string{"ls", "ls -l"} {
		m := mount(t, fakeAccount(srv))
		requests(t, srv, 1, command, func() {
			if got := strings.Count(sh(t, command+" "+m.path("c")), "file-"); got != 9999 {
				t.Errorf("%s shows %d names, want 9999", command, got)
			}
		})
		requests(t, srv, 0, "ls -l again within the TTL", func() { sh(t, "ls -l "+m.path("c")) })
		requests(t, srv, 0, "find when all is known", func() { sh(t, "find "+m.path("c")) })
	}
}

func TestStatOfOneUnlistedNameCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(5000, "dir/file-%05d"), 10)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	requests(t, srv, 1, "stat of a name in a directory of the root", func() { sh(t, "stat "+m.path("dir/file-00001")) })
	requests(t, srv, 1, "stat of one name", func() { sh(t, "stat "+m.path("dir/file-00002")) })
}

func TestReadingAListedSmallFileCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	want := pattern(4096, 1)
	srv.PutObject("c", "file", "", want)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls "+m.path("c"))
	requests(t, srv, 1, "cat of 4 KiB", func() {
		if got := sh(t, "cat "+m.path("c/file")); got != string(want) {
			t.Errorf("cat gives %d bytes, want %d", len(got), len(want))
		}
	})
	requests(t, srv, 0, "cat again", func() { sh(t, "cat "+m.path("c/file")) })
}

func TestCopyingASmallFileIntoAListedDirectoryCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(100, "file-%05d"), 10)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls "+m.path("c"))
	data := pattern(4096, 2)
	from := localFile(t, "new", data)
	requests(t, srv, 1, "cp of 4 KiB", func() { sh(t, "cp "+from+" "+m.path("c/new")) })
	object(t, srv, "c", "new", data)
	requests(t, srv, 0, "ls of the directory with the new file", func() {
		if !strings.Contains(sh(t, "ls "+m.path("c")), "new") {
			t.Error("the new file is not listed")
		}
	})
}

func TestTheAccountWithItsContainersCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for name := range names(50, "container-%02d") {
		srv.FillContainer(name, names(3, "file-%d"), 1)
	}
	srv.Reset()
	m := mount(t, fakeAccount(srv))
	if got := strings.Count(sh(t, "ls -l "+m.dir), "container-"); got != 50 {
		t.Errorf("ls shows %d containers, want 50", got)
	}
	if got := srv.Total(); got != 1 {
		t.Errorf("mounting and listing the account: %d requests, want 1:%s", got, requestList(srv))
	}
	for _, r := range srv.Requests() {
		if r.Level == fakeswift.Container {
			t.Errorf("container %q was listed, though nobody looked into it", r.Container)
		}
	}
}

func TestAWarmTreeIsWalkedWithoutRequests(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", func(yield func(string) bool) {
		for d := range 10 {
			for f := range 20 {
				if !yield(fmt.Sprintf("dir-%02d/file-%02d", d, f)) {
					return
				}
			}
		}
	}, 7)
	m := mount(t, fakeAccount(srv))
	requests(t, srv, 3, "find of 10 directories", func() { sh(t, "find "+m.path("c")) })
	requests(t, srv, 0, "find again", func() {
		if got := strings.Count(sh(t, "find "+m.path("c")+" -type f -size 7c"), "\n"); got != 200 {
			t.Errorf("find shows %d files, want 200", got)
		}
	})
}

func TestOverwritingAFileCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", pattern(100, 1))
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c"))
	data := pattern(5000, 2)
	from := localFile(t, "new", data)
	requests(t, srv, 1, "cp over a file", func() { sh(t, "cp "+from+" "+m.path("c/file")) })
	object(t, srv, "c", "file", data)
	if info, err := os.Stat(from); err != nil || info.Size() != 5000 {
		t.Fatal(err)
	}
}
