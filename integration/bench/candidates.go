package bench

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"swiftfs/integration/rig"
)

// runVariable marks the processes of a run.
const runVariable = rig.RunVariable

// Swiftfs returns the candidate for the program at path. An address makes it serve
// its profile there.
func Swiftfs(path, metrics string) Candidate {
	return Candidate{Name: "swiftfs", command: func(m mountSpec) ([]string, []string) {
		args := []string{path, "mount", "--foreground", "--log-level", "warn"}
		if metrics != "" {
			args = append(args, "--metrics-address", metrics)
		}
		args = append(append(args, m.flags...), ":"+m.container, m.dir)
		return args, []string{"ST_AUTH=" + m.root + "/auth/v1.0", "ST_USER=" + m.user, "ST_KEY=" + m.key}
	}}
}

// Peers are the mounts that swiftfs is compared with, as Debian packages them.
var Peers = []Candidate{
	{Name: "rclone", command: rclone()},
	// What its documentation recommends for speed. Uploads begin at close instead
	// of five seconds later, which would only be waited for.
	{Name: "rclone-tuned", command: rclone("--vfs-cache-mode", "full", "--use-server-modtime", "--vfs-write-back", "0s", "--transfers", "16")},
	{Name: "s3fs", S3: true, command: s3fs},
}

func rclone(flags ...string) func(mountSpec) ([]string, []string) {
	return func(m mountSpec) ([]string, []string) {
		args := append([]string{"rclone", "mount", "bench:" + m.container, m.dir, "--cache-dir", m.scratch}, flags...)
		return args, []string{
			"RCLONE_CONFIG=/dev/null",
			"RCLONE_CONFIG_BENCH_TYPE=swift",
			"RCLONE_CONFIG_BENCH_AUTH=" + m.root + "/auth/v1.0",
			"RCLONE_CONFIG_BENCH_USER=" + m.user,
			"RCLONE_CONFIG_BENCH_KEY=" + m.key,
		}
	}
}

func s3fs(m mountSpec) ([]string, []string) {
	args := []string{
		"s3fs", m.container, m.dir, "-f",
		"-o", "url=" + m.root, "-o", "use_path_request_style", "-o", "tmpdir=" + m.scratch,
	}
	return args, []string{"AWSACCESSKEYID=" + m.user, "AWSSECRETACCESSKEY=" + m.key}
}

// versionFlags are how programs tell their versions.
var versionFlags = map[string][]string{
	"swiftfs": {"version"}, "rclone": {"version"}, "s3fs": {"--version"},
}

// number is the first word that looks like a version.
var number = regexp.MustCompile(`v?[0-9]+\.[0-9]+[^ ,]*`)

// programVersion asks a program for its version.
func programVersion(ctx context.Context, path, name string) (string, error) {
	out, err := exec.CommandContext(ctx, path, versionFlags[name]...).Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", name, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if v := number.FindString(line); v != "" {
		return v, nil
	}
	return strings.TrimPrefix(line, name+" "), nil
}

// ChoosePeers returns the peers of a list of names, "none" or "" for all.
func ChoosePeers(names string) ([]Candidate, error) {
	switch names {
	case "":
		return Peers, nil
	case "none":
		return nil, nil
	}
	var chosen []Candidate
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(Peers, func(c Candidate) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no peer %q", name)
		}
		chosen = append(chosen, Peers[i])
	}
	return chosen, nil
}
