package integration

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// What is wrong before there is a mount: the exit status of the program and the
// sentence that it prints.

func TestMountingWithAWrongKeySaysSo(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	a.key = "guess"
	sentence := a.authURL + ` refuses the login of "test:tester": the user or the key is wrong`
	wantResult(t, swiftfs(t, a, "mount", ":", t.TempDir()), 1, sentence)
	wantResult(t, command(t, a, helper(t), ":", t.TempDir()), 32, sentence)
}

// helper is the program under the name that mount(8) calls.
func helper(t *testing.T) string { return filepath.Join(filepath.Dir(binary(t)), "mount.swiftfs") }

func TestMountingFromAServerThatIsNoSwiftSaysSo(t *testing.T) {
	for _, handler := range []http.HandlerFunc{
		http.NotFound,
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>It works!</html>")) },
	} {
		web := httptest.NewServer(handler)
		defer web.Close()
		got := swiftfs(t, account{web.URL + "/auth", "test:tester", "testing"}, "mount", ":", t.TempDir())
		wantResult(t, got, 1, web.URL+"/auth gives no Swift login")
	}
}

func TestMountingFromAHostThatRefusesSaysSo(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	got := swiftfs(t, account{"http://" + addr + "/auth/v1.0", "test:tester", "testing"}, "mount", ":", t.TempDir())
	wantResult(t, got, 1, addr+" refuses connections: no server listens there")
}

func TestMountingFromAnUnknownHostSaysSo(t *testing.T) {
	// A machine whose only source of names is /etc/hosts.
	conf := localFile(t, "nsswitch.conf", []byte("hosts: files\n"))
	a := account{"http://objects.invalid/auth/v1.0", "test:tester", "testing"}
	got := command(t, a, "unshare", "-m", "sh", "-ec",
		"mount --bind "+conf+" /etc/nsswitch.conf; exec "+binary(t)+" mount --mount-timeout=2s : "+t.TempDir())
	wantResult(t, got, 1, "unknown host objects.invalid: the name is misspelt, or DNS does not know it")
}

func TestMountingAContainerThatIsMissingSaysSo(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	wantResult(t, swiftfs(t, a, "mount", ":nothing", t.TempDir()), 1, `there is no container "nothing" in the account`)
	long := strings.Repeat("x", 257)
	wantResult(t, swiftfs(t, a, "mount", ":"+long, t.TempDir()), 1, "the server takes no such name")
}

func TestAContainerNameWithASlashIsRefusedBeforeAnythingIsSent(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	client := dial(t, fakeAccount(srv))
	requests(t, srv, 0, "creating container a/b", func() {
		if _, err := client.CreateContainer(t.Context(), "a/b", nil); swiftbackend.KindOf(err) != swiftbackend.KindInvalid {
			t.Errorf("CreateContainer: %v, want KindInvalid", err)
		}
	})
	// In SOURCE, what follows the slash is a directory.
	srv.PutObject("a", "b/file", "", []byte("x"))
	d := mountBinary(t, fakeAccount(srv), ":a/b")
	if got := sh(t, "ls "+d.dir); got != "file\n" {
		t.Errorf("ls of :a/b shows %q", got)
	}
}

func TestMountingAnAccountOneMayNotListSaysSo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := account{srv.AuthURL(), fakeswift.ReaderUser, fakeswift.ReaderKey}
	wantResult(t, swiftfs(t, a, "mount", ":", t.TempDir()), 1, `"test:reader" may not look at the account (forbidden by the server)`)
}

func TestAMountPointThatCannotBeSaysWhy(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := fakeAccount(srv)
	missing := filepath.Join(t.TempDir(), "missing")
	wantResult(t, swiftfs(t, a, "mount", ":", missing), 1, "mount point "+missing+" does not exist; run: mkdir -p "+missing)
	file := localFile(t, "file", nil)
	wantResult(t, swiftfs(t, a, "mount", ":", file), 1, "mount point "+file+" is not a directory")
	d := mountBinary(t, a, ":")
	wantResult(t, swiftfs(t, a, "mount", ":", d.dir), 1, d.dir+" is mounted already (:)")
	if got := srv.Count(fakeswift.Kind{Level: fakeswift.Auth}); got != 1 {
		t.Errorf("%d logins, want that of the mount that worked", got)
	}
}

func TestUnmountingABusyMountSaysSo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	d := mountBinary(t, fakeAccount(srv), ":")
	got := command(t, account{}, "sh", "-c", "cd "+d.path("c")+"; "+binary(t)+" umount "+d.dir)
	wantResult(t, got, 1, d.dir+" is busy: a program has a file open or its working directory there")
	wantResult(t, swiftfs(t, account{}, "umount", t.TempDir()), 1, " is not mounted")
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 {
		t.Errorf("umount of the idle mount: %+v", got)
	}
}

func TestMountingWithoutDevFuseSaysSo(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	dev := t.TempDir()
	// A /dev as a container without --device has it.
	hide := fmt.Sprintf("mount -t tmpfs none %[1]s; mknod -m 666 %[1]s/null c 1 3; mount --bind %[1]s /dev; exec ", dev)
	const sentence = "there is no /dev/fuse: load the module with `modprobe fuse`, or start the container with --device /dev/fuse"
	got := command(t, a, "unshare", "-m", "sh", "-ec", hide+binary(t)+" mount : "+t.TempDir())
	wantResult(t, got, 1, sentence)
	got = command(t, a, "unshare", "-m", "sh", "-ec", hide+helper(t)+" : "+t.TempDir())
	wantResult(t, got, 2, sentence)
}

func TestAnUnknownOptionNamesTheNearestKnown(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	const sentence = `unknown option "cache-tll"; did you mean "cache-ttl"?`
	wantResult(t, swiftfs(t, a, "mount", "--cache-tll=5s", ":", t.TempDir()), 2, sentence)
	wantResult(t, swiftfs(t, a, "mount", "-o", "ro,cache-tll=5s", ":", t.TempDir()), 2, sentence)
	wantResult(t, command(t, a, helper(t), ":", t.TempDir(), "-o", "rw,_netdev,cache-tll=5s"), 1, sentence)
}

func TestACredentialsFileOpenToOthersIsRefused(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := fakeAccount(srv)
	file := localFile(t, "credentials", []byte("ST_AUTH="+a.authURL+"\nST_USER="+a.user+"\nST_KEY="+a.key+"\n"))
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // what the test is about
		t.Fatal(err)
	}
	sentence := "credentials file " + file + " is open to others (mode 0644); run: chmod 600 " + file
	wantResult(t, swiftfs(t, account{}, "mount", "--credentials="+file, ":", t.TempDir()), 2, sentence)
	wantResult(t, command(t, account{}, helper(t), ":", t.TempDir(), "-o", "credentials="+file), 1, sentence)
	if got := srv.Count(fakeswift.Kind{}); got != 0 {
		t.Errorf("%d requests with a key that others can read", got)
	}
}

// What is wrong in a mount: the message that a program prints for the errno,
// the line of the log, and what the server has afterwards.

// mountLogged is mount with a log that can be read while the mount is there.
func mountLogged(t *testing.T, a account, change ...func(*fs.Config)) (*mounted, *logBuffer) {
	t.Helper()
	log := new(logBuffer)
	m := mount(t, a, append(change, func(c *fs.Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })...)
	return m, log
}

func wantLogged(t *testing.T, log *logBuffer, line string) {
	t.Helper()
	if !strings.Contains(log.String(), line) {
		t.Errorf("the log does not say %q:\n%s", line, log)
	}
}

func TestNamesTheServerCannotHaveAreRefusedBeforeAnythingIsSent(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	// 1,000 of the 1,024 bytes that an object's name may have.
	dir := strings.Repeat(strings.Repeat("d", 199)+"/", 5)
	srv.PutObject("c", dir+"x", "", []byte("x"))
	from := localFile(t, "new", []byte("data"))
	m, log := mountLogged(t, fakeAccount(srv))
	sh(t, "ls "+m.dir+" "+m.path("c")+" "+m.path("c", dir))
	for _, c := range []struct{ line, want, logged string }{
		{"mkdir %s/$(printf %%0257d 0)", "File name too long", ""},
		{"mkdir %s/c/$(printf %%0256d 0)", "File name too long", ""},
		{"cp " + from + " %s/c/$(printf %%0256d 0)", "File name too long", ""},
		{"cp " + from + " %s/c/" + dir + "$(printf %%025d 0)", "File name too long", "the server takes no object names this long"},
		{"mkdir %s/c/" + dir + "$(printf %%024d 0)", "File name too long", "the server takes no object names this long"},
		{`mkdir "%s/$(printf '\377')"`, "Invalid argument", "is not UTF-8"},
		{`mkdir "%s/c/$(printf 'a\377b')"`, "Invalid argument", "is not UTF-8"},
		{"cp " + from + ` "%s/c/$(printf '\303\050')"`, "Invalid argument", "is not UTF-8"},
		{`stat "%s/c/$(printf '\377')"`, "No such file or directory", ""},
		{`stat "%s/$(printf '\377')"`, "No such file or directory", ""},
		{"stat %s/c/" + dir + "$(printf %%025d 0)", "No such file or directory", ""},
	} {
		line := fmt.Sprintf(c.line, m.dir)
		requests(t, srv, 0, line, func() { fails(t, c.want, line) })
		wantLogged(t, log, c.logged)
	}
	// The longest names are no trouble.
	sh(t, "cp "+from+" "+m.path("c", dir)+"/$(printf %024d 0)")
	object(t, srv, "c", dir+strings.Repeat("0", 24), []byte("data"))
	sh(t, "cp "+from+" "+m.path("c")+"/$(printf %0255d 0)")
	object(t, srv, "c", strings.Repeat("0", 255), []byte("data"))
	sh(t, "mkdir "+m.dir+"/$(printf %0255d 0)")
}

func TestAReaderMayReadAndNothingElse(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	srv.PutObject("c", "dir/file", "", []byte("data"))
	m := mount(t, account{srv.AuthURL(), fakeswift.ReaderUser, fakeswift.ReaderKey}, func(c *fs.Config) { c.Container = "c" })
	if got := sh(t, "cd "+m.dir+"; ls; cat file"); got != "dir\nfile\ndata" {
		t.Errorf("the reader sees %q", got)
	}
	from := localFile(t, "new", []byte("new"))
	for _, line := range []string{
		"cp " + from + " " + m.path("file"),
		"cp " + from + " " + m.path("new"),
		"mkdir " + m.path("new-dir"),
		"rm " + m.path("file"),
	} {
		fails(t, "Permission denied", line)
	}
	object(t, srv, "c", "file", []byte("data"))
	// What could not be stored is kept, and can be removed.
	if got := sh(t, "cd "+m.dir+"; cat new; rm new; ls"); got != "newdir\nfile\n" {
		t.Errorf("afterwards cat and ls show %q", got)
	}
}

func TestAUsedUpQuotaIsDiskQuotaExceeded(t *testing.T) {
	for _, q := range []struct{ name, path string }{{"container", "c"}, {"account", ""}} {
		t.Run(q.name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "old", "", []byte("old"))
			header := map[string]string{"container": "X-Container-Meta-Quota-Bytes", "account": "X-Account-Meta-Quota-Bytes"}[q.name]
			if got := logIn(t, fakeAccount(srv)).do(http.MethodPost, q.path, "", header, "1000"); got.status/100 != 2 {
				t.Fatalf("setting the quota: %d %s", got.status, got.body)
			}
			m := mount(t, fakeAccount(srv))
			from := localFile(t, "big", pattern(5000, 1))
			fails(t, "Disk quota exceeded", "cp "+from+" "+m.path("c/old"))
			fails(t, "Disk quota exceeded", "cp "+from+" "+m.path("c/new"))
			object(t, srv, "c", "old", []byte("old"))
			// What could not be stored is kept, and can be removed.
			if got := sh(t, "cd "+m.path("c")+"; ls; cmp new "+from+"; rm new; ls"); got != "new\nold\nold\n" {
				t.Errorf("ls shows %q", got)
			}
		})
	}
}

func TestAFileDirectlyUnderTheAccountIsRefusedAndTheLogSaysWhy(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	m, log := mountLogged(t, fakeAccount(srv))
	sh(t, "ls "+m.dir)
	requests(t, srv, 0, "cp into the account", func() {
		fails(t, "Operation not permitted", "cp "+localFile(t, "file", nil)+" "+m.dir)
	})
	wantLogged(t, log, "a file cannot be created directly under the account")
}

// snapshot is everything a server has.
func snapshot(srv *fakeswift.Server) map[string]string {
	all := map[string]string{}
	for _, c := range srv.Containers() {
		all[c] = ""
		for _, o := range srv.Objects(c) {
			data, header, _ := srv.Object(c, o)
			all[c+"/"+o] = fmt.Sprintf("%s %s %q", header.Get("Last-Modified"), header.Get("Content-Type"), data)
		}
	}
	return all
}

// wantUnchanged runs f, which must change nothing on the server and must not
// try to.
func wantUnchanged(t *testing.T, srv *fakeswift.Server, f func()) {
	t.Helper()
	before := snapshot(srv)
	srv.Reset()
	f()
	for _, r := range srv.Requests() {
		if !slices.Contains([]string{http.MethodGet, http.MethodHead}, r.Method) {
			t.Errorf("%s %s/%s was sent", r.Method, r.Container, r.Object)
		}
	}
	after := snapshot(srv)
	if len(before) != len(after) {
		t.Errorf("the server had %d names and has %d", len(before), len(after))
	}
	for name, was := range before {
		if is, ok := after[name]; !ok || is != was {
			t.Errorf("%s was %s and is %s", name, was, is)
		}
	}
}

func TestWhatThisVersionCannotDoIsRefusedAndChangesNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	srv.PutObject("c", "file", "text/plain", []byte("some data"))
	srv.PutObject("c", "dir/file", "", []byte("more data"))
	m := mount(t, fakeAccount(srv))
	const unsupported, forbidden = "not supported", "Operation not permitted"
	for _, c := range []struct{ line, want string }{
		{"ln -s c link", forbidden},
		{"ln c/file c/hard", forbidden},
		{"mkfifo c/fifo", forbidden},
		{"mknod c/null c 1 3", forbidden},
		{"mkfifo fifo", forbidden},
		{"chmod 700 .", unsupported},
		{"chown 12345 .", forbidden},
	} {
		wantUnchanged(t, srv, func() { fails(t, c.want, "cd "+m.dir+"; "+c.line) })
	}
	if got := sh(t, "cd "+m.dir+"; find | sort; cat c/file"); got != ".\n./c\n./c/dir\n./c/dir/file\n./c/file\nsome data" {
		t.Errorf("afterwards the mount shows %s", got)
	}
}

func TestSettingWhatIsThereAlreadyIsFine(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("some data"))
	m := mount(t, fakeAccount(srv))
	wantUnchanged(t, srv, func() {
		sh(t, "cd "+m.dir+"; chmod 644 c/file; chown 0:0 c/file; truncate -s 9 c/file; chmod 755 c; touch -r c/file c/file")
	})
}

func TestAReadOnlyMountRefusesAllChanges(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	srv.CreateContainer("empty")
	srv.PutObject("c", "dir/", "application/directory", nil)
	a := fakeAccount(srv)
	d := mountBinary(t, a, ":", "-o", "ro")
	for _, line := range []string{
		"printf x > c/file", "printf x > c/new", "printf x >> c/file", "rm c/file", "mkdir c/new", "mkdir new", "rmdir empty", "rmdir c/dir",
		"mv c/file c/new", "touch c/file", "chmod 600 c/file", "truncate -s 0 c/file",
	} {
		wantUnchanged(t, srv, func() { fails(t, "Read-only file system", "cd "+d.dir+"; "+line) })
	}
	if got := sh(t, "cat "+d.path("c/file")); got != "data" {
		t.Errorf("cat shows %q", got)
	}
}

func TestNoPasswordIsSeenAnywhere(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	a := fakeAccount(srv)
	d := mountForeground(t, a, ":", "--log-level=debug", "--log-requests")
	// What is repeated is logged.
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPut}, Times: 1, Do: fakeswift.Status(http.StatusServiceUnavailable)})
	sh(t, "ls "+d.path("c")+"; echo x > "+d.path("c/x")+"; cat "+d.path("c/x"))
	token := logIn(t, a).token
	var places [][]byte
	for _, file := range []string{fmt.Sprintf("/proc/%d/cmdline", d.pid), "/proc/self/mounts"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, text)
	}
	if !strings.Contains(d.log.String(), "PUT") {
		t.Errorf("the log has no requests, and says nothing about secrets in them:\n%s", d.log)
	}
	places = append(places, []byte(d.log.String()))
	for _, place := range places {
		for _, secret := range []string{a.key, token} {
			if bytes.Contains(place, []byte(secret)) {
				t.Errorf("%q is in:\n%s", secret, place)
			}
		}
	}
}
