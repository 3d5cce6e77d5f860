package fs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// edit opens an object of container c that the server has, as it is in data.
func edit(t *testing.T, f *FS, srv *fakeswift.Server, name string, data []byte) *testWriter {
	t.Helper()
	info, err := f.client.Head(t.Context(), "c", name)
	if err != nil {
		t.Fatal(err)
	}
	file := &fileNode{f: f, at: place{"c", name}, row: headRow(name, &info)}
	return &testWriter{newWriteHandle(file, file.openDraft()), t, srv, bytes.Clone(data)}
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 20 s", what)
		}
	}
}

// held is a fault that holds the requests it hits until goOn is called, and then
// does do. reached is closed when the first has come.
func held(do fakeswift.Action) (action fakeswift.Action, reached <-chan struct{}, goOn func()) {
	come, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		once.Do(func() { close(come) })
		<-gone
		do(w, r, next)
	}, come, sync.OnceFunc(func() { close(gone) })
}

func TestAnUploadThatFailsAfterItsFileWasGivenUpIsTriedAgain(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	do, _, goOn := held(fakeswift.Status(http.StatusForbidden))
	defer goOn()
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Times: 1, Do: do})
	w := create(t, f, srv, "file")
	w.add(pattern(1000, 1))
	ctx, signal := context.WithCancel(t.Context())
	signal()
	wantErrno(t, "the interrupted close", w.Flush(ctx), syscall.EINTR)
	if got := f.pending(); len(got) != 1 {
		t.Errorf("while it is being stored %d files are pending, want 1", len(got))
	}
	w.giveUp() // which does not wait for the upload
	goOn()
	eventually(t, "the file is stored", func() bool { _, _, ok := srv.Object("c", "file"); return ok })
	w.check()
	if fault.Hits() != 1 {
		t.Errorf("%d uploads failed, want 1", fault.Hits())
	}
}

func TestWhatIsReadWhileAnEditIsStoredIsTheEdit(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	first := create(t, f, srv, "file")
	first.add(pattern(6<<20, 1))
	first.close()
	w := edit(t, f, srv, "file", first.want)
	w.put([]byte("an edit"), 100)
	stored := make(chan struct{})
	goOn := make(chan struct{})
	srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Times: 1, Do: func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(rw, r)
		close(stored)
		<-goOn
	}})
	closed := make(chan syscall.Errno, 1)
	go func() { closed <- w.Flush(t.Context()) }()
	<-stored
	read := make(chan error, 1)
	go func() {
		got, err := readBack(t, &w.reader, 1000, 4<<20)
		if err == nil && !bytes.Equal(got, w.want[4<<20:4<<20+1000]) {
			err = errors.New("other bytes")
		}
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			t.Errorf("reading what has not changed: %v", err)
		}
		read <- nil
	case <-time.After(500 * time.Millisecond): // it waits for the answer
	}
	close(goOn)
	if err := <-read; err != nil {
		t.Errorf("reading what has not changed: %v", err)
	}
	wantErrno(t, "close", <-closed, 0)
	w.check()
	w.giveUp()
}

func TestWhatFitsTheQuotaAfterTruncationIsTaken(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add(pattern(5000, 1))
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.Status(http.StatusRequestEntityTooLarge)})
	wantErrno(t, "close", w.Flush(t.Context()), syscall.EDQUOT)
	if _, errno := w.Write(t.Context(), []byte("more"), 5000); errno != syscall.EDQUOT {
		t.Errorf("writing more: %v, want EDQUOT", errno)
	}
	wantErrno(t, "emptying", w.truncate(t.Context(), 0), 0)
	fault.Remove()
	w.want = nil
	w.add([]byte("little"))
	w.close()
}

// The manifest may be stored when the server does not say so; the segments that
// it names are not garbage.
func TestSegmentsThatAManifestMayNameAreLeftAlone(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add(pattern(3<<20+1000, 1))
	srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.ResetAfter()})
	if errno := w.Flush(t.Context()); errno == 0 {
		t.Error("a close without an answer succeeded")
	}
	w.giveUp()
	f.drafts.finish(t.Context())
	f.writers.wait()
	w.check()
}

// "What finds no memory because other open files hold it, or because the server
// refuses their segments, goes on on the local disk."
func TestAFailedStreamDoesNotKeepTheMemoryOfOthers(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.MemoryLimit = leastMemory })
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/c_segments/bad/"), Do: fakeswift.Status(http.StatusForbidden)})
	var all []*testWriter
	for i := range 8 {
		w := create(t, f, srv, fmt.Sprintf("bad/%d", i))
		data := pattern(1<<20, uint64(i))
		_, errno := w.Write(t.Context(), data, 0)
		for ; errno == 0 && len(w.want) < 200<<20; _, errno = w.Write(t.Context(), data, int64(len(w.want))) {
			w.want = append(w.want, data...)
		}
		wantErrno(t, "writing to a server that refuses", errno, syscall.EACCES)
		all = append(all, w)
	}
	if !f.writers.memory.TryAcquire(f.cfg.writeMemory()) {
		t.Error("files that nobody can store hold memory that others need")
	} else {
		f.writers.memory.Release(f.cfg.writeMemory())
	}
	fault.Remove()
	for _, w := range all {
		w.close()
	}
}

func TestMoreOpenFilesThanTheMemoryHasBlocksCanBeWritten(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.MemoryLimit = leastMemory })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []*testWriter
	for i := range 100 { // 32 of them fit
		w := create(t, f, srv, fmt.Sprintf("file-%03d", i))
		data := pattern(200_000, uint64(i))
		if _, errno := w.Write(ctx, data, 0); errno != 0 {
			t.Fatalf("file %d: %v", i, errno)
		}
		w.want = data
		all = append(all, w)
	}
	for _, w := range all {
		if err := w.draft.truncate(ctx, 900_000); err != nil {
			t.Fatalf("making %s longer: %v", w.node.at.object, err)
		}
		w.want = append(w.want, make([]byte, 700_000)...)
	}
	for _, w := range all {
		w.close()
	}
}

// What is complete on the server, in segments, is stored only by its manifest.
func TestAFileThatIsReadWhileItIsWrittenIsStoredByItsClose(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.SegmentSize = 8 << 20 })
	for _, size := range []int{1000, 8 << 20, 16<<20 + 1000, 21 << 20} {
		w := create(t, f, srv, fmt.Sprintf("file-%d", size))
		w.add(pattern(size, 1))
		if got, err := readBack(t, &w.reader, 100, 0); err != nil || !bytes.Equal(got, w.want[:100]) {
			t.Errorf("reading what was written: %d bytes, %v", len(got), err)
		}
		w.close()
	}
}
