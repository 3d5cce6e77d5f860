//go:build linux

package model

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Caller does operations with system calls below a directory. It makes them
// itself, with nothing of package os in between, and touches no mapped memory
// but in system calls (mapping.go): the runtime can then serve the mount, which
// may be in this process, while one of them waits for it.
type Caller struct {
	Dir  string
	open map[int]int // descriptors by slot
}

// NewCaller returns a Caller with nothing open.
func NewCaller(dir string) *Caller { return &Caller{Dir: dir, open: map[int]int{}} }

// CloseAll closes what is open and returns the first error.
func (c *Caller) CloseAll() error {
	var first error
	for slot := range c.open {
		if r := c.close(slot); r.Errno != 0 && first == nil {
			first = r.Errno
		}
	}
	return first
}

func (c *Caller) path(p string) string { return c.Dir + "/" + p }

// Do does one operation that is a system call.
func (c *Caller) Do(op Op) Result {
	if r, ok := c.onHandle(op); ok {
		return r
	}
	p := c.path(op.Path)
	switch op.Kind {
	case Open:
		return c.openFile(op)
	case Truncate:
		return failed(unix.Truncate(p, op.Len))
	case Stat:
		return stat(func(st *unix.Stat_t) error { return unix.Lstat(p, st) })
	case Readdir:
		return readdir(p)
	case Mkdir:
		return failed(unix.Mkdir(p, op.Mode))
	case Rmdir:
		return failed(unix.Rmdir(p))
	case Unlink:
		return failed(unix.Unlink(p))
	case Rename:
		return failed(unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, c.path(op.To), uint(op.Flags)))
	case Symlink:
		return failed(unix.Symlink(op.To, p))
	case Readlink:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlink(p, buf)
		return read(buf, n, err)
	case Chmod:
		return failed(unix.Chmod(p, op.Mode))
	case Utimes:
		ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(op.Off)}
		return failed(unix.UtimesNanoAt(unix.AT_FDCWD, p, ts, unix.AT_SYMLINK_NOFOLLOW))
	default:
		return c.onAttribute(op, p)
	}
}

func (c *Caller) onAttribute(op Op, p string) Result {
	switch op.Kind {
	case Setxattr:
		return failed(unix.Setxattr(p, op.To, content(op.Fill, 0, op.Len), op.Flags))
	case Getxattr:
		buf := make([]byte, 1<<16)
		n, err := unix.Getxattr(p, op.To, buf)
		return read(buf, n, err)
	case Removexattr:
		return failed(unix.Removexattr(p, op.To))
	case Listxattr:
		return listxattr(p)
	default:
		return failed(unix.ENOTSUP)
	}
}

// onHandle does the operations on an open file.
func (c *Caller) onHandle(op Op) (r Result, ok bool) {
	switch op.Kind {
	case Close, Dup, Read, Write, Pread, Pwrite, Seek, SeekData, SeekHole, Ftruncate, Fallocate, Fsync, Fstat,
		MapRead, MapWrite, CopyRange:
	default:
		return r, false
	}
	fd, isOpen := c.open[op.H]
	if !isOpen {
		return Result{Skipped: true}, true
	}
	switch op.Kind {
	case Close:
		return c.close(op.H), true
	case Dup:
		return c.dup(fd, op.H2), true
	case CopyRange:
		return c.copyRange(fd, op), true
	case Ftruncate:
		return failed(unix.Ftruncate(fd, op.Len)), true
	case Fallocate:
		return failed(unix.Fallocate(fd, uint32(op.Flags), op.Off, op.Len)), true
	case Fsync:
		return failed(unix.Fsync(fd)), true
	case Fstat:
		return stat(func(st *unix.Stat_t) error { return unix.Fstat(fd, st) }), true
	case MapRead:
		return mapRead(fd, op), true
	case MapWrite:
		return mapWrite(fd, op), true
	default:
		return transfer(fd, op), true
	}
}

// transfer reads, writes, and sets the position for it.
func transfer(fd int, op Op) Result {
	switch op.Kind {
	case Read:
		return readAll(op.Len, func(b []byte, _ int64) (int, error) { return unix.Read(fd, b) })
	case Pread:
		return readAll(op.Len, func(b []byte, done int64) (int, error) { return unix.Pread(fd, b, op.Off+done) })
	case Write:
		return writeAll(content(op.Fill, op.Off, op.Len), func(b []byte, _ int64) (int, error) { return unix.Write(fd, b) })
	case Pwrite:
		return writeAll(content(op.Fill, op.Off, op.Len), func(b []byte, done int64) (int, error) { return unix.Pwrite(fd, b, op.Off+done) })
	case Seek:
		return offset(unix.Seek(fd, op.Off, unix.SEEK_SET))
	case SeekData:
		return offset(peek(fd, op.Off, unix.SEEK_DATA))
	case SeekHole:
		return offset(peek(fd, op.Off, unix.SEEK_HOLE))
	default:
		return failed(unix.ENOTSUP)
	}
}

// peek seeks and goes back, because file systems need not agree on where holes
// are.
func peek(fd int, off int64, whence int) (int64, error) {
	was, err := unix.Seek(fd, 0, unix.SEEK_CUR)
	if err != nil {
		return 0, err
	}
	found, err := unix.Seek(fd, off, whence)
	_, back := unix.Seek(fd, was, unix.SEEK_SET)
	return found, errors.Join(err, back)
}

func (c *Caller) openFile(op Op) Result {
	if _, taken := c.open[op.H]; taken {
		return Result{Skipped: true}
	}
	fd, err := unix.Open(c.path(op.Path), op.Flags|unix.O_CLOEXEC, op.Mode)
	if err != nil {
		return failed(err)
	}
	c.open[op.H] = fd
	return Result{}
}

func (c *Caller) dup(fd, slot int) Result {
	if _, taken := c.open[slot]; taken {
		return Result{Skipped: true}
	}
	second, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return failed(err)
	}
	c.open[slot] = second
	return Result{}
}

func (c *Caller) close(slot int) Result {
	fd := c.open[slot]
	delete(c.open, slot)
	return failed(unix.Close(fd))
}

func (c *Caller) copyRange(from int, op Op) Result {
	to, isOpen := c.open[op.H2]
	if !isOpen {
		return Result{Skipped: true}
	}
	r, w := op.Off, op.Off2
	for done := int64(0); done < op.Len; {
		n, err := unix.CopyFileRange(from, &r, to, &w, int(op.Len-done), 0)
		if err != nil {
			return Result{Errno: errnoOf(err), N: done}
		}
		if n == 0 {
			return Result{N: done}
		}
		done += int64(n)
	}
	return Result{N: op.Len}
}

// readAll reads until n bytes, the end or an error: a read(2) may return less
// than asked for, and where it does is nobody's promise.
func readAll(n int64, next func(b []byte, done int64) (int, error)) Result {
	buf := make([]byte, n)
	done := 0
	for done < len(buf) {
		k, err := next(buf[done:], int64(done))
		if err != nil {
			return Result{Errno: errnoOf(err), N: int64(done), Data: buf[:done]}
		}
		if k == 0 {
			break
		}
		done += k
	}
	return Result{N: int64(done), Data: buf[:done]}
}

func writeAll(data []byte, next func(b []byte, done int64) (int, error)) Result {
	done := 0
	for done < len(data) {
		k, err := next(data[done:], int64(done))
		if err != nil {
			return Result{Errno: errnoOf(err), N: int64(done)}
		}
		done += k
	}
	return Result{N: int64(done)}
}

func stat(call func(*unix.Stat_t) error) Result {
	var st unix.Stat_t
	if err := call(&st); err != nil {
		return failed(err)
	}
	a := &Attr{Type: st.Mode & unix.S_IFMT, Mode: st.Mode &^ unix.S_IFMT, Size: st.Size, Mtime: st.Mtim.Nano()}
	if a.Type == unix.S_IFDIR {
		a.Size = 0
	}
	return Result{Stat: a}
}

func readdir(p string) Result {
	fd, err := unix.Open(p, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = unix.Close(fd) }()
	names := []string{}
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil {
			return failed(err)
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	slices.Sort(names)
	return Result{Names: names}
}

func listxattr(p string) Result {
	buf := make([]byte, 1<<16)
	n, err := unix.Listxattr(p, buf)
	if err != nil {
		return failed(err)
	}
	names := []string{}
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		// What the mount tells of the object is not what a program set.
		if strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.swift.") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return Result{Names: names}
}

func failed(err error) Result { return Result{Errno: errnoOf(err)} }

func read(buf []byte, n int, err error) Result {
	if err != nil {
		return failed(err)
	}
	return Result{N: int64(n), Data: buf[:n]}
}

func offset(n int64, err error) Result {
	if err != nil {
		return failed(err)
	}
	return Result{N: n}
}

// errnoOf returns the errno of an error of a system call.
func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return unix.EPROTO
}
