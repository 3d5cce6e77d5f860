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

// touchMemory has the kernel get hold of so many bytes, and gives them back. A virtual
// machine returns memory that nobody uses to its host, and who touches it
// next pays for having it backed again: with 1 GiB of page cache, which mounts need
// and plain HTTP does not, that is up to 2 s. It stays backed for some seconds.
func touchMemory(bytes int) error {
	b, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("touch %d bytes of memory: %w", bytes, err)
	}
	return unix.Munmap(b)
}
