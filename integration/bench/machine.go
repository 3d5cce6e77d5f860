package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Machine is where a run took place.
type Machine struct {
	Cores     int    `json:"cores"`
	Processor string `json:"processor"`
	MemoryGiB int    `json:"memoryGiB"`
	Kernel    string `json:"kernel"`
}

// thisMachine describes this machine.
func thisMachine() (Machine, error) {
	var name unix.Utsname
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return Machine{}, err
	}
	cpus, cpuErr := proc.CPUInfo()
	memory, memoryErr := proc.Meminfo()
	if err := errors.Join(cpuErr, memoryErr, unix.Uname(&name)); err != nil {
		return Machine{}, fmt.Errorf("describe the machine: %w", err)
	}
	m := Machine{
		Cores:  runtime.NumCPU(),
		Kernel: unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:]),
	}
	if len(cpus) > 0 {
		m.Processor = cpus[0].ModelName
	}
	if memory.MemTotal != nil {
		m.MemoryGiB = int((*memory.MemTotal + mib/2) / mib) //nolint:gosec // in KiB, far below 2^63
	}
	return m, nil
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
