package integration

import (
	"bytes"
	"io"
	"os"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// "A file that is unlinked while it is open can be read and written until its last
// close."
func TestAnUnlinkedFileCanBeReadAndWrittenUntilItsLastClose(t *testing.T) {
	for name, size := range map[string]int{"small": 5000, "plain": 1 << 20, "large": 40 << 20} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 8 << 20 })
			data := pattern(size, 1)
			sh(t, "cp "+localFile(t, "file", data)+" "+m.path("c/file"))
			reader, err := os.Open(m.path("c/file"))
			if err != nil {
				t.Fatal(err)
			}
			writer, err := os.OpenFile(m.path("c/file"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			sh(t, "rm "+m.path("c/file")+"; echo new > "+m.path("c/file"))
			if _, err := writer.WriteAt([]byte("written"), 1000); err != nil {
				t.Error(err)
			}
			copy(data[1000:], "written")
			if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, data) {
				t.Errorf("the reader gets %d bytes, %v; want the %d of the unlinked file", len(got), err, len(data))
			}
			if err := writer.Close(); err != nil {
				t.Error(err)
			}
			_ = reader.Close()
			object(t, srv, "c", "file", []byte("new\n"))
			m.unmount()
			if left := srv.Objects("c_segments"); len(left) != 0 {
				t.Errorf("after the last close there are %q", left)
			}
		})
	}
}

func TestAnEditedLargeFileCanBeReadAfterItWasUnlinked(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	data := pattern(6<<20, 1)
	sh(t, "cp "+localFile(t, "file", data)+" "+m.path("c/file"))
	file, err := os.OpenFile(m.path("c/file"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("an edit"), 1000); err != nil {
		t.Error(err)
	}
	copy(data[1000:], "an edit")
	if err := file.Sync(); err != nil {
		t.Error(err)
	}
	sh(t, "rm "+m.path("c/file"))
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, data) {
		t.Errorf("after rm %d bytes can be read, %v; want %d", len(got), err, len(data))
	}
	_ = file.Close()
	m.unmount()
	if left := append(srv.Objects("c"), srv.Objects("c_segments")...); len(left) != 0 {
		t.Errorf("after the last close there are %q", left)
	}
}

// "rm gives it up", also when the server has stored it and its answer was lost.
func TestAFileWhoseAnswerWasLostCanBeRemoved(t *testing.T) {
	for name, size := range map[string]int{"plain": 1000, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			m := mountClient(t, dial(t, fakeAccount(srv), quickly), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
			fault := srv.Inject(fakeswift.Fault{Match: put("c", "file"), Do: fakeswift.ResetAfter()})
			fails(t, "Input/output error", "cp "+localFile(t, "file", pattern(size, 1))+" "+m.path("c/file"))
			if _, _, ok := srv.Object("c", "file"); !ok {
				t.Fatal("the server has not stored it, and the test says nothing")
			}
			fault.Remove()
			sh(t, "rm "+m.path("c/file"))
			m.unmount()
			if left := append(srv.Objects("c"), srv.Objects("c_segments")...); len(left) != 0 {
				t.Errorf("after rm there are %q", left)
			}
		})
	}
}
