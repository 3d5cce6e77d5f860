package integration

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// What goes wrong while a file is written. Each time the program gets an errno and
// the log a line that says what was wrong where, the server keeps the old object,
// and what was written is kept until it can be stored.

func smallSegments(c *fs.Config) { c.SegmentSize = 1 << 20 }

func TestLargeFilesThatTheServerRefusesLeaveTheOldObject(t *testing.T) {
	segments := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/c_segments")
	}
	for _, c := range []struct {
		name    string
		match   func(*http.Request) bool
		status  int
		message string
		logged  string
		// spare is how many segments may stay beside those of the object. After a
		// conflict nobody knows whether the server has stored the manifest that names
		// them; they are gc's to remove if it is overwritten before it is tried again.
		spare int
	}{
		{"segment container", segments, http.StatusForbidden, "Permission denied",
			"segments of large objects need this container; somebody who may has to create it", 0},
		{"segment", putBelow("c_segments"), http.StatusForbidden, "Permission denied", "c_segments/file/", 0},
		{"manifest invalid", put("c", "file"), http.StatusBadRequest, "Invalid argument", `PUT manifest \"c/file\": invalid request (status 400)`, 0},
		{"manifest conflict", put("c", "file"), http.StatusConflict, "Device or resource busy", `PUT manifest \"c/file\": conflict (status 409)`, 5},
		{"manifest too large", put("c", "file"), http.StatusRequestEntityTooLarge, "Disk quota exceeded", `PUT manifest \"c/file\": quota exceeded (status 413)`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "file", "", []byte("old"))
			log := new(logBuffer)
			m := mountClient(t, dial(t, fakeAccount(srv), quickly), smallSegments, logTo(log))
			fault := srv.Inject(fakeswift.Fault{Match: c.match, Do: fakeswift.Status(c.status)})
			data := pattern(5<<20, 1)
			from := localFile(t, "new", data)
			fails(t, c.message, "cp "+from+" "+m.path("c/file"))
			wantLogged(t, log, c.logged)
			if fault.Hits() == 0 {
				t.Error("the fault did not hit anything")
			}
			object(t, srv, "c", "file", []byte("old"))
			fault.Remove()
			// cp ends with its first failed write; another is stored over what it left.
			sh(t, "cp "+from+" "+m.path("c/file"))
			m.unmount()
			object(t, srv, "c", "file", data)
			if got := len(srv.Objects("c_segments")); got != 5 && got != 5+c.spare {
				t.Errorf("%d segments are left, want those of the object, 5", got)
			}
		})
	}
}

// putBelow matches the PUTs of objects in a container.
func putBelow(container string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/"+container+"/")
	}
}

func TestMoreSegmentsThanTheServerTakesAreStoredAnotherWayOrRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		opts   fakeswift.Options
		stored bool
	}{
		{"as a dynamic large object", fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: 3}}, true},
		{"in larger segments", fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: 3}, Without: []string{"dlo"}}, true},
		{"not at all", fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: 3, MaxFileSize: 2 << 20}, Without: []string{"dlo"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := startFake(t, c.opts)
			srv.PutObject("c", "file", "", []byte("old"))
			m, log := mountLogged(t, fakeAccount(srv), smallSegments)
			data := pattern(9<<20, 1)
			from := localFile(t, "new", data)
			if c.stored {
				sh(t, "cp "+from+" "+m.path("c/file"))
				object(t, srv, "c", "file", data)
				return
			}
			fails(t, "File too large", "cp "+from+" "+m.path("c/file"))
			wantLogged(t, log, "a static manifest has up to 3 segments")
			object(t, srv, "c", "file", []byte("old"))
			sh(t, "cmp "+from+" "+m.path("c/file")+"; truncate -s 4M "+m.path("c/file"))
			object(t, srv, "c", "file", data[:4<<20])
		})
	}
}

// What was taken is stored, whatever was set on the file beside its bytes.
func TestMetadataOverTheLimitsOfTheServerDoesNotKeepAFileFromBeingStored(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("old"))
	m, log := mountLogged(t, fakeAccount(srv))
	file, err := os.OpenFile(m.path("c/file"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("new"); err != nil {
		t.Error(err)
	}
	set := 0
	for err = nil; err == nil && set < 200; set++ {
		err = unix.Fsetxattr(int(file.Fd()), fmt.Sprintf("user.attribute-%d", set), bytes.Repeat([]byte{'v'}, 60), 0)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the attribute %d: %v, want ENOSPC", set, err)
	}
	wantLogged(t, log, "the server takes no more metadata here")
	for err = nil; err == nil && set < 2000; set++ {
		err = unix.Fsetxattr(int(file.Fd()), fmt.Sprintf("user.%d", set), []byte("v"), 0)
	}
	date := time.Unix(1_700_000_000, 123456789)
	if err := errors.Join(file.Chmod(0o640), file.Chown(1000, 1000), os.Chtimes(m.path("c/file"), date, date)); err != nil {
		t.Errorf("attributes beside a full set of extended ones: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Errorf("close: %v\n%s", err, log)
	}
	object(t, srv, "c", "file", []byte("new"))
	if got := sh(t, "stat -c '%a %u %Y' "+m.path("c/file")); got != "640 1000 1700000000\n" {
		t.Errorf("the file has %q", got)
	}
}

func logTo(log *logBuffer) func(*fs.Config) {
	return func(c *fs.Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) }
}

func TestAContainerThatIsDeletedUnderAnOpenFileIsAnErrorOfTheClose(t *testing.T) {
	for name, size := range map[string]int{"plain": 1000, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			log := new(logBuffer)
			m := mountClient(t, dial(t, fakeAccount(srv), quickly), smallSegments, logTo(log))
			file, err := os.Create(m.path("c/file"))
			if err != nil {
				t.Fatal(err)
			}
			if got := logIn(t, fakeAccount(srv)).do(http.MethodDelete, "c", ""); got.status/100 != 2 {
				t.Fatalf("deleting the container: %d", got.status)
			}
			data := pattern(size, 1)
			_, err = file.Write(data)
			if err := errors.Join(err, file.Close()); !errors.Is(err, syscall.ENOENT) {
				t.Errorf("writing and closing: %v, want ENOENT", err)
			}
			wantLogged(t, log, "level=ERROR msg=\"close failed\" path=c/file")
			srv.CreateContainer("c")
			m.unmount()
			object(t, srv, "c", "file", data)
		})
	}
}
