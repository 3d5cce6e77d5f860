package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func open(t *testing.T, path string, limit int64) *Dir {
	t.Helper()
	d, err := Open(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestOpenMakesADirectoryForThisUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	d := open(t, path, 0)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("mode is %v, want 0700", got)
	}
	if d.Path() != path {
		t.Errorf("Path() = %q, want %q", d.Path(), path)
	}
}

func TestASecondOwnerIsRefusedUntilTheFirstOneCloses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	d := open(t, path, 0)
	_, err := Open(path, 0)
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("second Open: %v, want ErrInUse", err)
	}
	if !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
		t.Errorf("not one sentence with the path in it: %q", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, 0)
}

func TestOpenKeepsWhatIsThereButScratch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	d := open(t, path, 0)
	kept, scratch := filepath.Join(path, "journal"), filepath.Join(d.scratch(), "x")
	for _, name := range []string{kept, scratch} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, 0)
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(scratch); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("scratch file of the last owner: %v, want that it is gone", err)
	}
}

func TestOpenRefusesWhatIsNotACacheDirectory(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(path string) error
		want    error
	}{
		{"its parent is missing", func(path string) error { return os.Remove(filepath.Dir(path)) }, os.ErrNotExist},
		{"its parent is a file", func(path string) error {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				return err
			}
			return os.WriteFile(filepath.Dir(path), nil, 0o600)
		}, syscall.ENOTDIR},
		{"it is a file", func(path string) error { return os.WriteFile(path, nil, 0o600) }, syscall.ENOTDIR},
		{"it has files of somebody", func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "thesis"), nil, 0o600))
		}, ErrForeign},
		{"it has another layout", func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700),
				os.WriteFile(filepath.Join(path, versionName), []byte("swiftfs cache 999\n"), 0o600))
		}, ErrForeign},
		{"its lock cannot be written", func(path string) error {
			return os.MkdirAll(filepath.Join(path, lockName), 0o700)
		}, syscall.EISDIR},
		{"everybody can write in it", func(path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777))
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "parent", "c")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.prepare(path); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, 0)
			if err == nil {
				t.Fatal("Open succeeded")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Open: %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%q does not name %s", err, path)
			}
		})
	}
}

func TestOpenCompletesADirectoryWhoseMakingWasInterrupted(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, newVersion), []byte("swi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, lockName), []byte("7"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path, 0)
	if got, err := os.ReadFile(filepath.Join(path, versionName)); err != nil || string(got) != layout {
		t.Errorf("version file has %q, %v", got, err)
	}
}

func TestReserveKeepsTheDirectoryBelowItsLimit(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "c"), 100)
	if err := d.Reserve(60); err != nil {
		t.Fatal(err)
	}
	if err := d.Reserve(41); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Reserve over the limit: %v, want ErrFull, an ENOSPC", err)
	}
	if err := d.Reserve(40); err != nil {
		t.Errorf("Reserve up to the limit: %v", err)
	}
	d.Release(100)
	if got := d.Used(); got != 0 {
		t.Errorf("Used() = %d after all is released", got)
	}
}

func TestWhatCanBeFetchedAgainMakesRoom(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "c"), 100)
	spare := int64(0)
	d.SetEvictor(func(n int64) int64 {
		n = min(n, spare)
		spare -= n
		d.Release(n)
		return n
	})
	for d.ReserveSpare(30) == nil {
		spare += 30
	}
	if spare != 90 {
		t.Fatalf("%d bytes are spare, want 90", spare)
	}
	if err := d.Reserve(50); err != nil || spare != 50 {
		t.Errorf("Reserve: %v, and %d bytes are left spare, want 50", err, spare)
	}
	if err := d.Reserve(51); !errors.Is(err, ErrFull) {
		t.Errorf("Reserve of more than there is: %v, want ErrFull", err)
	}
	if d.Used() != 50 {
		t.Errorf("%d bytes are reserved, want 50", d.Used())
	}
	d.SetEvictor(nil)
	if got := d.Evict(1); got != 0 {
		t.Errorf("Evict gives %d bytes without anybody to give them", got)
	}
}

func TestTempFilesHaveNoName(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "c"), 0)
	for name, create := range map[string]func() (*os.File, error){
		"TempFile":    d.TempFile,
		"createNamed": func() (*os.File, error) { return createNamed(d.scratch()) },
	} {
		f, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("x"), 5); err != nil {
			t.Error(err)
		}
		entries, err := os.ReadDir(d.scratch())
		if err != nil || len(entries) != 0 {
			t.Errorf("%s: directory has %v, %v", name, entries, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.TempFile(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("TempFile after Close: %v, want os.ErrClosed", err)
	}
}
