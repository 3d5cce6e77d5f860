package fs

import (
	"context"
	"net/http"
	"syscall"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

// stored returns a header that the server has for an object.
func stored(t *testing.T, srv *fakeswift.Server, name, header string) string {
	t.Helper()
	_, h, ok := srv.Object("c", name)
	if !ok {
		t.Fatalf("the server has no c/%s", name)
	}
	return h.Get(header)
}

func setAttr(t *testing.T, w *testWriter, name, value string) {
	t.Helper()
	if err := (fileXattrs{w.node}).setAttr(t.Context(), name, &value, 0); err != nil {
		t.Errorf("setting %s: %v", name, err)
	}
}

func TestAttributesOfAFileThatIsBeingWrittenGoWithItsContent(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add([]byte("content"))
	srv.Reset()
	setAttr(t, w, "color", "red")
	setAttr(t, w, "Color", "green")
	setAttr(t, w, "gone", "1")
	a := fileXattrs{w.node}
	if err := a.setAttr(t.Context(), "gone", nil, setReplace); err != nil {
		t.Error(err)
	}
	err := a.setAttr(t.Context(), "gone", nil, setReplace)
	wantErrno(t, "removing it again", toErrno(err), errNoAttr)
	value := string(pattern(5000, 1))
	wantErrno(t, "setting what does not fit", toErrno(a.setAttr(t.Context(), "large", &value, 0)), syscall.ENOSPC)
	if n := srv.Total(); n != 0 {
		t.Errorf("%d requests before the file is stored", n)
	}
	w.close()
	if got := stored(t, srv, "file", "X-Object-Meta-Color"); got != "red" {
		t.Errorf("the color is %q", got)
	}
	if got := stored(t, srv, "file", "X-Object-Meta-Xattrs-0"); got != "Color=green" {
		t.Errorf("the packed attributes are %q", got)
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests for storing the file with its attributes", n)
	}
}

func TestAnAttributeThatIsSetDuringTheUploadIsKept(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add([]byte("content"))
	setAttr(t, w, "before", "1")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	srv.Inject(fakeswift.Fault{Times: 1, Do: func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		close(arrived)
		<-goOn
		next.ServeHTTP(rw, r)
	}})
	closed := make(chan syscall.Errno)
	go func() { closed <- w.Flush(context.WithoutCancel(t.Context())) }()
	<-arrived
	setAttr(t, w, "during", "2")
	close(goOn)
	wantErrno(t, "close", <-closed, 0)
	for header, want := range map[string]string{"X-Object-Meta-Before": "1", "X-Object-Meta-During": "2"} {
		if got := stored(t, srv, "file", header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	w.close()
}

func TestAnAttributeOutlivesAFailedUpload(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add([]byte("content"))
	setAttr(t, w, "color", "red")
	fault := srv.Inject(fakeswift.Fault{Do: fakeswift.Status(http.StatusForbidden)})
	wantErrno(t, "close without permission", w.Flush(t.Context()), syscall.EACCES)
	fault.Remove()
	w.close()
	if got := stored(t, srv, "file", "X-Object-Meta-Color"); got != "red" {
		t.Errorf("the color is %q", got)
	}
}
