package integration

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// inDirectories yields the names of a tree of so many directories and files in
// each.
func inDirectories(dirs, files int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for d := range dirs {
			for f := range files {
				if !yield(fmt.Sprintf("tree/dir-%05d/file-%05d", d, f)) {
					return
				}
			}
		}
	}
}

// atMost runs f and checks that it cost no more requests than that.
func atMost(t *testing.T, srv *fakeswift.Server, most int, what string, f func()) {
	t.Helper()
	srv.Reset()
	f()
	if got := srv.Total(); got > most {
		t.Errorf("%s: %d requests, want %d or fewer: %s", what, got, most, requestList(srv))
	} else {
		t.Logf("%s: %d requests", what, got)
	}
}

func TestWalkingATreeCostsRequestsByItsObjectsAndNotByItsDirectories(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(500, 20), 7)
	for command, want := range map[string]string{
		"find %s | wc -l":            "10501",
		"find %s -size 7c | wc -l":   "10000",
		"ls -lR %s | grep -c file-":  "10000",
		"du -s %s":                   "",
		"rsync -an %s . | wc -l":     "",
		"tar -cf - %s | wc -c | cat": "",
		"find %s -depth -type d -name 'dir-*' -prune | wc -l": "500",
	} {
		m := mount(t, fakeAccount(srv))
		most := 6
		if strings.HasPrefix(command, "tar") {
			most += 10000
		}
		line := fmt.Sprintf(command, m.path("c/tree"))
		atMost(t, srv, most, line, func() {
			if got := sh(t, line); !strings.HasPrefix(got, want) {
				t.Errorf("%s gives %q, want %q", line, got, want)
			}
		})
		if !strings.HasPrefix(command, "tar") {
			requests(t, srv, 0, line+" again", func() { sh(t, line) })
		}
		m.unmount()
	}
}

func TestCopyingATreeOutCostsOneRequestAFileAndAFewMore(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(20, 50), 4096)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls "+m.path("c"))
	to := filepath.Join(t.TempDir(), "out")
	atMost(t, srv, 1005, "cp -r of 1,000 files out", func() { sh(t, "cp -r "+m.path("c/tree")+" "+to) })
	if got := strings.Count(sh(t, "find "+to+" -type f -size 4096c"), "\n"); got != 1000 {
		t.Errorf("%d files, want 1000", got)
	}
}

func TestListingALargeDirectoryCostsARequestAPage(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(10000, "file-%07d"), 7)
	srv.FillContainer("large", names(100000, "dir/file-%07d"), 7)
	m := mount(t, fakeAccount(srv))
	requests(t, srv, 2, "ls -l of 10,000 objects", func() {
		if got := strings.Count(sh(t, "ls -l "+m.path("c")), "file-"); got != 10000 {
			t.Errorf("ls shows %d names, want 10000", got)
		}
	})
	requests(t, srv, 0, "ls -l again", func() { sh(t, "ls -l "+m.path("c")) })
	m = mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "large" })
	requests(t, srv, 1, "ls -f | head of 100,000 objects", func() { sh(t, "ls -f "+m.path("dir")+" | head") })
}

func TestStatOfManyNamesOfAnUnlistedDirectoryCostsFewRequests(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(10000, "dir/file-%05d"), 7)
	m := mount(t, fakeAccount(srv))
	atMost(t, srv, 10, "stat of 10,000 names", func() {
		for name := range names(10000, "file-%05d") {
			if _, err := os.Stat(m.path("c/dir", name)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
