package memory

import (
	"bytes"
	"syscall"
	"testing"
)

func TestAFileThatIsAwaitedTakesNothingElse(t *testing.T) {
	want := []byte("0123456789")
	f := &file{awaited: want}
	for _, c := range []struct {
		data  string
		off   int64
		errno syscall.Errno
	}{
		{"1234", 0, syscall.EIO},
		{"2345", 2, syscall.EIO}, // out of order
		{"0123", 0, 0},
		{"456789x", 4, syscall.EIO}, // too long
		{"456789", 4, 0},
	} {
		n, errno := f.Write(t.Context(), nil, []byte(c.data), c.off)
		if errno != c.errno || errno == 0 && int(n) != len(c.data) {
			t.Errorf("write %q at %d: %d, %v; want %v", c.data, c.off, n, errno, c.errno)
		}
	}
	if !bytes.Equal(f.data, want) {
		t.Errorf("it holds %q, want %q", f.data, want)
	}
}

func TestWritingAgainLeavesWhatOthersHold(t *testing.T) {
	given := []byte("0123456789")
	f := &file{data: given[:4:4]}
	if errno := f.truncate(0); errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := f.Write(t.Context(), nil, []byte("abcdefgh"), 0); errno != 0 {
		t.Fatal(errno)
	}
	if string(given) != "0123456789" || string(f.data) != "abcdefgh" {
		t.Errorf("%q and %q, want the first unchanged", given, f.data)
	}
}
