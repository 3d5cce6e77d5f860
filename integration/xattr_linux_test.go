package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// xattr returns an attribute, by one call of getxattr(2).
func xattr(path, name string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// wantXattr checks an attribute.
func wantXattr(t *testing.T, path, name, want string) {
	t.Helper()
	if got, err := xattr(path, name); err != nil || got != want {
		t.Errorf("%s of %s is %q, %v; want %q", name, path, got, err, want)
	}
}

// noXattr checks that there is no such attribute.
func noXattr(t *testing.T, path, name string) {
	t.Helper()
	if got, err := xattr(path, name); !errors.Is(err, syscall.ENODATA) {
		t.Errorf("%s of %s is %q, %v; want none", name, path, got, err)
	}
}

// setXattr sets an attribute.
func setXattr(t *testing.T, path, name, value string) {
	t.Helper()
	if err := unix.Setxattr(path, name, []byte(value), 0); err != nil {
		t.Errorf("setting %s of %s to %q: %v", name, path, value, err)
	}
}

// wantHeader checks what a HEAD of the server says.
func wantHeader(t *testing.T, server *plain, path, header, want string) {
	t.Helper()
	if got := server.do(http.MethodHead, path, "").header.Get(header); got != want {
		t.Errorf("%s: the server has %s: %q, want %q", path, header, got, want)
	}
}

// attributeTable sets and reads attributes through mounts of the container, and
// checks them from the server's side.
func attributeTable(t *testing.T, a account, container string) {
	server := logIn(t, a)
	server.do(http.MethodPut, container, "")
	t.Cleanup(func() { emptyContainers(t, server, container) })
	server.want(http.StatusCreated, http.MethodPut, container+"/photo.jpg", "picture", "Content-Type", "image/jpeg", "X-Object-Meta-Color", "red", "X-Object-Meta-Mtime", "1.5")
	m := mount(t, a, func(c *fs.Config) { c.Container = container })
	photo := m.path("photo.jpg")
	wantXattr(t, photo, "user.color", "red")
	set := map[string]string{
		"user.title": "Größe … Å", "user.Color": "green", "user.under_score": "a b", "user.empty": "", "user.binary": "\x00\xff\n", "user.mtime": "mine",
		"user.xdg.origin.url": "https://example.org/?" + strings.Repeat("a=b&", 80),
	}
	for name, value := range set {
		setXattr(t, photo, name, value)
	}
	wantHeader(t, server, container+"/photo.jpg", "X-Object-Meta-Title", "Größe … Å")
	wantHeader(t, server, container+"/photo.jpg", "X-Object-Meta-Color", "red")
	wantHeader(t, server, container+"/photo.jpg", "X-Object-Meta-Mtime", "1.5")
	fresh := mount(t, a, func(c *fs.Config) { c.Container = container })
	for name, value := range set {
		wantXattr(t, fresh.path("photo.jpg"), name, value)
		if err := unix.Removexattr(fresh.path("photo.jpg"), name); err != nil {
			t.Errorf("removing %s: %v", name, err)
		}
	}
	if got := sh(t, "getfattr --absolute-names -d "+fresh.path("photo.jpg")+" | grep -v '^#' | grep ."); got != "user.color=\"red\"\n" {
		t.Errorf("after the others were removed getfattr shows %q", got)
	}

	wantXattr(t, photo, "user.swift.content_type", "image/jpeg")
	setXattr(t, photo, "user.swift.content_type", "image/x-raw")
	wantHeader(t, server, container+"/photo.jpg", "Content-Type", "image/x-raw")
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	setXattr(t, photo, "user.swift.delete_at", at.Format(time.RFC3339))
	wantHeader(t, server, container+"/photo.jpg", "X-Delete-At", strconv.FormatInt(at.Unix(), 10))
	wantXattr(t, photo, "user.swift.delete_at", strconv.FormatInt(at.Unix(), 10))
	wantXattr(t, photo, "user.color", "red")
	if err := unix.Removexattr(photo, "user.swift.delete_at"); err != nil {
		t.Error(err)
	}
	wantHeader(t, server, container+"/photo.jpg", "X-Delete-At", "")
	noXattr(t, photo, "user.swift.delete_at")
	if policy, err := xattr(photo, "user.swift.storage_policy"); err != nil || policy == "" {
		t.Errorf("the policy is %q, %v", policy, err)
	}
	if got, err := os.ReadFile(photo); err != nil || string(got) != "picture" {
		t.Errorf("the file has %q, %v", got, err)
	}
	containerAttributes(t, server, m, container)
}

func containerAttributes(t *testing.T, server *plain, m *mounted, container string) {
	t.Helper()
	setXattr(t, m.dir, "user.color", "blue")
	setXattr(t, m.dir, "user.Binary", "\x00")
	wantHeader(t, server, container, "X-Container-Meta-Color", "blue")
	wantXattr(t, m.dir, "user.Binary", "\x00")
	setXattr(t, m.dir, "user.swift.read_acl", ".r:*")
	wantHeader(t, server, container, "X-Container-Read", ".r:*")
	wantXattr(t, m.dir, "user.swift.read_acl", ".r:*")
	for _, name := range []string{"user.color", "user.Binary", "user.swift.read_acl"} {
		if err := unix.Removexattr(m.dir, name); err != nil {
			t.Errorf("removing %s: %v", name, err)
		}
		noXattr(t, m.dir, name)
	}
	for _, header := range []string{"X-Container-Meta-Color", "X-Container-Meta-Xattrs-0", "X-Container-Read"} {
		wantHeader(t, server, container, header, "")
	}
}

// "The metadata of an object are user.* attributes of its file […]:
// X-Object-Meta-Color: red is user.color with the value red, and is written so.
// Any name and any value can be set."
func TestMetadataAreExtendedAttributes(t *testing.T) {
	attributeTable(t, fakeAccount(startFake(t, fakeswift.Options{})), "attributes")
}

func TestMetadataAreExtendedAttributesOnOpenStackSwift(t *testing.T) {
	attributeTable(t, serverAccount(openStackSwift(t)), "attributes")
}

// "Reading all attributes of a file is one request, and none until the TTL is
// over. Setting one that is stored is two; what is set while a file is written
// goes with its content."
func TestReadingAllAttributesIsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	srv.CreateContainer("c")
	header := []string{}
	for i := range 20 {
		header = append(header, fmt.Sprintf("X-Object-Meta-Attr-%d", i), strconv.Itoa(i))
	}
	server.want(http.StatusCreated, http.MethodPut, "c/file", "content", header...)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c"))
	requests(t, srv, 1, "getfattr -d of 20 attributes", func() {
		if got := strings.Count(sh(t, "getfattr --absolute-names -d "+m.path("c/file")), "user.attr-"); got != 20 {
			t.Errorf("getfattr shows %d attributes", got)
		}
	})
	requests(t, srv, 0, "once more", func() { sh(t, "getfattr --absolute-names -d "+m.path("c/file")) })
	requests(t, srv, 2, "setting one", func() { setXattr(t, m.path("c/file"), "user.attr-1", "x") })
	requests(t, srv, 0, "reading it", func() { wantXattr(t, m.path("c/file"), "user.attr-1", "x") })
	requests(t, srv, 0, "what is of no concern to the server", func() {
		for _, name := range []string{"security.capability", "security.selinux", "system.posix_acl_access", "trusted.x"} {
			if got, err := xattr(m.path("c/file"), name); err == nil {
				t.Errorf("%s is %q", name, got)
			}
		}
		for _, name := range []string{"security.x", "trusted.x"} {
			if err := unix.Setxattr(m.path("c/file"), name, []byte("1"), 0); !errors.Is(err, syscall.EOPNOTSUPP) {
				t.Errorf("setting %s: %v", name, err)
			}
		}
	})
	server.want(http.StatusAccepted, http.MethodPost, "c/file", "", "X-Object-Meta-Attr-1", "by another client")
	if err := m.fs.Refresh(t.Context(), "c/file"); err != nil {
		t.Error(err)
	}
	wantXattr(t, m.path("c/file"), "user.attr-1", "by another client")
	w := writeTo(t, m.path("c/new"))
	w.write("content")
	requests(t, srv, 0, "setting and reading an attribute of a file that is being written", func() {
		setXattr(t, m.path("c/new"), "user.color", "red")
		setXattr(t, m.path("c/new"), "user.swift.content_type", "text/x-new")
		wantXattr(t, m.path("c/new"), "user.color", "red")
		noXattr(t, m.path("c/new"), "user.swift.etag")
	})
	requests(t, srv, 1, "closing it", func() {
		if said := w.close(); said != "" {
			t.Error(said)
		}
	})
	requests(t, srv, 0, "reading what was stored with it", func() { wantXattr(t, m.path("c/new"), "user.color", "red") })
	wantHeader(t, server, "c/new", "X-Object-Meta-Color", "red")
	wantHeader(t, server, "c/new", "Content-Type", "text/x-new")
}

// "An overwrite keeps attributes that this mount has set or shown within memory;
// it does not ask for others […]. A file that is changed in place keeps all."
func TestAnOverwriteKeepsTheAttributesThatAreKnown(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	srv.CreateContainer("c")
	for _, name := range []string{"shown", "unknown", "edited"} {
		server.want(http.StatusCreated, http.MethodPut, "c/"+name, "content", "X-Object-Meta-Color", "red", "X-Delete-At", "4000000000", "Content-Type", "text/x-own")
	}
	m := mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c"))
	from := localFile(t, "new", []byte("new"))
	wantXattr(t, m.path("c/shown"), "user.color", "red")
	for _, name := range []string{"shown", "unknown"} {
		requests(t, srv, 1, "overwriting "+name, func() { sh(t, "cp "+from+" "+m.path("c", name)) })
	}
	sh(t, "printf C | dd conv=notrunc status=none of="+m.path("c/edited"))
	for name, want := range map[string]string{"shown": "red", "unknown": "", "edited": "red"} {
		wantHeader(t, server, "c/"+name, "X-Object-Meta-Color", want)
		if want != "" {
			wantHeader(t, server, "c/"+name, "X-Delete-At", "4000000000")
			wantHeader(t, server, "c/"+name, "Content-Type", "text/x-own")
		}
	}
	sh(t, "rm "+m.path("c/shown")+" && echo again > "+m.path("c/shown"))
	noXattr(t, m.path("c/shown"), "user.color")
}

// "[…] those of a directory's marker of the directory"
func TestDirectoriesHaveAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	srv.CreateContainer("c")
	server.want(http.StatusCreated, http.MethodPut, "c/foreign/", "", "Content-Type", "application/directory", "X-Object-Meta-Color", "red")
	srv.PutObject("c", "implicit/file", "", nil)
	srv.PutObject("c", "beside", "", []byte("data"))
	srv.PutObject("c", "beside/file", "", nil)
	server.want(http.StatusCreated, http.MethodPut, "c/marked/", "", "Content-Type", "application/directory", "X-Object-Meta-Color", "red")
	m := mount(t, fakeAccount(srv))
	sh(t, "mkdir "+m.path("c/made"))
	wantXattr(t, m.path("c/marked"), "user.color", "red")
	for _, dir := range []string{"implicit", "beside", "marked", "made"} {
		noXattr(t, m.path("c", dir), "user.shape")
		setXattr(t, m.path("c", dir), "user.shape", "round")
		wantXattr(t, m.path("c", dir), "user.shape", "round")
	}
	wantXattr(t, m.path("c/marked"), "user.color", "red")
	object(t, srv, "c", "beside", []byte("data"))
	fresh := mount(t, fakeAccount(srv))
	for _, dir := range []string{"implicit", "beside", "marked", "made"} {
		wantXattr(t, fresh.path("c", dir), "user.shape", "round")
	}
	sh(t, "chmod 700 "+m.path("c/marked")+"; touch -d @1000 "+m.path("c/made"))
	wantXattr(t, m.path("c/marked"), "user.color", "red")
	wantXattr(t, m.path("c/made"), "user.shape", "round")
	sh(t, "chmod 700 "+m.path("c/foreign"))
	wantXattr(t, m.path("c/foreign"), "user.color", "red")
	if got := sh(t, "cd "+m.path("c")+"; stat -c '%a %Y' marked made"); !strings.HasPrefix(got, "700 ") || !strings.HasSuffix(got, " 1000\n") {
		t.Errorf("modes and dates are %q", got)
	}
	prefixed := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container, c.Prefix = "c", "marked/" })
	wantXattr(t, prefixed.dir, "user.color", "red")
	setXattr(t, prefixed.dir, "user.shape", "square")
	wantXattr(t, prefixed.dir, "user.shape", "square")
	sh(t, "cd "+m.path("c")+"; rmdir made; mkdir made")
	noXattr(t, m.path("c/made"), "user.shape")
	if err := unix.Setxattr(m.dir, "user.color", []byte("red"), 0); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("setting an attribute of the account: %v", err)
	}
	noXattr(t, m.dir, "user.color")
}

func TestAttributesThatCannotBeAreRefusedAsTheManualSays(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("content"))
	m, log := mountLogged(t, fakeAccount(srv))
	file := m.path("c/file")
	setXattr(t, file, "user.there", "1")
	for _, c := range []struct {
		name, value string
		flags       int
		want        syscall.Errno
	}{
		{"user.there", "2", unix.XATTR_CREATE, syscall.EEXIST},
		{"user.missing", "2", unix.XATTR_REPLACE, syscall.ENODATA},
		{"user.large", string(pattern(5000, 1)), 0, syscall.ENOSPC},
		{"user.huge", strings.Repeat("x", 64<<10+1), 0, syscall.E2BIG},
		{"user." + strings.Repeat("n", 251), "1", 0, syscall.ERANGE},
		{"user.swift.etag", "1", 0, syscall.EPERM},
		{"user.swift.unknown", "1", 0, syscall.EOPNOTSUPP},
		{"user.swift.content_type", "no type", 0, syscall.EINVAL},
		{"user.swift.content_type", "application/directory", 0, syscall.EINVAL},
		{"user.swift.delete_at", "yesterday", 0, syscall.EINVAL},
		{"user.swift.delete_at", "1000", 0, syscall.EINVAL},
	} {
		if err := unix.Setxattr(file, c.name, []byte(c.value), c.flags); !errors.Is(err, c.want) {
			t.Errorf("setting %.30s to %.30q: %v, want %v", c.name, c.value, err, c.want)
		}
	}
	if err := unix.Removexattr(file, "user.missing"); !errors.Is(err, syscall.ENODATA) {
		t.Errorf("removing what is not there: %v", err)
	}
	setXattr(t, file, "user.long", "longer than its room")
	if _, err := unix.Getxattr(file, "user.long", make([]byte, 3)); !errors.Is(err, syscall.ERANGE) {
		t.Errorf("a small buffer: %v", err)
	}
	if n, err := unix.Getxattr(file, "user.long", nil); err != nil || n != 20 {
		t.Errorf("the size is %d, %v", n, err)
	}
	if _, err := unix.Listxattr(file, make([]byte, 3)); !errors.Is(err, syscall.ERANGE) {
		t.Errorf("a small buffer for the list: %v", err)
	}
	wantLogged(t, log, "the server takes no more metadata here")
	ro := mount(t, fakeAccount(srv), func(c *fs.Config) { c.ReadOnly = true })
	if err := unix.Setxattr(ro.path("c/file"), "user.there", nil, 0); !errors.Is(err, syscall.EROFS) {
		t.Errorf("on a read-only mount: %v", err)
	}
}

// "user.swift.manifest | large file | the segments as JSON, or
// container/prefix"
func TestManifestsAreAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	largeObjects(t, srv)
	m := mount(t, fakeAccount(srv))
	wantXattr(t, m.path("large/dynamic"), "user.swift.manifest", "large_segments/dynamic/seg/")
	static, err := xattr(m.path("large/static"), "user.swift.manifest")
	if err != nil || strings.Count(static, `"path":"/large_segments/static/seg/`) != 3 {
		t.Errorf("the manifest is %s, %v", static, err)
	}
	noXattr(t, m.path("large/plain"), "user.swift.manifest")
	setXattr(t, m.path("large/static"), "user.color", "red")
	setXattr(t, m.path("large/dynamic"), "user.color", "red")
	for _, name := range []string{"static", "dynamic"} {
		object(t, srv, "large", name, largeContent)
		wantXattr(t, m.path("large", name), "user.color", "red")
	}
}

// "It is not listed, so that cp -a and rsync -X do not carry it along."
func TestProgramsThatCopyAttributes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	local := localFile(t, "file.txt", []byte("content"))
	if err := unix.Setxattr(local, "user.Color", []byte("r\x00d"), 0); err != nil {
		t.Fatalf("the file system of temporary files must have attributes: %v", err)
	}
	sh(t, "cp --preserve=xattr "+local+" "+m.path("c/copied"))
	wantXattr(t, m.path("c/copied"), "user.Color", "r\x00d")
	sh(t, "attr -q -s shape -V round "+m.path("c/copied"))
	if got := sh(t, "attr -q -g shape "+m.path("c/copied")); got != "round" {
		t.Errorf("attr shows %q", got)
	}
	sh(t, "setfattr -n user.hex -v 0xfffe00 "+m.path("c/copied"))
	sh(t, "cp --preserve=xattr "+m.path("c/copied")+" "+m.path("c/again"))
	sh(t, "rsync --inplace -X "+m.path("c/copied")+" "+m.path("c/synced"))
	for _, name := range []string{"again", "synced"} {
		wantXattr(t, m.path("c", name), "user.Color", "r\x00d")
		wantXattr(t, m.path("c", name), "user.hex", "\xff\xfe\x00")
		data, err := os.ReadFile(m.path("c", name))
		if err != nil || !bytes.Equal(data, []byte("content")) {
			t.Errorf("%s has %q, %v", name, data, err)
		}
	}
	back := t.TempDir() + "/back"
	sh(t, "cp --preserve=xattr "+m.path("c/synced")+" "+back)
	if got := strings.Fields(sh(t, "getfattr --absolute-names "+back)); len(got) != 6 {
		t.Errorf("the copy outside has %q", got)
	}
}

// A copy that the server makes has what a program that reads and writes would
// give it.
func TestACopyDoesNotGoAwayWithItsSource(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	server := logIn(t, fakeAccount(srv))
	srv.CreateContainer("c")
	server.want(http.StatusCreated, http.MethodPut, "c/source", string(pattern(1<<20, 1)), "X-Delete-At", "4000000000", "X-Object-Meta-Color", "red")
	m := mount(t, fakeAccount(srv))
	sh(t, "cp "+m.path("c/source")+" "+m.path("c/plain"))
	if got := srv.Count(fakeswift.Kind{Method: "COPY"}); got != 1 {
		t.Fatalf("%d copies by the server, want 1:%s", got, requestList(srv))
	}
	for _, header := range []string{"X-Delete-At", "X-Object-Meta-Color"} {
		wantHeader(t, server, "c/plain", header, "")
	}
	sh(t, "cp --preserve=xattr "+m.path("c/source")+" "+m.path("c/preserved"))
	wantHeader(t, server, "c/preserved", "X-Object-Meta-Color", "red")
	wantHeader(t, server, "c/preserved", "X-Delete-At", "")
	wantHeader(t, server, "c/source", "X-Delete-At", "4000000000")
}
