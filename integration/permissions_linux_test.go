package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// identity is on whose behalf a system call is made.
type identity struct {
	name   string
	uid    int
	gid    int
	groups []uint32
}

var (
	rootUser   = identity{"root", 0, 0, nil}
	ownerUser  = identity{"the owner", 65534, 65534, []uint32{65500}}
	memberUser = identity{"a member of the group", 65533, 65533, []uint32{65534}}
	otherUser  = identity{"another user", 65532, 65532, nil}
)

// as makes system calls on somebody's behalf, in a thread of its own that ends
// with it: credentials belong to threads, and a thread that gave up root has no
// way back.
func as(who identity, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := become(who); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func become(who identity) error {
	var list unsafe.Pointer
	if len(who.groups) > 0 {
		list = unsafe.Pointer(&who.groups[0])
	}
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, uintptr(len(who.groups)), uintptr(list), 0},
		{unix.SYS_SETRESGID, uintptr(who.gid), uintptr(who.gid), uintptr(who.gid)},
		{unix.SYS_SETRESUID, uintptr(who.uid), uintptr(who.uid), uintptr(who.uid)},
	} {
		if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return fmt.Errorf("becoming %s: %w", who.name, errno)
		}
	}
	return nil
}

// mountForAll makes a mount for all users, with a root that all may write to.
func mountForAll(t *testing.T) *mounted {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("these tests change users, which only root can")
	}
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container, c.AllowOther, c.DefaultPermissions = "c", true, true })
	// The kernel lets nobody else through to what a test's directory is in.
	if err := os.Chmod(filepath.Dir(m.dir), 0o755); err != nil { //nolint:gosec // it has nothing but mounts in it
		t.Fatal(err)
	}
	succeed(t, unix.Chmod(m.dir, 0o777))
	return m
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file makes a file of the owner with a mode.
func (m *mounted) file(name string, mode uint32) string {
	m.t.Helper()
	p := m.path(name)
	succeed(m.t, openIt(p, unix.O_CREAT|unix.O_WRONLY))
	succeed(m.t, unix.Chown(p, ownerUser.uid, ownerUser.gid))
	succeed(m.t, unix.Chmod(p, mode))
	return p
}

// directory makes a directory of the owner with a mode.
func (m *mounted) directory(name string, mode uint32) string {
	m.t.Helper()
	p := m.path(name)
	succeed(m.t, unix.Mkdir(p, 0o777))
	succeed(m.t, unix.Chown(p, ownerUser.uid, ownerUser.gid))
	succeed(m.t, unix.Chmod(p, mode))
	return p
}

func openIt(p string, flags int) error {
	fd, err := unix.Open(p, flags, 0o644)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// attempt is one system call and how it must end.
type attempt struct {
	what string
	who  identity
	do   func() error
	want error // nil for success
}

func attemptAll(t *testing.T, attempts ...attempt) {
	t.Helper()
	for _, a := range attempts {
		if err := as(a.who, a.do); !errors.Is(err, a.want) {
			t.Errorf("%s by %s: %v, want %v", a.what, a.who.name, err, a.want)
		}
	}
}

func opening(p string, flags int) func() error { return func() error { return openIt(p, flags) } }

func TestOpenAsksForTheModesOfOwnerGroupAndOthers(t *testing.T) {
	m := mountForAll(t)
	type row struct {
		mode  uint32
		flags int
		who   identity
		want  error
	}
	for _, r := range []row{
		{0o400, unix.O_RDONLY, ownerUser, nil},
		{0o400, unix.O_WRONLY, ownerUser, unix.EACCES},
		{0o200, unix.O_RDONLY, ownerUser, unix.EACCES},
		{0o200, unix.O_WRONLY, ownerUser, nil},
		{0o077, unix.O_RDONLY, ownerUser, unix.EACCES},
		{0o040, unix.O_RDONLY, memberUser, nil},
		{0o707, unix.O_RDONLY, memberUser, unix.EACCES},
		{0o020, unix.O_WRONLY | unix.O_TRUNC, memberUser, nil},
		{0o004, unix.O_RDONLY, otherUser, nil},
		{0o770, unix.O_RDONLY, otherUser, unix.EACCES},
		{0o774, unix.O_WRONLY | unix.O_TRUNC, otherUser, unix.EACCES},
		{0o000, unix.O_RDONLY, rootUser, nil},
		{0o000, unix.O_WRONLY, rootUser, nil},
	} {
		p := m.file("file", r.mode)
		attemptAll(t, attempt{fmt.Sprintf("open with flags %#x of mode %04o", r.flags, r.mode), r.who, opening(p, r.flags), r.want})
	}
}

func TestDirectoriesAreSearchedAndChangedByTheirModes(t *testing.T) {
	m := mountForAll(t)
	closed, shut := m.directory("closed", 0o700), m.directory("shut", 0o555)
	inClosed, inShut := m.file("closed/file", 0o666), m.file("shut/file", 0o666)
	succeed(t, unix.Mkdir(shut+"/dir", 0o777))
	for _, who := range []identity{otherUser, memberUser} {
		attemptAll(t,
			attempt{"open in a directory of others", who, opening(inClosed, unix.O_RDONLY), unix.EACCES},
			attempt{"listing a directory of others", who, opening(closed, unix.O_RDONLY|unix.O_DIRECTORY), unix.EACCES},
			attempt{"chmod in a directory of others", who, func() error { return unix.Chmod(inClosed, 0o666) }, unix.EACCES},
			attempt{"creating in a directory of others", who, opening(closed+"/new", unix.O_CREAT|unix.O_WRONLY), unix.EACCES},
		)
	}
	for _, who := range []identity{ownerUser, otherUser} {
		attemptAll(t,
			attempt{"open in a directory that nobody writes to", who, opening(inShut, unix.O_RDONLY), nil},
			attempt{"creating in it", who, opening(shut+"/new", unix.O_CREAT|unix.O_WRONLY), unix.EACCES},
			attempt{"mkdir in it", who, func() error { return unix.Mkdir(shut+"/new", 0o777) }, unix.EACCES},
			attempt{"unlink in it", who, func() error { return unix.Unlink(inShut) }, unix.EACCES},
			attempt{"rmdir in it", who, func() error { return unix.Rmdir(shut + "/dir") }, unix.EACCES},
		)
	}
	attemptAll(t,
		attempt{"unlink in it", rootUser, func() error { return unix.Unlink(inShut) }, nil},
		attempt{"rmdir in it", rootUser, func() error { return unix.Rmdir(shut + "/dir") }, nil},
		attempt{"open of a directory for writing", ownerUser, opening(closed, unix.O_WRONLY), unix.EISDIR},
	)
}

func TestInAStickyDirectoryOnlyOwnersRemove(t *testing.T) {
	m := mountForAll(t)
	sticky := m.directory("sticky", 0o1777)
	of := func(who identity, name string) string {
		p := sticky + "/" + name
		succeed(t, as(who, opening(p, unix.O_CREAT|unix.O_WRONLY)))
		return p
	}
	theirs, dir := of(otherUser, "theirs"), sticky+"/dir"
	succeed(t, as(otherUser, func() error { return unix.Mkdir(dir, 0o777) }))
	attemptAll(t,
		attempt{"unlink of another's file", memberUser, func() error { return unix.Unlink(theirs) }, unix.EPERM},
		attempt{"rmdir of another's directory", memberUser, func() error { return unix.Rmdir(dir) }, unix.EPERM},
		attempt{"unlink of one's own file", otherUser, func() error { return unix.Unlink(theirs) }, nil},
		attempt{"rmdir of one's own directory", otherUser, func() error { return unix.Rmdir(dir) }, nil},
	)
	theirs = of(otherUser, "again")
	attemptAll(t, attempt{"unlink by the owner of the directory", ownerUser, func() error { return unix.Unlink(theirs) }, nil})
}

// modeOf returns the permissions, user and group of a path.
func modeOf(t *testing.T, p string) (mode uint32, uid, gid int) {
	t.Helper()
	var st unix.Stat_t
	succeed(t, unix.Lstat(p, &st))
	return st.Mode & 0o7777, int(st.Uid), int(st.Gid)
}

func wantMode(t *testing.T, what, p string, want uint32) {
	t.Helper()
	if got, _, _ := modeOf(t, p); got != want {
		t.Errorf("after %s the mode is %04o, want %04o", what, got, want)
	}
}

func TestOnlyTheOwnerChangesTheMode(t *testing.T) {
	m := mountForAll(t)
	for _, p := range []string{m.file("file", 0o644), m.directory("dir", 0o755)} {
		to := func(mode uint32) func() error { return func() error { return unix.Chmod(p, mode) } }
		attemptAll(t,
			attempt{"chmod", otherUser, to(0o666), unix.EPERM},
			attempt{"chmod", memberUser, to(0o666), unix.EPERM},
			attempt{"chmod", ownerUser, to(0o4751), nil},
		)
		wantMode(t, "chmod by the owner", p, 0o4751)
		attemptAll(t, attempt{"chmod", rootUser, to(0o1111), nil})
		wantMode(t, "chmod by root", p, 0o1111)
		// chmod(2): setgid of a group that one is not in is cleared.
		succeed(t, unix.Chown(p, ownerUser.uid, memberUser.gid))
		attemptAll(t, attempt{"chmod to setgid of another's group", ownerUser, to(0o2755), nil})
		wantMode(t, "chmod to setgid of another's group", p, 0o755)
		succeed(t, unix.Chown(p, ownerUser.uid, int(ownerUser.groups[0])))
		attemptAll(t, attempt{"chmod to setgid of a group of one's own", ownerUser, to(0o2755), nil})
		wantMode(t, "chmod to setgid of a group of one's own", p, 0o2755)
	}
}

func TestOnlyRootGivesFilesAway(t *testing.T) {
	m := mountForAll(t)
	for _, p := range []string{m.file("file", 0o644), m.directory("dir", 0o755)} {
		to := func(uid, gid int) func() error { return func() error { return unix.Chown(p, uid, gid) } }
		attemptAll(t,
			attempt{"chown to oneself", otherUser, to(otherUser.uid, -1), unix.EPERM},
			attempt{"chgrp to one's own group", otherUser, to(-1, otherUser.gid), unix.EPERM},
			attempt{"chown to another", ownerUser, to(otherUser.uid, -1), unix.EPERM},
			attempt{"chgrp to a group that one is not in", ownerUser, to(-1, otherUser.gid), unix.EPERM},
			attempt{"chgrp to a group that one is in", ownerUser, to(-1, int(ownerUser.groups[0])), nil},
			attempt{"chown to what it is", ownerUser, to(ownerUser.uid, int(ownerUser.groups[0])), nil},
			attempt{"chown to another", rootUser, to(otherUser.uid, otherUser.gid), nil},
		)
		if _, uid, gid := modeOf(t, p); uid != otherUser.uid || gid != otherUser.gid {
			t.Errorf("afterwards %s is of %d:%d", p, uid, gid)
		}
	}
}

func TestChangingOwnerOrContentEndsSetuid(t *testing.T) {
	m := mountForAll(t)
	p := m.file("file", 0o6777)
	attemptAll(t, attempt{"chgrp", ownerUser, func() error { return unix.Chown(p, -1, int(ownerUser.groups[0])) }, nil})
	wantMode(t, "chgrp by the owner", p, 0o777)
	writing := func() error {
		fd, err := unix.Open(p, unix.O_WRONLY|unix.O_TRUNC, 0)
		if err != nil {
			return err
		}
		_, err = unix.Write(fd, []byte("x"))
		return errors.Join(err, unix.Close(fd))
	}
	succeed(t, unix.Chmod(p, 0o6777))
	attemptAll(t, attempt{"writing", rootUser, writing, nil})
	wantMode(t, "writing by root", p, 0o6777)
	attemptAll(t, attempt{"writing", otherUser, writing, nil})
	wantMode(t, "writing by another user", p, 0o777)
}

func TestTruncateAsksForTheRightToWrite(t *testing.T) {
	m := mountForAll(t)
	p, dir := m.file("file", 0o644), m.directory("dir", 0o777)
	empty := func() error { return unix.Truncate(p, 0) }
	attemptAll(t,
		attempt{"truncate", otherUser, empty, unix.EACCES},
		attempt{"truncate", ownerUser, empty, nil},
		attempt{"truncate of a directory", ownerUser, func() error { return unix.Truncate(dir, 0) }, unix.EISDIR},
		attempt{"truncate of nothing", ownerUser, func() error { return unix.Truncate(p+"x", 0) }, unix.ENOENT},
		attempt{"truncate below a file", ownerUser, func() error { return unix.Truncate(p+"/x", 0) }, unix.ENOTDIR},
	)
}

func TestDatesAreSetByOwnersAndToNowByWriters(t *testing.T) {
	m := mountForAll(t)
	for _, p := range []string{m.file("file", 0o664), m.directory("dir", 0o775)} {
		past := []unix.Timespec{{Sec: 1}, {Sec: 1_500_000_000, Nsec: 999_999_999}}
		then := func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, p, past, 0) }
		now := func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, p, nil, 0) }
		nothing := func() error {
			return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Nsec: unix.UTIME_OMIT}}, 0)
		}
		attemptAll(t,
			attempt{"utimensat to a date", otherUser, then, unix.EPERM},
			attempt{"utimensat to a date", memberUser, then, unix.EPERM},
			attempt{"utimensat to now", otherUser, now, unix.EACCES},
			attempt{"utimensat of nothing", otherUser, nothing, nil},
			attempt{"utimensat to a date", ownerUser, then, nil},
		)
		var st unix.Stat_t
		succeed(t, unix.Stat(p, &st))
		if st.Mtim != past[1] {
			t.Errorf("the date is %v, want %v", st.Mtim, past[1])
		}
		attemptAll(t, attempt{"utimensat to now", memberUser, now, nil})
		succeed(t, unix.Stat(p, &st))
		if age := time.Since(time.Unix(st.Mtim.Sec, st.Mtim.Nsec)); age > time.Minute {
			t.Errorf("now is %v ago", age)
		}
	}
}

func TestWhatIsMadeHasTheModeOwnerAndGroupOfItsMaker(t *testing.T) {
	m := mountForAll(t)
	made := func(p string, who identity) string {
		succeed(t, as(who, opening(p, unix.O_CREAT|unix.O_WRONLY)))
		return p
	}
	want := func(p string, mode uint32, uid, gid int) {
		t.Helper()
		if gotMode, gotUID, gotGID := modeOf(t, p); gotMode != mode || gotUID != uid || gotGID != gid {
			t.Errorf("%s is %04o of %d:%d, want %04o of %d:%d", p, gotMode, gotUID, gotGID, mode, uid, gid)
		}
	}
	m.directory("plain", 0o777)
	m.directory("setgid", 0o2777)
	want(made(m.path("plain/file"), otherUser), 0o644, otherUser.uid, otherUser.gid)
	want(made(m.path("setgid/file"), otherUser), 0o644, otherUser.uid, ownerUser.gid)
	for dir, row := range map[string]struct {
		mode uint32
		gid  int
	}{"plain": {0o755, otherUser.gid}, "setgid": {0o2755, ownerUser.gid}} {
		p := m.path(dir, "dir")
		succeed(t, as(otherUser, func() error { return unix.Mkdir(p, 0o755) }))
		want(p, row.mode, otherUser.uid, row.gid)
	}
	// It is so for others too, and after a remount.
	again := mount(t, m.account, func(c *fs.Config) { c.Container = "c" })
	want(again.path("setgid/dir"), 0o2755, otherUser.uid, ownerUser.gid)
	want(again.path("setgid/file"), 0o644, otherUser.uid, ownerUser.gid)
}
