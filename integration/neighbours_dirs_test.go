package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// objectGets are the requests that read objects.
var objectGets = fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}

// inDir matches requests for the objects of a directory of container c.
func inDir(dir string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/c/"+dir+"/") }
}

// cats reads files, in the order in which they are given.
func cats(t *testing.T, m *mounted, files ...string) {
	t.Helper()
	sh(t, "cd "+m.path("c")+" && cat "+strings.Join(files, " ")+" > /dev/null")
}

func TestReadingAheadGoesOnIntoTheNextDirectory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv))
	sh(t, "ls "+m.path("c", "dir-*"))
	next := holdRequests(t, srv, fakeswift.Fault{Kind: objectGets, Match: inDir("dir-02")})
	cats(t, m, "dir-00/*", "dir-01/*")
	next.await(15) // one of those ahead may be of the directory before, and has just arrived
	next.release()
	srv.Reset()
	cats(t, m, "dir-02/*", "dir-03/*")
	m.unmount()
	if got := srv.Count(objectGets); got < 80 || got > 116 {
		t.Errorf("%d GETs for 100 files of which 16 were read ahead, and 16 after them", got)
	}
}

func TestReadingAheadOfATreeGoesOnAtEachHeight(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for a := range 4 {
		for b := range 3 {
			for f := range 4 {
				srv.PutObject("c", fmt.Sprintf("up-%d/dir-%d/file-%d", a, b, f), "", pattern(4096, uint64(100*a+10*b+f)))
			}
		}
	}
	m := mount(t, fakeAccount(srv))
	sh(t, "find "+m.path("c"))
	next := holdRequests(t, srv, fakeswift.Fault{Kind: objectGets, Match: inDir("up-3/dir-0")})
	cats(t, m, "up-[012]/*/*")
	next.await(4)
	next.release()
	cats(t, m, "up-3/*/*")
	m.unmount()
	if got := srv.Count(objectGets); got != 48 {
		t.Errorf("%d GETs of objects, want 48, one for each", got)
	}
}

func TestDirectoriesThatNobodyGoesOnToAreNotReadAhead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	for _, read := range []struct {
		what   string
		files  string
		read   int
		wasted int
	}{
		{"one directory", "dir-05/*", 50, 0},
		{"two directories", "dir-05/* dir-06/*", 100, 16},
		{"all of the tree", "dir-*/*", 1000, 0},
		{"every second directory", "dir-?[02468]/*", 500, 0},
		{"two directories of four", "dir-?[0145]/*", 400, 16},
		{"the first files of two directories and not of the third", "dir-00/* dir-01/* dir-02/file-17 dir-03/file-17 dir-04/* dir-05/* dir-06/file-30 dir-07/file-30", 204, 2 * 16},
	} {
		m := mount(t, fakeAccount(srv))
		sh(t, "ls "+m.path("c", "dir-*"))
		srv.Reset()
		sh(t, "cd "+m.path("c")+"; for f in "+read.files+"; do cat $f >/dev/null; done")
		m.unmount()
		if got := srv.Count(objectGets); got < read.read || got > read.read+read.wasted {
			t.Errorf("%s: %d GETs, want %d and up to %d ahead", read.what, got, read.read, read.wasted)
		} else {
			t.Logf("%s: %d GETs of objects", read.what, got)
		}
	}
}

// A program may name the files of a directory that nobody has listed.
func TestTheFilesOfADirectoryThatIsListedLaterAreReadAhead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv))
	last := holdRequests(t, srv, fakeswift.Fault{Kind: objectGets, Match: func(r *http.Request) bool {
		return inDir("dir-00")(r) && strings.HasSuffix(r.URL.Path, "file-25")
	}})
	var files []string
	for f := range 20 {
		files = append(files, fmt.Sprintf("dir-00/file-%02d", f))
	}
	cats(t, m, files...)
	last.await(1)
	last.release()
	m.unmount()
}
