package integration

import (
	"net/http"
	"os"
	"syscall"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// "Never less than before", also when nobody knows what became of a request: the
// old name's deletion is carried out and not answered, however often it is tried.
func TestARenameWhoseDeletionIsNotAnsweredLosesNothing(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "old", "", []byte("content"))
	m := mountClient(t, dial(t, fakeAccount(srv), quickly))
	lost := srv.Inject(fakeswift.Fault{
		Match: func(r *http.Request) bool { return r.Method == http.MethodDelete && srv.MatchObject("c", "old")(r) },
		Do:    fakeswift.ResetAfter(),
	})
	wantRename(t, syscall.EIO, m.path("c/old"), m.path("c/new"))
	lost.Remove()
	object(t, srv, "c", "new", []byte("content"))
	if got := sh(t, "cat "+m.path("c/new")); got != "content" {
		t.Errorf("the new name shows %q", got)
	}
	// Repeating it says that it has been done.
	wantRename(t, syscall.ENOENT, m.path("c/old"), m.path("c/new"))
	object(t, srv, "c", "new", []byte("content"))
}

// "What it replaces stays readable for those who have it open", also when the
// rename ends with an error after that.
func TestARenameThatFailsAfterItReplacedAFileLeavesTheOpenOneAlone(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "old", "", []byte("new content"))
	m := mountClient(t, dial(t, fakeAccount(srv), quickly))
	sh(t, "printf replaced > "+m.path("c/target")+"; chmod 600 "+m.path("c/target"))
	open, err := os.OpenFile(m.path("c/target"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	fault := srv.Inject(fakeswift.Fault{
		Match: func(r *http.Request) bool { return r.Method == http.MethodDelete && srv.MatchObject("c", "old")(r) },
		Do:    fakeswift.Status(http.StatusInternalServerError),
	})
	wantRename(t, syscall.EIO, m.path("c/old"), m.path("c/target"))
	fault.Remove()
	still := func(when string) {
		t.Helper()
		info, err := open.Stat()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s the open file has mode %v (%v), want 0600", when, info.Mode(), err)
		}
		got := make([]byte, len("replaced"))
		if _, err := open.ReadAt(got, 0); err != nil || string(got) != "replaced" {
			t.Errorf("%s the open file shows %q (%v)", when, got, err)
		}
	}
	still("after the rename failed")
	if got := sh(t, "cat "+m.path("c/target")); got != "new content" {
		t.Errorf("the new name shows %q", got)
	}
	wantStat(t, "%a", m.path("c/target"), "644")
	wantRename(t, nil, m.path("c/old"), m.path("c/target"))
	still("after it was repeated")
	object(t, srv, "c", "target", []byte("new content"))
}
