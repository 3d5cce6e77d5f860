package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

func native(c *fs.Config)  { c.Symlinks = fs.SymlinksNative }
func noLinks(c *fs.Config) { c.Symlinks = fs.SymlinksNone }

// linkTexts are targets of links: any text that has no NUL.
var linkTexts = []string{
	"file", "../c/file", "/etc/passwd", "no/such/thing", "..", ".", "/", "dir/", "a//b", "with space", " blanks ", "new\nline", "tab\tand\x01",
	"%41", "%", "a;b=c", "a,b", "\"quoted\"", "ünï", "e\u0301", "😀", "\xff\xfe not UTF-8", "target=x; mtime=1", "?#&+",
	strings.Repeat("l", 256), strings.Repeat("é/", 150), strings.Repeat("m", 1001), strings.Repeat("x/", 2047) + "y",
}

// "A symbolic link may have any text up to 4,095 bytes as its target".
func linksOfAnyText(t *testing.T, a account, container string) {
	t.Helper()
	for _, how := range []func(*fs.Config){func(*fs.Config) {}, native} {
		m := mount(t, a, how)
		for i, text := range linkTexts {
			link := m.path(container, fmt.Sprintf("link-%02d", i))
			run(t, "ln", "-sfT", "--", text, link)
			wantLink(t, link, text)
		}
		m.unmount()
		for _, first := range []string{"ls -l", "true"} {
			m := mount(t, a)
			sh(t, first+" "+m.path(container))
			for i, text := range linkTexts {
				wantLink(t, m.path(container, fmt.Sprintf("link-%02d", i)), text)
			}
			m.unmount()
		}
		m = mount(t, a)
		sh(t, "rm "+m.path(container)+"/link-*")
		m.unmount()
	}
}

// wantLink checks that path is a link of that text.
func wantLink(t *testing.T, path, text string) {
	t.Helper()
	if got := try(t, "readlink", "-n", "--", path); got.code != 0 || got.out != text {
		t.Errorf("readlink %s: %q (exit status %d), want %q", path, got.out, got.code, text)
	}
	if got := run(t, "stat", "-c", "%F %s %a", "--", path); got != fmt.Sprintf("symbolic link %d 777\n", len(text)) {
		t.Errorf("stat of %s, a link to %q, shows %s", path, text, got)
	}
}

// foreignLinks are links that other clients made, each with what is to be seen:
// the text and, if it leads somewhere, the content there.
type foreignLink struct{ name, text, content string }

// putForeignLinks stores links as svfs and clients of Swift's own symlinks do,
// beside c/file, c/dir/inner and other/file.
func putForeignLinks(server *plain, c, other string) []foreignLink {
	for _, container := range []string{c, other} {
		server.want(http.StatusCreated, http.MethodPut, container, "")
		server.want(http.StatusCreated, http.MethodPut, container+"/file", "in "+container)
	}
	server.want(http.StatusCreated, http.MethodPut, c+"/dir/inner", "inner")
	server.want(http.StatusCreated, http.MethodPut, c+"/..", "dots")
	svfs := func(name, text string) {
		server.want(http.StatusCreated, http.MethodPut, c+"/"+name, "", "Content-Type", "application/link", "X-Object-Meta-Symlink-Target", text)
	}
	swift := func(name, target string) {
		server.want(http.StatusCreated, http.MethodPut, c+"/"+name, "", "Content-Type", "application/symlink", "X-Symlink-Target", target)
	}
	svfs("svfs", "dir/inner")
	svfs("dir/svfs-up", "../file")
	svfs("svfs-dangling", "nowhere")
	swift("swift", c+"/file")
	swift("dir/swift-up", c+"/file")
	swift("dir/swift-beside", c+"/dir/inner")
	swift("swift-other", other+"/file")
	swift("swift-chain", c+"/swift")
	swift("swift-dangling", c+"/no%20where")
	swift("swift-dots", c+"/..")
	return []foreignLink{
		{"svfs", "dir/inner", "inner"},
		{"dir/svfs-up", "../file", "in " + c},
		{"svfs-dangling", "nowhere", ""},
		{"swift", "file", "in " + c},
		{"dir/swift-up", "../file", "in " + c},
		{"dir/swift-beside", "inner", "inner"},
		{"swift-other", "../" + other + "/file", "in " + other},
		{"swift-chain", "swift", "in " + c},
		{"swift-dangling", "no where", ""},
		{"swift-dots", "%dotdot%", "dots"},
	}
}

// "Those of svfs and of other Swift clients are links too."
func linksOfOthersAreLinks(t *testing.T, a account, c, other string) {
	t.Helper()
	links := putForeignLinks(logIn(t, a), c, other)
	for _, first := range []string{"ls -lR", "true"} {
		m := mount(t, a)
		sh(t, first+" "+m.path(c))
		for _, l := range links {
			at := m.path(c, l.name)
			wantLink(t, at, l.text)
			if l.content == "" {
				fails(t, "No such file", "cat "+at)
			} else if got := sh(t, "cat "+at); got != l.content {
				t.Errorf("after %s, cat %s gives %q, want %q", first, l.name, got, l.content)
			}
		}
		m.unmount()
	}
	m := mount(t, a, func(cfg *fs.Config) { cfg.Container = c })
	if got := sh(t, "readlink "+m.path("swift-other")); got != "/v1/"+accountOf(t, a)+"/"+other+"/file\n" {
		t.Errorf("a link out of the mount shows %q", got)
	}
	sh(t, "rm "+m.path("svfs")+" "+m.path("swift*")+" "+m.path("dir/s*")+" "+m.path("svfs-dangling"))
	want := []string{"..", "dir/inner", "file"}
	if got := logIn(t, a).lines(c); !slices.Equal(got, want) {
		t.Errorf("after the links were removed the server has %q, want %q", got, want)
	}
}

// accountOf is the name of an account on its server.
func accountOf(t *testing.T, a account) string {
	t.Helper()
	storage := logIn(t, a).storage
	return storage[strings.LastIndexByte(storage, '/')+1:]
}

// "With symlinks=native a link to an object of the mount is one that the server
// and its clients follow".
func nativeLinksAreFollowedByOthers(t *testing.T, a account, c string) {
	t.Helper()
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, c, "")
	server.want(http.StatusCreated, http.MethodPut, c+"/dir/a file", "content")
	m := mount(t, a, native)
	for _, l := range []struct {
		name, text string
		follows    bool
	}{
		{"relative", "dir/a file", true},
		{"dir/beside", "a file", true},
		{"dir/up", "../" + "dir/a file", true},
		{"absolute", m.path(c, "dir/a file"), true},
		{"later", "made-later", true},
		{"outside", "/etc/passwd", false},
		{"above", "../../elsewhere", false},
		{"directory", "dir", false},
		{"slash", "dir/", false},
		{"container", "../" + c, false},
		{"self", "self", false},
	} {
		sh(t, "ln -s "+quoted(l.text)+" "+m.path(c, l.name))
		wantLink(t, m.path(c, l.name), l.text)
		head := server.do(http.MethodHead, c+"/"+l.name+"?symlink=get", "")
		if follows := head.header.Get("X-Symlink-Target") != ""; follows != l.follows {
			t.Errorf("%s to %s: the server follows it: %v, want %v", l.name, l.text, follows, l.follows)
		}
		if l.name != "later" && l.follows {
			if got := server.want(http.StatusOK, http.MethodGet, c+"/"+l.name, "").body; got != "content" {
				t.Errorf("GET of %s gives %q", l.name, got)
			}
		}
	}
	sh(t, "echo new > "+m.path(c, "later")) // through the link
	if got := server.want(http.StatusOK, http.MethodGet, c+"/later", "").body; got != "new\n" {
		t.Errorf("GET of the link gives %q", got)
	}
	if got := server.want(http.StatusOK, http.MethodGet, c+"/made-later", "").body; got != "new\n" {
		t.Errorf("GET of the target gives %q", got)
	}
	m.unmount()
	cold := mount(t, a)
	wantLink(t, cold.path(c, "relative"), "dir/a file")
	sh(t, "rm "+cold.path(c, "relative")+"; ls -l "+cold.path(c))
	wantLink(t, cold.path(c, "dir/up"), "../dir/a file")
	server.want(http.StatusOK, http.MethodGet, c+"/dir/a file", "")
}

// "Copying, renaming or removing a link never touches what it points to."
func programsWorkWithLinks(t *testing.T, a account, c string) {
	t.Helper()
	for _, how := range []func(*fs.Config){func(*fs.Config) {}, native} {
		logIn(t, a).do(http.MethodPut, c, "")
		m := mount(t, a, how)
		in := "cd " + m.path(c) + "; "
		sh(t, in+"mkdir d; printf content > d/file; ln -s d to-dir; ln -s d/file to-file; ln -s to-file chain; ln -s loop loop; ln -s none dangling")
		if got := sh(t, in+"cat to-dir/file to-file chain"); got != "contentcontentcontent" {
			t.Errorf("through the links: %q", got)
		}
		fails(t, "Too many levels", in+"cat loop")
		fails(t, "File exists", in+"ln -s other to-file")
		fails(t, "File exists", in+"ln -sT other d")
		fails(t, "Not a directory", in+"rmdir to-dir")
		const show = "find . -printf '%P %y %l\\n' | sort"
		sh(t, in+"mkdir copies; cp -a to-dir to-file chain loop dangling copies; mkdir copies/tar; tar cf - --exclude=copies . | tar xf - -m -C copies/tar")
		want := sh(t, in+show+" | grep -v ^copies")
		if got := sh(t, in+"cd copies/tar; "+show); got != want {
			t.Errorf("tar copied\n%s\nof\n%s", got, want)
		}
		if got := sh(t, in+"readlink copies/to-dir copies/to-file copies/chain copies/loop copies/dangling"); got != "d\nd/file\nto-file\nloop\nnone\n" {
			t.Errorf("cp -a made %q", got)
		}
		sh(t, in+"rm -r copies; rm to-dir loop dangling chain")
		if got := sh(t, in+"cat d/file to-file; ls"); got != "contentcontentd\nto-file\n" {
			t.Errorf("after rm of links: %q", got)
		}
		fails(t, "Operation not permitted", "cd "+m.dir+"; ln -s "+c+" link")
		fails(t, "Operation not permitted", in+"ln d/file hard; ")
		fails(t, "Operation not permitted", in+"mkfifo fifo")
		sh(t, in+"touch -hd 2001-01-01 to-file; chown -h 0:0 to-file; rm -r *")
		m.unmount()
	}
}

func TestLinksHaveAnyText(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("content"))
	linksOfAnyText(t, fakeAccount(srv), "c")
	if got := srv.Objects("c"); len(got) != 1 {
		t.Errorf("the server has %q", got)
	}
}

func TestLinksOfOthersAreLinks(t *testing.T) {
	linksOfOthersAreLinks(t, fakeAccount(startFake(t, fakeswift.Options{})), "c", "other")
}

func TestNativeLinksAreFollowedByOthers(t *testing.T) {
	nativeLinksAreFollowedByOthers(t, fakeAccount(startFake(t, fakeswift.Options{})), "c")
}

func TestProgramsWorkWithLinks(t *testing.T) {
	programsWorkWithLinks(t, fakeAccount(startFake(t, fakeswift.Options{})), "c")
}

func TestLinksOnOpenStackSwift(t *testing.T) {
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	t.Cleanup(func() { emptyContainers(t, server, "l-text", "l-foreign", "l-other", "l-native", "l-programs") })
	server.want(http.StatusCreated, http.MethodPut, "l-text", "")
	linksOfAnyText(t, a, "l-text")
	linksOfOthersAreLinks(t, a, "l-foreign", "l-other")
	nativeLinksAreFollowedByOthers(t, a, "l-native")
	programsWorkWithLinks(t, a, "l-programs")
}

func TestListingLinksCostsNoRequestForEach(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	for _, how := range []func(*fs.Config){func(*fs.Config) {}, native} {
		m := mount(t, fakeAccount(srv), how)
		sh(t, "ls "+m.path("c"))
		requests(t, srv, 50, "making 50 links", func() {
			sh(t, "cd "+m.path("c")+"; i=0; while [ $i -lt 50 ]; do ln -s ../target/$i $i; i=$((i+1)); done")
		})
		cold := mount(t, fakeAccount(srv))
		requests(t, srv, 1, "ls -l of 50 links", func() {
			if got := strings.Count(sh(t, "ls -l "+cold.path("c")), "-> ../target/"); got != 50 {
				t.Errorf("ls -l shows %d links, want 50", got)
			}
		})
		requests(t, srv, 50, "rm of 50 links", func() { sh(t, "rm "+cold.path("c")+"/*") })
		cold.unmount()
		m.unmount()
	}
}

// A link whose text is too long for the listing is read once.
func TestALongTargetIsReadOnce(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	text := strings.Repeat("long/", 800)
	srv.CreateContainer("c")
	sh(t, "ln -s "+text+" "+mount(t, fakeAccount(srv)).path("c/link"))
	object(t, srv, "c", "link", []byte(text))
	m := mount(t, fakeAccount(srv))
	// Not stat(1), which reads the link to show it.
	for _, want := range []int{1, 0} {
		requests(t, srv, want, "lstat", func() {
			if got := sh(t, "find "+m.path("c")+" -name link -printf %s"); got != "4000" {
				t.Errorf("the size is %q", got)
			}
		})
	}
	for _, want := range []int{1, 0} {
		requests(t, srv, want, "readlink", func() {
			if got := sh(t, "readlink "+m.path("c/link")); got != text+"\n" {
				t.Errorf("readlink gives %q", got)
			}
		})
	}
}

// "An object whose content is not what its type says is a file."
func TestWhatOnlyClaimsToBeALinkIsAFile(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for name, contentType := range map[string]string{
		"changed": "application/link;target=other", "untold": "application/link", "wrong-sum": "application/link;target-md5=0",
	} {
		srv.PutObject("c", name, contentType, []byte("precious"))
	}
	srv.PutObject("c", "empty", "application/link", nil)
	srv.PutObject("c", "empty-native", "application/symlink;target=x", nil)
	for _, first := range []string{"ls -l", "true"} {
		m := mount(t, fakeAccount(srv))
		if got := sh(t, first+" "+m.path("c")+" >&2; cd "+m.path("c")+"; find . -type f | wc -l; cat changed untold wrong-sum empty empty-native"); !strings.HasSuffix(got, "5\npreciouspreciousprecious") {
			t.Errorf("the mount shows %q", got)
		}
	}
}

// "With symlinks=none there are none: a native link is the file it points to".
func TestWithoutLinks(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	a := fakeAccount(srv)
	putForeignLinks(logIn(t, a), "c", "other")
	sh(t, "ln -s text "+mount(t, a).path("c/own"))
	m := mount(t, a, noLinks)
	if got := sh(t, "cd "+m.path("c")+"; find . -type l; cat own swift dir/swift-up svfs swift-other"); got != "textin cin cin other" {
		t.Errorf("the mount shows %q", got)
	}
	fails(t, "Operation not permitted", "ln -s x "+m.path("c/new"))
}

// A link that another client replaces is seen after the TTL, whatever it was.
func TestLinksChangedByOthersAreSeen(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	server := logIn(t, fakeAccount(srv))
	m := mount(t, fakeAccount(srv), shortTTL)
	sh(t, "ln -s first "+m.path("c/link"))
	show := "cd " + m.path("c") + "; readlink link || cat link"
	server.want(http.StatusCreated, http.MethodPut, "c/link", "", "X-Symlink-Target", "c/second")
	eventually(t, show, "second\n")
	server.want(http.StatusCreated, http.MethodPut, "c/link", "", "X-Symlink-Target", "c/third")
	eventually(t, show, "third\n")
	server.want(http.StatusCreated, http.MethodPut, "c/link", "a file")
	eventually(t, show, "a file")
	server.want(http.StatusCreated, http.MethodPut, "c/link", "", "Content-Type", "application/link", "X-Object-Meta-Symlink-Target", "fourth")
	eventually(t, show, "fourth\n")
}

// "Its owner and date are kept as those of files are".
func TestALinkKeepsItsDate(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "target", "", []byte("content"))
	a := fakeAccount(srv)
	m := mount(t, a)
	sh(t, "cd "+m.path("c")+"; ln -s target link; touch -hd '2001-02-03 04:05:06.123456789 UTC' link")
	for _, at := range []*mounted{m, mount(t, a)} {
		if got := sh(t, "stat -c '%y %N' "+at.path("c/link")); got != "2001-02-03 04:05:06.123456789 +0000 '"+at.path("c/link")+"' -> 'target'\n" {
			t.Errorf("the mount shows %s", got)
		}
		if got := sh(t, "stat -c %Y "+at.path("c/target")); got == "981173106\n" {
			t.Error("the target has the link's date")
		}
	}
}

// "A link of rclone is an object whose name ends in .rclonelink and whose content is
// the text. It is shown as a link, under that name; a file that this mount stores under
// such a name is a file."
func TestLinksOfRcloneAreLinks(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/file", "", []byte("content"))
	srv.PutObject("c", "link.rclonelink", "application/octet-stream", []byte("dir/file"))
	m := mount(t, fakeAccount(srv))
	if got := sh(t, "cd "+m.path("c")+"; readlink link.rclonelink; cat link.rclonelink; find -type l"); got != "dir/file\ncontent./link.rclonelink\n" {
		t.Errorf("the link shows %q", got)
	}
	if got := sh(t, "cd "+m.path("c")+"; mv link.rclonelink moved.rclonelink; readlink moved.rclonelink; rm moved.rclonelink; cat dir/file"); got != "dir/file\ncontent" {
		t.Errorf("the renamed link shows %q", got)
	}
	sh(t, "echo text > "+m.path("c/own.rclonelink"))
	m.unmount()
	if got := sh(t, "cat "+mount(t, fakeAccount(srv)).path("c/own.rclonelink")); got != "text\n" {
		t.Errorf("a file of that name shows %q", got)
	}
}
