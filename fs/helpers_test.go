package fs

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// newTestFS returns a file system without a mount on a server of its own, which
// has the container c. The test's end closes both, and waits for what the file
// system has under way.
func newTestFS(t testing.TB, opts fakeswift.Options, change ...func(*Config)) (*FS, *fakeswift.Server) {
	t.Helper()
	srv, err := fakeswift.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	srv.CreateContainer("c")
	cfg := swiftbackend.DefaultConfig()
	cfg.Auth = swiftbackend.Auth{URL: srv.AuthURL(), User: fakeswift.DefaultUser, Key: fakeswift.DefaultKey, Version: 1}
	cfg.Timeout = 10 * time.Second
	client, err := swiftbackend.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := DefaultConfig()
	c.SegmentSize = 1 << 20
	for _, f := range change {
		f(&c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	f, err := newFS(t.Context(), client, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f, srv
}

// testWriter is a handle on a new file of container c.
type testWriter struct {
	*writeHandle
	t    *testing.T
	srv  *fakeswift.Server
	want []byte // what was written
}

func create(t *testing.T, f *FS, srv *fakeswift.Server, name string) *testWriter {
	t.Helper()
	file := &fileNode{f: f, at: place{"c", name}, row: listing.Row{Name: name, Local: true, Modified: time.Now(), Resolved: true}}
	return &testWriter{newWriteHandle(file, file.newDraft()), t, srv, nil}
}

// add writes behind the end.
func (w *testWriter) add(data []byte) {
	w.t.Helper()
	w.put(data, int64(len(w.want)))
}

// put writes at off, with zeros in a gap before it.
func (w *testWriter) put(data []byte, off int64) {
	w.t.Helper()
	n, errno := w.Write(w.t.Context(), data, off)
	if errno != 0 || int(n) != len(data) {
		w.t.Fatalf("writing %d bytes at %d: %d, %v", len(data), off, n, errno)
	}
	if need := int(off) + len(data); need > len(w.want) {
		w.want = append(w.want, make([]byte, need-len(w.want))...)
	}
	copy(w.want[off:], data)
}

// sync stores what was written and checks that the server has it.
func (w *testWriter) sync() {
	w.t.Helper()
	if errno := w.Fsync(w.t.Context(), 0); errno != 0 {
		w.t.Fatalf("fsync of %d bytes: %v", len(w.want), errno)
	}
	w.check()
}

func (w *testWriter) check() {
	w.t.Helper()
	if got, _, ok := w.srv.Object("c", w.node.at.object); !ok || !bytes.Equal(got, w.want) {
		w.t.Fatalf("the server has %d bytes (%v), want the %d written", len(got), ok, len(w.want))
	}
}

// close stores and gives the handle up.
func (w *testWriter) close() {
	w.t.Helper()
	w.sync()
	w.giveUp()
}

// giveUp is the end of the last descriptor, stored or not.
func (w *testWriter) giveUp() {
	w.t.Helper()
	if errno := w.Release(w.t.Context()); errno != 0 {
		w.t.Errorf("release: %v", errno)
	}
}

func wantErrno(t *testing.T, what string, got, want syscall.Errno) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// pattern returns n bytes that differ everywhere.
func pattern(n int, seed uint64) []byte {
	b := make([]byte, n)
	x := seed*2862933555777941757 + 3037000493
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// readBack reads up to n bytes at off.
func readBack(t *testing.T, r *versionReader, n int, off int64) ([]byte, error) {
	t.Helper()
	res, err := r.readAt(t.Context(), make([]byte, n), off)
	if res == nil {
		return nil, err
	}
	defer res.Done()
	got, _ := res.Bytes(nil)
	return got, err
}
