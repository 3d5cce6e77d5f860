package block

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// sealedDisk has a version of 3 MiB, read by a process that has ended.
func sealedDisk(t *testing.T) (*disk, *object) {
	t.Helper()
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, 3*mib)
	d.restart()
	o.asked()
	d.wantMap(o, "a", 3, true)
	return d, o
}

// contents returns what the map of a version tells.
func (d *disk) contents(o *object, name string) (raw []byte, c contents) {
	d.t.Helper()
	_, index := d.files(o, name)
	raw, err := os.ReadFile(index) //nolint:gosec // a path of the test
	if err != nil {
		d.t.Fatal(err)
	}
	c, err = decodeMap(raw, o.key(name).name(), o.key(name).Size, mostExtents)
	if err != nil {
		d.t.Fatal(err)
	}
	return raw, c
}

// wantMap checks that a map has so many records and nothing else, or a seal behind
// them.
func (d *disk) wantMap(o *object, name string, records int, sealed bool) {
	d.t.Helper()
	raw, c := d.contents(o, name)
	want := headerSize + records*recordSize
	if sealed {
		want += recordSize
	}
	if len(raw) != want || (c.state != 0) != sealed {
		d.t.Fatalf("the map has %d bytes, sealed %t; want %d, %t", len(raw), c.state != 0, want, sealed)
	}
}

// damage is what a disk does: the data is other, and the seal as right as before.
// It is at 1 MiB + 500.
func (d *disk) damage(o *object, name string) {
	d.t.Helper()
	data, index := d.files(o, name)
	d.change(data, mib+500, []byte("damage"))
	raw, c := d.contents(o, name)
	f, err := os.Open(data) //nolint:gosec // a path of the test
	if err != nil {
		d.t.Fatal(err)
	}
	d.change(index, c.next, encodeSeal(o.key(name).name(), xxhash.Sum64(raw[:c.next]), d.store.state(f)))
	if err := f.Close(); err != nil {
		d.t.Error(err)
	}
}

func TestASealedVersionIsNotCheckedByTheNextProcess(t *testing.T) {
	d, o := sealedDisk(t)
	d.damage(o, "a") // which shows who looks
	want := bytes.Clone(o.content)
	copy(want[mib+500:], "damage")
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	got := make([]byte, 3*mib)
	if !v.ReadAt(got, 0) || !bytes.Equal(got, want) {
		t.Error("reading does not give what is on disk")
	}
	f, ok := v.Pin(t.Context())
	if !ok {
		t.Fatal("it cannot be pinned")
	}
	defer v.Unpin()
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the pinned file has other bytes, or %v", err)
	}
	o.wantAsked(t)
}

func TestAnAlteredFileIsCheckedAlthoughItWasSealed(t *testing.T) {
	d, o := sealedDisk(t)
	data, _ := d.files(o, "a")
	d.change(data, mib+500, []byte("damage"))
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
}

func TestACopyOfAFileIsCheckedAlthoughItWasSealed(t *testing.T) {
	d, o := sealedDisk(t)
	d.damage(o, "a")
	data, _ := d.files(o, "a")
	b, err := os.ReadFile(data) //nolint:gosec // a path of the test
	if err := errors.Join(err, os.WriteFile(data+".copy", b, 0o600), os.Rename(data+".copy", data)); err != nil {
		t.Fatal(err)
	}
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
}

func TestASealThatIsNotWholeAndLastAndOfThisBootIsNotBelieved(t *testing.T) {
	for name, spoil := range map[string]func(*disk, *object, string, []byte){
		"of another boot": func(d *disk, _ *object, _ string, _ []byte) { d.store.boot = "another" },
		"of no boot":      func(d *disk, _ *object, _ string, _ []byte) { d.store.boot = "" },
		"a record behind it": func(d *disk, o *object, index string, raw []byte) {
			_, c := d.contents(o, "a")
			d.change(index, int64(len(raw)), encodeRecord(o.key("a").name(), c.extents[2], false))
		},
		"a torn record behind it": func(d *disk, _ *object, index string, raw []byte) {
			d.change(index, int64(len(raw)), raw[headerSize:][:recordSize-1])
		},
		"torn": func(d *disk, _ *object, index string, raw []byte) {
			if err := os.Truncate(index, int64(len(raw))-1); err != nil {
				d.t.Fatal(err)
			}
		},
		"damaged": func(d *disk, _ *object, index string, raw []byte) {
			d.change(index, int64(len(raw))-recordSize+10, []byte("damage"))
		},
		"of another map": func(d *disk, _ *object, index string, raw []byte) {
			d.change(index, headerSize, raw[headerSize+recordSize:][:recordSize])
			d.change(index, headerSize+recordSize, raw[headerSize:][:recordSize])
		},
		"missing": func(d *disk, _ *object, index string, raw []byte) {
			if err := os.Truncate(index, int64(len(raw))-recordSize); err != nil {
				d.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, o := sealedDisk(t)
			d.damage(o, "a")
			_, index := d.files(o, "a")
			raw, _ := d.contents(o, "a")
			spoil(d, o, index, raw)
			d.read(o, "a", 0, 3*mib)
			o.wantAsked(t, span{mib, 2 * mib})
		})
	}
}

func TestAMapHasOneSealHoweverOftenItsVersionIsOpened(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(5*mib, 1)
	for i := range 5 {
		d.read(o, "a", i*mib, mib)
		d.wantMap(o, "a", i+1, true)
		d.restart()
		d.read(o, "a", 0, mib)
		d.wantMap(o, "a", i+1, true)
	}
	d.restart()
	d.store.boot = "another"
	d.read(o, "a", 0, 5*mib)
	d.wantMap(o, "a", 5, true)
	d.restart()
	d.read(o, "a", 0, mib) // and does not check the rest
	raw, _ := d.contents(o, "a")
	if want := headerSize + 6*recordSize; len(raw) != want {
		t.Errorf("the map has %d bytes, want %d", len(raw), want)
	}
	d.read(o, "a", 0, 5*mib)
	d.wantMap(o, "a", 5, true)
}

func TestAVersionOfWhichNotAllWasCheckedIsNotSealed(t *testing.T) {
	d, o := sealedDisk(t)
	_, index := d.files(o, "a")
	if err := os.Truncate(index, headerSize+3*recordSize); err != nil {
		t.Fatal(err)
	}
	d.read(o, "a", 0, 2*mib)
	d.wantMap(o, "a", 3, false)
	// Nor one of whose map a part is not remembered.
	d.store.extents.Add(mostExtents - 2)
	d.read(o, "a", 0, 2*mib)
	d.store.extents.Add(2 - mostExtents)
	d.wantMap(o, "a", 3, false)
	d.read(o, "a", 0, 3*mib)
	d.wantMap(o, "a", 3, true)
	o.wantAsked(t)
}

// A kill leaves the files as they are while the version is open.
func TestAVersionThatIsBeingFilledIsNotSealed(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, mib)
	d.wantMap(o, "a", 1, true)
	v := d.store.Open(o.key("a"), o)
	body, err := v.ReadRange(t.Context(), mib, 2*mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := body.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	data, _ := d.files(o, "a")
	f, err := os.Open(data) //nolint:gosec // a path of the test
	if err != nil {
		t.Fatal(err)
	}
	if _, c := d.contents(o, "a"); c.state == d.store.state(f) {
		t.Error("the seal is still right when data was written")
	}
	if err := errors.Join(f.Close(), body.Close()); err != nil {
		t.Error(err)
	}
	d.wantMap(o, "a", 2, false)
	v.Close()
	d.wantMap(o, "a", 2, true)
}

func TestWhatIsTakenAwayIsNotSealed(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, mib)
	o.lastWords = errAway
	v := d.store.Open(o.key("a"), o)
	body, err := v.ReadRange(t.Context(), mib, mib)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := body.Read(make([]byte, mib)); err != nil {
		t.Fatal(err)
	}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, errAway) {
		t.Errorf("the end of the body is %v", err)
	}
	_ = body.Close()
	v.Close()
	d.wantMap(o, "a", 3, true)
	o.lastWords = nil
	o.asked()
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{mib, 3 * mib})
}

func TestWhatOthersChangeInAnOpenVersionIsNotSealed(t *testing.T) {
	for name, added := range map[string]int{"at the end": 0, "before something is added": 1} {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, 1<<30)
			o := newObject(3*mib, 1)
			v := d.store.Open(o.key("a"), o)
			readRange(t, v, o, 0, 2*mib)
			data, _ := d.files(o, "a")
			d.change(data, mib+500, []byte("damage"))
			if added > 0 {
				readRange(t, v, o, 2*mib, mib)
			}
			v.Close()
			d.wantMap(o, "a", 2+added, false)
			o.asked()
			d.read(o, "a", 0, 2*mib)
			o.wantAsked(t, span{mib, 2 * mib})
		})
	}
}

func TestWhatOthersChangeBetweenTwoUsesIsChecked(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	d.read(o, "a", 0, 3*mib)
	o.asked()
	data, _ := d.files(o, "a")
	d.change(data, mib+500, []byte("damage"))
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
}

func TestAVersionThatIsOpenWhenTheStoreEndsIsSealed(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(3*mib, 1)
	v := d.store.Open(o.key("a"), o)
	readRange(t, v, o, 0, 3*mib)
	d.restart()
	d.wantMap(o, "a", 3, true)
	v.Close() // too late, and without effect
	o.asked()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t)
	if left := dataFiles(t, d); len(left) != 1 {
		t.Errorf("the data files are %v, want one", left)
	}
}

func TestAVersionWhoseMapDoesNotTakeWhatIsWrongIsMadeAnew(t *testing.T) {
	d, o := sealedDisk(t)
	data, index := d.files(o, "a")
	d.change(data, mib+500, []byte("damage"))
	v := d.store.Open(o.key("a"), o)
	// Its records go to their places, which such a file refuses.
	refusing, err := os.OpenFile(index, os.O_RDWR|os.O_APPEND, 0) //nolint:gosec // a path of the test
	if err != nil {
		t.Fatal(err)
	}
	v.entry.mu.Lock()
	err = v.entry.index.Close()
	v.entry.index = refusing
	v.entry.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	readRange(t, v, o, 0, 3*mib)
	o.wantAsked(t, span{mib, 2 * mib})
	v.Close()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t, span{0, 3 * mib})
	d.restart()
	d.read(o, "a", 0, 3*mib)
	o.wantAsked(t)
}
