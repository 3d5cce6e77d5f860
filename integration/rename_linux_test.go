package integration

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/swiftbackend/fakeswift"
)

// renameat2 renames with flags.
func renameat2(from, to string, flags uint) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
}

func TestRenameRefusesWhatTheManualPageSays(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	for _, name := range []string{"file", "other", "dir/f", "full/f", "x%empty%"} {
		srv.PutObject("c", name, "", []byte(name))
	}
	srv.PutObject("c", "empty/", "application/directory", nil)
	m, log := mountLogged(t, fakeAccount(srv))
	in := func(name string) string { return m.path("c", name) }
	wantUnchanged(t, srv, func() {
		wantRename(t, syscall.EISDIR, in("file"), in("dir"))
		wantRename(t, syscall.ENOTDIR, in("dir"), in("file"))
		wantRename(t, syscall.ENOTEMPTY, in("dir"), in("full"))
		wantRename(t, syscall.EINVAL, in("dir"), in("dir/below"))
		wantRename(t, syscall.ENOENT, in("missing"), in("file"))
		wantRename(t, syscall.ENOENT, in("file"), m.path("nowhere/file"))
		wantRename(t, syscall.EINVAL, in("file"), in("%empty%"))
		wantRename(t, syscall.EINVAL, in("file"), in("\xff"))
		wantRename(t, syscall.EPERM, in("file"), m.path("file"))
		wantRename(t, syscall.ENAMETOOLONG, in("file"), in(strings.Repeat("n", 256)))
		for flags, want := range map[uint]error{
			unix.RENAME_NOREPLACE: syscall.EEXIST, unix.RENAME_EXCHANGE: syscall.EINVAL, unix.RENAME_WHITEOUT: syscall.EINVAL,
		} {
			if err := renameat2(in("file"), in("other"), flags); !errors.Is(err, want) {
				t.Errorf("renameat2 with flags %d: %v, want %v", flags, err, want)
			}
		}
	})
	wantLogged(t, log, "objects are in containers")
	mustRename(t, in("dir"), in("empty"))
	wantObjects(t, srv, "c", "empty/f", "file", "full/f", "other", "x%empty%")
	if err := renameat2(in("file"), in("new"), unix.RENAME_NOREPLACE); err != nil {
		t.Error(err)
	}
}

// "RENAME_NOREPLACE asks the server"
func TestNoReplaceAsksTheServer(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("mine"))
	m := mount(t, fakeAccount(srv))
	wantList(t, m.path("c"), "file")
	srv.PutObject("c", "taken", "", []byte("another client's"))
	srv.PutObject("c", "dir/x", "", []byte("another client's"))
	for _, name := range []string{"taken", "dir"} {
		if err := renameat2(m.path("c/file"), m.path("c", name), unix.RENAME_NOREPLACE); !errors.Is(err, syscall.EEXIST) {
			t.Errorf("rename to %s: %v, want EEXIST", name, err)
		}
	}
	object(t, srv, "c", "taken", []byte("another client's"))
	object(t, srv, "c", "file", []byte("mine"))
}
