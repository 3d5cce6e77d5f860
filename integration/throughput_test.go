//go:build bench

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// leastShare is the part of curl's throughput that the mount has to reach.
const leastShare = 0.8

// TestThroughputIsNearCurls copies 1 GiB in and out, three times each in turn
// with curl doing the same with the same server, and compares the best of each:
// the machine may be busy, but hardly for all three.
func TestThroughputIsNearCurls(t *testing.T) {
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, "throughput", "")
	t.Cleanup(func() { emptyContainers(t, server, "throughput", "throughput_segments") })
	from := filepath.Join(t.TempDir(), "from")
	writeRandom(t, from, bigFile)
	var in, out, curlIn, curlOut float64
	for range 3 {
		curlIn = max(curlIn, rate(t, func() { sh(t, curl(server)+" -T "+from+" -H 'Expect:' "+server.storage+"/throughput/curl") }))
		server.want(http.StatusNoContent, http.MethodDelete, "throughput/curl", "") // its gigabyte is in memory
		d := mountBinary(t, a, ":throughput")
		in = max(in, rate(t, func() { sh(t, "cp "+from+" "+d.path("file")) }))
		sh(t, binary(t)+" umount "+d.dir)
		curlOut = max(curlOut, rate(t, func() { sh(t, curl(server)+" "+server.storage+"/throughput/file > /dev/null") }))
		d = mountBinary(t, a, ":throughput")
		out = max(out, rate(t, func() { sh(t, "cat "+d.path("file")+" > /dev/null") }))
		sh(t, "rm "+d.path("file"))
	}
	t.Logf("in: %.0f MiB/s, curl %.0f; out: %.0f MiB/s, curl %.0f", in, curlIn, out, curlOut)
	if in < leastShare*curlIn || out < leastShare*curlOut {
		t.Errorf("in %.0f %% and out %.0f %% of curl's throughput, want %.0f %%", 100*in/curlIn, 100*out/curlOut, 100*leastShare)
	}
	if err := os.Remove(from); err != nil {
		t.Error(err)
	}
}
