package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tailJob follows a file that another process writes to and keeps open.
func tailJob(t *testing.T, s site) {
	shIn(t, s.path(), "echo first > app.log")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tail := exec.CommandContext(ctx, "tail", "-n", "+1", "-s", "0.1", "-f", s.path("app.log"))
	out, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Each line that the writer reads, it appends.
	writer := exec.CommandContext(ctx, "sh", "-ec", "exec 3>>"+quoted(s.path("app.log"))+"; while read -r line; do echo $line >&3; done")
	in, err := writer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{tail, writer} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewReader(out)
	follow := func(want string) {
		t.Helper()
		if got, err := lines.ReadString('\n'); got != want+"\n" {
			t.Errorf("tail -f shows %q, %v, want %q", got, err, want)
		}
	}
	follow("first")
	for _, line := range []string{"second", "third"} {
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		follow(line)
	}
	shIn(t, s.path(), "echo other >> app.log")
	follow("other")
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Wait(); err != nil {
		t.Errorf("the writer: %v", err)
	}
	cancel()
	_ = tail.Wait() // killed
	wantStored(t, s, "app.log", []byte("first\nsecond\nthird\nother\n"))
}

// appendJob appends to one file from several processes at once: no line is
// lost, torn or overwritten.
func appendJob(t *testing.T, s site) {
	const writers, short, long = 4, 12, 200
	shIn(t, s.path(), fmt.Sprintf(`
		for p in $(seq %d); do
			(for i in $(seq %d); do echo "process $p opens and writes $i" >> opened.log; done) &
			(for i in $(seq %d); do echo "process $p writes $i"; done >> held.log) &
		done
		wait`, writers, short, long))
	check := func() {
		t.Helper()
		for name, each := range map[string]int{"opened.log": short, "held.log": long} {
			got, _, _ := s.stored(t, name)
			if read := run(t, "cat", s.path(name)); read != string(got) {
				t.Errorf("%s reads %d bytes, stored are %d", name, len(read), len(got))
			}
			lines := map[string]int{} // of each process, so far
			for line := range strings.Lines(string(got)) {
				process, rest, _ := strings.Cut(strings.TrimPrefix(line, "process "), " ")
				lines[process]++
				if !strings.HasSuffix(rest, fmt.Sprintf("writes %d\n", lines[process])) {
					t.Fatalf("%s has %q where process %q writes %d", name, line, process, lines[process])
				}
			}
			if len(lines) != writers || lines["1"]+lines["2"]+lines["3"]+lines["4"] != writers*each {
				t.Errorf("%s has so many lines of each process: %v, want %d", name, lines, each)
			}
		}
	}
	check()
	s.remount(t)
	check()
}

// rotateJob rotates logs in both ways while their writer has them open.
func rotateJob(t *testing.T, s site) {
	shIn(t, s.path(), `
		exec 3>>app.log; echo 1 >&3; echo 2 >&3
		mv app.log app.log.1; echo 3 >&3; : > app.log; echo 4 >&3
		exec 4>>app.log; echo 5 >&4
		exec 3>&-; exec 4>&-
		gzip -k app.log.1

		exec 3>>cut.log; echo 1 >&3; echo 2 >&3
		cp cut.log cut.log.1; : > cut.log; echo 3 >&3
		exec 3>&-`)
	check := func() {
		t.Helper()
		wantContent(t, s.path("app.log.1"), "1\n2\n3\n4\n")
		wantContent(t, s.path("app.log"), "5\n")
		wantContent(t, s.path("cut.log.1"), "1\n2\n")
		wantContent(t, s.path("cut.log"), "3\n")
		shIn(t, s.path(), "zcat app.log.1.gz | cmp - app.log.1")
	}
	check()
	s.remount(t)
	check()
	wantStored(t, s, "app.log.1", []byte("1\n2\n3\n4\n"))
	wantStored(t, s, "app.log", []byte("5\n"))
	wantStored(t, s, "cut.log", []byte("3\n"))
}

// fioJob writes in the ways of databases and reads everything back by checksum;
// a remount shows the same bytes.
func fioJob(t *testing.T, s site) {
	for _, job := range []struct{ name, options string }{
		{"sequential", "--rw=write --bs=128k --size=20m --ioengine=psync --end_fsync=1"},
		{"random", "--rw=randwrite --bs=4k --size=2m --ioengine=psync --fsync=200"},
		{"mixed", "--rw=randrw --bsrange=512-64k --size=10m --ioengine=psync --end_fsync=1"},
		{"mapped", "--rw=randwrite --bs=4k --size=2m --ioengine=mmap"},
	} {
		t.Run(job.name, func(step *testing.T) {
			shIn(step, step.TempDir(), "fio --name="+job.name+" --directory="+s.path()+" "+job.options+
				" --verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0")
			name := job.name + ".0.0"
			before := sh(step, "sha256sum < "+s.path(name))
			s.remount(t)
			if after := sh(step, "sha256sum < "+s.path(name)); after != before {
				step.Error("after a remount the file has other bytes")
			}
		})
	}
}
