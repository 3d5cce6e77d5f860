package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// count returns how many requests of a method there were.
func count(srv *fakeswift.Server, method string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

func TestRenamingADirectoryOf200ObjectsIsParallelAndCountsItsRequests(t *testing.T) {
	const atOnce = 16 // of the 32 requests that a mount may have under way
	for name, c := range map[string]struct {
		opts fakeswift.Options
		most int
	}{
		"with bulk delete":    {fakeswift.Options{}, 204},
		"without bulk delete": {fakeswift.Options{Without: []string{"bulk_delete"}}, 405},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, c.opts)
			srv.FillContainer("c", names(199, "dir/sub-7/file-%03d"), 10)
			srv.PutObject("c", "dir/", "application/directory", nil)
			m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
			wantList(t, m.path("dir/sub-7"), slices.Collect(names(199, "file-%03d"))...)
			wantList(t, m.dir, "dir")
			srv.Reset()
			copies := holdRequests(t, srv, fakeswift.Fault{Match: isMethod("COPY")})
			renamed := make(chan error, 1)
			go func() { renamed <- syscall.Rename(m.path("dir"), m.path("moved")) }()
			copies.await(atOnce)
			copies.release()
			if err := <-renamed; err != nil {
				t.Fatal(err)
			}
			if got := srv.Total(); got > c.most {
				t.Errorf("%d requests, want at most %d", got, c.most)
			}
			if got := count(srv, "COPY"); got != 200 {
				t.Errorf("%d copies, want 200", got)
			}
			requests(t, srv, 0, "listing the new directory", func() {
				wantList(t, m.dir, "moved")
			})
			wantList(t, m.path("moved/sub-7"), slices.Collect(names(199, "file-%03d"))...)
			if got := srv.Objects("c"); len(got) != 200 || got[0] != "moved/" || got[199] != "moved/sub-7/file-198" {
				t.Errorf("the server has %d objects, from %q to %q", len(got), got[0], got[len(got)-1])
			}
		})
	}
}

func TestEverythingInADirectoryMovesWithIt(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	at := map[string]string{
		"a/": "", "a/f": "1", "a/sub/": "", "a/sub/g": "2", "a/x": "3", "a/x/y": "4", "a//empty": "5", "a/..": "6", "a/bare": "", "a/bare/h": "7", "a/d/": "data", "a-1": "8", "a.txt": "9",
	}
	for name, data := range at {
		typ := "text/plain"
		if data == "" {
			typ = "application/directory"
		}
		srv.PutObject("c", name, typ, []byte(data))
	}
	srv.CreateContainer("other")
	m := mount(t, fakeAccount(srv))
	sh(t, "find "+m.path("c"))
	was := sh(t, "cd "+m.path("c/a")+"; find | sort")
	sh(t, "cd "+m.path("c/a")+"; mkdir made kept; echo x > kept/f; rm kept/f; echo unlisted > made/new")
	for _, step := range []struct{ from, to string }{{"c/a", "c/b"}, {"c/b", "other/b"}, {"other/b", "c/bare"}, {"c/bare", "c/a"}} {
		mustRename(t, m.path(step.from), m.path(step.to))
		now := sh(t, "cd "+m.path(step.to)+"; find -not -path './made*' -not -path './kept' | sort")
		if now != was {
			t.Errorf("%s to %s shows\n%swant\n%s", step.from, step.to, now, was)
		}
		wantList(t, m.path(step.to, "kept"))
		wantList(t, m.path(step.to, "made"), "new")
		if _, err := os.Stat(m.path(step.from)); !os.IsNotExist(err) {
			t.Errorf("%s is still there", step.from)
		}
	}
	for name, data := range at {
		object(t, srv, "c", name, []byte(data))
	}
	object(t, srv, "c", "a/made/new", []byte("unlisted\n"))
	if got := len(srv.Objects("c")); got != len(at)+3 {
		t.Errorf("the server has %q", srv.Objects("c"))
	}
	wantObjects(t, srv, "other")
}

func TestADirectoryWithoutAnyObjectIsRenamed(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "implicit/file", "", []byte("x"))
	srv.PutObject("c", "up/down/file", "", []byte("x"))
	m := mount(t, fakeAccount(srv))
	sh(t, "cd "+m.path("c")+"; rm implicit/file; mv implicit renamed; mv up/down here")
	wantList(t, m.path("c"), "here", "renamed", "up")
	wantList(t, m.path("c/renamed"))
	wantList(t, m.path("c/up"))
	wantObjects(t, srv, "c", "here/file")
}

func TestOwnChangesThatListingsDoNotShowMoveToo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"a/old", "a/removed", "a/changed"} {
		srv.PutObject("c", name, "", []byte("old"))
	}
	srv.LagListings(true)
	m := mount(t, fakeAccount(srv))
	sh(t, "cd "+m.path("c")+"; ls -l a; rm a/removed; echo new > a/created; echo other > a/changed; mkdir a/dir; echo below > a/dir/file; mv a b")
	want := map[string]string{"b/old": "old", "b/created": "new\n", "b/changed": "other\n", "b/dir/": "", "b/dir/file": "below\n"}
	for name, data := range want {
		object(t, srv, "c", name, []byte(data))
	}
	if got := len(srv.Objects("c")); got != len(want) {
		t.Errorf("the server has %q", srv.Objects("c"))
	}
	if got := sh(t, "cd "+m.path("c")+"; find | sort; cat b/changed"); got != ".\n./b\n./b/changed\n./b/created\n./b/dir\n./b/dir/file\n./b/old\nother\n" {
		t.Errorf("the mount shows\n%s", got)
	}
	// What was moved away does not come back, and does not hide what is made anew.
	sh(t, "cd "+m.path("c")+"; mkdir a; echo again > a/old")
	wantList(t, m.path("c/a"), "old")
	srv.LagListings(false)
	wantList(t, m.path("c/a"), "old")
	wantList(t, m.path("c/b"), "changed", "created", "dir", "old")
}

// isMethod matches requests of one method.
func isMethod(method string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method }
}

func failCopies(srv *fakeswift.Server, after int) *fakeswift.Injected {
	return srv.Inject(fakeswift.Fault{
		Match: isMethod("COPY"), Skip: after, Do: fakeswift.Status(http.StatusForbidden),
	})
}

// tree stores a directory of n objects with a marker.
func tree(srv *fakeswift.Server, dir string, n int) {
	srv.FillContainer("c", names(n, dir+"/file-%04d"), 10)
	srv.PutObject("c", dir+"/", "application/directory", nil)
}

// "If a copy fails, or a signal comes before that, the copies are removed and the old
// state stands"
func TestACopyThatFailsInTheMiddleLeavesTheDirectoryAsItWas(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	tree(srv, "dir", 100)
	srv.PutObject("c", "empty/", "application/directory", nil)
	m, log := mountLogged(t, fakeAccount(srv))
	for _, target := range []string{"c/moved", "c/empty", "new"} {
		for _, after := range []int{0, 50, 100} {
			if after == 100 && target == "new" {
				continue // a container has no marker to copy
			}
			fault := failCopies(srv, after)
			wantSame(t, srv, func() { wantRename(t, syscall.EACCES, m.path("c/dir"), m.path(target)) })
			if fault.Hits() == 0 {
				t.Errorf("no copy failed after %d", after)
			}
			fault.Remove()
		}
	}
	wantLogged(t, log, "rename failed")
	wantList(t, m.path("c"), "dir", "empty")
	wantList(t, m.path("c/empty"))
	if got := len(listNames(t, m.path("c/dir"))); got != 100 {
		t.Errorf("the directory shows %d files", got)
	}
	mustRename(t, m.path("c/dir"), m.path("c/empty"))
	if got := len(listNames(t, m.path("c/empty"))); got != 100 {
		t.Errorf("the new directory shows %d files", got)
	}
}

func TestASignalBeforeTheLastCopyLeavesNothingUnderTheNewName(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	tree(srv, "dir", 10)
	before := srv.Objects("c")
	m := mount(t, fakeAccount(srv))
	marker := holdRequests(t, srv, fakeswift.Fault{Match: isMethod("COPY"), Skip: 10})
	if r := try(t, "timeout", "-s", "INT", "1", "mv", m.path("c/dir"), m.path("c/moved")); r.code == 0 {
		t.Error("the rename was not interrupted")
	}
	marker.await(1)
	marker.release()
	m.unmount()
	if got := srv.Objects("c"); !slices.Equal(got, before) {
		t.Errorf("the server has %q, want %q", got, before)
	}
}

// "a crash leaves both, and the same rename can be repeated"
func TestARenameThatACrashCutOffCanBeRepeated(t *testing.T) {
	for method, passed := range map[string]int{"COPY": 40, http.MethodDelete: 40} {
		t.Run(method, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{Without: []string{"bulk_delete"}})
			tree(srv, "dir", 100)
			d := mountBinary(t, fakeAccount(srv), ":c")
			held := holdRequests(t, srv, fakeswift.Fault{Match: isMethod(method), Skip: passed})
			ended := make(chan error, 1)
			go func() { ended <- syscall.Rename(d.path("dir"), d.path("moved")) }()
			held.await(1)
			if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			awaitEnd(t, d.pid)
			if err := <-ended; err == nil {
				t.Error("the rename succeeded")
			}
			sh(t, "umount "+d.dir)
			held.awaitNone()
			held.release()
			m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
			if got := sh(t, "ls "+m.path("dir")+" "+m.path("moved")+" | grep file | sort -u | wc -l"); got != "100\n" {
				t.Errorf("the two directories have %s different files", got)
			}
			mustRename(t, m.path("dir"), m.path("moved"))
			wantList(t, m.dir, "moved")
			if got := srv.Objects("c"); len(got) != 101 || got[0] != "moved/" {
				t.Errorf("the server has %d objects, the first %q", len(got), got[0])
			}
		})
	}
}

// What happens to be equal is no leaving of a rename.
func TestADirectoryDoesNotReplaceOneWithEqualFiles(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, dir := range []string{"a", "b"} {
		srv.PutObject("c", dir+"/empty", "text/plain", nil)
	}
	srv.PutObject("c", "d/empty/", "application/directory", nil)
	srv.PutObject("c", "e/empty", "text/plain", nil)
	m := mount(t, fakeAccount(srv))
	wantUnchanged(t, srv, func() {
		wantRename(t, syscall.ENOTEMPTY, m.path("c/a"), m.path("c/b"))
		wantRename(t, syscall.ENOTEMPTY, m.path("c/d"), m.path("c/e"))
		wantRename(t, syscall.ENOTEMPTY, m.path("c/e"), m.path("c/d"))
	})
}

func TestDeletionsThatFailLeaveAllObjectsAndCanBeRepeated(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Without: []string{"bulk_delete"}})
	tree(srv, "dir", 50)
	m, log := mountLogged(t, fakeAccount(srv))
	open, err := os.Open(m.path("c/dir/file-0007"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	fault := srv.Inject(fakeswift.Fault{
		Match: isMethod(http.MethodDelete), Skip: 20, Do: fakeswift.Status(http.StatusForbidden),
	})
	wantRename(t, syscall.EACCES, m.path("c/dir"), m.path("c/moved"))
	fault.Remove()
	wantLogged(t, log, "repeating the rename completes it")
	for name := range names(50, "moved/file-%04d") {
		object(t, srv, "c", name, bytes.Repeat([]byte("x"), 10))
	}
	mustRename(t, m.path("c/dir"), m.path("c/moved"))
	if got := srv.Objects("c"); len(got) != 51 {
		t.Errorf("the server has %d objects", len(got))
	}
	if got, err := io.ReadAll(open); len(got) != 10 || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if got := len(listNames(t, m.path("c/moved"))); got != 50 {
		t.Errorf("the directory shows %d files", got)
	}
}

// "While a directory moves, changes in it wait"
func TestFilesThatAreWrittenInADirectoryThatMovesAreStoredAtItsNewPlace(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	tree(srv, "dir", 3)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	write := func(path string) *os.File {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("written in " + path); err != nil {
			t.Fatal(err)
		}
		return f
	}
	created, overwritten := write(m.path("dir/new")), write(m.path("dir/file-0001"))
	wantList(t, m.path("dir"), "file-0000", "file-0001", "file-0002", "new")
	// Another file is stored while the copies are under way: it waits.
	during, beside := write(m.path("dir/file-0002")), write(m.path("beside"))
	copies := holdRequests(t, srv, fakeswift.Fault{Match: isMethod("COPY")})
	renamed, closed := make(chan error, 1), make(chan error, 1)
	go func() { renamed <- syscall.Rename(m.path("dir"), m.path("moved")) }()
	copies.await(1)
	go func() { closed <- during.Close() }()
	// What is written elsewhere does not wait, and by then the other would be stored.
	if err := beside.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-closed:
		t.Errorf("a file was stored in the middle of the move of its directory: %v", err)
	default:
	}
	copies.release()
	if err := errors.Join(<-renamed, <-closed); err != nil {
		t.Error(err)
	}
	wantList(t, m.path("moved"), "file-0000", "file-0001", "file-0002", "new")
	for _, f := range []*os.File{created, overwritten} {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for object, was := range map[string]string{"moved/new": "dir/new", "moved/file-0001": "dir/file-0001", "moved/file-0002": "dir/file-0002"} {
		if got, _, _ := srv.Object("c", object); string(got) != "written in "+m.path(was) {
			t.Errorf("%s has %q", object, got)
		}
	}
	wantObjects(t, srv, "c", "beside", "moved/", "moved/file-0000", "moved/file-0001", "moved/file-0002", "moved/new")
}

// "A directory that has the segments of its own large objects in it, as some tools
// leave them, is EXDEV, and mv copies it."
func TestALargeObjectWhoseSegmentsAreInTheDirectoryIsNotTornFromThem(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	for i := range 3 {
		srv.PutObject("c", fmt.Sprintf("dir/.file-segments/big/%d", i), "", pattern(1000, uint64(i)))
	}
	whole := slices.Concat(pattern(1000, 0), pattern(1000, 1), pattern(1000, 2))
	m, log := mountLogged(t, fakeAccount(srv))
	for name, put := range map[string]func(){
		"static": func() { putSLO(t, server, "c/dir/big", "c", "dir/.file-segments/big/", 3) },
		"dynamic": func() {
			server.want(http.StatusCreated, http.MethodPut, "c/dir/big", "", "X-Object-Manifest", "c/dir/.file-segments/big/")
		},
	} {
		put()
		if err := syscall.Rename(m.path("c/dir"), m.path("c/moved")); err != syscall.EXDEV {
			t.Errorf("%s: %v, want EXDEV", name, err)
		}
		object(t, srv, "c", "dir/big", whole)
		wantObjects(t, srv, "c", "dir/.file-segments/big/0", "dir/.file-segments/big/1", "dir/.file-segments/big/2", "dir/big")
	}
	wantLogged(t, log, "the segments of a large object are in it")
	sh(t, "mv "+m.path("c/dir/big")+" "+m.path("c/big"))
	object(t, srv, "c", "big", whole)
}

func TestLargeObjectsAndLinksMoveWithTheirDirectory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	largeObjects(t, srv)
	putSLO(t, server, "large/d/static", "large_segments", "static/seg/", 3)
	server.want(http.StatusCreated, http.MethodPut, "large/d/dynamic", "", "X-Object-Manifest", "large_segments/dynamic/seg/")
	server.want(http.StatusCreated, http.MethodPut, "large/d/link", "", "X-Symlink-Target", "large/static")
	server.want(http.StatusCreated, http.MethodPut, "large/d/empty", "")
	m := mount(t, fakeAccount(srv))
	mustRename(t, m.path("large/d"), m.path("large/e"))
	for name, data := range map[string][]byte{"static": largeContent, "dynamic": largeContent, "empty": nil} {
		object(t, srv, "large", "e/"+name, data)
		if got := readFile(t, m.path("large/e", name)); !bytes.Equal(got, data) {
			t.Errorf("%s: read %d bytes", name, len(got))
		}
	}
	if got := server.do(http.MethodHead, "large/e/link?symlink=get", "").header.Get("X-Symlink-Target"); got != "large/static" {
		t.Errorf("the link names %q", got)
	}
	if got := srv.Objects("large_segments"); len(got) != 8 {
		t.Errorf("the segments are %q", got)
	}
}

func TestASignalEndsTheRenameOfADirectoryAndNothingIsLost(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	tree(srv, "dir", 200)
	m := mount(t, fakeAccount(srv))
	wantList(t, m.path("c"), "dir")
	copies := holdRequests(t, srv, fakeswift.Fault{Match: isMethod("COPY"), Skip: 50})
	before := snapshot(srv)
	shell := converse(t)
	shell.say("mv -T " + m.path("c/dir") + " " + m.path("c/moved") + " & pid=$!")
	copies.await(1)
	shell.say("kill $pid; wait $pid || true")
	copies.release()
	eventually(t, "ls "+m.path("c"), "dir\n")
	for deadline := time.Now().Add(20 * time.Second); len(srv.Objects("c")) != 201; {
		if time.Now().After(deadline) {
			t.Fatalf("the server has %d objects, want 201", len(srv.Objects("c")))
		}
		sh(t, "ls "+m.path("c/dir"))
	}
	if after := snapshot(srv); !maps.Equal(before, after) {
		t.Errorf("the server had %d names and has %d", len(before), len(after))
	}
	mustRename(t, m.path("c/dir"), m.path("c/moved"))
	if got := len(listNames(t, m.path("c/moved"))); got != 200 {
		t.Errorf("%d files", got)
	}
}
