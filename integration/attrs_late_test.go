package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// lateMount mounts a container that is listed already.
func lateMount(t *testing.T) (*fakeswift.Server, *mounted) {
	t.Helper()
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	sh(t, "ls "+m.path())
	return srv, m
}

// newDir makes a directory as tar does.
const newDir = "mkdir -m 700 d; touch d/file; touch -d @1600000000.5 d; chown 7:8 d; chmod 750 d; "

// newDirType is what its object has then.
const newDirType = "Content-Type: application/directory; mtime=1600000000.500000000; mode=0750; uid=7; gid=8"

// "What is set of a directory that this mount has made is stored a moment later,
// at once."
func TestTheAttributesOfANewDirectoryAreOneRequest(t *testing.T) {
	srv, m := lateMount(t)
	requests(t, srv, 3, "a new directory with a file, a date, an owner and a mode", func() { sh(t, "cd "+m.path()+"; "+newDir+"sync d") })
	headers(t, srv, "c", "d", newDirType, "X-Object-Meta-Mtime: 1600000000.500000000", "X-Object-Meta-Mode: 0750")
	wantStat(t, "%a %u %g %.Y", m.path("d"), "750 7 8 1600000000.500000000")
	requests(t, srv, 2, "a new directory of the usual mode, with a date", func() { sh(t, "cd "+m.path()+"; mkdir -m 755 e; touch -d @1600000000 e; sync e") })
	headers(t, srv, "c", "e", "Content-Type: application/directory; mtime=1600000000.000000000")
}

func TestUnpackingATreeCostsOneRequestAFileAndTwoADirectory(t *testing.T) {
	srv, m := lateMount(t)
	src := t.TempDir()
	const directories, files = 20, 50
	for d := range names(directories, "d%02d") {
		if err := os.MkdirAll(filepath.Join(src, "tree", d), 0o755); err != nil {
			t.Fatal(err)
		}
		for f := range names(files, "f%02d") {
			if err := os.WriteFile(filepath.Join(src, "tree", d, f), pattern(4096, 1), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sh(t, "cd "+src+"; find tree -exec touch -d @1600000000 {} +; tar cf tree.tar tree")
	srv.Reset()
	sh(t, "tar xf "+src+"/tree.tar -C "+m.path())
	m.unmount()
	// "tree" itself is a directory too, and is looked up before it is made.
	if got, most := srv.Total(), directories*files+2*(directories+1)+1; got > most {
		t.Errorf("%d requests, want %d at most:%s", got, most, requestList(srv))
	}
	m = mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	if out := sh(t, "rsync -an --itemize-changes "+src+"/tree "+m.path()); out != "" {
		t.Errorf("the tree differs from what was packed:\n%s", out)
	}
}

// A change is seen once: tar takes a directory whose ctime moves for one that
// somebody changes.
func TestStoringTheAttributesOfANewDirectoryDoesNotLookLikeAChange(t *testing.T) {
	_, m := lateMount(t)
	sh(t, "cd "+m.path()+"; "+newDir)
	before := statf(t, "%.Z %.Y", m.path("d"))
	sh(t, "sync "+m.path("d"))
	wantStat(t, "%.Z %.Y", m.path("d"), before)
}

// "A rename, rmdir, fsync, and the end of the mount wait for it."
func TestTheAttributesOfANewDirectoryAreStoredBeforeWhatNeedsThem(t *testing.T) {
	for _, c := range []struct{ line, object string }{
		{"mv d e", "e"},
		{"mkdir up; mv d up/e; mv up top", "top/e"},
		{"setfattr -n user.comment -v yes d", "d"},
		{"getfattr -d d", "d"},
	} {
		srv, m := lateMount(t)
		sh(t, "cd "+m.path()+"; "+newDir+c.line)
		headers(t, srv, "c", c.object, newDirType)
		m.unmount()
		headers(t, srv, "c", c.object, newDirType)
		if c.line == "setfattr -n user.comment -v yes d" {
			headers(t, srv, "c", "d", "X-Object-Meta-Comment: yes")
		}
	}
	srv, m := lateMount(t)
	sh(t, "cd "+m.path()+"; "+newDir)
	m.unmount()
	headers(t, srv, "c", "d", newDirType)

	srv, m = lateMount(t)
	sh(t, "cd "+m.path()+"; "+newDir+"rm -r d; mkdir d; rmdir d")
	m.unmount()
	if left := srv.Objects("c"); len(left) > 0 {
		t.Errorf("after rm -r there are %q", left)
	}
}

func TestXattrsOfANewDirectorySurviveItsOtherAttributes(t *testing.T) {
	srv, m := lateMount(t)
	sh(t, "cd "+m.path()+"; mkdir -m 700 d; setfattr -n user.comment -v yes d; chmod 750 d; touch -d @1600000000 d")
	m.unmount()
	headers(t, srv, "c", "d", "Content-Type: application/directory; mtime=1600000000.000000000; mode=0750", "X-Object-Meta-Comment: yes")
}

func TestAttributesOfANewDirectoryThatAnotherClientReplacedAreStoredInIts(t *testing.T) {
	srv, m := lateMount(t)
	sh(t, "cd "+m.path()+"; mkdir -m 755 d") // the marker "d/"
	srv.PutObject("c", "d", "application/directory; uid=5", nil)
	sh(t, "cd "+m.path()+"; touch -d @1600000000 d; sync d")
	headers(t, srv, "c", "d", "Content-Type: application/directory; mtime=1600000000.000000000; uid=5")
}

// "What could not be stored is tried again."
func TestAttributesOfANewDirectorySurviveAServerThatFails(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	client := dial(t, fakeAccount(srv), func(c *swiftbackend.Config) { c.Timeout = 100 * time.Millisecond })
	m := mountClient(t, client, func(c *fs.Config) { c.Container = "c" })
	fault := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPost}, Do: fakeswift.Status(http.StatusServiceUnavailable)})
	sh(t, "cd "+m.path()+"; "+newDir)
	fails(t, "error syncing", "sync "+m.path("d"))
	wantStat(t, "%a", m.path("d"), "750")
	fault.Remove()
	sh(t, "sync "+m.path("d"))
	headers(t, srv, "c", "d", newDirType)
}

func TestAttributesOfANewDirectoryThatAreRefusedAreGivenUpAndLogged(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPost}, Do: fakeswift.Status(http.StatusForbidden)})
	sh(t, "cd "+m.path()+"; "+newDir)
	m.unmount()
	if !strings.Contains(m.log.String(), "attributes of a new directory could not be stored and are given up") {
		t.Errorf("the log does not say that they are lost:\n%s", m.log)
	}
}
