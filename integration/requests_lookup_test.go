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

func inContainer(c *fs.Config) { c.Container = "c" }

func TestMountingAContainerListsItsRootAndAsksNothingElseOfIt(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(3, "file-%d"), 10)
	srv.Reset()
	m := mount(t, fakeAccount(srv), inContainer)
	if got := srv.Counts(); srv.Total() != 2 || got[fakeswift.Kind{Method: "GET", Level: fakeswift.Container}] != 1 || got[fakeswift.Kind{Method: "HEAD", Level: fakeswift.Account}] != 1 {
		t.Errorf("mounting: %s, want a listing of the container and a HEAD of the account", requestList(srv))
	}
	requests(t, srv, 0, "what the root has", func() {
		sh(t, "ls -l "+m.dir+"; stat "+m.path("file-1")+"; df "+m.dir)
		fails(t, "No such file", "stat "+m.path("none"))
	})
}

func TestAContainerThatMayNotBeListedCanBeMounted(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	refused := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: "GET", Level: fakeswift.Container}, Do: fakeswift.Status(http.StatusForbidden)})
	m := mount(t, fakeAccount(srv), inContainer)
	fails(t, "Permission denied", "ls "+m.dir)
	refused.Remove()
	if got := sh(t, "cat "+m.path("file")); got != "data" {
		t.Errorf("the file has %q", got)
	}
}

func TestTheFirstBytesOfAnObjectCostItsContentAndOneListingADirectory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"big", "dir/big", "dir/sub/big"} {
		srv.PutObject("c", name, "", pattern(3<<20, 1))
	}
	for path, want := range map[string]int{"big": 1, "dir/big": 2, "dir/sub/big": 3} {
		m := mount(t, fakeAccount(srv), inContainer)
		requests(t, srv, want, "head of "+path, func() { sh(t, "head -c 4096 "+m.path(path)+" >/dev/null") })
		m.unmount()
	}
	m := mount(t, fakeAccount(srv), inContainer, func(c *fs.Config) { c.Prefix = "dir/" })
	requests(t, srv, 1, "head in a mounted directory", func() { sh(t, "head -c 4096 "+m.path("big")+" >/dev/null") })
}

func TestALookupSeesTheObjectAndTheDirectoryOfANameInOneListing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"dir/a", "dir/a-1", "dir/a.txt", "dir/a/below", "dir/a0", "dir/b/below", "dir/c", "dir/c1/below"} {
		srv.PutObject("c", name, "", []byte("data"))
	}
	between := func(n int) {
		for i := range n {
			srv.PutObject("c", fmt.Sprintf("dir/d-%02d", i), "", []byte("data"))
		}
	}
	for _, tt := range []struct {
		name, want string
		most       int
	}{
		{"a", "directory", 1},
		{"b", "directory", 1},
		{"c", "regular file", 1},
		{"d", "", 2}, // as many names begin with "d-" as the listing has
		{"e", "", 1},
	} {
		if tt.name == "d" {
			between(16)
		}
		m := mount(t, fakeAccount(srv), inContainer)
		sh(t, "stat "+m.path("dir"))
		atMost(t, srv, tt.most, "stat of "+tt.name, func() {
			if tt.want == "" {
				fails(t, "No such file", "stat "+m.path("dir", tt.name))
			} else if got := strings.TrimSpace(sh(t, "stat -c %F "+m.path("dir", tt.name))); got != tt.want {
				t.Errorf("%s is a %s, want %s", tt.name, got, tt.want)
			}
		})
		m.unmount()
	}
	srv.PutObject("c", "dir/d/below", "", []byte("data"))
	m := mount(t, fakeAccount(srv), inContainer)
	if got := sh(t, "ls "+m.path("dir/d")); got != "below\n" {
		t.Errorf("a directory behind many names that begin like it has %q", got)
	}
}

func TestLookingUpEveryNameOfAnUnlistedDirectoryCostsAFewRequests(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	all := slices.Collect(names(10000, "dir/file-%05d"))
	srv.FillContainer("c", slices.Values(all), 10)
	m := mount(t, fakeAccount(srv), inContainer)
	atMost(t, srv, 10, "stat of 10,000 names", func() {
		for i := 0; i < len(all); i += 500 {
			sh(t, "cd "+m.dir+" && stat "+strings.Join(all[i:i+500], " ")+" >/dev/null")
		}
	})
}
