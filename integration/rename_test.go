package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// wantRename renames and checks the errno. It is the system call: os.Rename looks
// at the target first.
func wantRename(t *testing.T, want error, from, to string) {
	t.Helper()
	if err := syscall.Rename(from, to); !errors.Is(err, want) {
		t.Errorf("rename of %s to %s: %v, want %v", filepath.Base(from), filepath.Base(to), err, want)
	}
}

func mustRename(t *testing.T, from, to string) {
	t.Helper()
	if err := syscall.Rename(from, to); err != nil {
		t.Fatalf("rename of %s to %s: %v", filepath.Base(from), filepath.Base(to), err)
	}
}

// wantObjects checks the names in a container.
func wantObjects(t *testing.T, srv *fakeswift.Server, container string, want ...string) {
	t.Helper()
	if got := srv.Objects(container); !slices.Equal(got, want) {
		t.Errorf("container %s has %q, want %q", container, got, want)
	}
}

// wantSame runs f, after which the server must have what it had before.
func wantSame(t *testing.T, srv *fakeswift.Server, f func()) {
	t.Helper()
	before := snapshot(srv)
	f()
	if after := snapshot(srv); !maps.Equal(before, after) {
		t.Errorf("the server had %d names and has %d: %q", len(before), len(after), slices.Sorted(maps.Keys(after)))
	}
}

func listNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// wantList checks the entries of a directory.
func wantList(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := listNames(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", filepath.Base(dir), got, want)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestRenamingAFileCostsACopyAndADeletion(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data, other := pattern(5000, 1), pattern(300, 2)
	srv.PutObject("c", "a.txt", "", data)
	srv.PutObject("c", "b.txt", "", other)
	srv.PutObject("d", "sub/x", "", other)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c")+" "+m.path("d")+" "+m.path("d/sub"))
	requests(t, srv, 2, "mv to a new name", func() { mustRename(t, m.path("c/a.txt"), m.path("c/new.txt")) })
	object(t, srv, "c", "new.txt", data)
	requests(t, srv, 2, "mv over a file", func() { mustRename(t, m.path("c/new.txt"), m.path("c/b.txt")) })
	object(t, srv, "c", "b.txt", data)
	wantObjects(t, srv, "c", "b.txt")
	requests(t, srv, 2, "mv to another container", func() { mustRename(t, m.path("c/b.txt"), m.path("d/sub/b.txt")) })
	object(t, srv, "d", "sub/b.txt", data)
	requests(t, srv, 0, "mv to the same name", func() { mustRename(t, m.path("d/sub/b.txt"), m.path("d/sub/b.txt")) })
	requests(t, srv, 0, "looking at all of it", func() {
		wantList(t, m.path("c"))
		wantList(t, m.path("d/sub"), "b.txt", "x")
	})
	if got := readFile(t, m.path("d/sub/b.txt")); !bytes.Equal(got, data) {
		t.Errorf("read %d bytes", len(got))
	}
}

// "Handles go on under the new name. A file keeps its inode number and the date it
// shows"
func TestAFileThatIsOpenForReadingIsReadOnAfterARename(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data := pattern(3<<20, 1)
	srv.PutObject("c", "a/file", "", data)
	srv.PutObject("c", "a/other", "", data[:10])
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.ReadAhead = 0 })
	for _, step := range []struct{ file, from, to, now string }{
		{"c/a/file", "c/a/file", "c/b", "c/b"},
		{"c/b", "c/b", "c/a/file", "c/a/file"},
		{"c/a/file", "c/a", "c/z", "c/z/file"},
		{"c/z/file", "c", "other", "other/z/file"},
	} {
		open, err := os.Open(m.path(step.file))
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 10)
		if _, err := io.ReadFull(open, first); err != nil {
			t.Fatal(err)
		}
		before, _ := open.Stat()
		mustRename(t, m.path(step.from), m.path(step.to))
		after, err := os.Stat(m.path(step.now))
		if err != nil {
			t.Fatal(err)
		}
		if !os.SameFile(before, after) {
			t.Errorf("%s to %s: another inode", step.from, step.to)
		}
		rest, err := io.ReadAll(open)
		if got := append(first, rest...); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s to %s: read %d bytes, %v", step.from, step.to, len(got), err)
		}
		_ = open.Close()
	}
}

func TestWhatTakesAnOldNameIsAnotherFile(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	sh(t, "set -x; cd "+m.dir+`
		echo 1 > log; mv log log.1; echo 2 > log; cp log log.copy
		cmp -s log log.1 && exit 1
		mv log.1 log.2; mv log log.1; echo 3 > log
		cp log.1 log.1.copy; mv log.copy old; cp old log.copy
		mkdir d; echo x > d/f; mv d e; mkdir d; echo y > d/f; mv d e/d; mkdir d; cmp -s e/f e/d/f && exit 1; exit 0`)
	seen := map[uint64]string{}
	for _, name := range []string{"log", "log.1", "log.2", "log.1.copy", "log.copy", "old", "d", "e", "e/d", "e/f", "e/d/f"} {
		n := inode(t, m.path(name))
		if other, ok := seen[n]; ok {
			t.Errorf("%s and %s have one inode number", name, other)
		}
		seen[n] = name
	}
	for name, want := range map[string]string{"log": "3\n", "log.1": "2\n", "log.2": "1\n", "old": "2\n", "log.copy": "2\n", "e/f": "x\n", "e/d/f": "y\n"} {
		if got := string(readFile(t, m.path(name))); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	wantList(t, m.path("d"))
}

// "A path that would be too long for the server is ENAMETOOLONG before anything is
// copied."
func TestTheWholeNewNameIsCheckedBeforeAnythingIsCopied(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	part := strings.Repeat("n", 250)
	deep := part + "/" + part + "/" + part + "/" + part
	srv.PutObject("c", "a/short", "", []byte("1"))
	srv.PutObject("c", "a/"+deep, "", []byte("2"))
	m, log := mountLogged(t, fakeAccount(srv))
	wantUnchanged(t, srv, func() {
		wantRename(t, syscall.ENAMETOOLONG, m.path("c/a"), m.path("c/a-name-that-is-much-longer"))
		for _, r := range srv.Requests() {
			if r.Method == "COPY" {
				t.Errorf("COPY of %s", r.Object)
			}
		}
	})
	wantLogged(t, log, "longer than the server takes")
	mustRename(t, m.path("c/a"), m.path("c/b"))
	object(t, srv, "c", "b/"+deep, []byte("2"))
}

func TestAnEscapedNameIsRepairedByARename(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"a//b", "x", "x/y", "data/", "..", "%empty%"} {
		srv.PutObject("c", name, "text/plain", []byte("content of "+name))
	}
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	for from, to := range map[string]string{"a/%empty%/b": "b1", "x%file%": "x1", "data/%data%": "data1", "%dotdot%": "dots", "%empty%%lit%": "literal"} {
		mustRename(t, m.path(from), m.path(to))
	}
	mustRename(t, m.path("x"), m.path("y"))
	wantObjects(t, srv, "c", "b1", "data1", "dots", "literal", "x1", "y/y")
	for name, was := range map[string]string{"b1": "a//b", "x1": "x", "data1": "data/", "dots": "..", "literal": "%empty%", "y/y": "x/y"} {
		object(t, srv, "c", name, []byte("content of "+was))
	}
}

// "The new name is complete before anything old goes; what it replaces is there
// until then"
func TestARenameThatFailsLeavesBothFilesAsTheyWere(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "a", "", []byte("new"))
	srv.PutObject("c", "b", "", []byte("old"))
	client := dial(t, fakeAccount(srv), quickly)
	m := mountClient(t, client)
	wantList(t, m.path("c"), "a", "b")
	copying := func(r *http.Request) bool { return r.Method == "COPY" }
	deleting := func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/a")
	}
	fault := srv.Inject(fakeswift.Fault{Match: copying, Do: fakeswift.Status(http.StatusForbidden)})
	wantSame(t, srv, func() { wantRename(t, syscall.EACCES, m.path("c/a"), m.path("c/b")) })
	fault.Remove()
	fault = srv.Inject(fakeswift.Fault{Match: deleting, Do: fakeswift.Status(http.StatusForbidden)})
	wantSame(t, srv, func() { wantRename(t, syscall.EACCES, m.path("c/a"), m.path("c/free")) })
	wantList(t, m.path("c"), "a", "b")
	wantRename(t, syscall.EACCES, m.path("c/a"), m.path("c/b"))
	object(t, srv, "c", "a", []byte("new"))
	object(t, srv, "c", "b", []byte("new"))
	fault.Remove()
	for _, name := range []string{"a", "b"} {
		if got := string(readFile(t, m.path("c", name))); got != "new" {
			t.Errorf("%s has %q", name, got)
		}
	}
	mustRename(t, m.path("c/a"), m.path("c/b"))
	wantObjects(t, srv, "c", "b")
}

// "a type that was made from the extension follows it."
func TestTheTypeFollowsTheExtensionUnlessSomebodyChoseIt(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	srv.PutObject("c", "chosen.tmp", "image/gif", []byte("gif"))
	m := mount(t, fakeAccount(srv))
	sh(t, "echo text > "+m.path("c/.page.tmp")+"; mv "+m.path("c/.page.tmp")+" "+m.path("c/page.html")+"; mv "+m.path("c/chosen.tmp")+" "+m.path("c/chosen.txt"))
	for name, want := range map[string]string{"page.html": "text/html", "chosen.txt": "image/gif"} {
		_, h, _ := srv.Object("c", name)
		if got, _, _ := strings.Cut(h.Get("Content-Type"), "; mtime="); got != want {
			t.Errorf("%s has type %q, want %q", name, got, want)
		}
	}
}

// "Large objects move by their manifest."
func TestALargeObjectIsRenamedByItsManifest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	data, other := pattern(5<<20, 1), pattern(3<<20, 2)
	sh(t, "mkdir "+m.path("c"))
	sh(t, "cp "+localFile(t, "a", data)+" "+m.path("c/a")+"; cp "+localFile(t, "b", other)+" "+m.path("c/b"))
	before := len(srv.Objects("c_segments"))
	srv.Reset()
	mustRename(t, m.path("c/a"), m.path("c/moved"))
	for _, r := range srv.Requests() {
		if r.BytesIn > 0 || r.Method == http.MethodGet || r.Container != "c" {
			t.Errorf("%s of %s/%s", r.Method, r.Container, r.Object)
		}
	}
	if got := len(srv.Objects("c_segments")); got != before {
		t.Errorf("%d segments, were %d", got, before)
	}
	object(t, srv, "c", "moved", data)
	mustRename(t, m.path("c/moved"), m.path("c/b"))
	object(t, srv, "c", "b", data)
	m.unmount()
	for _, name := range srv.Objects("c_segments") {
		if !strings.HasPrefix(name, "a/") {
			t.Errorf("segment %s of the replaced object is left", name)
		}
	}
	object(t, srv, "c", "b", data)
}

// "What a program has written and not stored is stored first, except of a file that
// the server has never had, which is stored under its new name."
func TestAFileBeingWrittenIsStoredUnderItsNewName(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	srv.PutObject("c", "target", "", []byte("old"))
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	wantList(t, m.dir, "target")
	create := func(name string, data []byte) *os.File {
		w, err := os.Create(m.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		return w
	}
	stored := func(w *os.File) {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	w := create("new", pattern(1000, 1))
	requests(t, srv, 0, "rename of a file that was never stored", func() { mustRename(t, m.path("new"), m.path("newer")) })
	wantList(t, m.dir, "newer", "target")
	stored(w)
	object(t, srv, "c", "newer", pattern(1000, 1))
	wantObjects(t, srv, "c", "newer", "target")

	w = create("tmp", pattern(2000, 2))
	mustRename(t, m.path("tmp"), m.path("target"))
	object(t, srv, "c", "target", pattern(2000, 2))
	stored(w)
	wantObjects(t, srv, "c", "newer", "target")

	w = create("replaced", pattern(500, 3))
	mustRename(t, m.path("newer"), m.path("replaced"))
	stored(w)
	object(t, srv, "c", "replaced", pattern(1000, 1))
	wantObjects(t, srv, "c", "replaced", "target")
	wantList(t, m.dir, "replaced", "target")
}

// "and stays readable for those who have it open."
func TestARenameOverAFileBeingReadLeavesTheReaderWhatItOpened(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	old, now := pattern(4<<20, 1), pattern(4<<20, 2)
	srv.PutObject("c", "old", "", old)
	srv.PutObject("c", "new", "", now)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.ReadAhead = 0 })
	open, err := os.Open(m.path("c/old"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	if _, err := io.ReadFull(open, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	mustRename(t, m.path("c/new"), m.path("c/old"))
	at := make([]byte, 4096)
	n, err := open.ReadAt(at, 3<<20)
	if err != nil || !bytes.Equal(at, old[3<<20:3<<20+4096]) {
		t.Errorf("read %d bytes that are not those of the version it opened, %v", n, err)
	}
	if got := readFile(t, m.path("c/old")); !bytes.Equal(got, now) {
		t.Error("the new file is not read")
	}
}

func TestManyRenamesAtOnceLoseNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	const files, rounds = 8, 20
	for i := range files {
		srv.PutObject("c", fmt.Sprintf("d%d/f%d", i%2, i), "", pattern(100+i, uint64(i)))
	}
	srv.SetLatency(time.Millisecond)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	dirs := make([]*os.File, 2)
	for i := range dirs {
		var err error
		if dirs[i], err = os.Open(m.path(fmt.Sprintf("d%d", i))); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = dirs[i].Close() }()
	}
	inParallel(files+1, func(i int) {
		if i == files {
			for range rounds {
				mustRename(t, m.path("d0"), m.path("moved"))
				mustRename(t, m.path("moved"), m.path("d0"))
			}
			return
		}
		at := func(name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dirs[i%2].Fd(), name) }
		name := fmt.Sprintf("f%d", i)
		for r := range rounds {
			next := fmt.Sprintf("f%d-%d", i, r)
			if err := os.Rename(at(name), at(next)); err != nil {
				t.Errorf("%s to %s: %v", name, next, err)
				return
			}
			name = next
			if got, err := os.ReadFile(at(name)); err != nil || !bytes.Equal(got, pattern(100+i, uint64(i))) {
				t.Errorf("%s: read %d bytes, %v", name, len(got), err)
			}
		}
	})
	for i := range files {
		object(t, srv, "c", fmt.Sprintf("d%d/f%d-%d", i%2, i, rounds-1), pattern(100+i, uint64(i)))
	}
	if got := srv.Objects("c"); len(got) != files {
		t.Errorf("the server has %q", got)
	}
}
