package swiftbackend

import (
	"syscall"
	"testing"
)

func TestTheKernelWaitsForALargePieceOfABodyThatComesFast(t *testing.T) {
	c, _, server := connected(t)
	for _, mark := range []struct {
		fast bool
		room int
		want int
	}{
		{false, 1 << 20, 1}, {true, 1 << 20, highWater}, {true, readBuffer + 1, readBuffer + 1},
		{true, readBuffer, 1}, {true, 1 << 20, highWater}, {false, 1 << 20, 1},
	} {
		if _, err := server.Write(make([]byte, mark.room)); err != nil {
			t.Fatal(err)
		}
		c.fast = mark.fast
		for got := 0; got < mark.room; {
			n, err := c.Read(make([]byte, mark.room-got))
			if err != nil {
				t.Fatal(err)
			}
			if got == 0 && lowWater(t, c) != mark.want {
				t.Errorf("fast %t, room for %d bytes: the kernel waits for %d, want %d", mark.fast, mark.room, lowWater(t, c), mark.want)
			}
			got += n
			c.fast = mark.fast
		}
	}
}

// lowWater returns what the kernel has as the mark of a connection.
func lowWater(t *testing.T, c *bodyConn) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { n, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return n
}
