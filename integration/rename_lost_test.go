package integration

import (
	"net/http"
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
