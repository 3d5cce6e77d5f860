package block

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"swiftfs/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mib = 1 << 20

var errAway = errors.New("the server is away")

// object is a version on a server that counts what it is asked for.
type object struct {
	content []byte

	mu        sync.Mutex // guards the following
	requests  []span
	failAfter int64 // how many bytes come before an error, if it is not negative
	lastWords error // in place of io.EOF
}

func newObject(size int, seed int) *object {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b) // it never fails
	return &object{content: b, failAfter: -1}
}

func (o *object) key(name string) Key {
	return Key{Account: "AUTH_test", Container: "c", Object: name, ETag: "etag", Size: int64(len(o.content))}
}

func (o *object) ReadRange(_ context.Context, off, length int64) (io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests = append(o.requests, span{off, off + length})
	if off < 0 || length <= 0 || off+length > int64(len(o.content)) {
		return nil, errors.New("not a range of this version")
	}
	r := io.Reader(bytes.NewReader(o.content[off : off+length]))
	if o.failAfter >= 0 {
		r = io.MultiReader(io.LimitReader(r, o.failAfter), failing{errAway})
	}
	if o.lastWords != nil {
		r = io.MultiReader(r, failing{o.lastWords})
	}
	return io.NopCloser(r), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// asked returns what was asked for since the last call.
func (o *object) asked() []span {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.requests
	o.requests = nil
	return all
}

// wantAsked checks what was asked for since the last check.
func (o *object) wantAsked(t *testing.T, want ...span) {
	t.Helper()
	got := o.asked()
	if len(got) != len(want) {
		t.Fatalf("the source was asked for %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("the source was asked for %v, want %v", got, want)
		}
	}
}

// disk is a cache directory with the log of its stores.
type disk struct {
	t     *testing.T
	path  string
	limit int64
	log   strings.Builder
	dir   *cache.Dir
	store *Store
}

// newDisk opens a store in a new directory. The test's end closes it.
func newDisk(t *testing.T, limit int64) *disk {
	t.Helper()
	d := &disk{t: t, path: filepath.Join(t.TempDir(), "cache"), limit: limit}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *disk) open() {
	d.t.Helper()
	var err error
	if d.dir, err = cache.Open(d.path, d.limit); err != nil {
		d.t.Fatal(err)
	}
	if d.store, err = NewStore(d.dir, slog.New(slog.NewTextHandler(&d.log, nil))); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) close() {
	d.store.Close()
	if used := d.dir.Used(); used != 0 {
		d.t.Errorf("%d bytes stay reserved", used)
	}
	if err := d.dir.Close(); err != nil {
		d.t.Error(err)
	}
}

// restart closes everything and opens it again.
func (d *disk) restart() {
	d.t.Helper()
	d.close()
	d.open()
}

// read opens a version, reads a range of it, checks the bytes and closes it.
func (d *disk) read(o *object, name string, off, length int) {
	d.t.Helper()
	v := d.store.Open(o.key(name), o)
	defer v.Close()
	readRange(d.t, v, o, off, length)
}

func readRange(t *testing.T, v *Version, o *object, off, length int) {
	t.Helper()
	body, err := v.ReadRange(t.Context(), int64(off), int64(length))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, o.content[off:off+length]) {
		t.Fatalf("%d bytes at %d: got %d, %v; or others", length, off, len(got), err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

// files returns the paths of the data and the map of a version.
func (d *disk) files(o *object, name string) (data, index string) {
	e := &entry{store: d.store, name: o.key(name).name()}
	return e.file(""), e.file(mapSuffix)
}

// change overwrites bytes of a file, until its date is another: many kernels count
// time in steps of milliseconds there.
func (d *disk) change(path string, off int64, b []byte) {
	d.t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	for was := fileState(f); ; {
		if _, err := f.WriteAt(b, off); err != nil {
			d.t.Fatal(err)
		}
		if was == "" || fileState(f) != was {
			break
		}
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
}
