package swiftbackend

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// connected returns a connection that reads bodies, with what the kernel was told of
// it, and its other end.
func connected(t *testing.T) (c *bodyConn, told *[]int, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of this process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var d net.Dialer
	client, err := dialBodies(d.DialContext)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	told = new([]int)
	c, ok := client.(*bodyConn)
	if !ok { // systems without a low water mark: the decisions are the same
		tcp, _ := client.(*net.TCPConn)
		c = &bodyConn{TCPConn: tcp, setLowWater: func(int) error { return nil }, now: time.Now, lowWater: 1}
	}
	set := c.setLowWater
	c.setLowWater = func(n int) error { *told = append(*told, n); return set(n) }
	return c, told, server
}

func TestASlowConnectionDeliversABodyByteByByte(t *testing.T) {
	c, told, server := connected(t)
	buf := make([]byte, 2*highWater)
	for range 3 {
		if _, err := server.Write([]byte{'x'}); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buf); n != 1 || err != nil {
			t.Fatalf("read %d bytes, %v; want the one that is there", n, err)
		}
	}
	if len(*told) > 0 {
		t.Errorf("the kernel was told %v; want nothing of a slow connection", *told)
	}
}

func TestABodyThatBreaksOffIsReadToItsLastByte(t *testing.T) {
	c, _, server := connected(t)
	c.fast = true
	const sent = highWater + 1000 // the end is shorter than what a read waits for
	go func() {
		_, err := server.Write(make([]byte, sent))
		if err := errors.Join(err, server.Close()); err != nil {
			t.Error(err)
		}
	}()
	buf := make([]byte, 2*highWater)
	got := 0
	for {
		n, err := c.Read(buf)
		got += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != sent {
		t.Errorf("read %d bytes; want the %d that were sent", got, sent)
	}
}

func TestTheNextAnswerIsReadFromItsFirstByte(t *testing.T) {
	c, told, server := connected(t)
	c.fast = true
	for _, answer := range []struct {
		sent, room int
	}{{readBuffer + 1, readBuffer + 1}, {1, readBuffer}} {
		if _, err := server.Write(make([]byte, answer.sent)); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < answer.sent; {
			n, err := c.Read(make([]byte, answer.room))
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	}
	if n := len(*told); n == 0 || (*told)[n-1] != 1 {
		t.Errorf("the kernel was told %v; want 1 at last", *told)
	}
}

func TestFewBytesOfAFastConnectionDoNotWaitForMore(t *testing.T) {
	c, _, server := connected(t)
	c.fast = true
	sent := make(chan error, 1)
	go func() {
		_, err := server.Write([]byte{'x'})
		sent <- err
	}()
	if n, err := c.Read(make([]byte, 2*highWater)); n != 1 || err != nil {
		t.Errorf("read %d bytes, %v; want the one that is there", n, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestAConnectionIsFastWhileItsReaderIsTheSlowerOne(t *testing.T) {
	c, _, server := connected(t)
	clock := time.Now()
	c.now = func() time.Time { return clock }
	c.last = clock
	for _, step := range []struct {
		what        string
		pause, took time.Duration
		want        bool
	}{
		{"much is there after a pause", slowRead, 0, false},
		{"much is there at once", 0, 0, true},
		{"more comes soon", time.Hour, slowRead - 1, true},
		{"more takes long", 0, slowRead, false},
	} {
		if _, err := server.Write(make([]byte, readBuffer+1)); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(step.pause)
		began := clock
		c.now = func() time.Time {
			now := clock
			clock = began.Add(step.took)
			return now
		}
		n, err := c.Read(make([]byte, readBuffer+1))
		if err != nil {
			t.Fatal(err)
		}
		if c.fast != step.want {
			t.Errorf("%s: fast is %t, after %d bytes", step.what, c.fast, n)
		}
		for n < readBuffer+1 {
			m, err := c.Read(make([]byte, readBuffer))
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
	}
}

func TestASystemThatRefusesTheMarkIsReadWithout(t *testing.T) {
	c, _, server := connected(t)
	c.fast = true
	tries := 0
	c.setLowWater = func(int) error { tries++; return errors.ErrUnsupported }
	for range 3 {
		if _, err := server.Write([]byte{'x'}); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 2*highWater)); n != 1 || err != nil {
			t.Fatalf("read %d bytes, %v; want the one that is there", n, err)
		}
	}
	if tries != 1 {
		t.Errorf("it was tried %d times, want once", tries)
	}
}
