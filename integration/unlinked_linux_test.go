package integration

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// What fsync has stored is a manifest; what was written since makes the file a staged
// one, which reads the segments of that.
func TestAFileWithoutANameKeepsTheSegmentsThatItReads(t *testing.T) {
	for what, lose := range map[string]func(m *mounted) error{
		"unlinked": func(m *mounted) error { return os.Remove(m.path("c/file")) },
		"replaced": func(m *mounted) error { return os.Rename(m.path("c/other"), m.path("c/file")) },
	} {
		t.Run(what, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "other", "", []byte("other"))
			m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
			want := pattern(4<<20+1000, 1)
			f, err := os.OpenFile(m.path("c/file"), os.O_CREATE|os.O_RDWR, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			if _, err := f.Write(want[:3<<20]); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(want[3<<20:]); err != nil {
				t.Fatal(err)
			}
			forgetPages(t, f)
			if _, err := f.ReadAt(make([]byte, 100), 0); err != nil {
				t.Fatal(err)
			}
			if err := lose(m); err != nil {
				t.Fatal(err)
			}
			forgetPages(t, f)
			got := make([]byte, len(want))
			if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
				t.Errorf("reading without a name: %v, or other bytes", err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			m.unmount()
			if got := srv.Objects("c_segments"); len(got) > 0 {
				t.Errorf("segments are left: %q", got)
			}
		})
	}
}

// forgetPages has the kernel ask the mount for what is in f.
func forgetPages(t *testing.T, f *os.File) {
	t.Helper()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}
