//go:build bench

package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// TestThroughputOfACompleteFileIsNearTheLocalDisks reads 1 GiB that is in the cache
// directory as a whole, in turn with a local copy of it, both from the page cache,
// and compares the best of five of each.
func TestThroughputOfACompleteFileIsNearTheLocalDisks(t *testing.T) {
	c := &cachedMounts{t, startFake(t, fakeswift.Options{}), filepath.Join(t.TempDir(), "cache")}
	local := filepath.Join(t.TempDir(), "local")
	writeRandom(t, local, bigFile)
	data, err := os.ReadFile(local) //nolint:gosec // a path of the test
	if err != nil {
		t.Fatal(err)
	}
	c.srv.PutObject("c", "file", "", data)
	m, end := c.mountWith(0)
	plain := rate(t, func() { sh(t, "cat "+m.path("c/file")+" > /dev/null") })
	end()
	m, end = c.mountWith(2 << 30)
	first := rate(t, func() { sh(t, "cat "+m.path("c/file")+" > /dev/null") })
	end()
	m, end = c.mountWith(2 << 30)
	defer end()
	c.srv.Reset()
	began := time.Now()
	sh(t, "head -c 1 "+m.path("c/file")+" > /dev/null")
	opened := time.Since(began)
	var cached, disk float64
	for range 5 {
		disk = max(disk, rate(t, func() { sh(t, "cat "+local+" > /dev/null") }))
		cached = max(cached, rate(t, func() { sh(t, "cat "+m.path("c/file")+" > /dev/null") }))
	}
	sh(t, "cmp "+local+" "+m.path("c/file"))
	gets, _ := c.fetched()
	t.Logf("from the server %.0f MiB/s, filling the cache %.0f MiB/s; first open, with the check of all: %v; then %.0f MiB/s, a local file %.0f", plain, first, opened, cached, disk)
	if n := m.fs.Status().Reads; n != 0 || gets != 0 {
		t.Errorf("%d reads came to the process, and %d GETs to the server, want none", n, gets)
	}
	if cached < leastShare*disk {
		t.Errorf("%.0f %% of a local file's throughput, want %.0f %%", 100*cached/disk, 100*leastShare)
	}
}
