package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// smallTree puts 20 directories of 50 files of 4 KiB each into container c.
func smallTree(t *testing.T, srv *fakeswift.Server) {
	t.Helper()
	for d := range 20 {
		for f := range 50 {
			srv.PutObject("c", fmt.Sprintf("dir-%02d/file-%02d", d, f), "", pattern(4096, uint64(100*d+f)))
		}
	}
}

// slowGets makes each GET of an object take a while, and counts how many are
// under way at most.
type slowGets struct {
	mu        sync.Mutex // guards the following
	now, most int
}

func (g *slowGets) inject(srv *fakeswift.Server, delay time.Duration) {
	srv.Inject(fakeswift.Fault{
		Kind: fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object},
		Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			g.mu.Lock()
			g.now++
			g.most = max(g.most, g.now)
			g.mu.Unlock()
			<-time.After(delay)
			next.ServeHTTP(w, r)
			g.mu.Lock()
			g.now--
			g.mu.Unlock()
		},
	})
}

func (g *slowGets) restart() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = g.now
}

func (g *slowGets) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

func TestSmallFilesAreReadAheadOfPrograms(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	var gets slowGets
	gets.inject(srv, 5*time.Millisecond)
	for name, program := range map[string]string{
		"cp":    "cp -r %s/. %s",
		"tar":   "tar -C %s -c . | tar -C %s -x",
		"rsync": "rsync -a %s/ %s/",
		"find":  "cd %s; find . -type f -print0 | xargs -0 cp --parents -t %s",
	} {
		t.Run(name, func(t *testing.T) {
			gets.restart()
			m := mount(t, fakeAccount(srv))
			to := t.TempDir()
			srv.Reset()
			sh(t, fmt.Sprintf(program, m.path("c"), to))
			if got := srv.Count(fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}); got < 1000 || got > 1010 {
				// On a machine that stands still for seconds, a few that were read ahead are dropped.
				t.Errorf("%d GETs of objects, want 1000, one for each", got)
			}
			if got := gets.peak(); got < 12 {
				t.Errorf("at most %d requests were under way at once, want 12 or more", got)
			}
			for d := range 20 {
				for f := range 50 {
					p := fmt.Sprintf("dir-%02d/file-%02d", d, f)
					got, err := os.ReadFile(filepath.Join(to, p))
					if err != nil || !bytes.Equal(got, pattern(4096, uint64(100*d+f))) {
						t.Fatalf("%s: %d bytes, %v", p, len(got), err)
					}
				}
			}
		})
	}
}

func TestCopyingATreeOfSmallFilesOutCostsOneRequestAFile(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv))
	srv.Reset()
	sh(t, "cp -r "+m.path("c")+" "+t.TempDir())
	if got := srv.Total(); got > 1021 {
		t.Errorf("%d requests, want 1000 and the listings", got)
	}
}

func TestFilesThatNobodyReadsInOrderAreNotReadAhead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	for _, read := range []struct {
		what   string
		files  string
		read   int
		wasted int
	}{
		{"one file of each directory", "dir-*/file-17", 20, 0},
		{"the first file of each directory", "dir-*/file-00", 20, 0},
		{"files here and there", "dir-03/file-40 dir-03/file-07 dir-03/file-25 dir-03/file-11 dir-03/file-33 dir-03/file-02", 6, 2},
		{"two files in a row", "dir-05/file-10 dir-05/file-11", 2, 2},
		{"ten files in a row", "dir-05/file-1?", 10, 16},
		{"every fourth file", "dir-07/file-?0 dir-07/file-?4 dir-07/file-?8", 15, 6},
	} {
		m := mount(t, fakeAccount(srv))
		sh(t, "ls "+m.path("c", "dir-*"))
		srv.Reset()
		sh(t, "cd "+m.path("c")+"; for f in "+read.files+"; do cat $f >/dev/null; done")
		m.unmount()
		if got := srv.Count(fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}); got < read.read || got > read.read+read.wasted {
			t.Errorf("%s: %d GETs, want %d and up to %d ahead", read.what, got, read.read, read.wasted)
		}
	}
}

func TestWithoutReadAheadNeighboursAreNotRead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.ReadAhead = 0 })
	sh(t, "ls "+m.path("c", "dir-05"))
	requests(t, srv, 30, "30 files in a row", func() { sh(t, "cat "+m.path("c", "dir-05", "file-[012]?")) })
	m.unmount()
	if got := srv.Total(); got != 30 {
		t.Errorf("%d requests, want 30", got)
	}
}

func TestAFileThatChangedAfterItWasReadAheadShowsItsNewBytes(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv))
	sh(t, "cat "+m.path("c", "dir-00", "file-[01]?")+" > /dev/null")
	want := "changed by this mount"
	sh(t, "printf '"+want+"' > "+m.path("c", "dir-00", "file-20"))
	if got := sh(t, "cat "+m.path("c", "dir-00", "file-20")); got != want {
		t.Errorf("the file shows %q, want %q", got, want)
	}
	sh(t, "mv "+m.path("c", "dir-00", "file-21")+" "+m.path("c", "dir-00", "file-22"))
	if got := sh(t, "cat "+m.path("c", "dir-00", "file-22")); got != string(pattern(4096, 21)) {
		t.Error("the renamed file shows other bytes than its own")
	}
}

func TestDamageOfWhatIsReadAheadIsNotShown(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	smallTree(t, srv)
	m := mount(t, fakeAccount(srv))
	bad := srv.Inject(fakeswift.Fault{
		Kind:  fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object},
		Match: srv.MatchObject("c", "dir-00/file-07"), Times: 1, Do: fakeswift.CorruptBody(),
	})
	for f := range 50 {
		if got := sh(t, "cat "+m.path("c", "dir-00", fmt.Sprintf("file-%02d", f))); got != string(pattern(4096, uint64(f))) {
			t.Fatalf("file %d has wrong bytes", f)
		}
	}
	if bad.Hits() != 1 {
		t.Errorf("%d answers were damaged, want 1", bad.Hits())
	}
}
