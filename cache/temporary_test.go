package cache

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func openTemporary(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenTemporary(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestATemporaryDirectoryGoesWithItsOwner(t *testing.T) {
	parent := t.TempDir()
	t.Setenv("TMPDIR", parent)
	d := openTemporary(t)
	if filepath.Dir(d.Path()) != parent {
		t.Errorf("made in %s, want %s", d.Path(), parent)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(d.Path()) {
		t.Error("it is still there after Close")
	}
}

func TestTemporaryDirectoriesOfTheDeadAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	living, dead := openTemporary(t), openTemporary(t)
	// The lock of a process that ends is released, and nothing else happens.
	if err := dead.lock.Close(); err != nil {
		t.Fatal(err)
	}
	interrupted := filepath.Join(temporaryParent(), temporaryPrefix+"1")
	named := filepath.Join(temporaryParent(), temporaryPrefix+"mine")
	if err := errors.Join(os.Mkdir(interrupted, 0o700),
		os.WriteFile(filepath.Join(interrupted, temporaryName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, named, 0).Close(); err != nil {
		t.Fatal(err)
	}
	openTemporary(t)
	for path, want := range map[string]bool{
		living.Path(): true,
		dead.Path():   false,
		interrupted:   false,
		named:         true, // only its name looks temporary
	} {
		if got := exists(path); got != want {
			t.Errorf("%s exists: %v, want %v", path, got, want)
		}
	}
}

func TestManyOpenTemporaryDirectoriesAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			d, err := OpenTemporary(0)
			if err != nil {
				t.Error(err)
				return
			}
			f, err := d.TempFile()
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(f.Close(), d.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
