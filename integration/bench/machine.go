package bench

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// Machine is where a run took place.
type Machine struct {
	Cores     int    `json:"cores"`
	Processor string `json:"processor"`
	MemoryGiB int    `json:"memoryGiB"`
	Kernel    string `json:"kernel"`
}

// versions asks the candidates, and OpenStack Swift if it takes part, for their
// versions.
func versions(ctx context.Context, candidates []Candidate, swift bool) (map[string]string, error) {
	v := map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}
	for _, c := range candidates {
		args, _ := c.command(mountSpec{})
		program, _, _ := strings.Cut(c.Name, "-")
		version, err := programVersion(ctx, args[0], program)
		if err != nil {
			return nil, err
		}
		v[program] = version
	}
	// Of a build from a work tree the program knows no more than that it is one.
	if commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		v["swiftfs"] += " " + strings.TrimSpace(string(commit))
	}
	if !swift {
		return v, nil
	}
	// The package's, which tells of Debian's changes as well.
	out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", "swift-proxy").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for Swift's version: %w", err)
	}
	v["OpenStack Swift"] = string(out)
	return v, nil
}
