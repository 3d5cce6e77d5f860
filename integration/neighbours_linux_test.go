package integration

import (
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// The content of a directory's marker is an object with the directory's own name.
func TestReadingAheadLeavesTheContentOfMarkersAlone(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, file := range []string{"", "1", "2"} {
		srv.PutObject("c", "dir/"+file, "", pattern(4096, 1))
	}
	m := mount(t, fakeAccount(srv))
	for _, file := range []string{"%data%", "%data%", "1", "2", "%data%"} {
		// Past the page cache, so that each of them is a read of the mount's.
		sh(t, "dd status=none iflag=direct bs=4096 of=/dev/null if='"+m.path("c", "dir", file)+"'")
	}
	m.unmount()
	if got := srv.Count(objectGets); got != 5 {
		t.Errorf("%d GETs of objects, want 5, one a read", got)
	}
}
