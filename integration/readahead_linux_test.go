package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/swiftbackend/fakeswift"
)

func TestTheKernelReadsAheadOneRequestOfAMountOfRoot(t *testing.T) {
	m := mount(t, fakeAccount(startFake(t, fakeswift.Options{})))
	var st unix.Stat_t
	if err := unix.Stat(m.dir, &st); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		t.Fatal(err)
	}
	want := "128" // the kernel's own, which only root can raise
	if os.Geteuid() == 0 {
		want = "1024"
	}
	if s := strings.TrimSpace(string(got)); s != want {
		t.Errorf("the kernel reads %s KiB ahead, want %s", s, want)
	}
}
