package block

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// usage returns what the store's files take of the disk.
func (d *disk) usage() int64 {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.store.path, "*"))
	if err != nil {
		d.t.Fatal(err)
	}
	var n int64
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			d.t.Fatal(err)
		}
		n += diskUsage(info)
	}
	return n
}

// readWrong reads a range whose body says at its end that it is wrong.
func readWrong(t *testing.T, v *Version, o *object, off, length int64) {
	t.Helper()
	o.lastWords = errAway
	defer func() { o.lastWords = nil }()
	body, err := v.ReadRange(t.Context(), off, length)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, errAway) {
		t.Errorf("the end of the body is %v", err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsTakenAwayIsNotOnTheDisk(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(4*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, 1000)
	readRange(t, v, o, 3*mib-1000, 1000)
	before, reserved := d.usage(), d.dir.Used()
	readWrong(t, v, o, 1000, 3*mib-2000)
	if n := d.usage(); n > before {
		t.Errorf("%d bytes are on disk, want the %d of before", n, before)
	}
	// It shared pages with what stays, and each window has left two records.
	if n, want := d.dir.Used(), reserved+3*2*recordSize; n != want {
		t.Errorf("%d bytes are reserved, want %d", n, want)
	}
	readRange(t, v, o, 0, 4*mib)
	if !v.ReadAt(make([]byte, 3*mib), 0) {
		t.Error("it is not kept when it was fetched again")
	}
}

func TestSmallVersionsTakeNoMoreOfTheDiskThanIsReserved(t *testing.T) {
	d := newDisk(t, 100*page)
	o := newObject(1000, 1)
	for i := range 100 {
		d.read(o, fmt.Sprint(i), 0, 1000)
	}
	if n, used := d.usage(), d.dir.Used(); n > used || used > d.limit {
		t.Errorf("%d bytes are on disk and %d reserved of %d", n, used, d.limit)
	}
	if n := len(dataFiles(t, d)); n < 40 {
		t.Errorf("%d versions are on disk, want 40 or more", n)
	}
}

func TestWhatTheDiskDoesNotGiveBackStaysReserved(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, mib)
	data, _ := d.files(o, "a")
	body, err := v.ReadRange(t.Context(), mib, 2*mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(body, make([]byte, mib)); err != nil {
		t.Fatal(err)
	}
	reserved := d.dir.Used()
	// No holes are made in a file that is open for reading only, nor is it written to.
	refusing, err := os.Open(data) //nolint:gosec // a path of the test
	if err != nil {
		t.Fatal(err)
	}
	v.entry.mu.Lock()
	err = v.entry.data.Close()
	v.entry.data = refusing
	v.entry.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	v.entry.drop(extent{span: span{mib, 2 * mib}, sum: v.entry.extents[1].sum})
	if _, ok := v.entry.present(mib); ok {
		t.Error("what is taken away is there")
	}
	if n := d.dir.Used(); n != reserved {
		t.Errorf("%d bytes are reserved, want the %d of before", n, reserved)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

func TestAWindowThatIsGivenUpIsNotOnTheDisk(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, 1000)
	before, reserved := d.usage(), d.dir.Used()
	f := fill{entry: v.entry, end: 3 * mib}
	f.write(o.content[1000:mib-1000], 1000)
	if n := d.usage(); n <= before {
		t.Fatalf("%d bytes are on disk, want more than the %d of before", n, before)
	}
	w := f.win
	f.win = span{}
	f.fail(w, errAway)
	if n := d.usage(); n > before {
		t.Errorf("%d bytes are on disk, want the %d of before", n, before)
	}
	if n := d.dir.Used(); n != reserved {
		t.Errorf("%d bytes are reserved, want the %d of before", n, reserved)
	}
	if !v.ReadAt(make([]byte, 1000), 0) {
		t.Error("what was there before is not any more")
	}
}
