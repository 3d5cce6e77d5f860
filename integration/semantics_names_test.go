package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// strange are names of objects that Swift takes and a directory does not, or
// that programs stumble over, each with the path it is shown at.
var strange = map[string]string{
	"a//b":             "a/%empty%/b",
	"a///c":            "a/%empty%/%empty%/c",
	"/lead":            "%empty%/lead",
	"..":               "%dotdot%",
	".":                "%dot%%file%", // beside "./x"
	"./x":              "%dot%/x",
	"d/./e":            "d/%dot%/e",
	"d/../e":           "d/%dotdot%/e",
	"x":                "x%file%",
	"x/y":              "x/y",
	"data/":            "data/%data%",
	"data/file":        "data/file",
	"twice//":          "twice/%empty%/%data%",
	"esc/%empty%":      "esc/%empty%%lit%",
	"esc/%dot%":        "esc/%dot%%lit%",
	"esc/%data%":       "esc/%data%%lit%",
	"esc/z%file%":      "esc/z%file%%lit%",
	"esc/%dot%%lit%":   "esc/%dot%%lit%%lit%",
	"esc/q%lit%":       "esc/q%lit%",
	"esc/%41":          "esc/%41",
	"odd/with space":   "odd/with space",
	"odd/new\nline":    "odd/new\nline",
	"odd/tab\tand\x01": "odd/tab\tand\x01",
	"odd/?#&;+=":       "odd/?#&;+=",
	"odd/\"quotes'":    "odd/\"quotes'",
	"odd/back\\slash":  "odd/back\\slash",
	"odd/-dash":        "odd/-dash",
	"odd/*":            "odd/*",
	"odd/\u00e9":       "odd/\u00e9",  // one character
	"odd/e\u0301":      "odd/e\u0301", // two
	"odd/😀":            "odd/😀",
	"odd/ ":            "odd/ ",
	"odd/a:b":          "odd/a:b",
}

func init() {
	long := strings.Repeat("n", 255)
	strange["long/"+long] = "long/" + long
}

// strangeNames stores an object of each strange name, with the name in it.
func strangeNames(srv *fakeswift.Server) {
	for name := range strange {
		srv.PutObject("c", name, "text/plain", []byte("this is "+name))
	}
}

// quoted is a word of the shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// "Every object is reachable. Names that no directory entry can have appear
// under an escaped one, which can be opened and deleted and stands for exactly
// one object".
func TestEveryObjectIsReachable(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	strangeNames(srv)
	m := mount(t, fakeAccount(srv))
	shown := strings.Split(strings.TrimSuffix(sh(t, "cd "+m.path("c")+"; find -type f -printf '%P\\0'"), "\x00"), "\x00")
	slices.Sort(shown)
	want := slices.Sorted(maps.Values(strange))
	if !slices.Equal(shown, want) {
		t.Errorf("find shows\n%q\nwant\n%q", shown, want)
	}
	cold := mount(t, fakeAccount(srv))
	for name, path := range strange {
		for _, at := range []*mounted{m, cold} {
			if got := try(t, "cat", at.path("c")+"/"+path); got.out != "this is "+name {
				t.Errorf("cat %q gives %q, want the object %q", path, got.out, name)
			}
		}
	}
	for name, path := range strange {
		others := srv.Objects("c")
		others = slices.DeleteFunc(others, func(o string) bool { return o == name })
		run(t, "rm", "--", m.path("c")+"/"+path)
		if left := srv.Objects("c"); !slices.Equal(left, others) {
			t.Fatalf("after rm %q the server has\n%q\nwant\n%q", path, left, others)
		}
	}
}

func TestRemovingADirectoryRemovesNothingBesideIt(t *testing.T) {
	for _, c := range []struct{ remove, prefix string }{
		{"a/%empty%", "a//"}, {"%empty%", "/"}, {"x", "x/"}, {"d/%dotdot%", "d/../"}, {"d/%dot%", "d/./"}, {"data", "data/"}, {"twice/%empty%", "twice//"}, {"esc", "esc/"}, {"%dot%", "./"},
	} {
		srv := startFake(t, fakeswift.Options{})
		strangeNames(srv)
		var want []string
		for _, o := range srv.Objects("c") {
			if !strings.HasPrefix(o, c.prefix) {
				want = append(want, o)
			}
		}
		m := mount(t, fakeAccount(srv))
		sh(t, "rm -r "+quoted(m.path("c")+"/"+c.remove))
		if left := srv.Objects("c"); !slices.Equal(left, want) {
			t.Errorf("after rm -r %s the server has\n%q\nwant\n%q", c.remove, left, want)
		}
		m.unmount()
	}
}

// "Entries of these forms cannot be created: EINVAL."
func TestEscapedNamesCannotBeCreated(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "x", "", []byte("x"))
	m := mount(t, fakeAccount(srv))
	for _, name := range []string{"%empty%", "%dot%", "%dotdot%", "%data%", "x%file%", "%dot%%lit%"} {
		wantUnchanged(t, srv, func() {
			fails(t, "Invalid argument", "mkdir "+m.path("c", name))
			fails(t, "Invalid argument", "cp /dev/null "+m.path("c", name))
			fails(t, "Invalid argument", "mkdir "+m.path(name))
		})
	}
}

// markersOfEveryKind stores the directories that Swift clients make.
func markersOfEveryKind(srv *fakeswift.Server) {
	for _, o := range []struct{ name, contentType string }{
		{"slash-and-type/", "application/directory"},
		{"type", "application/directory"},
		{"old-type", "text/directory"},
		{"type-with-parameter", "application/directory; charset=UTF-8"},
		{"slash/", "application/octet-stream"},
		{"both", "application/directory"},
		{"both/", "application/directory"},
		{"type-and-file", "application/directory"},
		{"type-and-file/file", "text/plain"},
		{"slash-and-file/", "application/directory"},
		{"slash-and-file/file", "text/plain"},
		{"files-only/file", "text/plain"},
		{"all", "application/directory"},
		{"all/", "application/directory"},
		{"all-between", "text/plain"},
		{"all/file", "text/plain"},
	} {
		srv.PutObject("markers", o.name, o.contentType, nil)
	}
}

// "Directories are recognised however they were made: name/, name with the type
// application/directory or text/directory, or only by objects below them; each
// appears once. This mount makes name/ with application/directory."
func TestMarkersOfEveryKindAreOneDirectory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	markersOfEveryKind(srv)
	m := mount(t, fakeAccount(srv))
	const want = "all d\nall-between f\nall/file f\nboth d\nfiles-only d\nfiles-only/file f\nold-type d\nslash d\nslash-and-file d\n" +
		"slash-and-file/file f\nslash-and-type d\ntype d\ntype-and-file d\ntype-and-file/file f\ntype-with-parameter d\n"
	show := "cd " + m.path("markers") + "; find -mindepth 1 -printf '%P %y\\n' | sort"
	if got := sh(t, show); got != want {
		t.Errorf("find shows\n%s\nwant\n%s", got, want)
	}
	cold := mount(t, fakeAccount(srv))
	for line := range strings.Lines(want) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
		if got := sh(t, "find "+cold.path("markers", name)+" -maxdepth 0 -printf %y"); got != kind {
			t.Errorf("stat of %s alone shows %q, want %q", name, got, kind)
		}
	}
	fails(t, "not empty", "rmdir "+m.path("markers/all"))
	sh(t, "cd "+m.path("markers")+"; rmdir both old-type slash slash-and-type type type-with-parameter; rm */file")
	if got := sh(t, "ls "+m.path("markers")); got != "all\nall-between\nfiles-only\nslash-and-file\ntype-and-file\n" {
		t.Errorf("ls shows %s", got)
	}
	sh(t, "cd "+m.path("markers")+"; rmdir all files-only slash-and-file type-and-file; mkdir new")
	if got := srv.Objects("markers"); !slices.Equal(got, []string{"all-between", "new/"}) {
		t.Errorf("the server has %q", got)
	}
	if _, h, _ := srv.Object("markers", "new/"); h.Get("Content-Type") != "application/directory" {
		t.Errorf("mkdir made %q", h.Get("Content-Type"))
	}
}

func TestDataInAMarkerIsNotHidden(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "bare", "application/directory", []byte("precious"))
	srv.PutObject("c", "slash/", "application/directory", []byte("precious"))
	for _, warm := range []string{"ls -lR", "true"} {
		m := mount(t, fakeAccount(srv))
		sh(t, warm+" "+m.path("c"))
		if got := sh(t, "cd "+m.path("c")+"; cat bare slash/%data%"); got != "preciousprecious" {
			t.Errorf("the mount shows %q", got)
		}
		fails(t, "Not a directory", "rmdir "+m.path("c/bare"))
		fails(t, "not empty", "rmdir "+m.path("c/slash"))
		if got := srv.Objects("c"); !slices.Equal(got, []string{"bare", "slash/"}) {
			t.Errorf("the server has %q", got)
		}
	}
}

// "A directory stays until rmdir. Removing the last file in it does not make it
// vanish from this mount, also when nothing but that file's name made it a
// directory. rmdir removes a directory only after the server has said that it is
// empty."
func TestADirectoryStaysUntilRmdir(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "a/b/only", "", []byte("x"))
	m := mount(t, fakeAccount(srv), shortTTL)
	in := "cd " + m.path("c") + "; "
	sh(t, in+"rm a/b/only")
	if got := srv.Objects("c"); len(got) != 0 {
		t.Errorf("the server has %q", got)
	}
	for range 20 { // the TTL passes
		if got := sh(t, in+"find | sort; ls -d a/b"); got != ".\n./a\n./a/b\na/b\n" {
			t.Fatalf("the directories do not stay: %q", got)
		}
	}
	srv.PutObject("c", "a/b/foreign", "", []byte("x"))
	fails(t, "not empty", in+"rmdir a/b")
	srv.RemoveObject("c", "a/b/foreign")
	sh(t, in+"rmdir a/b")
	if got := sh(t, in+"find | sort"); got != ".\n./a\n" {
		t.Errorf("after rmdir: %q", got)
	}
	sh(t, in+"echo x > a/new; rm a/new; rmdir a")
	if got := sh(t, in+"find"); got != ".\n" {
		t.Errorf("in the end: %q", got)
	}
}

// "mkdir creates a container, rmdir deletes one, which must be empty: ENOTEMPTY
// otherwise, and nothing is removed. Containers of segments (x_segments beside
// x) are not listed unless show-segments is given."
func TestContainers(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("x", "file", "", []byte("x"))
	srv.PutObject("x_segments", "file/1", "", []byte("x"))
	srv.PutObject("my_segments", "file", "", []byte("x"))
	m := mount(t, fakeAccount(srv))
	if got := sh(t, "ls "+m.dir); got != "my_segments\nx\n" {
		t.Errorf("ls shows %q", got)
	}
	wantObjects := fmt.Sprint(snapshot(srv))
	fails(t, "not empty", "rmdir "+m.path("x"))
	fails(t, "File exists", "mkdir "+m.path("x"))
	if got := fmt.Sprint(snapshot(srv)); got != wantObjects {
		t.Errorf("the server has %s, had %s", got, wantObjects)
	}
	sh(t, "mkdir "+m.path("new")+"; rmdir "+m.path("new"))
	if got := srv.Containers(); !slices.Equal(got, []string{"my_segments", "x", "x_segments"}) {
		t.Errorf("the server has %q", got)
	}
	d := mountBinary(t, fakeAccount(srv), ":", "--show-segments")
	if got := sh(t, "ls "+d.dir); got != "my_segments\nx\nx_segments\n" {
		t.Errorf("with show-segments ls shows %q", got)
	}
}

func TestContainersWithStrangeNamesAreReachable(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	containers := map[string]string{
		"with space": "with space", "%41": "%41", "ünï": "ünï", "new\nline": "new\nline", "?#&": "?#&", "-d": "-d", "a+b": "a+b", ".x": ".x",
		"%dot%": "%dot%%lit%", "x%file%": "x%file%%lit%", ".": "%dot%", "..": "%dotdot%", "...": "...",
	}
	for name := range containers {
		srv.PutObject(name, "file", "", []byte("in "+name))
	}
	m := mount(t, fakeAccount(srv))
	for name, shown := range containers {
		if got := try(t, "cat", m.dir+"/"+shown+"/file"); got.out != "in "+name {
			t.Errorf("cat %q/file gives %q, want the object in %q", shown, got.out, name)
		}
		sh(t, "cd "+quoted(m.dir+"/"+shown)+"; mkdir d; printf new > d/new; rm file d/new; rmdir d; cd ..; rmdir "+quoted("./"+shown))
		if slices.Contains(srv.Containers(), name) {
			t.Errorf("container %q is still there", name)
		}
	}
}
