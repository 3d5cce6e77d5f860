package integration

import (
	"bytes"
	bin "encoding/binary"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// nextDirents reads entries from where the directory is read, as many as fit the
// buffer; none at the end.
func nextDirents(dir *os.File, buf []byte) (all []dirent, err error) {
	n, err := unix.Getdents(int(dir.Fd()), buf)
	if err != nil {
		return nil, err
	}
	for rest := buf[:n]; len(rest) > 0; {
		length := bin.NativeEndian.Uint16(rest[16:])
		name, _, _ := bytes.Cut(rest[19:length], []byte{0})
		all = append(all, dirent{string(name), int64(bin.NativeEndian.Uint64(rest[8:]))})
		rest = rest[length:]
	}
	return all, nil
}

// restOf reads a directory to its end, goes on after errors, and returns what they were.
func restOf(t *testing.T, dir *os.File, buf []byte) (names []string, errs []error) {
	t.Helper()
	for len(errs) < 100 {
		all, err := nextDirents(dir, buf)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case len(all) == 0:
			return names, errs
		}
		names = append(names, namesIn(all)...)
	}
	t.Fatalf("the directory has no end: %v", errs)
	return nil, nil
}

func namesIn(all []dirent) (names []string) {
	for _, e := range all {
		if e.name != "." && e.name != ".." {
			names = append(names, e.name)
		}
	}
	return names
}

// "A program that deletes the names it has read, and goes on, gets all that is left":
// rm -r and find -delete do that.
func TestAProgramThatDeletesWhatItHasReadMissesNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(1200, "file-%05d"), 3)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	dir := openDir(t, m.dir)
	all := direntsFrom(t, dir, 0)
	for _, e := range all[2:702] {
		if err := os.Remove(m.path(e.name)); err != nil {
			t.Fatal(err)
		}
	}
	from := func(entry, first int) { // the first that has to come
		t.Helper()
		if err := m.fs.Refresh(t.Context(), ""); err != nil { // the kernel has them, too
			t.Fatal(err)
		}
		got, want := namesIn(direntsFrom(t, dir, all[entry-1].next)), namesIn(all[first:])
		if again := len(got) - len(want); again < 0 || again >= 128 || !slices.Equal(got[again:], want) {
			t.Errorf("from entry %d on there are %d entries, want the last %d", entry, len(got), len(want))
		}
	}
	for _, entry := range []int{702, 750, 1100, 601} {
		from(entry, max(entry, 702))
	}
	if err := os.Remove(m.path(all[1000].name)); err != nil {
		t.Fatal(err)
	}
	from(1011, 1011)
}

// The kernel drops its list while a program is in the middle of it.
func TestWhoReadsTheKernelsListGoesOnBehindItsEnd(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(1200, "file-%05d"), 3)
	m := mount(t, fakeAccount(srv), longTTL, func(c *fs.Config) { c.Container = "c" })
	buf := make([]byte, 4096)
	for range 5 {
		for range 2 {
			sh(t, "ls -f "+m.dir) // leaves a list
		}
		dir := openDir(t, m.dir)
		first, err := nextDirents(dir, buf)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range namesIn(first) {
			if err := os.Remove(m.path(name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.fs.Refresh(t.Context(), ""); err != nil { // drops the list
			t.Fatal(err)
		}
		more, errs := restOf(t, dir, buf)
		if len(errs) > 0 {
			t.Errorf("reading on: %v", errs)
		}
		if want := srv.Objects("c"); !slices.Equal(more, want) {
			t.Errorf("after %d entries, of deleted files, %d names were read, and %d are there", len(first), len(more), len(want))
		}
	}
}

// "After an error, or a signal, it goes on where it was."
func TestAnErrorInTheMiddleOfADirectoryLosesAndRepeatsNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(1200, "file-%05d"), 3)
	srv.PutObject("c", "file-00300-empty", "", nil) // may be a large one: a HEAD tells
	srv.PutObject("c", "file-00700-empty", "", nil)
	for _, size := range []int{4096, 32 << 10} {
		fault := srv.Inject(fakeswift.Fault{Match: isHeadOfFile, Times: 2, Do: fakeswift.Status(http.StatusTeapot)})
		m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
		dir := openDir(t, m.dir)
		got, errs := restOf(t, dir, make([]byte, size))
		slices.Sort(got)
		if want := srv.Objects("c"); !slices.Equal(got, want) {
			t.Errorf("with a buffer of %d bytes %d names were read, want %d", size, len(got), len(want))
		}
		if len(errs) != 2 || len(errs) != fault.Hits() || !errors.Is(errs[0], syscall.EIO) {
			t.Errorf("%d requests failed, and reading with %v", fault.Hits(), errs)
		}
		_ = dir.Close()
		m.unmount()
	}
}

func isHeadOfFile(r *http.Request) bool {
	return r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/file-")
}

// "A file that the server tells nothing about (EACCES) is listed all the same."
func TestAFileThatTheServerTellsNothingAboutIsListed(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(300, "file-%05d"), 3)
	srv.PutObject("c", "file-00200-secret", "", nil)
	srv.Inject(fakeswift.Fault{Match: isHeadOfFile, Do: fakeswift.Status(http.StatusForbidden)})
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	if got, want := sh(t, "ls -f "+m.dir+" | grep -c file"), "301\n"; got != want {
		t.Errorf("ls shows %s names, want %s", got, want)
	}
	fails(t, "Permission denied", "stat "+m.path("file-00200-secret"))
	sh(t, "stat "+m.path("file-00201"))
}
