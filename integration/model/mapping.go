//go:build linux

package model

import (
	"os"

	"golang.org/x/sys/unix"
)

// A page fault on a mapped file of a mount in this process would stop a thread
// that the runtime believes to be running, and with it perhaps the goroutine that
// is to serve the fault. The kernel takes the faults here instead, in a read or
// a write whose buffer is the mapping; a fault beyond the end is then EFAULT.

// mapRead returns what a mapping shows.
func mapRead(fd int, op Op) Result {
	m, within, err := mapFile(fd, op, unix.PROT_READ)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	mem, err := unix.MemfdCreate("model", unix.MFD_CLOEXEC)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = unix.Close(mem) }()
	if r := writeAll(within, func(b []byte, done int64) (int, error) { return unix.Pwrite(mem, b, done) }); r.Errno != 0 {
		return Result{Errno: r.Errno}
	}
	return readAll(op.Len, func(b []byte, done int64) (int, error) { return unix.Pread(mem, b, done) })
}

// mapWrite writes through a mapping and has it stored.
func mapWrite(fd int, op Op) Result {
	m, within, err := mapFile(fd, op, unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = unix.Munmap(m) }()
	mem, err := unix.MemfdCreate("model", unix.MFD_CLOEXEC)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = unix.Close(mem) }()
	if r := writeAll(content(op.Fill, op.Off, op.Len), func(b []byte, done int64) (int, error) { return unix.Pwrite(mem, b, done) }); r.Errno != 0 {
		return r
	}
	for done := 0; done < len(within); {
		n, err := unix.Pread(mem, within[done:], int64(done))
		if err != nil {
			return Result{Errno: errnoOf(err)}
		}
		done += n
	}
	return failed(unix.Msync(m, unix.MS_SYNC))
}

// mapFile maps the pages around a range; within is the range itself.
func mapFile(fd int, op Op, prot int) (mapping, within []byte, err error) {
	page := int64(os.Getpagesize())
	start := op.Off / page * page
	mapping, err = unix.Mmap(fd, start, int(op.Off+op.Len-start), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return mapping, mapping[op.Off-start:], nil
}
