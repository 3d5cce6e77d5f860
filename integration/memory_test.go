package integration

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	bigFile    = 1 << 30
	mostMemory = 200 << 20
)

// TestAGigabyteGoesInAndOutInLittleMemory copies 1 GiB in and out through the
// program against a real server. What curl does with the same server in the
// same minute stands beside it in the log.
func TestAGigabyteGoesInAndOutInLittleMemory(t *testing.T) {
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, "memory", "")
	t.Cleanup(func() { emptyContainers(t, server, "memory", "memory_segments") })
	from := filepath.Join(t.TempDir(), "from")
	sum := writeRandom(t, from, bigFile)

	curlIn := rate(t, func() { sh(t, curl(server)+" -T "+from+" -H 'Expect:' "+server.storage+"/memory/curl") })
	server.want(http.StatusNoContent, http.MethodDelete, "memory/curl", "") // its gigabyte is in memory

	writer := mountBinary(t, a, ":memory")
	in := rate(t, func() { sh(t, "cp "+from+" "+writer.path("file")) })
	if err := os.Remove(from); err != nil { // early, for the disk's sake
		t.Fatal(err)
	}
	reader := mountBinary(t, a, ":memory")
	curlOut := rate(t, func() {
		if got := sh(t, curl(server)+" "+server.storage+"/memory/file | sha256sum"); !strings.HasPrefix(got, sum) {
			t.Error("the server has other bytes than the file that was copied in")
		}
	})
	out := rate(t, func() {
		if got := sh(t, "cat "+reader.path("file")+" | sha256sum"); !strings.HasPrefix(got, sum) {
			t.Error("the mount shows other bytes than the file that was copied in")
		}
	})
	for _, d := range []*daemon{writer, reader} {
		if got := peakMemory(t, d.pid); got > mostMemory {
			t.Errorf("the process needed %d MiB at most, want %d or less", got>>20, mostMemory>>20)
		} else {
			t.Logf("peak memory %d MiB", got>>20)
		}
	}
	t.Logf("in: %.0f MiB/s, curl %.0f; out, with sha256sum: %.0f MiB/s, curl %.0f", in, curlIn, out, curlOut)
	sh(t, "rm "+writer.path("file"))
}

func curl(p *plain) string { return "curl -sSf -H 'X-Auth-Token: " + p.token + "'" }

// rate runs f, which moves the big file once, and returns MiB a second.
func rate(t *testing.T, f func()) float64 {
	t.Helper()
	start := time.Now()
	f()
	return bigFile / (1 << 20) / time.Since(start).Seconds()
}

// randomSeed is that of the bytes of writeRandom.
var randomSeed = [32]byte{1}

// writeRandom makes a file of bytes that no two segments share, and returns
// their checksum.
func writeRandom(t *testing.T, path string, size int64) string {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	source := rand.NewChaCha8(randomSeed)
	if _, err := io.CopyN(io.MultiWriter(f, sum), source, size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// peakMemory is the most memory, in bytes, that a process has had.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// emptyContainers deletes containers with all that is in them.
func emptyContainers(t *testing.T, p *plain, containers ...string) {
	t.Helper()
	for _, c := range containers {
		for _, o := range p.lines(c) {
			p.do(http.MethodDelete, c+"/"+o, "")
		}
		p.do(http.MethodDelete, c, "")
	}
}
