package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// statusOf is what `swiftfs status --json` says of a mount.
func statusOf(t *testing.T, dir string) (s struct {
	Source, Mountpoint string
	PID                int
	Memory             int64
	MemoryLimit        int64  `json:"memory_limit"`
	CacheDir           string `json:"cache_dir"`
	CacheUsed          int64  `json:"cache_used"`
	Reads              int64
	Pending            []struct {
		Path  string
		Bytes int64
	}
},
) {
	t.Helper()
	got := swiftfs(t, account{}, "status", "--json", dir)
	if err := json.Unmarshal([]byte(got.out), &s); got.code != 0 || err != nil {
		t.Fatalf("status: exit status %d, %s, %v", got.code, got.out, err)
	}
	return s
}

func TestStatusTellsWhatIsNotStored(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/file", "", []byte("data"))
	cacheDir := filepath.Join(t.TempDir(), "cache")
	d := mountBinary(t, fakeAccount(srv), ":", "--cache-dir="+cacheDir, "--cache-size=1GiB")
	s := statusOf(t, d.dir)
	if s.Source != ":" || s.Mountpoint != d.dir || s.PID != d.pid || s.Memory < 1<<20 || s.MemoryLimit != 128<<20 || s.CacheDir != cacheDir || len(s.Pending) != 0 {
		t.Errorf("of an idle mount: %+v", s)
	}
	w := writeTo(t, d.path("c/dir/new"))
	w.write("some data")
	if s := statusOf(t, d.path("c/dir")); len(s.Pending) != 1 || s.Pending[0].Path != "c/dir/new" || s.Pending[0].Bytes != 9 {
		t.Errorf("while a file is written: %+v", s)
	}
	got := swiftfs(t, account{}, "status", d.dir)
	for _, line := range []string{"mount      : on " + d.dir + "\n", "pending    c/dir/new, 9 B, ", "cache      0 B of 1.0 GiB in " + cacheDir + "\n"} {
		if got.code != 0 || !strings.Contains(got.out, line) {
			t.Errorf("status: %+v, want %q", got, line)
		}
	}
	if got := swiftfs(t, account{}, "status"); !strings.Contains(got.out, "on "+d.dir+"\n") {
		t.Errorf("status of all mounts: %+v", got)
	}
	if said := w.close(); said != "" {
		t.Fatal(said)
	}
	if got := swiftfs(t, account{}, "status", d.dir); !strings.Contains(got.out, "pending    nothing: all that was written is at the server\n") {
		t.Errorf("after the close: %+v", got)
	}
}

func TestStatusAnswersWhileTheServerDoesNot(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	d := mountBinary(t, fakeAccount(srv), ":")
	stalled := srv.Inject(fakeswift.Fault{Do: fakeswift.Stall(t.Context())})
	reader := exec.CommandContext(t.Context(), "cat", d.path("c/file"))
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	awaitTrue(t, func() bool { return stalled.Hits() > 0 }, "a request that is not answered")
	if s := statusOf(t, d.path("c/file")); s.PID != d.pid {
		t.Errorf("%+v", s)
	}
	stalled.Remove()
	_ = reader.Process.Kill()
	_ = reader.Wait()
}

func TestFlushReturnsWhenTheServerHasEverything(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	srv.CreateContainer("other")
	d := mountBinary(t, fakeAccount(srv), ":")
	for _, name := range []string{"c/a", "c/dir-b", "other/c"} {
		writeTo(t, d.path(name)).write(name)
	}
	if got := swiftfs(t, account{}, "flush", d.path("c")); got.code != 0 || got.out != "" {
		t.Errorf("flush: %+v", got)
	}
	object(t, srv, "c", "a", []byte("c/a"))
	object(t, srv, "c", "dir-b", []byte("c/dir-b"))
	object(t, srv, "other", "c", nil) // as it was created
	refused := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPut}, Do: fakeswift.Status(http.StatusForbidden)})
	wantResult(t, swiftfs(t, account{}, "flush", d.dir), 1, d.dir+": other/c is not stored: permission denied")
	refused.Remove()
	if got := swiftfs(t, account{}, "flush", d.dir); got.code != 0 {
		t.Errorf("flush, once the server takes it: %+v", got)
	}
	object(t, srv, "other", "c", []byte("other/c"))
}

// "Others' changes are visible after at most cache-ttl, 60 seconds by default, or
// at once after swiftfs refresh. A file that is open stays at its version."
func TestRefreshShowsWhatOthersChanged(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/changed", "", []byte("old"))
	srv.PutObject("c", "dir/removed", "", []byte("x"))
	srv.PutObject("c", "other/gone/file", "", []byte("x"))
	srv.PutObject("c", "other/changed", "", []byte("old"))
	d := mountBinary(t, fakeAccount(srv), ":", "--cache-ttl=1h")
	look := func() string {
		return sh(t, "cd "+d.path("c")+"; find . -type f | sort; cat dir/changed other/changed")
	}
	before := look()
	open, err := os.Open(d.path("c/dir/changed"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	srv.PutObject("c", "dir/changed", "", []byte("newer"))
	srv.PutObject("c", "dir/added", "", []byte("x"))
	srv.PutObject("c", "other/changed", "", []byte("newer"))
	srv.RemoveObject("c", "dir/removed")
	srv.RemoveObject("c", "other/gone/file")
	srv.CreateContainer("new")
	if got := look(); got != before {
		t.Errorf("within the TTL: %s, want %s", got, before)
	}
	refresh := func(path string) {
		t.Helper()
		if got := swiftfs(t, account{}, "refresh", path); got.code != 0 || got.out != "" {
			t.Fatalf("refresh %s: %+v", path, got)
		}
	}
	refresh(d.path("c/dir"))
	// What is beside it may be seen anew, too: the request that lists it lists that.
	if got, want := sh(t, "cd "+d.path("c")+"; find dir -type f | sort; cat dir/changed"), "dir/added\ndir/changed\nnewer"; got != want {
		t.Errorf("after a refresh of one directory: %q, want %q", got, want)
	}
	refresh(d.path("c/other/changed"))
	if got := sh(t, "cat "+d.path("c/other/changed")); got != "newer" {
		t.Errorf("after a refresh of one file: %q", got)
	}
	refresh(d.dir)
	if got, want := look(), "./dir/added\n./dir/changed\n./other/changed\nnewernewer"; got != want {
		t.Errorf("after a refresh of all: %q, want %q", got, want)
	}
	fails(t, "No such file", "stat "+d.path("c/other/gone"))
	if got := sh(t, "ls "+d.dir); got != "c\nnew\n" {
		t.Errorf("the account shows %q", got)
	}
	data := make([]byte, 10)
	if n, err := open.Read(data); err == nil && string(data[:n]) != "old" {
		t.Errorf("the file that was open reads %q", data[:n])
	}
}

func TestCommandsSayWhatIsNoMount(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	for _, command := range []string{"status", "flush", "refresh"} {
		wantResult(t, swiftfs(t, account{}, command, dir), 1, dir+" is not in a swiftfs mount; `swiftfs status` lists those that there are")
		wantResult(t, swiftfs(t, account{}, command, dir, dir), 2, "is one argument too many")
	}
	srv := startFake(t, fakeswift.Options{})
	d := mountBinary(t, fakeAccount(srv), ":")
	if err := os.Symlink(d.dir, link); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, link); s.Mountpoint != d.dir {
		t.Errorf("by way of a link: %+v", s)
	}
	wantResult(t, command(t, account{}, "setpriv", "--reuid=65534", "--clear-groups", binary(t), "status", d.dir), 1, "the mount on "+d.dir+" belongs to another user (0)")
}

func TestAMountThatWasKilledIsSaidToBeDead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	d := mountBinary(t, fakeAccount(srv), ":")
	socket := socketOf(t, d)
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, d.pid)
	for _, command := range []string{"status", "flush", "refresh"} {
		wantResult(t, swiftfs(t, account{}, command, d.path("c")), 1, "the process of the mount on "+d.dir+" has died; `swiftfs umount "+d.dir+"` takes the mount away")
	}
	d.detach()
	// The next mount takes the socket away, unless a file system of other tests has the
	// dead one's number by then.
	const tries = 5
	var other *daemon
	var own string
	for try := 1; ; try++ {
		other = mountBinary(t, fakeAccount(srv), ":")
		own = socketOf(t, other)
		if _, err := os.Stat(socket); err != nil || own == socket {
			break
		}
		if try == tries {
			t.Fatalf("%s is left", socket)
		}
		other.detach()
	}
	socket = own
	if got := swiftfs(t, account{}, "umount", other.dir); got.code != 0 {
		t.Errorf("umount: %+v", got)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Errorf("%s is left by a mount that ended in peace", socket)
	}
}

// socketOf returns the socket of a mount of root, and checks who can reach it.
func socketOf(t *testing.T, d *daemon) string {
	t.Helper()
	dev := strings.TrimSpace(sh(t, "mountpoint -d "+d.dir))
	path := "/run/swiftfs/" + strings.ReplaceAll(dev, ":", "-") + ".sock"
	if got := sh(t, "stat -c '%U %a %F' /run/swiftfs "+path); got != "root 700 directory\nroot 600 socket\n" {
		t.Errorf("the socket and its directory: %s", got)
	}
	return path
}
