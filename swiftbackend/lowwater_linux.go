package swiftbackend

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// lowWaterOf returns what sets the bytes that have to be there before a read of
// the connection is woken, or nil. The end of the connection wakes it, too.
func lowWaterOf(c *net.TCPConn) func(bytes int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return func(bytes int) error {
		var set error
		err := raw.Control(func(fd uintptr) {
			set = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)) //nolint:gosec // a descriptor is an int of the kernel's
		})
		return errors.Join(err, set)
	}
}
