package integration

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const largeMemory = 256 << 20

// TestALargeFileIsThereForEveryClient is the test of make soak at a size that
// every run has time for.
func TestALargeFileIsThereForEveryClient(t *testing.T) {
	largeFileJob(t, serverAccount(openStackSwift(t)), bigFile)
}

// largeFileJob writes a file of size through a mount with little memory, and
// reads it with curl, the swift client, and another mount.
func largeFileJob(t *testing.T, a account, size int64) {
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, "large", "")
	t.Cleanup(func() { emptyContainers(t, server, "large", "large_segments") })
	limit := fmt.Sprint("--memory-limit=", largeMemory)
	wantMemory := func(d *daemon, what string) {
		t.Helper()
		got := peakMemory(t, d.pid)
		t.Logf("%s: at most %d MiB of memory", what, got>>20)
		if got > largeMemory {
			t.Errorf("%s needed %d MiB, more than the limit of %d MiB", what, got>>20, largeMemory>>20)
		}
	}

	writer := mountBinary(t, a, ":large", limit)
	sum := writeRandom(t, writer.path("file.bin"), size)
	wantMemory(writer, "writing")
	head := server.want(http.StatusOK, http.MethodHead, "large/file.bin", "")
	if got := head.header.Get("Content-Length"); got != fmt.Sprint(size) {
		t.Errorf("the server says that the object has %s bytes, want %d", got, size)
	}

	reader := mountBinary(t, a, ":large", limit)
	if got := sh(t, "stat -c %s "+reader.path("file.bin")); got != fmt.Sprintln(size) {
		t.Errorf("stat says %s bytes, want %d", strings.TrimSpace(got), size)
	}
	for _, client := range []struct{ name, command string }{
		{"curl", curl(server) + " " + server.storage + "/large/file.bin"},
		{"swift download", swiftClient(a) + " download -o - large file.bin"},
		{"cat on a mount", "cat " + reader.path("file.bin")},
	} {
		got := tryFor(t, 15*time.Minute, "sh", "-c", client.command+" | sha256sum")
		if !strings.HasPrefix(got.out, sum) {
			t.Errorf("%s gets other bytes than were written: %s", client.name, got.out)
		}
	}
	wantMemory(reader, "reading")
	sh(t, "rm "+writer.path("file.bin"))
	if left := server.lines("large_segments"); len(left) > 0 {
		t.Errorf("after rm, %d segments are left", len(left))
	}
}

// swiftClient is the command line of OpenStack's own client up to its command.
func swiftClient(a account) string {
	return "swift -A " + a.authURL + " -U " + a.user + " -K " + a.key
}

// TestLargeObjectsOfOtherToolsAreFiles reads what the swift client and rclone
// upload in segments, and a dynamic large object made by hand.
func TestLargeObjectsOfOtherToolsAreFiles(t *testing.T) {
	const size, segment = 40_000_001, 8 << 20
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, "tools", "")
	t.Cleanup(func() { emptyContainers(t, server, "tools", "tools_segments", "tools_parts") })
	from := filepath.Join(t.TempDir(), "from")
	sum := writeRandom(t, from, size)

	upload := fmt.Sprintf("%s upload -S %d ", swiftClient(a), segment)
	sh(t, upload+"--use-slo --object-name static tools "+from)
	sh(t, upload+"--object-name dynamic tools "+from)
	sh(t, fmt.Sprintf("rclone --config /dev/null --swift-auth %s --swift-user %s --swift-key %s --swift-auth-version 1 --swift-chunk-size %dB copyto %s :swift:tools/rclone",
		a.authURL, a.user, a.key, segment, from))
	server.want(http.StatusCreated, http.MethodPut, "tools_parts", "")
	sh(t, fmt.Sprintf("cd %s; split -b %d from part-; for p in part-*; do %s -T $p -H Expect: %s/tools_parts/some%%20$p; done",
		filepath.Dir(from), segment, curl(server), server.storage))
	server.want(http.StatusCreated, http.MethodPut, "tools/by-hand", "", "X-Object-Manifest", "tools_parts/some%20part-")

	m := mount(t, a)
	for _, name := range []string{"static", "dynamic", "rclone", "by-hand"} {
		if got := strings.Fields(sh(t, "ls -l "+m.path("tools", name)))[4]; got != fmt.Sprint(size) {
			t.Errorf("%s: ls -l shows %s bytes, want %d", name, got, size)
		}
		if got := sh(t, "sha256sum < "+m.path("tools", name)); !strings.HasPrefix(got, sum) {
			t.Errorf("%s reads wrong", name)
		}
	}
	if got := sh(t, "ls "+m.path("tools")); got != "by-hand\ndynamic\nrclone\nstatic\n" {
		t.Errorf("ls shows %q", got)
	}
}
