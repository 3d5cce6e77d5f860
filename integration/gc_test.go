package integration

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// startFakeOfYesterday starts a server on which everything is stored a day ago.
func startFakeOfYesterday(t *testing.T) *fakeswift.Server {
	t.Helper()
	return startFake(t, fakeswift.Options{Now: func() time.Time { return time.Now().Add(-25 * time.Hour) }})
}

// crash kills a mount that has uploaded segments of a file and not its manifest.
func crash(t *testing.T, srv *fakeswift.Server, name string) {
	t.Helper()
	d := mountBinary(t, fakeAccount(srv), ":", "--segment-size=1MiB")
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(pattern(5<<20, 1)); err != nil {
		t.Fatal(err)
	}
	container, _, _ := strings.Cut(name, "/")
	awaitTrue(t, func() bool { return len(srv.Objects(container+"_segments")) >= 4 }, "4 segments at the server")
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, d.pid)
	_ = f.Close()
	d.detach()
}

func TestGCDeletesWhatACrashLeftAndNothingElse(t *testing.T) {
	srv := startFakeOfYesterday(t)
	for _, c := range []string{"c", "d"} {
		srv.CreateContainer(c)
	}
	a := fakeAccount(srv)
	d := mountBinary(t, a, ":", "--segment-size=1MiB")
	whole := pattern(5<<20, 2)
	sh(t, "cp "+localFile(t, "whole", whole)+" "+d.path("c", "whole"))
	if got := swiftfs(t, account{}, "umount", d.dir); got.code != 0 {
		t.Fatalf("umount: %+v", got)
	}
	kept := srv.Objects("c_segments")
	crash(t, srv, "d/lost")
	orphans := len(srv.Objects("d_segments"))

	before := srv.Objects("d_segments")
	got := swiftfs(t, a, "gc", ":")
	for _, line := range []string{
		fmt.Sprintf("%d segments  d/lost, stored 1 day ago\n", orphans),
		fmt.Sprintf("%d segments (%d.0 MiB) of 1 upload would be deleted with --delete\n", orphans, orphans),
		"kept 5 segments (5.0 MiB) that large objects have\n",
	} {
		if got.code != 0 || !strings.Contains(got.out, line) {
			t.Errorf("swiftfs gc: exit status %d\n%swant %q", got.code, got.out, line)
		}
	}
	if left := srv.Objects("d_segments"); !slices.Equal(left, before) {
		t.Errorf("without --delete, of segments %q there are %q", before, left)
	}
	if got := swiftfs(t, a, "gc", "--delete", ":c"); got.code != 0 || !strings.HasPrefix(got.out, "nothing is left over\n") {
		t.Errorf("in the other container: %+v", got)
	}
	got = swiftfs(t, a, "gc", "--delete", "--older-than=48h", ":d")
	if want := fmt.Sprintf("nothing is left over\nkept %d segments (%d.0 MiB) of uploads that may be under way: less than 48h0m0s old\n", orphans, orphans); got.code != 0 || got.out != want {
		t.Errorf("with a higher limit: %+v, want %q", got, want)
	}
	if got = swiftfs(t, a, "gc", "--delete", ":"); got.code != 0 || !strings.Contains(got.out, fmt.Sprintf("deleted %d segments", orphans)) {
		t.Errorf("with --delete: %+v", got)
	}
	if left := srv.Objects("d_segments"); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
	if left := srv.Objects("c_segments"); !slices.Equal(left, kept) {
		t.Errorf("of segments %q there are %q", kept, left)
	}
	object(t, srv, "c", "whole", whole)
}

func TestGCLeavesAnUploadAlone(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	a := fakeAccount(srv)
	d := mountBinary(t, a, ":", "--segment-size=1MiB")
	data := pattern(5<<20, 3)
	w := writeTo(t, d.path("c", "file"))
	w.writeUnseen(string(data[:4<<20]))
	awaitTrue(t, func() bool { return len(srv.Objects("c_segments")) >= 3 }, "3 segments at the server")
	got := swiftfs(t, a, "gc", "--delete", ":")
	if got.code != 0 || !strings.Contains(got.out, "of uploads that may be under way") {
		t.Errorf("gc while a file is written: %+v", got)
	}
	object(t, srv, "c", "file", nil) // as it was created
	w.writeUnseen(string(data[4<<20:]))
	if said := w.close(); said != "" {
		t.Fatal(said)
	}
	object(t, srv, "c", "file", data)
}

func TestGCThatCannotWorkSaysWhy(t *testing.T) {
	srv := startFakeOfYesterday(t)
	srv.CreateContainer("c")
	a := fakeAccount(srv)
	crash(t, srv, "c/lost")
	wantResult(t, swiftfs(t, a, "gc"), 2, "SOURCE is missing; usage: swiftfs gc [flags] SOURCE")
	wantResult(t, swiftfs(t, a, "gc", "c"), 2, "has no colon")
	wantResult(t, swiftfs(t, a, "gc", "--older-than=soon", ":"), 2, `option older-than: "soon" is not a duration`)
	wantResult(t, swiftfs(t, a, "gc", ":missing"), 1, `there is no container "missing" in the account`)
	wantResult(t, swiftfs(t, account{a.authURL, a.user, "guess"}, "gc", ":"), 1, "the user or the key is wrong")
	reader := account{a.authURL, fakeswift.ReaderUser, fakeswift.ReaderKey}
	wantResult(t, swiftfs(t, reader, "gc", ":c"), 1, `"test:reader" has to be allowed to look at all containers of the account, which may have manifests`)
	refused := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPost}, Do: fakeswift.Status(http.StatusForbidden)})
	wantResult(t, swiftfs(t, a, "gc", "--delete", ":"), 1, "cannot delete segments of c/lost: ")
	refused.Remove()
	if len(srv.Objects("c_segments")) == 0 {
		t.Error("the segments are gone")
	}
}

// awaitTrue asks again and again until the answer is yes.
func awaitTrue(t *testing.T, ask func() bool, what string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(20 * time.Second)
	for !ask() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}
