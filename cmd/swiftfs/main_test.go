package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// childVariable makes the test binary play the second process of a mount.
const childVariable = "SWIFTFS_TEST_CHILD"

func TestMain(m *testing.M) {
	if part := os.Getenv(childVariable); part != "" {
		os.Exit(playChild(part))
	}
	os.Exit(m.Run())
}

// runProgram runs the program within the test, with vars as its environment.
func runProgram(t *testing.T, vars map[string]string, argv ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status = run(t.Context(), argv, lookupIn(vars), strings.NewReader(""), &out, &errOut)
	return status, out.String(), errOut.String()
}

func TestHelpIsAsInTheGoldenFiles(t *testing.T) {
	for _, command := range []string{"", "mount", "umount", "check", "gc", "status", "flush", "refresh", "demo", "version"} {
		argv := append([]string{"swiftfs"}, strings.Fields(command)...)
		status, got, stderr := runProgram(t, nil, append(argv, "--help")...)
		if status != exitOK || stderr != "" {
			t.Errorf("%s --help: status %d, %s", command, status, stderr)
		}
		// The defaults of uid and gid are those of whoever runs this.
		var lines []string
		for line := range strings.Lines(got) {
			if strings.Contains(line, "--uid") || strings.Contains(line, "--gid") {
				line, _, _ = strings.Cut(line, " (default")
				line = strings.TrimSuffix(line, "\n") + "\n"
			}
			lines = append(lines, line)
		}
		got = strings.Join(lines, "")
		golden := filepath.Join("testdata", strings.TrimSuffix("help-"+command, "-")+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the source tree
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s --help is not as in %s; run go test -update and look at the difference:\n%s", command, golden, got)
		}
	}
}

func TestCommandLinesThatMakeNoSenseEndWithStatus2AndASentence(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"swiftfs", "moutn"}, `unknown command "moutn"; did you mean "mount"?`},
		{[]string{"swiftfs", "frobnicate"}, "unknown command \"frobnicate\"; `swiftfs --help` lists the commands"},
		{[]string{"swiftfs", "mount", ":"}, "MOUNTPOINT is missing; usage: swiftfs mount [flags] SOURCE MOUNTPOINT"},
		{[]string{"swiftfs", "mount", ":", "/mnt", "/x"}, `"/x" is one argument too many; usage: swiftfs mount [flags] SOURCE MOUNTPOINT`},
		{[]string{"swiftfs", "umount"}, "MOUNTPOINT is missing; usage: swiftfs umount [flags] MOUNTPOINT"},
		{[]string{"swiftfs", "check", "photos"}, `source "photos" has no colon; write ":" for the account, ":photos" for container photos of it, "CLOUD:" for a cloud of clouds.yaml`},
	} {
		status, _, stderr := runProgram(t, nil, c.argv...)
		if want := "swiftfs: " + c.want + "\n"; status != exitUsage || stderr != want {
			t.Errorf("%q: status %d, %q\nwant %q", c.argv, status, stderr, want)
		}
	}
}

func TestVersionNamesWhatItIsBuiltWith(t *testing.T) {
	status, stdout, _ := runProgram(t, nil, "swiftfs", "version")
	for _, want := range []string{"swiftfs ", "commit ", "go      go1.", "go-fuse "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing in %q", want, stdout)
		}
	}
	if status != exitOK {
		t.Errorf("status %d", status)
	}
}

func TestManualPagesAreWritten(t *testing.T) {
	dir := t.TempDir()
	if status, _, stderr := runProgram(t, nil, "swiftfs", "man", dir); status != exitOK {
		t.Fatalf("status %d, %s", status, stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "swiftfs-mount.8"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), `--cache-ttl`) {
		t.Errorf("no options in the manual page:\n%s", page)
	}
}
