package integration

import (
	"fmt"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

func TestWritingALargeFileIntoAFreshContainerCostsItsSegmentsAndThreeMore(t *testing.T) {
	const segments = 12
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), inContainer, func(c *fs.Config) { c.SegmentSize = 5 << 20 })
	from := localFile(t, "big", pattern(segments*5<<20, 1))
	requests(t, srv, segments+3, "cp into a fresh container", func() { sh(t, "cp "+from+" "+m.path("big")) })
	wantContainerPuts(t, srv, 1)
	requests(t, srv, segments+1, "cp of another", func() { sh(t, "cp "+from+" "+m.path("other")) })
	sh(t, "cmp "+from+" "+m.path("big"))
}

func TestTheSegmentsOfALongFileGrowSoThatOneManifestNamesThemAll(t *testing.T) {
	const most, least, size = 48, 1 << 20, 60 << 20
	srv := startFake(t, fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: most}})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), inContainer, func(c *fs.Config) { c.SegmentSize = least })
	data := pattern(size, 1)
	sh(t, "cp "+localFile(t, "long", data)+" "+m.path("long"))
	_, header, _ := srv.Object("c", "long")
	if header.Get("X-Static-Large-Object") == "" {
		t.Errorf("%d MiB in segments of 1 MiB and more have no static manifest of up to %d segments", size>>20, most)
	}
	if n := len(srv.Objects("c_segments")); n > most {
		t.Errorf("there are %d segments, want %d at most", n, most)
	}
	m = mount(t, fakeAccount(srv), inContainer)
	wantBytes(t, m.path("long"), data)
}

func wantContainerPuts(t *testing.T, srv *fakeswift.Server, want int) {
	t.Helper()
	if got := srv.Count(fakeswift.Kind{Method: "PUT", Level: fakeswift.Container}); got != want {
		t.Errorf("%d PUTs of containers, want %d", got, want)
	}
}

func TestChangesInAFreshMountCostWhatTheyChangeAndALookup(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	from := localFile(t, "new", pattern(4096, 1))
	for i, tt := range []struct {
		command string
		most    int
	}{
		{"cp %[2]s %[1]s/new", 1},
		{"cp %[2]s %[1]s/dir/new", 2},
		{"cp %[2]s %[1]s/dir/old", 2},
		{"cat %[2]s >>%[1]s/dir/old", 4}, // a GET of what is there, and a HEAD for its metadata
		{"mkdir %[1]s/made", 1},
		{"mkdir %[1]s/dir/made", 2},
		{"mkdir %[1]s/made; cp %[2]s %[1]s/made/new", 2},
		{"touch %[1]s/new", 1},
		{"rm %[1]s/dir/old", 2},
		{"mv %[1]s/dir/old %[1]s/new", 5}, // mv wants to know that there is no new one: a HEAD and a listing
		{"ln -s target %[1]s/link", 1},
	} {
		container := fmt.Sprintf("c%d", i)
		srv.PutObject(container, "dir/old", "", pattern(5000, 2))
		m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = container })
		line := fmt.Sprintf(tt.command, m.dir, from)
		atMost(t, srv, tt.most, tt.command, func() { sh(t, line) })
		m.unmount()
	}
}
