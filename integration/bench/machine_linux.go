package bench

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// thisMachine describes this machine.
func thisMachine() (Machine, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return Machine{}, err
	}
	cpus, cpuErr := proc.CPUInfo()
	memory, memoryErr := proc.Meminfo()
	var name unix.Utsname
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

// busySeconds returns how long the processors of this machine have been busy since
// it began, all of them together, with what its host took from them.
func busySeconds() (float64, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, err
	}
	stat, err := proc.Stat()
	if err != nil {
		return 0, fmt.Errorf("ask how busy the machine is: %w", err)
	}
	c := stat.CPUTotal
	return c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ + c.Steal, nil
}
