package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// TestManyProcessesCopyThroughAFailingServer has 32 processes copy 2,000 files
// in and out at once while tokens live 2 s and one request in 20 fails.
func TestManyProcessesCopyThroughAFailingServer(t *testing.T) {
	const processes, files = 32, 2000
	srv := startFake(t, fakeswift.Options{TokenLife: 2 * time.Second})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	from, to := t.TempDir(), t.TempDir()
	want := map[string][]byte{}
	for p := range processes {
		dir := fmt.Sprintf("p%02d", p)
		if err := os.Mkdir(filepath.Join(from, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range files / processes {
			name := filepath.Join(dir, fmt.Sprintf("file-%03d", i))
			want[name] = pattern(1+(p*7919+i*104729)%60000, uint64(p*1000+i))
			if err := os.WriteFile(filepath.Join(from, name), want[name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	faults := srv.FailEvery(0.05, 1)
	defer faults.Remove()
	inParallel(processes, func(p int) {
		sh(t, fmt.Sprintf("cp -r %s/p%02d %s", from, p, m.dir))
	})
	inParallel(processes, func(p int) {
		sh(t, fmt.Sprintf("cp -r %s/p%02d %s", m.dir, p, to))
	})
	for name, data := range want {
		object(t, srv, "c", name, data)
		got, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s came back as %d bytes, want %d: %v", name, len(got), len(data), err)
		}
	}
	if hits := faults.Hits(); hits < files/20 {
		t.Errorf("%d requests failed; the test needs %d at least to say anything", hits, files/20)
	}
	if logins := srv.Count(fakeswift.Kind{Level: fakeswift.Auth}); logins < 2 {
		t.Errorf("%d logins; no token expired during the test", logins)
	}
}

func inParallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// put matches the PUT of one object.
func put(container, object string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/"+container+"/"+object)
	}
}

func quickly(c *swiftbackend.Config) { c.Timeout = 2 * time.Second }

func TestAFailedUploadMakesCpFailAndKeepsTheOldObject(t *testing.T) {
	for _, fault := range []struct {
		name    string
		do      fakeswift.Action
		message string
	}{
		{"server error", fakeswift.Status(http.StatusServiceUnavailable), "Input/output error"},
		{"quota", fakeswift.Status(http.StatusRequestEntityTooLarge), "Disk quota exceeded"},
		{"forbidden", fakeswift.Status(http.StatusForbidden), "Permission denied"},
		{"reset", fakeswift.ResetBefore(), "Input/output error"},
		{"damaged on the way", fakeswift.CorruptUpload(), "Input/output error"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "file", "", []byte("old"))
			m := mountClient(t, dial(t, fakeAccount(srv), quickly))
			injected := srv.Inject(fakeswift.Fault{Match: put("c", "file"), Do: fault.do})
			from := localFile(t, "new", pattern(100000, 1))
			fails(t, fault.message, "cp "+from+" "+m.path("c/file"))
			if injected.Hits() == 0 {
				t.Error("the fault did not hit anything")
			}
			object(t, srv, "c", "file", []byte("old"))
			// What could not be stored is kept, and is tried again.
			sh(t, "cmp "+from+" "+m.path("c/file"))
			injected.Remove()
			m.unmount()
			object(t, srv, "c", "file", pattern(100000, 1))
		})
	}
}

func TestAFailedUploadOfANewFileIsKeptUntilItIsRemoved(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mountClient(t, dial(t, fakeAccount(srv), quickly))
	fault := srv.Inject(fakeswift.Fault{Match: put("c", "file"), Do: fakeswift.Status(http.StatusForbidden)})
	fails(t, "Permission denied", "cp "+localFile(t, "new", []byte("x"))+" "+m.path("c/file"))
	if got := sh(t, "cd "+m.path("c")+"; cat file; rm file; ls"); got != "x" {
		t.Errorf("cat and ls show %q after the failed creation", got)
	}
	fault.Remove()
	m.unmount()
	if _, _, ok := srv.Object("c", "file"); ok {
		t.Error("the file that was removed was stored")
	}
}

func TestFsyncTellsTheTruth(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mountClient(t, dial(t, fakeAccount(srv), quickly))
	sh(t, "dd if=/dev/zero of="+m.path("c/good")+" bs=1000 count=3 conv=fsync status=none")
	object(t, srv, "c", "good", make([]byte, 3000))
	fault := srv.Inject(fakeswift.Fault{Match: put("c", "bad"), Do: fakeswift.Status(http.StatusInsufficientStorage)})
	defer fault.Remove()
	fails(t, "fsync failed", "dd if=/dev/zero of="+m.path("c/bad")+" bs=1000 count=3 conv=fsync status=none")
}

func TestAnExpiredTokenInTheMiddleOfACopyIsRenewed(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	data := pattern(5<<20, 3)
	from := localFile(t, "new", data)
	var n atomic.Int32
	srv.Inject(fakeswift.Fault{Match: func(r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "c_segments") {
			if n.Add(1) == 3 {
				srv.ExpireTokens()
			}
		}
		return false
	}, Do: fakeswift.Status(http.StatusTeapot)})
	sh(t, "cp "+from+" "+m.path("c/file"))
	object(t, srv, "c", "file", data)
}

func TestADeadServerGivesAnErrorWithinTheTimeLimit(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	m := mountClient(t, dial(t, fakeAccount(srv), quickly))
	sh(t, "ls "+m.path("c"))
	fault := srv.Inject(fakeswift.Fault{Do: fakeswift.Stall(t.Context())})
	defer fault.Remove()
	start := time.Now()
	fails(t, "Connection timed out", "cat "+m.path("c/file"))
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("the error took %v with a time limit of 2 s", took)
	}
	m.unmount()
}

func TestASignalEndsTheWaitForADeadServer(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("data"))
	m := mountClient(t, dial(t, fakeAccount(srv), func(c *swiftbackend.Config) { c.Timeout = time.Minute }))
	sh(t, "ls "+m.path("c"))
	fault := srv.Inject(fakeswift.Fault{Do: fakeswift.Stall(t.Context())})
	defer fault.Remove()
	start := time.Now()
	if r := try(t, "timeout", "-s", "INT", "1", "cat", m.path("c/file")); r.code == 0 {
		t.Error("cat succeeded without a server")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the signal was heard after %v", took)
	}
}

func TestADamagedSmallFileIsReadAgainAndNeverShown(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data := pattern(50000, 9)
	srv.PutObject("c", "file", "", data)
	m := mount(t, fakeAccount(srv))
	get := fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Object}
	once := srv.Inject(fakeswift.Fault{Kind: get, Times: 1, Do: fakeswift.CorruptBody()})
	if got := sh(t, "cat "+m.path("c/file")); got != string(data) {
		t.Error("damaged bytes were shown")
	}
	if once.Hits() != 1 {
		t.Errorf("%d bodies were damaged, want 1", once.Hits())
	}
	srv.PutObject("c", "other", "", data)
	always := srv.Inject(fakeswift.Fault{Kind: get, Do: fakeswift.CorruptBody()})
	defer always.Remove()
	fails(t, "Input/output error", "cat "+m.path("c/other"))
}
