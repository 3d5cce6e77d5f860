package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"swiftfs/cache"
	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

func openCache(t *testing.T, path string, limit int64) *cache.Dir {
	t.Helper()
	dir, err := cache.Open(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// tmpfs mounts a file system in memory, of so many bytes, for the test's time.
func tmpfs(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("mode=700,size=%d", size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// "A full cache directory is ENOSPC for the write that finds no space."
func TestAFullCacheDirectoryEndsAnEditAndLosesNothing(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *cache.Dir{
		"size limit": func(t *testing.T) *cache.Dir { return openCache(t, filepath.Join(t.TempDir(), "cache"), 256<<10) },
		"full disk":  func(t *testing.T) *cache.Dir { return openCache(t, filepath.Join(tmpfs(t, 512<<10), "cache"), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			data := pattern(6<<20, 1)
			old := bytes.Clone(data)
			srv.PutObject("c", "file", "", bytes.Clone(data))
			dir := open(t) // before the mount, so that it is closed behind it
			m, log := mountLogged(t, fakeAccount(srv), smallSegments, func(c *fs.Config) { c.Cache = dir })
			file, err := os.OpenFile(m.path("c/file"), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			piece, at := pattern(4096, 2), 0
			for ; at < len(data) && err == nil; at += 2 * len(piece) {
				if _, err = file.WriteAt(piece, int64(at)); err == nil {
					copy(data[at:], piece)
				}
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the write before %d: %v, want ENOSPC", at, err)
			}
			wantLogged(t, log, "cache directory")
			object(t, srv, "c", "file", old)
			// What was taken can be read and stored, and so can what is written in order.
			if got, err := io.ReadAll(io.NewSectionReader(file, 0, 7<<20)); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes can be read, %v; want the %d that were written", len(got), err, len(data))
			}
			more := localFile(t, "more", pattern(4<<20, 3))
			sh(t, "cp "+more+" "+m.path("c/more"))
			object(t, srv, "c", "more", pattern(4<<20, 3))
			if err := file.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			object(t, srv, "c", "file", data)
			sh(t, "printf again | dd of="+m.path("c/file")+" bs=1 seek=5000000 conv=notrunc status=none")
			copy(data[5000000:], "again")
			object(t, srv, "c", "file", data)
		})
	}
}

// The file is set aside on the server if there is no place for it here.
func TestAnOpenFileCanBeRemovedWithAFullCacheDirectory(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data := pattern(2<<20, 1)
	srv.PutObject("c", "file", "", bytes.Clone(data))
	dir := openCache(t, filepath.Join(t.TempDir(), "cache"), 64<<10)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Cache = dir })
	file, err := os.Open(m.path("c/file"))
	if err != nil {
		t.Fatal(err)
	}
	sh(t, "rm "+m.path("c/file"))
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes can be read, %v; want %d", len(got), err, len(data))
	}
	_ = file.Close()
	m.unmount()
	if left := append(srv.Objects("c"), srv.Objects("c_segments")...); len(left) != 0 {
		t.Errorf("after the last close there are %q", left)
	}
}

// "A used-up quota is EDQUOT for the close or fsync, and for every write to the
// file from then on until it was made shorter or is stored."
func TestAQuotaThatIsUsedUpInTheMiddleOfAnEdit(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data := pattern(5000, 1)
	srv.PutObject("c", "file", "", bytes.Clone(data))
	if got := logIn(t, fakeAccount(srv)).do(http.MethodPost, "c", "", "X-Container-Meta-Quota-Bytes", "12000"); got.status/100 != 2 {
		t.Fatalf("setting the quota: %d %s", got.status, got.body)
	}
	m, log := mountLogged(t, fakeAccount(srv))
	file, err := os.OpenFile(m.path("c/file"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	write := func(p []byte, off int64) error {
		_, err := file.WriteAt(p, off)
		return err
	}
	if err := errors.Join(write([]byte("first"), 100), file.Sync()); err != nil {
		t.Fatal(err)
	}
	copy(data[100:], "first")
	object(t, srv, "c", "file", data)
	stored := bytes.Clone(data)
	data = append(data, pattern(20000, 2)...)
	if err := write(data[5000:], 5000); err != nil {
		t.Errorf("what is written before anything is stored: %v", err)
	}
	if err := file.Sync(); !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("fsync: %v, want EDQUOT", err)
	}
	wantLogged(t, log, "msg=\"fsync failed\" path=c/file errno=\"disk quota exceeded\"")
	object(t, srv, "c", "file", stored)
	if err := write([]byte("more"), 25000); !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("writing more: %v, want EDQUOT", err)
	}
	got := make([]byte, len(data))
	if _, err := file.ReadAt(got, 0); err != nil || !bytes.Equal(got, data) {
		t.Errorf("what could not be stored cannot be read: %v", err)
	}
	if err := errors.Join(file.Truncate(5500), write([]byte("fits"), 5500), file.Close()); err != nil {
		t.Errorf("after it was made shorter: %v", err)
	}
	object(t, srv, "c", "file", append(data[:5500:5500], "fits"...))
}

func TestAReadOnlyMountRefusesEveryKindOfChange(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	srv.PutObject("c", "dir/", "application/directory", nil)
	srv.PutObject("c", "link", "application/link", []byte("file"))
	d := mountBinary(t, fakeAccount(srv), ":", "-o", "ro")
	for _, line := range []string{
		"printf x >> c/file", "printf x 1<> c/file", "truncate -s 3 c/file", "truncate -s 5 c/file",
		"fallocate -l 100 c/file", "fallocate -p -o 0 -l 2 c/file", "chmod 600 c/file", "chmod 700 c/dir", "chown 1000 c/file", "chgrp 1000 c/dir",
		"touch -d 2020-01-01 c/file", "touch -d 2020-01-01 c/dir", "setfattr -n user.x -v y c/file", "setfattr -n user.x -v y c/dir", "setfattr -n user.x -v y c",
		"setfattr -n user.swift.content_type -v text/html c/file", "ln -s file c/new", "ln c/file c/new", "mkfifo c/new", "mv c/dir c/new", "mv -T c e",
		"mv c/link c/new", "rm c/link", "cp c/file c/copy", "chown -h 1000 c/link",
	} {
		wantUnchanged(t, srv, func() { fails(t, "Read-only file system", "cd "+d.dir+"; "+line) })
	}
}
