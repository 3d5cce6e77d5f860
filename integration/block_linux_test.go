package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// cachedMounts are mounts of one account, one after the other, that keep object
// data in one directory.
type cachedMounts struct {
	t    *testing.T
	srv  *fakeswift.Server
	path string
	end  func() // of the mount that completed made
}

func newCachedMounts(t *testing.T) *cachedMounts {
	t.Helper()
	return &cachedMounts{t: t, srv: startFake(t, fakeswift.Options{}), path: filepath.Join(t.TempDir(), "cache")}
}

// mount mounts; the function it returns unmounts and gives the directory up.
func (c *cachedMounts) mount(change ...func(*fs.Config)) (*mounted, func()) {
	c.t.Helper()
	return c.mountWith(1<<30, change...)
}

func (c *cachedMounts) mountWith(limit int64, change ...func(*fs.Config)) (*mounted, func()) {
	c.t.Helper()
	dir := openCache(c.t, c.path, limit)
	m := mount(c.t, fakeAccount(c.srv), append(change, func(cfg *fs.Config) { cfg.Cache = dir })...)
	return m, func() {
		c.t.Helper()
		m.unmount()
		if used := dir.Used(); used != 0 {
			c.t.Errorf("%d bytes of the cache directory stay reserved", used)
		}
		if err := dir.Close(); err != nil {
			c.t.Error(err)
		}
	}
}

// read mounts, reads a file once and unmounts.
func (c *cachedMounts) read(name string, want []byte) {
	c.t.Helper()
	m, end := c.mount()
	wantBytes(c.t, m.path(name), want)
	end()
}

// fetched returns how many GETs of objects there were since the last Reset, and the
// bytes they brought.
func (c *cachedMounts) fetched() (gets int, n int64) {
	for _, r := range c.srv.Requests() {
		if r.Level == fakeswift.Object && r.Method == http.MethodGet {
			gets++
			n += r.BytesOut
		}
	}
	return gets, n
}

// "With cache-size what was read is kept on the local disk, in the cache directory,
// by version, and is not fetched again, also after the file system was mounted
// anew."
func TestAFileInTheCacheDirectoryIsReadWithoutRequestsAfterARemount(t *testing.T) {
	c := newCachedMounts(t)
	small, large := pattern(5000, 1), pattern(5<<20+17, 2)
	c.srv.PutObject("c", "small", "", small)
	c.srv.PutObject("c", "large", "", large)
	c.read("c/small", small)
	c.read("c/large", large)
	m, end := c.mount()
	defer end()
	c.srv.Reset()
	wantBytes(t, m.path("c/small"), small)
	wantBytes(t, m.path("c/large"), large)
	if gets, _ := c.fetched(); gets != 0 {
		t.Errorf("%d GETs, want none:%s", gets, requestList(c.srv))
	}
}

// "Of a file that is there in part only the rest is fetched."
func TestOfAFilePartlyInTheCacheDirectoryOnlyTheRestIsFetched(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(16<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	m, end := c.mount()
	f, err := os.Open(m.path("c/file"))
	if err != nil {
		t.Fatal(err)
	}
	there := []int64{3 << 20, 9<<20 + 4096}
	p := make([]byte, 1<<20)
	for _, off := range there {
		if _, err := f.ReadAt(p, off); err != nil || !bytes.Equal(p, data[off:off+1<<20]) {
			t.Errorf("1 MiB at %d: %v, or other bytes", off, err)
		}
	}
	_ = f.Close()
	end()
	c.srv.Reset()
	c.read("c/file", data)
	if gets, n := c.fetched(); n > 14<<20 {
		t.Errorf("%d bytes were fetched, in %d GETs, of at most %d that were not there:%s", n, gets, 14<<20, requestList(c.srv))
	}
	c.srv.Reset()
	c.read("c/file", data)
	if gets, _ := c.fetched(); gets != 0 {
		t.Errorf("%d GETs of a file that is there, want none", gets)
	}
}

// "What an earlier mount left there is compared with its checksum before it is used,
// if […] anybody has changed it […]; what is damaged is fetched again."
func TestDamageInTheCacheDirectoryIsNotShown(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(4<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	c.read("c/file", data)
	files, err := filepath.Glob(filepath.Join(c.path, "blocks", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("the cache directory has %v, %v; want a file and its map", files, err)
	}
	f, err := os.OpenFile(strings.TrimSuffix(files[0], ".map"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 2<<20+100); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	c.srv.Reset()
	m, end := c.mount()
	defer end()
	wantBytes(t, m.path("c/file"), data)
	if gets, n := c.fetched(); gets == 0 || n > 1<<20 {
		t.Errorf("%d GETs of %d bytes, want the damaged 1 MiB at most", gets, n)
	}
}

// "A full disk ends the keeping, not the reading."
func TestAFullCacheDiskDoesNotKeepAnybodyFromReading(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(8<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	c.path = filepath.Join(tmpfs(t, 3<<20), "cache")
	for range 2 {
		c.read("c/file", data)
	}
}

// "A file of at least 1 MiB that is there as a whole is read by the kernel alone if the
// mount is read-only."
func TestACompleteFileIsReadByTheKernelAlone(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(8<<20+5, 1)
	c.srv.PutObject("c", "file", "", data)
	c.read("c/file", data)
	m, end := c.mount(readOnly)
	defer end()
	c.srv.Reset()
	wantBytes(t, m.path("c/file"), data)
	if got := sh(t, "tail -c 5 "+m.path("c/file")+" | cmp - "+localFile(t, "tail", data[8<<20:])+" && echo same"); got != "same\n" {
		t.Errorf("tail shows %q", got)
	}
	if got := mapped(t, m.path("c/file"), len(data)); !bytes.Equal(got, data) {
		t.Error("a mapping shows other bytes")
	}
	if gets, _ := c.fetched(); gets != 0 {
		t.Errorf("%d GETs, want none", gets)
	}
	if n := m.fs.Status().Reads; n != 0 {
		t.Errorf("%d reads came to the process, want none", n)
	}
}

// What a killed process has written is there, as far as its map says so.
func TestTheCacheDirectorySurvivesADeathWithoutFarewell(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(3<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	options := []string{"--cache-dir=" + c.path, "--cache-size=1GiB"}
	d := mountBinary(t, fakeAccount(c.srv), ":", options...)
	wantBytes(t, d.path("c/file"), data)
	if s := statusOf(t, d.dir); s.Reads == 0 || s.CacheUsed < 3<<20 {
		t.Errorf("%d reads came to the process, and %d bytes are in the cache directory; want some, and the file", s.Reads, s.CacheUsed)
	}
	kill(t, d)
	d = mountBinary(t, fakeAccount(c.srv), ":", append(options, "--read-only")...)
	c.srv.Reset()
	wantBytes(t, d.path("c/file"), data)
	gets, _ := c.fetched()
	if s := statusOf(t, d.dir); s.Reads != 0 || gets != 0 || s.CacheUsed < 3<<20 {
		t.Errorf("%d reads and %d GETs, %d bytes in the cache directory; want none, and the file", s.Reads, gets, s.CacheUsed)
	}
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 {
		t.Errorf("umount: %+v", got)
	}
	// A mount that cannot change anything keeps what it reads too, without a place.
	d = mountBinary(t, fakeAccount(c.srv), ":", "--read-only", "--cache-size=1GiB")
	wantBytes(t, d.path("c/file"), data)
	if s := statusOf(t, d.dir); s.CacheUsed < 3<<20 {
		t.Errorf("%d bytes are in the temporary cache directory, want the file", s.CacheUsed)
	}
}

// mapped returns what a mapping of the first size bytes of a file shows.
func mapped(t *testing.T, path string, size int) []byte {
	t.Helper()
	f, err := os.Open(path) //nolint:gosec // a path of the test
	if err != nil {
		t.Fatal(err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED) //nolint:gosec // a descriptor is small
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // a mapping outlives its descriptor
		t.Error(err)
	}
	got := bytes.Clone(b)
	if err := unix.Munmap(b); err != nil {
		t.Error(err)
	}
	return got
}

func readOnly(cfg *fs.Config) { cfg.ReadOnly = true }

// completed returns a mount with c/file complete in the cache directory, and a
// descriptor of it that has read all of it, without a request.
func completed(t *testing.T, data []byte, change ...func(*fs.Config)) (*cachedMounts, *mounted, *os.File) {
	t.Helper()
	c := newCachedMounts(t)
	c.srv.PutObject("c", "file", "", bytes.Clone(data))
	c.read("c/file", data)
	m, end := c.mount(append(change, smallSegments, func(cfg *fs.Config) { cfg.CacheTTL = 100 * time.Millisecond })...)
	c.end = sync.OnceFunc(end)
	t.Cleanup(c.end)
	c.srv.Reset()
	f, err := os.Open(m.path("c/file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	wantWhole(t, f, data)
	if gets, _ := c.fetched(); gets != 0 {
		t.Fatalf("%d GETs, want none", gets)
	}
	return c, m, f
}

// wantWhole checks all that a descriptor reads.
func wantWhole(t *testing.T, f *os.File, want []byte) {
	t.Helper()
	if got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the descriptor reads %d bytes, %v; want %d, or others", len(got), err, len(want))
	}
}

// "Several handles of a file see each other's writes", also those of a reader that
// came before the writer, to a file that was complete on disk.
func TestAReaderOfACompleteFileSeesWhatOthersWrite(t *testing.T) {
	data := pattern(3<<20, 1)
	grow := func(b []byte, size int) []byte { return append(b, make([]byte, size-len(b))...) }
	for name, change := range map[string]struct {
		line string
		want func([]byte) []byte
	}{
		"appended to":       {"printf more >> FILE", func(b []byte) []byte { return append(b, "more"...) }},
		"edited":            {"printf edit | dd of=FILE bs=1 seek=1000000 conv=notrunc status=none", func(b []byte) []byte { copy(b[1000000:], "edit"); return b }},
		"truncated":         {"truncate -s 1000000 FILE", func(b []byte) []byte { return b[:1000000] }},
		"made longer":       {"truncate -s 4000000 FILE", func(b []byte) []byte { return grow(b, 4000000) }},
		"with a hole":       {"fallocate -p -o 4096 -l 1000000 FILE", func(b []byte) []byte { clear(b[4096:1004096]); return b }},
		"written anew":      {"printf anew > FILE", func([]byte) []byte { return []byte("anew") }},
		"overwritten by cp": {"cp OTHER FILE", func([]byte) []byte { return pattern(2<<20, 3) }},
		"read and written": {`python3 -c "import os; f = os.open('FILE', os.O_RDWR); os.read(f, 4); os.pwrite(f, b'5678', 4); os.close(f)"`,
			func(b []byte) []byte { copy(b[4:], "5678"); return b }},
		"mapped": {`python3 -c "import mmap; f = open('FILE', 'r+b'); m = mmap.mmap(f.fileno(), 0); f.close(); m[5000:5004] = b'page'; m.close()"`,
			func(b []byte) []byte { copy(b[5000:], "page"); return b }},
	} {
		t.Run(name, func(t *testing.T) {
			c, m, f := completed(t, data)
			line := strings.ReplaceAll(change.line, "FILE", m.path("c/file"))
			sh(t, strings.ReplaceAll(line, "OTHER", localFile(t, "other", pattern(2<<20, 3))))
			want := change.want(bytes.Clone(data))
			wantWhole(t, f, want)
			wantSize(t, f, len(want))
			object(t, c.srv, "c", "file", want)
			wantBytes(t, m.path("c/file"), want)
			sh(t, "printf x >> "+m.path("c/file"))
			want = append(want, 'x')
			wantWhole(t, f, want)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			wantBytes(t, m.path("c/file"), want)
			object(t, c.srv, "c", "file", want)
			c.end()
			c.read("c/file", want)
			c.read("c/file", want) // from the disk
		})
	}
}

func wantSize(t *testing.T, f *os.File, want int) {
	t.Helper()
	if info, err := f.Stat(); err != nil || info.Size() != int64(want) {
		t.Errorf("its size is %v, %v; want %d", info, err, want)
	}
}

// A writer's changes are seen before its close, and its locks keep out the reader.
func TestAReaderOfACompleteFileSeesAWriterThatHasItOpen(t *testing.T) {
	data := pattern(3<<20, 1)
	_, m, f := completed(t, data)
	w, err := os.OpenFile(m.path("c/file"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := w.WriteString(line); err != nil {
			t.Fatal(err)
		}
		data = append(data, line...)
		wantSize(t, f, len(data))
		wantWhole(t, f, data)
	}
	if err := unix.Flock(int(w.Fd()), unix.LOCK_EX); err != nil { //nolint:gosec // a descriptor is small
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) { //nolint:gosec // as above
		t.Errorf("the reader gets a lock beside the writer's: %v", err)
	}
}

func TestACompleteFileThatIsOpenCanBeCopiedRenamedAndRemoved(t *testing.T) {
	data := pattern(3<<20, 1)
	c, m, f := completed(t, data)
	sh(t, "cp "+m.path("c/file")+" "+m.path("c/copy"))
	object(t, c.srv, "c", "copy", data)
	sh(t, "mv "+m.path("c/file")+" "+m.path("c/other"))
	wantWhole(t, f, data)
	wantBytes(t, m.path("c/other"), data)
	sh(t, "rm "+m.path("c/other"))
	wantWhole(t, f, data)
	if _, err := os.Stat(m.path("c/other")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed, it is there: %v", err)
	}
}

// "Several handles of a file see each other's writes."
func TestAReaderOfAFileThatThisMountWritesSeesWhatIsAppended(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(3<<20, 1)
	c.srv.CreateContainer("c")
	m, end := c.mount(smallSegments)
	defer end()
	sh(t, "cp "+localFile(t, "file", data)+" "+m.path("c/file"))
	wantBytes(t, m.path("c/file"), data)
	f, err := os.Open(m.path("c/file"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wantWhole(t, f, data)
	sh(t, "printf more >> "+m.path("c/file"))
	wantWhole(t, f, append(data, "more"...))
}

// Whoever comes and goes, nobody meets an error or other bytes.
func TestReadersAndWritersOfACompleteFileComeAndGo(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(2<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	c.read("c/file", data)
	m, end := c.mount()
	defer end()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			p := make([]byte, 4096)
			for round := range 150 {
				flags := os.O_RDONLY
				if i == 0 && round%10 == 9 {
					flags = os.O_RDWR
				}
				f, err := os.OpenFile(m.path("c/file"), flags, 0)
				if err != nil {
					t.Error(err)
					return
				}
				off := int64(round * 10000)
				if _, err := f.ReadAt(p, off); err != nil || !bytes.Equal(p, data[off:off+4096]) {
					t.Errorf("4 KiB at %d: %v, or other bytes", off, err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestACompleteFileThatAnotherClientReplacesStaysForItsReaders(t *testing.T) {
	data, newer := pattern(3<<20, 1), pattern(2<<20, 2)
	c, m, f := completed(t, data, readOnly)
	c.srv.PutObject("c", "file", "", newer)
	<-time.After(200 * time.Millisecond) // beyond the TTL
	wantBytes(t, m.path("c/file"), newer)
	wantWhole(t, f, data)
}

// The kernel refuses handles of both kinds on one file at once.
func TestAFileThatBecomesCompleteWhileItIsOpen(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(4<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	m, end := c.mount(readOnly)
	defer end()
	first, err := os.Open(m.path("c/file"))
	if err != nil {
		t.Fatal(err)
	}
	wantWhole(t, first, data)
	for range 20 {
		wantBytes(t, m.path("c/file"), data)
	}
	_ = first.Close()
	for range 50 { // with and without a handle of the kind before that is being closed
		wantBytes(t, m.path("c/file"), data)
	}
}

// "What was used least recently makes room for what is read now, and all of it for
// files that are being edited."
func TestFilesThatAreEditedTakeTheSpaceOfCachedOnes(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(3<<20, 1)
	c.srv.PutObject("c", "file", "", bytes.Clone(data))
	m, end := c.mountWith(4<<20, smallSegments)
	defer end()
	wantBytes(t, m.path("c/file"), data)
	// Written from behind, so that all of it is on the local disk.
	f, err := os.OpenFile(m.path("c/new"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for off := int64(2 << 20); off >= 0; off -= 1 << 20 {
		if _, err := f.WriteAt(data[off:off+1<<20], off); err != nil {
			t.Fatalf("at %d: %v", off, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	object(t, c.srv, "c", "new", data)
	wantBytes(t, m.path("c/file"), data)
}

func TestWithoutALimitNothingOfWhatIsReadIsKept(t *testing.T) {
	c := newCachedMounts(t)
	data := pattern(2<<20, 1)
	c.srv.PutObject("c", "file", "", data)
	m, end := c.mountWith(0)
	wantBytes(t, m.path("c/file"), data)
	end()
	if _, err := os.Stat(filepath.Join(c.path, "blocks")); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("the cache directory has a place for blocks: %v", err)
	}
}

func TestSmallFilesThatAreOnDiskAreNotReadAhead(t *testing.T) {
	c := newCachedMounts(t)
	smallTree(t, c.srv)
	for _, want := range []int{1000, 0} {
		m, end := c.mount()
		c.srv.Reset()
		to := t.TempDir()
		sh(t, "cp -r "+m.path("c")+"/. "+to)
		if gets, _ := c.fetched(); gets != want {
			t.Errorf("%d GETs of objects, want %d", gets, want)
		}
		wantBytes(t, filepath.Join(to, "dir-07/file-31"), pattern(4096, 731))
		end()
	}
}
