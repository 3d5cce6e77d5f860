package integration

import (
	"bytes"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// megabyteSegments makes files above 1 MiB large objects.
func megabyteSegments(c *fs.Config) { c.SegmentSize, c.Container = 1<<20, "c" }

// killedRename renames on a server, by a process that is killed
// when all is copied and the first deletion is asked for.
func killedRename(t *testing.T, srv *fakeswift.Server, from, to string) {
	t.Helper()
	d := mountBinary(t, fakeAccount(srv), ":c")
	deletions := holdRequests(t, srv, fakeswift.Fault{Match: isMethod(http.MethodDelete)})
	ended := make(chan error, 1)
	go func() { ended <- syscall.Rename(d.path(from), d.path(to)) }()
	deletions.await(1)
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, d.pid)
	if err := <-ended; err == nil {
		t.Error("the rename succeeded")
	}
	sh(t, "umount "+d.dir)
	deletions.awaitNone()
	deletions.release()
}

// twins returns a server on which the file old has been renamed to new by a mount
// that was killed before it deleted the old name.
func twins(t *testing.T, data []byte) *fakeswift.Server {
	t.Helper()
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), megabyteSegments)
	sh(t, "cp "+localFile(t, "old", data)+" "+m.path("old")+"; touch -d 2001-02-03 "+m.path("old"))
	m.unmount()
	killedRename(t, srv, "old", "new")
	wantObjects(t, srv, "c", "new", "old")
	return srv
}

// "After a crash in the rename of a large file it has both names, and whatever is done
// with one of them does nothing to the other; a rename of one of them to a third name
// has the server copy the data."
func TestWhatACrashLeavesOfTheRenameOfALargeFileIsTwoFiles(t *testing.T) {
	data, other := pattern(4<<20+4096, 1), pattern(3<<20, 2)
	edited := slices.Clone(data)
	copy(edited[2<<20+5000:], "edited")
	const edit = "printf edited | dd of=$1 bs=1 seek=2102152 conv=notrunc status=none"
	for _, c := range []struct {
		name, command   string
		one, two, third []byte // what there is then; nil for nothing
	}{
		{"deleted", "rm $1", nil, data, nil},
		{"overwritten", "cp $other $1", other, data, nil},
		{"edited", edit, edited, data, nil},
		{"appended to", "printf edited >> $1", append(slices.Clone(data), "edited"...), data, nil},
		{"cut", "truncate -s 2000000 $1", data[:2000000], data, nil},
		{"edited and renamed away", edit + "; mv $1 $3", nil, data, edited},
		{"renamed over the other", "mv $1 $2", nil, data, nil},
		{"renamed away", "mv $1 $3", nil, data, data},
		{"replaced by a rename", "cp $other $3; mv $3 $1", other, data, nil},
		{"given an attribute and deleted", "setfattr -n user.color -v red $1; rm $1", nil, data, nil},
		{"given a mode and deleted", "chmod 600 $1; chmod 600 $2; rm $1", nil, data, nil},
	} {
		for _, names := range [][2]string{{"old", "new"}, {"new", "old"}} {
			t.Run(c.name+": "+names[0], func(t *testing.T) {
				t.Parallel()
				srv := twins(t, data)
				m := mount(t, fakeAccount(srv), megabyteSegments)
				for _, name := range names {
					if got := sh(t, "stat -c %y "+m.path(name)); !strings.HasPrefix(got, "2001-02-03 ") {
						t.Errorf("%s has the date %s", name, got)
					}
				}
				vars := "set -- " + m.path(names[0]) + " " + m.path(names[1]) + " " + m.path("third") + "; other=" + localFile(t, "other", other) + "; "
				sh(t, vars+c.command)
				m.unmount() // and with it what is deleted later
				m = mount(t, fakeAccount(srv), megabyteSegments)
				for name, want := range map[string][]byte{names[0]: c.one, names[1]: c.two, "third": c.third} {
					if want != nil && !bytes.Equal(readFile(t, m.path(name)), want) {
						t.Errorf("%s has other bytes", name)
					}
					if _, err := os.Stat(m.path(name)); want == nil && !os.IsNotExist(err) {
						t.Errorf("%s: %v, want nothing there", name, err)
					}
				}
				if len(srv.Objects("c")) == 2 && c.name == "edited and renamed away" {
					return // it was copied, and what it alone had of the segments is left to gc
				}
				// Whatever is left of them takes its segments along.
				for _, name := range listNames(t, m.dir) {
					sh(t, "cat "+m.path(name)+" > /dev/null; rm "+m.path(name))
				}
				m.unmount()
				if left := srv.Objects("c_segments"); len(left) != 0 {
					t.Errorf("segments are left: %q", left)
				}
			})
		}
	}
}

func TestACrashInTheRenameOfADirectoryWithLargeFilesLosesNothing(t *testing.T) {
	data := [][]byte{pattern(3<<20, 1), pattern(2<<20, 2), pattern(500, 3)}
	for name, command := range map[string]string{
		"repeated":              "mv -T $1 $2",
		"the old one deleted":   "rm -r $1",
		"one by one":            "mv $1/0 $2/0; rm $1/1; mv $1/2 $2/2; rmdir $1",
		"the new one goes back": "rm -r $2; mv -T $1 $2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, fakeswift.Options{Without: []string{"bulk_delete"}})
			srv.CreateContainer("c")
			m := mount(t, fakeAccount(srv), megabyteSegments)
			sh(t, "mkdir "+m.path("dir"))
			for i, d := range data {
				sh(t, "cp "+localFile(t, "data", d)+" "+m.path("dir", string('0'+rune(i))))
			}
			m.unmount()
			killedRename(t, srv, "dir", "moved")
			m = mount(t, fakeAccount(srv), megabyteSegments)
			sh(t, "set -- "+m.path("dir")+" "+m.path("moved")+"; "+command)
			m.unmount()
			m = mount(t, fakeAccount(srv), megabyteSegments)
			wantList(t, m.dir, "moved")
			for i, d := range data {
				if !bytes.Equal(readFile(t, m.path("moved", string('0'+rune(i)))), d) {
					t.Errorf("file %d has other bytes", i)
				}
			}
			sh(t, "rm -r "+m.path("moved"))
			m.unmount()
			if left := srv.Objects("c_segments"); len(left) != 0 {
				t.Errorf("segments are left: %q", left)
			}
		})
	}
}

func TestWhatRenamingAndDeletingALargeFileCosts(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), megabyteSegments)
	put := func(name string) { sh(t, "cp "+localFile(t, "data", pattern(3<<20, 1))+" "+m.path(name)) }
	put("a")
	put("b")
	wantList(t, m.dir, "a", "b")
	requests(t, srv, 4, "rename", func() { mustRename(t, m.path("a"), m.path("a2")) }) // HEAD, POST, COPY, DELETE
	requests(t, srv, 5, "another rename", func() { mustRename(t, m.path("a2"), m.path("a3")) })
	requests(t, srv, 4, "rm", func() { sh(t, "rm "+m.path("b")) }) // HEAD, GET, DELETE, bulk delete
	requests(t, srv, 6, "rm after two renames", func() { sh(t, "rm "+m.path("a3")) })
	put("c")
	mustRename(t, m.path("c"), m.path("c2"))
	requests(t, srv, 5, "rm after a rename", func() { sh(t, "rm "+m.path("c2")) })

	sh(t, "mkdir "+m.path("dir"))
	put("dir/a")
	put("dir/b")
	// Three for the listings and the marker, three for each file, and two for the
	// marker's copy and the deletions.
	requests(t, srv, 11, "rename of a directory", func() { mustRename(t, m.path("dir"), m.path("dir2")) })
}

func TestSegmentsStayWhenNobodyKnowsWhetherAnotherFileHasThem(t *testing.T) {
	data := pattern(3<<20, 1)
	srv := twins(t, data)
	client := dial(t, fakeAccount(srv), quickly)
	m := mountClient(t, client, megabyteSegments)
	fault := srv.Inject(fakeswift.Fault{Match: func(r *http.Request) bool {
		return r.Method == http.MethodGet && srv.MatchObject("c", "old")(r)
	}, Do: fakeswift.Status(http.StatusServiceUnavailable)})
	sh(t, "rm "+m.path("new"))
	wantObjects(t, srv, "c", "old")
	fault.Remove()
	object(t, srv, "c", "old", data)
}

func TestOtherNamesAreNoAttributesOfAFile(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), megabyteSegments)
	sh(t, "cp "+localFile(t, "data", pattern(3<<20, 1))+" "+m.path("a")+"; setfattr -n user.color -v red "+m.path("a"))
	mustRename(t, m.path("a"), m.path("b"))
	sh(t, "setfattr -n user.other-name-0 -v mine "+m.path("b"))
	if got := sh(t, "getfattr -d "+m.path("b")+" 2>&1 | grep -c user"); got != "2\n" {
		t.Errorf("the file has %s", sh(t, "getfattr -d "+m.path("b")))
	}
	if got := sh(t, "getfattr --absolute-names --only-values -n user.other-name-0 "+m.path("b")); got != "mine" {
		t.Errorf("the attribute is %q", got)
	}
}

// A file that is open is set aside before it is replaced, and is not replaced.
func TestALargeFileThatARenameFailsToReplaceKeepsItsSegments(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	srv.PutObject("c", "source", "", []byte("source"))
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize, c.Container = 8<<20, "c" })
	data := pattern(40<<20, 1)
	sh(t, "cp "+localFile(t, "data", data)+" "+m.path("first"))
	mustRename(t, m.path("first"), m.path("target"))
	open, err := os.Open(m.path("target"))
	if err != nil {
		t.Fatal(err)
	}
	fault := srv.Inject(fakeswift.Fault{Match: func(r *http.Request) bool {
		return r.Method == "COPY" && srv.MatchObject("c", "source")(r)
	}, Do: fakeswift.Status(http.StatusForbidden)})
	wantRename(t, syscall.EACCES, m.path("source"), m.path("target"))
	fault.Remove()
	if err := open.Close(); err != nil {
		t.Error(err)
	}
	m.unmount()
	object(t, srv, "c", "target", data)
}

// A program goes on writing a file after its rename has failed and left it both
// names.
func TestAFileThatIsWrittenOnAfterItsRenameHasFailedDoesNotSpoilTheOther(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	client := dial(t, fakeAccount(srv), quickly)
	m := mountClient(t, client, megabyteSegments)
	data := pattern(3<<20+5000, 1)
	w, err := os.Create(m.path("old"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		t.Helper()
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	write(data)
	fault := srv.Inject(fakeswift.Fault{Match: func(r *http.Request) bool {
		return r.Method == http.MethodDelete && srv.MatchObject("c", "old")(r)
	}, Do: fakeswift.Status(http.StatusServiceUnavailable)})
	wantRename(t, syscall.EIO, m.path("old"), m.path("new"))
	fault.Remove()
	write([]byte("more"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m.unmount()
	object(t, srv, "c", "old", append(slices.Clone(data), "more"...))
	object(t, srv, "c", "new", data)
	m = mount(t, fakeAccount(srv), megabyteSegments)
	sh(t, "rm "+m.path("old"))
	object(t, srv, "c", "new", data)
}
