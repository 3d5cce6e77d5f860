package block

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cespare/xxhash/v2"

	"swiftfs/cache"
)

// each is what a version of 1 MiB takes of the directory.
const each = mib + page + 2*recordSize

func TestTheLeastRecentlyUsedVersionGoesFirst(t *testing.T) {
	d := newDisk(t, 3*each+100)
	o := newObject(mib, 1)
	for _, n := range []string{"a", "b", "c", "a", "d"} {
		d.read(o, n, 0, mib)
	}
	o.asked()
	for _, n := range []string{"a", "c", "d"} {
		d.read(o, n, 0, mib)
		o.wantAsked(t)
	}
	d.read(o, "b", 0, mib)
	o.wantAsked(t, span{0, mib})
	if used := d.dir.Used(); used != 3*each {
		t.Errorf("%d bytes are reserved, want %d", used, 3*each)
	}
	if n := len(dataFiles(t, d)); n != 3 {
		t.Errorf("%d versions are on disk, want 3", n)
	}
}

func dataFiles(t *testing.T, d *disk) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(d.store.path, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var data []string
	for _, path := range all {
		if !strings.HasSuffix(path, mapSuffix) {
			data = append(data, path)
		}
	}
	return data
}

func TestTheOrderOfUseSurvivesARestart(t *testing.T) {
	d := newDisk(t, 4<<20)
	o := newObject(mib, 1)
	for _, n := range []string{"a", "b", "c"} {
		d.read(o, n, 0, mib)
	}
	d.read(o, "a", 0, mib)
	d.restart()
	o.asked()
	d.read(o, "d", 0, mib)
	d.read(o, "a", 0, mib)
	o.wantAsked(t, span{0, mib})
	d.read(o, "b", 0, mib)
	o.wantAsked(t, span{0, mib})
}

func TestASmallerLimitHoldsFromTheStart(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(mib, 1)
	for i := range 8 {
		d.read(o, fmt.Sprint(i), 0, mib)
	}
	d.limit = 3 << 20
	d.restart()
	if used, n := d.dir.Used(), len(dataFiles(t, d)); used > d.limit || n != 2 {
		t.Errorf("%d bytes are reserved and %d versions there, want 2 within %d", used, n, d.limit)
	}
}

func TestAVersionLargerThanTheLimitIsKeptInPart(t *testing.T) {
	d := newDisk(t, 3<<20)
	o := newObject(6*mib, 1)
	d.read(o, "a", 0, 6*mib)
	o.asked()
	d.read(o, "a", 0, 6*mib)
	o.wantAsked(t, span{2 * mib, 6 * mib})
}

func TestFilesWithChangesTakeTheSpaceOfVersions(t *testing.T) {
	d := newDisk(t, 3<<20)
	o := newObject(mib, 1)
	d.read(o, "idle", 0, mib)
	v := d.store.Open(o.key("open"), o)
	defer v.Close()
	readRange(t, v, o, 0, mib)
	if err := d.dir.Reserve(mib + mib/2); err != nil {
		t.Fatalf("the space of the idle version is not given up: %v", err)
	}
	if !v.ReadAt(make([]byte, 10), 0) {
		t.Error("the open version goes before the idle one")
	}
	if err := d.dir.Reserve(mib + mib/2); err != nil {
		t.Fatalf("the space of the open version is not given up: %v", err)
	}
	o.asked()
	readRange(t, v, o, 0, mib)
	o.wantAsked(t, span{0, mib})
	if err := d.dir.Reserve(1); !errors.Is(err, cache.ErrFull) {
		t.Errorf("more than the limit is reserved: %v", err)
	}
	d.read(o, "idle", 0, mib) // which takes nothing of those
	if n := len(dataFiles(t, d)); n != 0 {
		t.Errorf("%d versions are on disk, want none", n)
	}
	d.dir.Release(3 << 20)
}

func TestAPinnedVersionStays(t *testing.T) {
	d := newDisk(t, 2<<20)
	o := newObject(mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, mib)
	f, ok := v.Pin(t.Context())
	if !ok {
		t.Fatal("it cannot be pinned")
	}
	if err := d.dir.Reserve(mib); !errors.Is(err, cache.ErrFull) {
		t.Errorf("space of a pinned version: %v", err)
	}
	if _, err := f.ReadAt(make([]byte, mib), 0); err != nil {
		t.Error(err)
	}
	v.Unpin()
	if err := d.dir.Reserve(mib); err != nil {
		t.Errorf("unpinned, it stays: %v", err)
	}
	d.dir.Release(mib)
}

func TestAFullDiskEndsTheFillingAndNotTheReading(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(4*mib, 1)
	v := d.store.Open(o.key("a"), o)
	defer v.Close()
	readRange(t, v, o, 0, mib)
	d.store.pause(syscall.ENOSPC)
	d.store.pause(syscall.ENOSPC)
	readRange(t, v, o, 0, 4*mib)
	o.wantAsked(t, span{0, mib}, span{mib, 4 * mib})
	readRange(t, v, o, 0, 4*mib)
	o.wantAsked(t, span{mib, 4 * mib})
	if n := strings.Count(d.log.String(), "takes no more data"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, &d.log)
	}
}

func TestAVersionOfWhichNothingIsKeptLeavesNoFiles(t *testing.T) {
	d := newDisk(t, 1<<30)
	o := newObject(mib, 1)
	v := d.store.Open(o.key("a"), o)
	v.Close()
	if entries, err := os.ReadDir(d.store.path); err != nil || len(entries) != 0 {
		t.Errorf("%d files are there, %v", len(entries), err)
	}
	if len(d.store.entries) != 0 || d.store.extents.Load() != 0 {
		t.Errorf("%d versions and %d extents are remembered", len(d.store.entries), d.store.extents.Load())
	}
}

func FuzzMapFilesAreDecodedToExtentsOfTheVersion(f *testing.F) {
	n := name{1, 2, 3}
	good := encodeHeader(n, 3*mib)
	good = append(good, encodeRecord(n, extent{span: span{0, mib}, sum: 7}, false)...)
	good = append(good, encodeRecord(n, extent{span: span{mib, mib + 10}, sum: 8}, false)...)
	good = append(good, encodeRecord(n, extent{span: span{0, mib}}, true)...)
	f.Add(good)
	f.Add(append(slices.Clone(good), encodeSeal(n, xxhash.Sum64(good), 9)...))
	f.Add(good[:len(good)-5])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeMap(b, n, 3*mib, 100)
		if err != nil && c.extents != nil {
			t.Error("extents beside an error")
		}
		end := int64(0)
		for _, e := range c.extents {
			if e.off < end || e.len() <= 0 || e.len() > window || e.end > 3*mib || e.checked {
				t.Errorf("extents %v", c.extents)
			}
			end = e.end
		}
	})
}
