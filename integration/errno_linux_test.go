package integration

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/swiftbackend/fakeswift"
)

// errnoCase is a call that must fail, in a directory made by errnoDirectory.
type errnoCase struct {
	name string
	want syscall.Errno
	do   func(dir string) error
}

// errnoDirectory makes a directory with one of each kind: file, full (a
// directory with the file x), empty, to-file, to-dir, dangling, and loop.
func errnoDirectory(t *testing.T, dir string) {
	t.Helper()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "full"), 0o755),
		os.Mkdir(filepath.Join(dir, "empty"), 0o755),
		os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600),
		os.WriteFile(filepath.Join(dir, "full", "x"), []byte("content"), 0o600),
		os.Symlink("file", filepath.Join(dir, "to-file")),
		os.Symlink("full", filepath.Join(dir, "to-dir")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// on makes a case's do of a call for one path.
func on(name string, call func(path string) error) func(string) error {
	return func(dir string) error { return call(dir + "/" + name) }
}

var tooLong = strings.Repeat("n", 256)

// badPaths are paths that no call can follow, for any call that follows links
// to the last part of a path, or not.
func badPaths(call string, do func(path string) error) []errnoCase {
	var cases []errnoCase
	for _, p := range []struct {
		path string
		want syscall.Errno
	}{
		{"nowhere/x", syscall.ENOENT},
		{"dangling/x", syscall.ENOENT},
		{"file/x", syscall.ENOTDIR},
		{"to-file/x", syscall.ENOTDIR},
		{"loop/x", syscall.ELOOP},
		{tooLong, syscall.ENAMETOOLONG},
		{tooLong + "/x", syscall.ENAMETOOLONG},
		{strings.Repeat("empty/../", 500) + "x", syscall.ENAMETOOLONG},
	} {
		cases = append(cases, errnoCase{call + " " + p.path[:min(len(p.path), 20)], p.want, on(p.path, do)})
	}
	return cases
}

func openWith(flags int) func(string) error {
	return func(path string) error {
		fd, err := unix.Open(path, flags, 0o644)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
}

func mkdir(path string) error   { return unix.Mkdir(path, 0o755) }
func symlink(path string) error { return unix.Symlink("target", path) }
func shorten(path string) error { return unix.Truncate(path, 0) }
func touch(path string) error {
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{{Sec: 1}, {Sec: 2}}, 0)
}
func chmod(path string) error { return unix.Chmod(path, 0o640) }
func chown(path string) error { return unix.Chown(path, 1, 1) }

// rename makes a case's do of a rename within the directory.
func rename(from, to string, flags uint) func(string) error {
	return func(dir string) error {
		return unix.Renameat2(unix.AT_FDCWD, dir+"/"+from, unix.AT_FDCWD, dir+"/"+to, flags)
	}
}

// errnoCases are what the manual pages say of calls that cannot succeed.
func errnoCases() []errnoCase {
	cases := []errnoCase{
		{"open what is not there", syscall.ENOENT, on("nowhere", openWith(unix.O_RDONLY))},
		{"open a dangling link", syscall.ENOENT, on("dangling", openWith(unix.O_RDONLY))},
		{"open a loop of links", syscall.ELOOP, on("loop", openWith(unix.O_RDONLY))},
		{"open a link with O_NOFOLLOW", syscall.ELOOP, on("to-file", openWith(unix.O_RDONLY|unix.O_NOFOLLOW))},
		{"open a directory for writing", syscall.EISDIR, on("full", openWith(unix.O_WRONLY))},
		{"open a directory for reading and writing", syscall.EISDIR, on("full", openWith(unix.O_RDWR))},
		{"create over a directory", syscall.EISDIR, on("full", openWith(unix.O_WRONLY|unix.O_CREAT))},
		{"truncate a directory by open", syscall.EISDIR, on("full", openWith(unix.O_WRONLY|unix.O_TRUNC))},
		{"open a file with O_DIRECTORY", syscall.ENOTDIR, on("file", openWith(unix.O_RDONLY|unix.O_DIRECTORY))},
		{"open a file with a slash", syscall.ENOTDIR, on("file/", openWith(unix.O_RDONLY))},
		{"create a file exclusively over a file", syscall.EEXIST, on("file", openWith(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL))},
		{"create a file exclusively over a directory", syscall.EEXIST, on("empty", openWith(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL))},
		{"create a file exclusively over a dangling link", syscall.EEXIST, on("dangling", openWith(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL))},

		{"mkdir over a file", syscall.EEXIST, on("file", mkdir)},
		{"mkdir over a directory", syscall.EEXIST, on("full", mkdir)},
		{"mkdir over an empty directory", syscall.EEXIST, on("empty", mkdir)},
		{"mkdir over a link", syscall.EEXIST, on("to-dir", mkdir)},
		{"mkdir over a dangling link", syscall.EEXIST, on("dangling", mkdir)},

		{"rmdir what is not there", syscall.ENOENT, on("nowhere", unix.Rmdir)},
		{"rmdir of a full directory", syscall.ENOTEMPTY, on("full", unix.Rmdir)},
		{"rmdir of a file", syscall.ENOTDIR, on("file", unix.Rmdir)},
		{"rmdir of a link to a directory", syscall.ENOTDIR, on("to-dir", unix.Rmdir)},
		{"rmdir of .", syscall.EINVAL, on("empty/.", unix.Rmdir)},
		{"rmdir of ..", syscall.ENOTEMPTY, on("empty/..", unix.Rmdir)},

		{"unlink what is not there", syscall.ENOENT, on("nowhere", unix.Unlink)},
		{"unlink a directory", syscall.EISDIR, on("empty", unix.Unlink)},
		{"unlink a file with a slash", syscall.ENOTDIR, on("file/", unix.Unlink)},

		{"symlink over a file", syscall.EEXIST, on("file", symlink)},
		{"symlink over a directory", syscall.EEXIST, on("full", symlink)},
		{"symlink over a dangling link", syscall.EEXIST, on("dangling", symlink)},
		{"symlink with an empty target", syscall.ENOENT, on("new", func(p string) error { return unix.Symlink("", p) })},
		{"symlink with a target of 4096 bytes", syscall.ENAMETOOLONG, on("new", func(p string) error { return unix.Symlink(strings.Repeat("t", 4096), p) })},
		{"readlink of a file", syscall.EINVAL, on("file", readlink)},

		{"truncate what is not there", syscall.ENOENT, on("nowhere", shorten)},
		{"truncate a directory", syscall.EISDIR, on("full", shorten)},
		{"truncate a dangling link", syscall.ENOENT, on("dangling", shorten)},
		{"truncate a loop of links", syscall.ELOOP, on("loop", shorten)},
		{"truncate to a negative size", syscall.EINVAL, on("file", func(p string) error { return unix.Truncate(p, -1) })},
		{"truncate to more than a server holds", syscall.EFBIG, on("file", func(p string) error { return unix.Truncate(p, 1<<60) })},
		{"ftruncate of a file that is open for reading", syscall.EINVAL, on("file", func(p string) error {
			f, err := os.Open(p)
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			return unix.Ftruncate(int(f.Fd()), 0)
		})},

		{"utimensat of what is not there", syscall.ENOENT, on("nowhere", touch)},
		{"utimensat of a dangling link", syscall.ENOENT, on("dangling", touch)},
		{"utimensat of a loop of links", syscall.ELOOP, on("loop", touch)},
		{"utimensat with too many nanoseconds", syscall.EINVAL, on("file", func(p string) error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{{Nsec: 1e9}, {}}, 0)
		})},
		{"chmod of what is not there", syscall.ENOENT, on("nowhere", chmod)},
		{"chown of what is not there", syscall.ENOENT, on("nowhere", chown)},

		{"link", syscall.EPERM, func(dir string) error { return unix.Link(dir+"/file", dir+"/new") }},
		{"mkfifo", syscall.EPERM, on("new", func(p string) error { return unix.Mkfifo(p, 0o644) })},
		{"mknod of a socket", syscall.EPERM, on("new", func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o644, 0) })},
	}
	cases = append(cases, renameCases()...)
	cases = append(cases, badPaths("open", openWith(unix.O_RDONLY))...)
	cases = append(cases, badPaths("create", openWith(unix.O_WRONLY|unix.O_CREAT))...)
	for call, do := range map[string]func(string) error{
		"mkdir": mkdir, "rmdir": unix.Rmdir, "unlink": unix.Unlink, "symlink": symlink, "truncate": shorten,
		"utimensat": touch, "chmod": chmod, "chown": chown, "readlink": readlink,
	} {
		cases = append(cases, badPaths(call, do)...)
	}
	return cases
}

func readlink(path string) error {
	_, err := unix.Readlink(path, make([]byte, 100))
	return err
}

func renameCases() []errnoCase {
	cases := []errnoCase{
		{"rename what is not there", syscall.ENOENT, rename("nowhere", "new", 0)},
		{"rename a directory over a file", syscall.ENOTDIR, rename("full", "file", 0)},
		{"rename a directory over a link to a directory", syscall.ENOTDIR, rename("full", "to-dir", 0)},
		{"rename a file over a directory", syscall.EISDIR, rename("file", "empty", 0)},
		{"rename a link over a directory", syscall.EISDIR, rename("to-dir", "empty", 0)},
		{"rename a directory over a full one", syscall.ENOTEMPTY, rename("empty", "full", 0)},
		{"rename a directory into itself", syscall.EINVAL, rename("full", "full/new", 0)},
		{"rename over the directory above", syscall.ENOTEMPTY, rename("full/x", "full", 0)},
		{"rename .", syscall.EBUSY, rename("full/.", "new", 0)},
		{"rename a file with a slash", syscall.ENOTDIR, rename("file/", "new", 0)},
		{"rename a file to a name with a slash", syscall.ENOTDIR, rename("file", "new/", 0)},
		{"rename without replacing a file", syscall.EEXIST, rename("file", "full/x", unix.RENAME_NOREPLACE)},
		{"rename without replacing an empty directory", syscall.EEXIST, rename("full", "empty", unix.RENAME_NOREPLACE)},
		{"exchange with what is not there", syscall.ENOENT, rename("file", "nowhere", unix.RENAME_EXCHANGE)},
		{"rename with flags that exclude each other", syscall.EINVAL, rename("file", "full/x", unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE)},
		{"rename to another file system", syscall.EXDEV, func(dir string) error {
			return unix.Rename(dir+"/file", filepath.Join(os.TempDir(), "new"))
		}},
	}
	cases = append(cases, badPaths("rename from", func(p string) error { return unix.Rename(p, p+"2") })...)
	return append(cases, badPaths("rename to", func(p string) error {
		return unix.Rename(strings.SplitAfter(p, errnoRoot)[0]+"/file", p)
	})...)
}

// errnoRoot is how the path of a directory of the cases ends.
const errnoRoot = "/.errno"

// TestErrorsAreThoseOfTheManualPages makes the calls on a disk, which shows the
// cases right, and on a mount. A call that fails changes nothing.
func TestErrorsAreThoseOfTheManualPages(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	logIn(t, fakeAccount(srv)).want(http.StatusCreated, http.MethodPut, "errno", "")
	for _, place := range []struct{ name, dir string }{
		{"disk", t.TempDir()},
		{"mount", mountForeground(t, fakeAccount(srv), ":errno").dir},
	} {
		t.Run(place.name, func(t *testing.T) {
			dir := place.dir + errnoRoot
			errnoDirectory(t, dir)
			before := describe(t, dir)
			for _, c := range errnoCases() {
				if place.name == "disk" && (c.want == syscall.EPERM || c.want == syscall.EXDEV) {
					continue // what a mount cannot do, a disk can
				}
				if err := c.do(dir); !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", c.name, err, c.want)
				}
			}
			if after := describe(t, dir); after != before {
				t.Errorf("the calls made of\n%sthis:\n%s", before, after)
			}
		})
	}
}

// TestAReadOnlyMountSaysSo makes every call that changes something on a mount
// that is read-only.
func TestAReadOnlyMountSaysSo(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	logIn(t, fakeAccount(srv)).want(http.StatusCreated, http.MethodPut, "errno", "")
	errnoDirectory(t, mountForeground(t, fakeAccount(srv), ":errno").dir+errnoRoot)
	dir := mountForeground(t, fakeAccount(srv), ":errno", "--read-only").dir + errnoRoot
	srv.Reset()
	for _, c := range []errnoCase{
		{"open for writing", syscall.EROFS, on("file", openWith(unix.O_WRONLY))},
		{"open for reading and writing", syscall.EROFS, on("file", openWith(unix.O_RDWR))},
		{"open with O_TRUNC", syscall.EROFS, on("file", openWith(unix.O_RDONLY|unix.O_TRUNC))},
		{"create", syscall.EROFS, on("new", openWith(unix.O_WRONLY|unix.O_CREAT))},
		{"mkdir", syscall.EROFS, on("new", mkdir)},
		{"rmdir", syscall.EROFS, on("empty", unix.Rmdir)},
		{"unlink", syscall.EROFS, on("file", unix.Unlink)},
		{"rename", syscall.EROFS, rename("file", "new", 0)},
		{"symlink", syscall.EROFS, on("new", symlink)},
		{"link", syscall.EROFS, func(dir string) error { return unix.Link(dir+"/file", dir+"/new") }},
		{"truncate", syscall.EROFS, on("file", shorten)},
		{"utimensat", syscall.EROFS, on("file", touch)},
		{"chmod", syscall.EROFS, on("file", chmod)},
		{"chown", syscall.EROFS, on("file", chown)},
		{"setxattr", syscall.EROFS, on("file", func(p string) error { return unix.Setxattr(p, "user.x", []byte("x"), 0) })},
	} {
		if err := c.do(dir); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, r := range srv.Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			t.Errorf("a read-only mount sends %s %s/%s", r.Method, r.Container, r.Object)
		}
	}
}
