package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// headers checks what the server has of an object beside its bytes. A name
// without a value must not be there.
func headers(t *testing.T, srv *fakeswift.Server, container, name string, want ...string) {
	t.Helper()
	_, h, ok := srv.Object(container, name)
	if !ok {
		t.Errorf("the server has no %s/%s", container, name)
		return
	}
	for _, w := range want {
		key, value, _ := strings.Cut(w, ": ")
		if got := h.Get(key); got != value {
			t.Errorf("%s/%s has %s %q, want %q", container, name, key, got, value)
		}
	}
}

// statf is what stat prints of a path.
func statf(t *testing.T, format, path string) string {
	t.Helper()
	return strings.TrimSuffix(run(t, "stat", "-c", format, path), "\n")
}

func wantStat(t *testing.T, format, path, want string) {
	t.Helper()
	if got := statf(t, format, path); got != want {
		t.Errorf("stat -c '%s' %s shows %q, want %q", format, path, got, want)
	}
}

// "Modes, owners and dates that programs set are kept."
func TestAttributesAreKeptAndListedAtNoCost(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file.txt", "text/plain; charset=utf-8", []byte("some data"))
	srv.PutObject("c", "dir/other", "", nil)
	m := mount(t, fakeAccount(srv))
	sh(t, "cd "+m.path("c")+"; ls -l; chmod 640 file.txt dir; chown 1000:1001 file.txt dir; touch -d @1700000000.123456789 file.txt dir")
	headers(t, srv, "c", "file.txt",
		"Content-Type: text/plain; charset=utf-8; mtime=1700000000.123456789; mode=0640; uid=1000; gid=1001",
		"X-Object-Meta-Mtime: 1700000000.123456789", "X-Object-Meta-Mode: 0640", "X-Object-Meta-Uid: 1000", "X-Object-Meta-Gid: 1001")
	headers(t, srv, "c", "dir",
		"Content-Type: application/directory; mtime=1700000000.123456789; mode=0640; uid=1000; gid=1001",
		"X-Object-Meta-Mtime: 1700000000.123456789", "X-Object-Meta-Mode: 0640")
	object(t, srv, "c", "file.txt", []byte("some data"))
	const format, want = "%a %u %g %.Y", "640 1000 1001 1700000000.123456789"
	for _, name := range []string{"c/file.txt", "c/dir"} {
		wantStat(t, format, m.path(name), want)
	}
	m = mount(t, fakeAccount(srv))
	requests(t, srv, 1, "ls -l after a remount", func() {
		shown := sh(t, "ls -ln --time-style=+%s.%N "+m.path("c"))
		for _, row := range []string{"-rw-r----- 1 1000 1001    9 1700000000.123456789 file.txt", "drw-r----- 2 1000 1001 4096 1700000000.123456789 dir"} {
			if !strings.Contains(shown, row) {
				t.Errorf("ls -ln does not show %q:\n%s", row, shown)
			}
		}
	})
	requests(t, srv, 0, "stat of what is listed", func() { wantStat(t, format, m.path("c/file.txt"), want) })
}

func TestWhatIsSetBeforeTheCloseGoesWithTheObject(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c"))
	from := localFile(t, "new.txt", []byte("some data"))
	if err := os.Chmod(from, 0o755); err != nil { //nolint:gosec // what the test is about
		t.Fatal(err)
	}
	sh(t, "touch -d @1700000000.5 "+from)
	requests(t, srv, 1, "cp -p", func() { sh(t, "cp -p "+from+" "+m.path("c/new.txt")) })
	headers(t, srv, "c", "new.txt", "Content-Type: text/plain; mtime=1700000000.500000000; mode=0755", "X-Object-Meta-Mtime: 1700000000.500000000", "X-Object-Meta-Uid")
	wantStat(t, "%a %.Y", m.path("c/new.txt"), "755 1700000000.500000000")
	requests(t, srv, 1, "touch of a new file", func() { sh(t, "touch "+m.path("c/touched.txt")) })
	headers(t, srv, "c", "touched.txt", "Content-Type: text/plain", "X-Object-Meta-Mtime")
	requests(t, srv, 1, "overwriting", func() { sh(t, "cp "+localFile(t, "other", []byte("other"))+" "+m.path("c/new.txt")) })
	headers(t, srv, "c", "new.txt", "Content-Type: text/plain; mode=0755", "X-Object-Meta-Mode: 0755", "X-Object-Meta-Mtime")
}

// "Overwriting a file keeps its type, mode and owner", and so does an edit, which
// keeps other metadata too.
func TestAnEditKeepsAllButTheDate(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	client := dial(t, fakeAccount(srv))
	if _, err := client.Put(t.Context(), "c", "file", swiftbackend.Content{}, swiftbackend.PutOptions{
		ContentType: "a/b; mode=0640; mtime=1600000000; x=y", Meta: map[string]string{"Colour": "red", "Mode": "0640", "Mtime": "1600000000"},
	}); err != nil {
		t.Fatal(err)
	}
	m := mount(t, fakeAccount(srv))
	wantStat(t, "%a %Y", m.path("c/file"), "640 1600000000")
	for _, line := range []string{"printf one > file", "printf two | dd of=file seek=1 bs=1 conv=notrunc status=none", "printf three >> file"} {
		sh(t, "cd "+m.path("c")+"; touch -d @1600000000 file; chown 1000 file; env "+line)
		headers(t, srv, "c", "file", "Content-Type: a/b; x=y; mode=0640; uid=1000", "X-Object-Meta-Mode: 0640", "X-Object-Meta-Mtime")
		if statf(t, "%Y", m.path("c/file")) == "1600000000" {
			t.Errorf("after %s the file has its old date", line)
		}
	}
	headers(t, srv, "c", "file", "X-Object-Meta-Uid: 1000")
	sh(t, "exec 3<>"+m.path("c/file")+"; printf x >&3; chmod 600 "+m.path("c/file")+"; touch -d @1500000000 "+m.path("c/file"))
	wantStat(t, "%a %Y", m.path("c/file"), "600 1500000000")
	wantStat(t, "%a %Y", mount(t, fakeAccount(srv)).path("c/file"), "600 1500000000")
}

// "Only what differs from the mount's own is stored, and setting what is there
// already is no request."
func TestSettingAttributesCostsOneReadAndOneWrite(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("some data"))
	srv.PutObject("c", "dir/file", "", []byte("some data"))
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -lR "+m.path("c"))
	requests(t, srv, 2, "chmod", func() { sh(t, "chmod 600 "+m.path("c/file")) })
	requests(t, srv, 0, "chmod to what it is", func() { sh(t, "chmod 600 "+m.path("c/file")) })
	requests(t, srv, 2, "chmod to the default", func() { sh(t, "chmod 644 "+m.path("c/file")) })
	headers(t, srv, "c", "file", "X-Object-Meta-Mode")
	requests(t, srv, 2, "touch", func() { sh(t, "touch "+m.path("c/file")) })
	requests(t, srv, 3, "chmod of a directory without an object, which may have metadata on dir/", func() { sh(t, "chmod 700 "+m.path("c/dir")) })
	requests(t, srv, 2, "chmod of a directory with one", func() { sh(t, "chmod 750 "+m.path("c/dir")) })
	requests(t, srv, 1, "mkdir with a mode", func() { sh(t, "mkdir -m 700 "+m.path("c/new")) })
	requests(t, srv, 1, "mkdir", func() { sh(t, "mkdir "+m.path("c/plain")) })
	requests(t, srv, 0, "ls -l", func() { sh(t, "ls -lR "+m.path("c")) })
}

func TestSettingAttributesKeepsTheRestOfAnObject(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	client := dial(t, fakeAccount(srv))
	if _, err := client.Put(t.Context(), "c", "file", swiftbackend.Content{}, swiftbackend.PutOptions{
		ContentType: "a/b; x=y", Meta: map[string]string{"Colour": "red", "Mtime": "1600000000.25"}, DeleteAt: time.Unix(4e9, 0),
		Header: map[string]string{"Content-Encoding": "gzip"},
	}); err != nil {
		t.Fatal(err)
	}
	sh(t, "chmod 600 "+m.path("c/file"))
	headers(t, srv, "c", "file", "Content-Type: a/b; x=y; mtime=1600000000.250000000; mode=0600", "X-Object-Meta-Colour: red",
		"X-Object-Meta-Mtime: 1600000000.250000000", "X-Delete-At: 4000000000", "Content-Encoding: gzip")
}

func TestChangingTheModeKeepsTheDate(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	srv := startFake(t, fakeswift.Options{Now: func() time.Time { at = at.Add(time.Second); return at }})
	srv.PutObject("c", "file", "", []byte("some data"))
	m := mount(t, fakeAccount(srv))
	before := statf(t, "%.Y", m.path("c/file"))
	changed := statf(t, "%Z", m.path("c/file"))
	sh(t, "chmod 600 "+m.path("c/file"))
	wantStat(t, "%.Y", m.path("c/file"), before)
	if statf(t, "%Z", m.path("c/file")) == changed {
		t.Error("the time of the last change stays after chmod")
	}
	wantStat(t, "%.Y", mount(t, fakeAccount(srv)).path("c/file"), before)
}

// A file stays the same file, with its pages, whatever its attributes are.
func TestAFileStaysTheSameWhenItsAttributesChange(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("some data"))
	m := mount(t, fakeAccount(srv), shortTTL)
	client := dial(t, fakeAccount(srv))
	reader := converse(t)
	reader.say("exec 3<" + m.path("c/file") + "; cat /proc/self/fd/3 > /dev/null")
	sh(t, "chmod 600 "+m.path("c/file"))
	was, err := client.Head(t.Context(), "c", "file")
	if err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(was.ContentType, "mode=0600", "mode=0400")
	if err := client.Post(t.Context(), "c", "file", swiftbackend.PutOptions{ContentType: other}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stat -c %a "+m.path("c/file"), "400\n")
	srv.Reset()
	reader.say("test $(stat -Lc %a /proc/self/fd/3) = 400; test $(cat /proc/self/fd/3 | wc -c) = 9")
	if n := srv.Count(fakeswift.Kind{Method: "GET", Level: fakeswift.Object}); n != 0 {
		t.Errorf("the file was read again after a change of its mode: %s", requestList(srv))
	}
}

// "Adding or removing an entry moves the date of a directory in this mount."
func TestADirectorysDateMovesWithItsEntries(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/old", "", nil)
	m := mount(t, fakeAccount(srv))
	dir := m.path("c/dir")
	for _, line := range []string{"echo > new", "mkdir sub", "rm old", "rmdir sub"} {
		sh(t, "touch -d @1700000000 "+dir)
		wantStat(t, "%Y", dir, "1700000000")
		sh(t, "cd "+dir+"; "+line)
		if statf(t, "%Y", dir) == "1700000000" {
			t.Errorf("after %s the directory has its old date", line)
		}
	}
	sh(t, "touch -d @1700000000 "+dir)
	wantStat(t, "%Y", mount(t, fakeAccount(srv)).path("c/dir"), "1700000000")
}

func TestRmdirTakesBothObjectsOfADirectoryAlong(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	srv.LagListings(true)
	sh(t, "mkdir "+m.path("c/dir")+"; chmod 700 "+m.path("c/dir")+"; rmdir "+m.path("c/dir"))
	srv.LagListings(false)
	if left := srv.Objects("c"); len(left) != 0 {
		t.Errorf("rmdir leaves %q", left)
	}
}

func TestADirectoryBesideAFileHasNoAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "x", "", []byte("data"))
	srv.PutObject("c", "x/y", "", nil)
	m := mount(t, fakeAccount(srv))
	wantUnchanged(t, srv, func() { fails(t, "not supported", "chmod 700 "+m.path("c/x")) })
	sh(t, "chmod 600 "+m.path("c/x%file%"))
	headers(t, srv, "c", "x", "X-Object-Meta-Mode: 0600")
	object(t, srv, "c", "x", []byte("data"))
}

// "Those of a container are its metadata."
func TestContainersHaveAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for name := range names(5, "container-%d") {
		srv.FillContainer(name, names(3, "file-%d"), 1)
	}
	m := mount(t, fakeAccount(srv))
	sh(t, "mkdir -m 700 "+m.path("made")+"; cd "+m.path("container-1")+"; chmod 1770 .; chown 1000:1001 .; touch -d @1700000000.123456789 .")
	const format, want = "%a %u %g %.Y", "1770 1000 1001 1700000000.123456789"
	wantStat(t, format, m.path("container-1"), want)
	wantStat(t, "%a", m.path("made"), "700")
	m = mount(t, fakeAccount(srv))
	requests(t, srv, 0, "ls -l of the account", func() { sh(t, "ls -l "+m.dir) })
	m = mount(t, fakeAccount(srv))
	requests(t, srv, 1, "stat of a container", func() { wantStat(t, format, m.path("container-1"), want) })
	requests(t, srv, 0, "stat of it again, and ls -l", func() { sh(t, "stat "+m.path("container-1")+"; ls -l "+m.path("container-1")) })
	wantStat(t, "%a", m.path("made"), "700")
	requests(t, srv, 0, "ls -l of the account", func() {
		if shown := sh(t, "ls -l "+m.dir); !strings.Contains(shown, "drwxrwx--T") {
			t.Errorf("ls -l does not show what is known:\n%s", shown)
		}
	})
	m = mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "container-1" })
	requests(t, srv, 0, "stat of the root", func() { wantStat(t, format, m.dir, want) })
}

func TestTheRootOfADirectorysMountHasItsAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "a/b/file", "", nil)
	inDirectory := func(c *fs.Config) { c.Container, c.Prefix = "c", "a/b/" }
	m := mount(t, fakeAccount(srv), inDirectory)
	sh(t, "chmod 750 "+m.dir+"; touch -d @1700000000 "+m.dir)
	wantStat(t, "%a %Y", m.dir, "750 1700000000")
	wantStat(t, "%a %Y", mount(t, fakeAccount(srv), inDirectory).dir, "750 1700000000")
	wantStat(t, "%a %Y", mount(t, fakeAccount(srv)).path("c/a/b"), "750 1700000000")
}

// rsyncTable copies a tree into one place of each kind and then finds nothing to
// do any more. A date that rsync wrote is a date that it must find again.
func rsyncTable(t *testing.T, a account, container string) {
	src := t.TempDir()
	sh(t, "cd "+src+"; mkdir -p sub/deep empty; echo one > one; echo two > sub/two; : > sub/deep/none; chmod 755 one; chmod 2750 sub; chmod 1777 empty"+
		"; touch -d @1600000000.123456789 one sub/two; touch -d @1500000000.5 sub/deep empty sub .; chmod 755 .")
	client := dial(t, a)
	if _, err := client.CreateContainer(t.Context(), container, nil); err != nil {
		t.Fatal(err)
	}
	for _, to := range []struct {
		what, path string
		mount      func(*fs.Config)
	}{
		{"a container", container, func(*fs.Config) {}},
		{"a directory", container + "/dir", func(*fs.Config) {}},
		{"the root of a container's mount", "", func(c *fs.Config) { c.Container = container }},
		{"the root of a directory's mount", "", func(c *fs.Config) { c.Container, c.Prefix = container, "dir/" }},
	} {
		m := mount(t, a, to.mount)
		const rsync = "rsync -a -i "
		sh(t, "mkdir -p "+m.path(to.path)+"; "+rsync+src+"/ "+m.path(to.path)+"/")
		if got := sh(t, rsync+src+"/ "+m.path(to.path)+"/"); got != "" {
			t.Errorf("to %s: rsync again finds\n%s", to.what, got)
		}
		m.unmount() // which stores what it has set of new directories
		m = mount(t, a, to.mount)
		if got := sh(t, rsync+src+"/ "+m.path(to.path)+"/"); got != "" {
			t.Errorf("to %s: rsync after a remount finds\n%s", to.what, got)
		}
		sh(t, "rm -rf "+m.path(to.path)+"/*")
	}
	sh(t, "cd "+mount(t, a).dir+"; rm -rf "+container+"/*; rmdir "+container)
}

func TestRsyncFindsNothingToDoAfterARemount(t *testing.T) {
	rsyncTable(t, fakeAccount(startFake(t, fakeswift.Options{})), "c")
}

func TestRsyncFindsNothingToDoAfterARemountOnAServerLikeRGW(t *testing.T) {
	rsyncTable(t, fakeAccount(startFake(t, fakeswift.Options{RGWStyle: true, ListingCap: 1000})), "rsync")
}

func TestRsyncFindsNothingToDoAfterARemountOnOpenStackSwift(t *testing.T) {
	rsyncTable(t, serverAccount(openStackSwift(t)), "rsync-attrs")
}

// "attrs=head also reads the metadata that rclone and the swift CLI write, by a
// HEAD for each version."
func TestAttributesOfOtherToolsAreReadWhereWanted(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	client := dial(t, fakeAccount(srv))
	srv.CreateContainer("c")
	for i := range 20 {
		_, err := client.Put(t.Context(), "c", fmt.Sprintf("file-%02d", i), swiftbackend.Content{}, swiftbackend.PutOptions{
			Meta: map[string]string{"Mtime": fmt.Sprintf("16000000%02d.500000", i), "Mode": "0600"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Put(t.Context(), "c", "dir", swiftbackend.Content{}, swiftbackend.PutOptions{
		ContentType: "application/directory", Meta: map[string]string{"Mtime": "1600000000"},
	}); err != nil {
		t.Fatal(err)
	}
	m := mount(t, fakeAccount(srv))
	if got := statf(t, "%a", m.path("c/file-01")); got != "644" {
		t.Errorf("by default the mode is %s, want the mount's", got)
	}
	m = mount(t, fakeAccount(srv), func(c *fs.Config) { c.Attrs = fs.AttrsHead })
	requests(t, srv, 22, "ls -l of 21 objects", func() { sh(t, "ls -l "+m.path("c")) })
	requests(t, srv, 0, "ls -l again", func() { sh(t, "ls -l "+m.path("c")) })
	wantStat(t, "%a %.Y", m.path("c/file-07"), "600 1600000007.500000000")
	wantStat(t, "%Y", m.path("c/dir"), "1600000000")
	sh(t, "chmod 640 "+m.path("c/file-07"))
	headers(t, srv, "c", "file-07", "X-Object-Meta-Mtime: 1600000007.500000000", "X-Object-Meta-Mode: 0640")
}

// "attrs=none neither reads nor stores any."
func TestWithoutAttributesNoneAreReadOrStored(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "a/b; mode=0600; mtime=1600000000", []byte("some data"))
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Attrs = fs.AttrsNone })
	wantStat(t, "%a", m.path("c/file"), "644")
	wantUnchanged(t, srv, func() {
		sh(t, "cd "+m.path("c")+"; touch -d 2001-01-01 file; touch file; chmod 644 file; chmod 755 .")
		fails(t, "not supported", "chmod 600 "+m.path("c/file"))
		fails(t, "not permitted", "chown 77 "+m.path("c/file"))
		fails(t, "not supported", "chmod 700 "+m.path("c"))
	})
	from := localFile(t, "new", []byte("x"))
	sh(t, "chmod 644 "+from+"; cp -p "+from+" "+m.path("c/new")+"; echo y > "+m.path("c/file"))
	headers(t, srv, "c", "new", "Content-Type: application/octet-stream", "X-Object-Meta-Mtime")
	headers(t, srv, "c", "file", "Content-Type: a/b")
}
