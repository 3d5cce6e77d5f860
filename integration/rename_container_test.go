package integration

import (
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// "A renamed container keeps its metadata, rights, quotas and storage policy."
func TestRenamingAContainerTakesItsSettingsAlong(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Policies: []string{"gold", "silver"}})
	server := logIn(t, fakeAccount(srv))
	settings := []string{"X-Storage-Policy", "silver", "X-Container-Meta-Owner", "me", "X-Container-Read", ".r:*", "X-Container-Meta-Quota-Bytes", "1000000"}
	server.want(http.StatusCreated, http.MethodPut, "old", "", settings...)
	srv.FillContainer("old", names(150, "dir/file-%03d"), 5)
	srv.PutObject("old", "a//b", "", []byte("x"))
	m := mount(t, fakeAccount(srv))
	wantList(t, m.dir, "old")
	mustRename(t, m.path("old"), m.path("new"))
	head := server.want(http.StatusNoContent, http.MethodHead, "new", "")
	for i := 0; i < len(settings); i += 2 {
		if got := head.header.Get(settings[i]); got != settings[i+1] {
			t.Errorf("%s is %q, want %q", settings[i], got, settings[i+1])
		}
	}
	if got := srv.Containers(); !slices.Equal(got, []string{"new"}) {
		t.Errorf("the server has %q", got)
	}
	if got := len(srv.Objects("new")); got != 151 {
		t.Errorf("the container has %d objects", got)
	}
	wantList(t, m.dir, "new")
	wantList(t, m.path("new/dir"), slices.Collect(names(150, "file-%03d"))...)
}

func TestContainersAndDirectoriesBecomeEachOther(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/", "application/directory", nil)
	srv.PutObject("c", "dir/f", "", []byte("1"))
	srv.PutObject("c", "dir/sub/g", "", []byte("2"))
	srv.CreateContainer("empty")
	m := mount(t, fakeAccount(srv))
	wantList(t, m.dir, "c", "empty")
	for _, step := range []struct {
		from, to string
		want     map[string][]string
	}{
		{"c/dir", "made", map[string][]string{"c": {}, "empty": {}, "made": {"f", "sub/g"}}},
		{"made", "c/back", map[string][]string{"c": {"back/", "back/f", "back/sub/g"}, "empty": {}}},
		{"c/back/sub", "empty", map[string][]string{"c": {"back/", "back/f"}, "empty": {"g"}}},
		{"empty", "c/sub", map[string][]string{"c": {"back/", "back/f", "sub/", "sub/g"}}},
		{"c", "whole", map[string][]string{"whole": {"back/", "back/f", "sub/", "sub/g"}}},
	} {
		mustRename(t, m.path(step.from), m.path(step.to))
		for c, want := range step.want {
			wantObjects(t, srv, c, want...)
		}
		if got := len(srv.Containers()); got != len(step.want) {
			t.Errorf("%s to %s: the server has %q", step.from, step.to, srv.Containers())
		}
		if got := len(listNames(t, m.dir)); got != len(step.want) {
			t.Errorf("%s to %s: the mount has %q", step.from, step.to, listNames(t, m.dir))
		}
	}
	if got := sh(t, "cd "+m.dir+"; find | sort; cat whole/back/f whole/sub/g"); got != ".\n./whole\n./whole/back\n./whole/back/f\n./whole/sub\n./whole/sub/g\n12" {
		t.Errorf("the mount shows %s", got)
	}
}

// "A container of segments beside its own one is EBUSY, one that keeps old versions
// EOPNOTSUPP."
func TestContainersThatCannotBeRenamedAreRefused(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "f", "", []byte("1"))
	srv.PutObject("c_segments", "s", "", []byte("1"))
	srv.PutObject("full", "f", "", []byte("other"))
	srv.CreateContainer("versioned")
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodHead}, Match: srv.MatchObject("versioned", ""), Do: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("X-Versions-Location", "archive")
		next.ServeHTTP(w, r)
	}})
	m, log := mountLogged(t, fakeAccount(srv), func(c *fs.Config) { c.ShowSegments = true })
	wantSame(t, srv, func() {
		wantRename(t, syscall.ENOTEMPTY, m.path("c"), m.path("full"))
		wantRename(t, syscall.EBUSY, m.path("c_segments"), m.path("x"))
		wantRename(t, syscall.EOPNOTSUPP, m.path("versioned"), m.path("x"))
		wantRename(t, syscall.EINVAL, m.path("c"), m.path("c/below"))
		wantRename(t, syscall.ENOTDIR, m.path("c"), m.path("full/f"))
	})
	wantLogged(t, log, "large objects name their segments by it")
	wantLogged(t, log, "keeps old versions")
}

// "Its segments stay in the old container of segments, because manifests name them."
func TestTheSegmentsOfARenamedContainerStay(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	m, log := mountLogged(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	data := pattern(18<<20, 1)
	sh(t, "cd "+m.dir+"; mkdir old; cp "+localFile(t, "large", data)+" old/large; ls; mv old new")
	object(t, srv, "new", "large", data)
	if got := srv.Containers(); !slices.Equal(got, []string{"new", "old_segments"}) {
		t.Errorf("the server has %q", got)
	}
	wantLogged(t, log, "not empty and stays")
	sh(t, "cmp "+m.path("new/large")+" "+localFile(t, "same", data))
}

func TestAReadOnlyMountRenamesNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "dir/f", "", []byte("1"))
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.ReadOnly = true })
	wantUnchanged(t, srv, func() {
		for _, p := range []string{"c", "c/dir", "c/dir/f"} {
			wantRename(t, syscall.EROFS, m.path(p), m.path(p+"x"))
		}
	})
}

// renameTable is what renames do on any server. It leaves nothing in it.
func renameTable(t *testing.T, a account, prefix string) {
	one, two := prefix+"rename-one", prefix+"rename-two"
	m := mount(t, a, func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	t.Cleanup(func() {
		server := logIn(t, a)
		for _, c := range []string{one, two, one + "_segments", two + "_segments"} {
			for _, o := range server.lines(c) {
				server.do(http.MethodDelete, c+"/"+o, "")
			}
			server.do(http.MethodDelete, c, "")
		}
	})
	large := localFile(t, "large", pattern(18<<20, 1))
	sh(t, "cd "+m.dir+"; mkdir "+one+"; cd "+one+`
		mkdir -p dir/sub "dir/ü %41#?"
		for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo $i > dir/sub/$i; done
		echo name > "dir/ü %41#?/f\"&+"
		: > dir/empty
		cp `+large+` dir/large`)
	was := sh(t, "cd "+m.path(one, "dir")+"; find | sort; find -type f -exec md5sum {} + | sort")
	check := func(at string) {
		t.Helper()
		fresh := mount(t, a)
		for _, m := range []*mounted{m, fresh} {
			if now := sh(t, "cd "+m.path(at)+"; find | sort; find -type f -exec md5sum {} + | sort"); now != was {
				t.Errorf("%s has\n%swant\n%s", at, now, was)
			}
		}
		fresh.unmount()
	}
	begin := time.Now()
	for _, step := range []struct{ from, to, at string }{
		{one + "/dir", one + "/moved", one + "/moved"},
		{one, two, two + "/moved"},
		{two + "/moved", one, one},
		{one, two + "/dir", two + "/dir"},
		{two + "/dir/large", two + "/dir/big", ""},
		{two + "/dir/big", two + "/dir/large", two + "/dir"},
	} {
		mustRename(t, m.path(step.from), m.path(step.to))
		if step.at != "" {
			check(step.at)
		}
	}
	t.Logf("six renames and their checks took %v", time.Since(begin))
	server := logIn(t, a)
	if slices.Contains(server.lines(""), one) {
		t.Errorf("container %s is left", one)
	}
	if got := server.do(http.MethodHead, two+"/dir/large", ""); got.header.Get("Content-Length") != "18874368" {
		t.Errorf("the large object has %s bytes", got.header.Get("Content-Length"))
	}
	sh(t, "rm -r "+m.path(two)+"/dir")
}

func TestRenamesOnFakeswift(t *testing.T) {
	renameTable(t, fakeAccount(startFake(t, fakeswift.Options{})), "")
}

func TestRenamesOnFakeswiftWithoutBulkDeleteAndStaticLargeObjects(t *testing.T) {
	renameTable(t, fakeAccount(startFake(t, fakeswift.Options{Without: []string{"bulk_delete", "slo"}})), "")
}

func TestRenamesOnOpenStackSwift(t *testing.T) {
	renameTable(t, serverAccount(openStackSwift(t)), "")
}
