package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// forgetting are the two ways by which the kernel is told to forget.
var forgetting = map[string]func(*fs.Config){
	"by their numbers": func(*fs.Config) {},
	"by their names":   func(c *fs.Config) { c.OldKernel = true },
}

func TestTheKernelKnowsABoundedNumberOfFiles(t *testing.T) {
	const most, files = 500, 6000
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", inDirectories(12, files/12), 7)
	for way, change := range forgetting {
		t.Run(way, func(t *testing.T) {
			for command, want := range map[string]string{
				"find . -name 'file-*' | wc -l": fmt.Sprint(files),
				"find . -size 7c | wc -l":       fmt.Sprint(files),
				"ls -lR | grep -c file-":        fmt.Sprint(files),
				"cat */*/file-* | wc -c":        fmt.Sprint(7 * files),
			} {
				m := mount(t, fakeAccount(srv), change, func(c *fs.Config) { c.MostNodes = most })
				if got := strings.TrimSpace(sh(t, "cd "+m.path("c")+" && "+command)); got != want {
					t.Errorf("%s gives %q, want %q", command, got, want)
				}
				// What is told the kernel it does a moment later.
				if got := m.fs.Status().Nodes; got > 2*most {
					t.Errorf("%s: the kernel knows %d files and directories, want about %d at most", command, got, most)
				} else {
					t.Logf("%s: the kernel knows %d", command, got)
				}
				m.unmount()
			}
		})
	}
}

func TestWhatIsInUseStaysWhenTheKernelIsToldToForget(t *testing.T) {
	for way, change := range forgetting {
		t.Run(way, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.FillContainer("c", inDirectories(10, 100), 7)
			m := mount(t, fakeAccount(srv), change, func(c *fs.Config) { c.MostNodes, c.Container = 8, "c" })
			walk := func() { sh(t, "du -s "+m.dir+" && find "+m.dir+" && ls -lR "+m.dir) }

			put, unmap := mapFile(t, m.path("mapped"), 4096)
			reader, err := os.Open(m.path("tree/dir-00003/file-00007"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = reader.Close() }()
			writer, err := os.Create(m.path("tree/dir-00004/new"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = writer.Close() }()
			for _, text := range []string{"one ", "two ", "three"} {
				if _, err := writer.WriteString(text); err != nil {
					t.Fatal(err)
				}
				put(len(text), text[0])
				walk()
			}
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			unmap()
			walk()
			if got, err := io.ReadAll(reader); err != nil || len(got) != 7 {
				t.Errorf("the open file reads %q, %v", got, err)
			}
			object(t, srv, "c", "tree/dir-00004/new", []byte("one two three"))
			want := make([]byte, 4096)
			want[4], want[5] = 't', 't' // "two " and "three", over the 'o' of "one "
			object(t, srv, "c", "mapped", want)

			in := m.path("tree/dir-00005")
			got := sh(t, "cd "+in+"; du -s ../..; find ../.. >/dev/null; ls -lR ../.. | wc -l; /bin/pwd; ls | wc -l; echo x >here; cat ../dir-00005/here")
			if !strings.HasSuffix(got, in+"\n100\nx\n") {
				t.Errorf("in a working directory: %s", got)
			}
			if got := sh(t, "cat "+m.path("tree/dir-00004/new")); got != "one two three" {
				t.Errorf("the new file has %q", got)
			}
		})
	}
}

// mapper changes bytes of a file by a mapping that it keeps. It is a process of its
// own: a page fault of this one, which serves the mount, could stop the goroutines that
// have to answer it.
const mapper = `
import mmap, sys
with open(sys.argv[1], "r+b") as f, mmap.mmap(f.fileno(), 0) as mapped:
    for line in sys.stdin:
        at, value = line.split()
        mapped[int(at)] = int(value)
        print("done", flush=True)
    mapped.flush()
`

// mapFile makes a file of zeros that another process maps. put changes a byte by the
// mapping; unmap ends it, which stores the file.
func mapFile(t *testing.T, path string, size int) (put func(at int, value byte), unmap func()) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", mapper, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := bufio.NewScanner(out)
	put = func(at int, value byte) {
		t.Helper()
		if _, err := fmt.Fprintln(in, at, value); err != nil || !done.Scan() {
			t.Errorf("the mapping took nothing: %v, %v", err, done.Err())
		}
	}
	return put, func() {
		t.Helper()
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	}
}
