package integration

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// dirReads runs f and returns how often the kernel asked the mount for names meanwhile.
func (m *mounted) dirReads(f func()) int64 {
	before := m.fs.Status().DirReads
	f()
	return m.fs.Status().DirReads - before
}

// wantNames checks what a directory has, by a reading of it from beginning to end, and
// how often the kernel asked the mount for that.
func (m *mounted) wantNames(what, dir string, asked bool, want ...string) {
	m.t.Helper()
	var got string
	reads := m.dirReads(func() { got = sh(m.t, "find '"+m.path(dir)+"' -mindepth 1 -maxdepth 1 -printf '%f\n' | sort") })
	if want := strings.Join(want, "\n") + "\n"; got != want && got+want != "\n" {
		m.t.Errorf("%s: %q, want %q", what, got, want)
	}
	if asked != (reads > 0) {
		m.t.Errorf("%s: the kernel asked for names %d times, want it to ask: %v", what, reads, asked)
	}
}

// kept has the kernel keep the list of a directory.
func (m *mounted) kept(dir string, want ...string) {
	m.t.Helper()
	m.wantNames("read", dir, true, want...)
	m.wantNames("read again", dir, false, want...)
}

// longTTL keeps lists for as long as a test takes.
func longTTL(c *fs.Config) { c.CacheTTL = time.Hour }

func keptTree(t *testing.T) (*fakeswift.Server, *mounted) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"d/a", "d/b", "d/c", "d/sub/x", "e/f"} {
		srv.PutObject("c", name, "", []byte("data"))
	}
	return srv, mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
}

func TestATreeThatWasReadIsReadAgainFromTheKernelsLists(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(20, 500), 7)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	find := func() {
		if got := sh(t, "find "+m.dir+" | wc -l"); got != "10022\n" {
			t.Errorf("find shows %s names", got)
		}
	}
	find()
	for range 3 {
		requests(t, srv, 0, "find again", func() {
			if got := m.dirReads(find); got != 0 {
				t.Errorf("the kernel asked for names %d times, want 0", got)
			}
		})
	}
}

func TestAnOwnChangeOfADirectoryEndsTheKernelsList(t *testing.T) {
	for do, want := range map[string]string{
		"echo x >d/new":                     "a b c new sub",
		"rm d/a":                            "b c sub",
		"mkdir d/new":                       "a b c new sub",
		"rm d/sub/x && rmdir d/sub":         "a b c",
		"rm -r d/sub":                       "a b c",
		"mv d/a d/z":                        "b c sub z",
		"mv d/a e/a":                        "b c sub",
		"mv e/f d/f":                        "a b c f sub",
		"mv d/sub d/z":                      "a b c z",
		"mv d/sub e":                        "a b c",
		"mv e d/e":                          "a b c e sub",
		"ln -s a d/link":                    "a b c link sub",
		"cp d/a d/copy":                     "a b c copy sub",
		"mv d other && mv other d":          "a b c sub",
		"mv d z && mkdir d":                 "",
		"mv d z && mv e d":                  "f",
		"rm -r d && mkdir d && echo x >d/x": "x",
	} {
		t.Run(do, func(t *testing.T) {
			_, m := keptTree(t)
			m.kept("d", "a", "b", "c", "sub")
			m.kept("e", "f")
			m.kept("d/sub", "x")
			sh(t, "cd '"+m.dir+"' && "+do)
			m.kept("d", strings.Fields(want)...)
		})
	}
}

func TestAChangeBelowADirectoryLeavesTheKernelsList(t *testing.T) {
	_, m := keptTree(t)
	m.kept("d", "a", "b", "c", "sub")
	sh(t, "cd "+m.dir+" && echo x >d/sub/new && mkdir d/sub/deep && chmod 600 d/sub/x")
	m.wantNames("after changes below", "d", false, "a", "b", "c", "sub")
	m.kept("d/sub", "deep", "new", "x")
}

func TestADirectoryThatWasRenamedIsReadAgain(t *testing.T) {
	srv, m := keptTree(t)
	m.kept("d", "a", "b", "c", "sub")
	m.kept("d/sub", "x")
	sh(t, "mv "+m.path("d")+" "+m.path("moved"))
	srv.PutObject("c", "moved/other", "", nil)
	m.kept("moved", "a", "b", "c", "other", "sub")
	m.kept("moved/sub", "x")
}

// "Others' changes are visible after at most cache-ttl, 60 seconds by default, or
// at once after swiftfs refresh."
func TestOthersChangesEndTheKernelsListAfterTheTTL(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "d/a", "", nil)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.CacheTTL = 500 * time.Millisecond })
	open := openDir(t, m.path("c/d"))
	want := "a\n"
	for i := range 3 {
		for range 3 {
			sh(t, "ls "+m.path("c/d"))
			rereadNames(t, open)
		}
		name := fmt.Sprintf("new-%d", i)
		srv.PutObject("c", "d/"+name, "", nil)
		want += name + "\n"
		eventually(t, "ls "+m.path("c/d"), want)
		awaitTrue(t, func() bool { return strings.Join(rereadNames(t, open), "\n")+"\n" == want }, "the names in an open directory")
	}
}

// rereadNames rewinds an open directory and reads it.
func rereadNames(t *testing.T, dir *os.File) []string {
	t.Helper()
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	all, err := dir.Readdirnames(0)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestARefreshEndsTheKernelsLists(t *testing.T) {
	for _, path := range []string{"", "d", "d/new", "d/a"} {
		t.Run(path, func(t *testing.T) {
			srv, m := keptTree(t)
			m.kept("d", "a", "b", "c", "sub")
			open := openDir(t, m.path("d"))
			if got := rereadNames(t, open); len(got) != 4 {
				t.Errorf("the open directory has %q", got)
			}
			srv.PutObject("c", "d/new", "", nil)
			srv.RemoveObject("c", "d/b")
			m.wantNames("before the refresh", "d", false, "a", "b", "c", "sub")
			if err := m.fs.Refresh(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			if got := rereadNames(t, open); strings.Join(got, " ") != "a c new sub" {
				t.Errorf("the open directory has %q", got)
			}
			m.wantNames("after the refresh", "d", true, "a", "c", "new", "sub")
			_ = open.Close()
			m.kept("d", "a", "c", "new", "sub")
		})
	}
}

func TestAReadingThatAChangeOvertakesLeavesNoList(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(3000, "d/file-%05d"), 1)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	for _, do := range []string{
		"echo x >aaa", "rm aaa", "mkdir zzz", "rmdir zzz", "mv file-00000 zzz", "mv zzz file-00000", "rm file-000*", "cp file-00100 aaa",
	} {
		reader := openDir(t, m.path("d"))
		if first, err := reader.Readdirnames(100); err != nil || len(first) != 100 {
			t.Fatalf("%d names, %v", len(first), err)
		}
		sh(t, "cd "+m.path("d")+" && "+do)
		if rest, err := reader.Readdirnames(0); err != nil || len(rest) < 2700 {
			t.Errorf("%s: the reader gets %d more names, %v", do, len(rest), err)
		}
		_ = reader.Close()
		for range 3 {
			wantCount(t, srv, m, "after "+do)
		}
	}
}

// openDir opens a directory until the end of the test at most.
func openDir(t *testing.T, path string) *os.File {
	t.Helper()
	d, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// wantCount checks that the mount shows as many names in d as the server has.
func wantCount(t *testing.T, srv *fakeswift.Server, m *mounted, when string) {
	t.Helper()
	if got, want := strings.Count(sh(t, "ls "+m.path("d")), "\n"), countNames(srv, "d/"); got != want {
		t.Errorf("%s, ls shows %d names, want %d", when, got, want)
	}
}

// countNames counts the entries of a directory at the server.
func countNames(srv *fakeswift.Server, prefix string) int {
	entries := map[string]bool{}
	for _, name := range srv.Objects("c") {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			part, _, _ := strings.Cut(rest, "/")
			entries[part] = true
		}
	}
	return len(entries)
}

func TestAnUnfinishedReadingLeavesNoListThatIsBelieved(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(3000, "d/file-%05d"), 1)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	for _, part := range []int{1, 100, 1500, 2990} {
		d := openDir(t, m.path("d"))
		if some, err := d.Readdirnames(part); err != nil || len(some) != part {
			t.Fatalf("%d names, %v", len(some), err)
		}
		_ = d.Close()
		srv.RemoveObject("c", fmt.Sprintf("d/file-%05d", part/2)) // which moves all behind it
		if err := m.fs.Refresh(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			wantCount(t, srv, m, fmt.Sprintf("after a reading of %d names", part))
		}
	}
}

func TestReadersBesideEachOtherGetAllNames(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(5000, "d/file-%05d"), 1)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	for range 3 {
		got := sh(t, "for i in 1 2 3 4 5 6; do ls "+m.path("d")+" | wc -l & done; wait")
		if want := strings.Repeat("5000\n", 6); got != want {
			t.Errorf("six at once show %q", got)
		}
	}
}

func TestAListIsReadWhileFilesAreMadeAndRemoved(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(1000, "d/file-%05d"), 1)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	sh(t, "cd "+m.path("d")+` && {
		for i in 1 2 3 4 5 6 7 8; do ls >/dev/null; find . | head -5 >/dev/null; done &
		for i in $(seq 50); do echo x >new-$i; [ "$(ls | grep -c "^new-$i\$")" = 1 ] || { echo "new-$i is not there"; exit 1; }; done
		wait
		rm -r ../d/file-* & ls >/dev/null; ls >/dev/null; wait; }`)
	for range 3 {
		if got := strings.Count(sh(t, "ls "+m.path("d")), "new-"); got != 50 {
			t.Errorf("ls shows %d names, want 50", got)
		}
	}
	sh(t, "ls "+m.path("d")+" >/dev/null & rm -r "+m.path("d")+" && wait && mkdir "+m.path("d"))
	m.kept("d")
}

func TestAListWithoutAttributesIsNotForThoseWhoWantThem(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(20, 1000), 7)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container, c.MostNodes = "c", 3000 })
	sh(t, "find "+m.dir)
	if got := m.dirReads(func() { sh(t, "find "+m.dir) }); got != 0 {
		t.Errorf("find again: the kernel asked for names %d times", got)
	}
	if got := m.dirReads(func() { sh(t, "ls -lR "+m.dir) }); got < 15 {
		t.Errorf("ls -lR after it: the kernel asked for names %d times: each file is looked up", got)
	}
}
