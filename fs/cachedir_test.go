package fs

import (
	"errors"
	iofs "io/fs"
	"os"
	"testing"

	"swiftfs/cache"
)

func TestTheCacheDirectoryOfTheConfigStaysItsOwners(t *testing.T) {
	dir, err := cache.Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &FS{space: localSpace{dir: dir}}
	if got, err := f.cacheDir(); got != dir || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if err := f.space.close(); err != nil {
		t.Error(err)
	}
	file, err := dir.TempFile()
	if err != nil {
		t.Fatalf("after the end of the mount: %v", err)
	}
	if err := errors.Join(file.Close(), dir.Close()); err != nil {
		t.Error(err)
	}
}

func TestATemporaryCacheDirectoryIsMadeWhenItIsNeededAndGoesWithTheMount(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := &FS{}
	if f.space.current() != nil {
		t.Error("there is a directory before anybody needed one")
	}
	dir, err := f.cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.cacheDir(); again != dir || err != nil {
		t.Errorf("a second file gets %v, %v", again, err)
	}
	if err := f.space.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir.Path()); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
}
