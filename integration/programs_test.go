package integration

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// site is an empty directory in which programs work. That a program does on a
// mount what it does on a disk is shown by running one and the same job on
// both.
type site interface {
	// path returns a path below the directory. It changes with remount.
	path(parts ...string) string
	// remount shows the directory as somebody sees it who has cached nothing.
	remount(t *testing.T)
	// stored returns what other clients find under a name, and its content
	// type, which is "" on a disk; false if there is nothing.
	stored(t *testing.T, name string) (content []byte, contentType string, ok bool)
}

// programJobs are programs that know nothing of object storage. Each leaves
// the file system calls to other processes: a mount may be in this one.
var programJobs = []struct {
	name string
	do   func(t *testing.T, s site)
}{
	{"git clones commits merges and collects garbage", gitJob},
	{"sqlite with a rollback journal", func(t *testing.T, s site) { sqliteJob(t, s, "delete") }},
	{"sqlite with a write-ahead log", func(t *testing.T, s site) { sqliteJob(t, s, "wal") }},
	{"sqlite is killed in a transaction", sqliteKillJob},
	{"rsync -a finds nothing to do again", rsyncJob},
	{"cp -a and diff -r", copyTreeJob},
	{"tar extracts and archives", tarJob},
	{"unzip and zip", zipJob},
	{"mv moves directories", moveJob},
	{"ln -s", linkJob},
	{"sed -i and perl -i", sedJob},
	{"editors save", editorJob},
	{"vim saves", vimJob},
	{"dd truncate and fallocate edit a large file", patchJob},
	{"a program writes through mmap", mmapJob},
	{"cp copies and copy_file_range copies parts", copyRangeJob},
	{"tail -f follows a writer", tailJob},
	{"many processes append to one file", appendJob},
	{"logs are rotated while they are written", rotateJob},
	{"fio verifies what it wrote", fioJob},
}

// runPrograms runs every job in a directory of its own, which make makes from
// a name.
func runPrograms(t *testing.T, newSite func(t *testing.T, name string) site) {
	for i, job := range programJobs {
		t.Run(job.name, func(t *testing.T) {
			t.Parallel()
			job.do(t, newSite(t, fmt.Sprintf("programs-%02d", i)))
		})
	}
}

// TestProgramsOnADisk shows that the jobs ask for nothing but what a local disk
// does.
func TestProgramsOnADisk(t *testing.T) {
	runPrograms(t, func(t *testing.T, _ string) site { return diskSite{t.TempDir()} })
}

func TestProgramsOnFakeswift(t *testing.T) {
	a := fakeAccount(startFake(t, fakeswift.Options{}))
	runPrograms(t, func(t *testing.T, name string) site { return newMountSite(t, a, name) })
}

func TestProgramsOnOpenStackSwift(t *testing.T) {
	a := serverAccount(openStackSwift(t))
	runPrograms(t, func(t *testing.T, name string) site { return newMountSite(t, a, name) })
}

// diskSite is a directory on a local disk.
type diskSite struct{ dir string }

func (s diskSite) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s diskSite) remount(*testing.T) {}

func (s diskSite) stored(t *testing.T, name string) ([]byte, string, bool) {
	t.Helper()
	b, err := os.ReadFile(s.path(name))
	return b, "", err == nil
}

// siteSegment is the bytes of a segment on a mountSite: so few that jobs have
// files of several segments without moving much.
const siteSegment = 4 << 20

// mountSite is a mounted container.
type mountSite struct {
	account   account
	container string
	m         *mounted
}

func newMountSite(t *testing.T, a account, container string) *mountSite {
	t.Helper()
	logIn(t, a).want(http.StatusCreated, http.MethodPut, container, "")
	t.Cleanup(func() { emptyContainers(t, logIn(t, a), container, container+"_segments") })
	s := &mountSite{account: a, container: container}
	s.mount(t)
	return s
}

func (s *mountSite) mount(t *testing.T) {
	t.Helper()
	s.m = mount(t, s.account, func(c *fs.Config) {
		c.Container = s.container
		c.SegmentSize = siteSegment
	})
}

func (s *mountSite) path(parts ...string) string { return s.m.path(parts...) }

func (s *mountSite) remount(t *testing.T) {
	t.Helper()
	s.m.unmount()
	s.mount(t)
}

func (s *mountSite) stored(t *testing.T, name string) ([]byte, string, bool) {
	t.Helper()
	// A login each time: a job may take longer than a token lives.
	got := logIn(t, s.account).do(http.MethodGet, s.container+"/"+name, "")
	return []byte(got.body), got.header.Get("Content-Type"), got.status == http.StatusOK
}

// shIn runs lines of shell in a directory. It is the shell that goes there: a
// child of this process could not be started in a directory that this process
// serves.
func shIn(t *testing.T, dir, lines string) string {
	t.Helper()
	return sh(t, "cd "+quoted(dir)+"\n"+lines)
}

// wantStored checks what other clients find under a name.
func wantStored(t *testing.T, s site, name string, want []byte) {
	t.Helper()
	got, _, ok := s.stored(t, name)
	switch {
	case !ok:
		t.Errorf("nothing is stored as %s, want %d bytes", name, len(want))
	case !bytes.Equal(got, want):
		t.Errorf("%s is stored with %d bytes %.60q, want %d bytes %.60q", name, len(got), got, len(want), want)
	}
}

// wantType checks the content type of a stored file, its parameters aside.
func wantType(t *testing.T, s site, name, want string) {
	t.Helper()
	_, contentType, ok := s.stored(t, name)
	if !ok {
		t.Errorf("nothing is stored as %s", name)
	}
	if contentType == "" {
		return // a disk
	}
	if got, _, err := mime.ParseMediaType(contentType); err != nil || got != want {
		t.Errorf("%s is stored with the type %q, want %q", name, contentType, want)
	}
}

// wantGone checks that other clients find nothing under a name.
func wantGone(t *testing.T, s site, name string) {
	t.Helper()
	if got, _, ok := s.stored(t, name); ok {
		t.Errorf("%s is still stored, with %d bytes", name, len(got))
	}
}

// wantContent checks what a program reads from a file.
func wantContent(t *testing.T, path, want string) {
	t.Helper()
	if got := run(t, "cat", path); got != want {
		t.Errorf("%s reads %d bytes %.80q, want %d bytes %.80q", filepath.Base(path), len(got), got, len(want), want)
	}
}
