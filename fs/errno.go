package fs

import (
	"context"
	"errors"
	"os"
	"syscall"

	"swiftfs/swiftbackend"
)

// toErrno is the only place where an error becomes what a system call returns.
func toErrno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	// An errno below a request's error is one of the connection, and would be
	// taken for something that the file system says.
	if e, ok := errors.AsType[*swiftbackend.Error](err); ok {
		if errno, ok := kindErrno[e.Kind]; ok {
			return errno
		}
		return syscall.EIO
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	switch {
	case errors.Is(err, os.ErrClosed):
		return syscall.EBADF
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return syscall.EINTR
	}
	return syscall.EIO
}

// kindErrno has the errno of each kind; a kind that is missing is EIO.
var kindErrno = map[swiftbackend.Kind]syscall.Errno{
	swiftbackend.KindNotExist:     syscall.ENOENT,
	swiftbackend.KindExist:        syscall.EEXIST,
	swiftbackend.KindNotEmpty:     syscall.ENOTEMPTY,
	swiftbackend.KindConflict:     syscall.EBUSY,
	swiftbackend.KindChanged:      syscall.ESTALE,
	swiftbackend.KindDenied:       syscall.EACCES,
	swiftbackend.KindUnauthorized: syscall.EACCES,
	swiftbackend.KindQuota:        syscall.EDQUOT,
	swiftbackend.KindTooLarge:     syscall.EFBIG,
	swiftbackend.KindInvalid:      syscall.EINVAL,
	swiftbackend.KindUnsupported:  syscall.EOPNOTSUPP,
	swiftbackend.KindTimeout:      syscall.ETIMEDOUT,
	swiftbackend.KindCanceled:     syscall.EINTR,
}

// fail logs an error that the user will only see as a number, and returns that.
// What programs ask for all the time and expect to fail is not worth a line.
func (f *FS) fail(op, path string, err error) syscall.Errno {
	errno := toErrno(err)
	switch errno {
	case 0, syscall.EINTR:
	case syscall.ENOENT, syscall.EEXIST, syscall.ENOTEMPTY:
		f.log.Debug(op+" failed", "path", path, "errno", errno, "error", err)
	default:
		f.log.Error(op+" failed", "path", path, "errno", errno, "error", err)
	}
	return errno
}
