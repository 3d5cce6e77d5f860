package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

const segment = 32 << 20

// bigObject puts a large object of 1 GiB into container c, the same segment many
// times over, and returns the segment.
func bigObject(t *testing.T, srv *fakeswift.Server) []byte {
	t.Helper()
	data := pattern(segment, 1)
	srv.PutObject("c_segments", "part", "", data)
	srv.PutObject("c", "small", "", []byte("x"))
	type part struct {
		Path string `json:"path"`
	}
	var parts []part
	for range bigFile / segment {
		parts = append(parts, part{"/c_segments/part"})
	}
	manifest, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	logIn(t, fakeAccount(srv)).want(http.StatusCreated, http.MethodPut, "c/big?multipart-manifest=put", string(manifest))
	return data
}

// fetched returns the bytes of objects that the server has sent.
func fetched(srv *fakeswift.Server) int64 {
	var n int64
	for _, r := range srv.Requests() {
		if r.Level == fakeswift.Object {
			n += r.BytesOut
		}
	}
	return n
}

// within checks what f costs.
func within(t *testing.T, srv *fakeswift.Server, what string, requests int, bytes int64, f func()) {
	t.Helper()
	srv.Reset()
	f()
	if n, b := srv.Total(), fetched(srv); n > requests || b > bytes {
		t.Errorf("%s: %d requests and %d KiB, want %d and %d KiB at most:%s", what, n, b>>10, requests, bytes>>10, requestList(srv))
	} else {
		t.Logf("%s: %d requests, %d KiB", what, n, b>>10)
	}
}

// open opens a file of the mount; the test's end closes it.
func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// readAt reads n bytes of the big object and compares them.
func readAt(t *testing.T, f *os.File, want []byte, off, n int64) {
	t.Helper()
	got := make([]byte, n)
	if _, err := f.ReadAt(got, off); err != nil {
		t.Fatalf("reading %d bytes at %d: %v", n, off, err)
	}
	for len(got) > 0 {
		at := off % segment
		m := min(int64(len(got)), segment-at)
		if string(got[:m]) != string(want[at:at+m]) {
			t.Fatalf("wrong bytes at %d", off)
		}
		got, off = got[m:], off+m
	}
}

func TestTheBeginningOfABigFileCostsOneRequest(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	want := bigObject(t, srv)
	m := mount(t, fakeAccount(srv))
	const finding = 2 // a HEAD, and beside it a listing of what is below the name
	within(t, srv, "the first 4 KiB of a file in a directory not listed", finding+1, 256<<10, func() {
		readAt(t, open(t, m.path("c", "big")), want, 0, 4096)
	})
	m = mount(t, fakeAccount(srv))
	sh(t, "ls -l "+m.path("c"))
	within(t, srv, "the first 4 KiB of a listed file", 1, 256<<10, func() {
		readAt(t, open(t, m.path("c", "big")), want, 0, 4096)
	})
}

func TestAGigabyteInOrderCostsAtMost70Requests(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	want := bigObject(t, srv)
	m := mount(t, fakeAccount(srv))
	read := func(from int64) {
		f := open(t, m.path("c", "big"))
		for off := from; off < bigFile; off += 1 << 20 {
			readAt(t, f, want, off, 1<<20)
		}
	}
	within(t, srv, "1 GiB in order", 70, bigFile+1<<20, func() { read(0) })
	// A kernel that is short of memory drops a page here and there before it was read, or
	// soon after it: the whole may cost a little.
	within(t, srv, "the end of it again", 0, 0, func() { read(bigFile - 64<<20) })
}

func TestReadsAtRandomFetchWhatTheyAskFor(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	want := bigObject(t, srv)
	for _, r := range []struct {
		count, size int64
		requests    int
		bytes       int64
	}{
		{200, 4 << 10, 202, 4 << 20},
		{50, 1 << 20, 55, 60 << 20},
	} {
		m := mount(t, fakeAccount(srv))
		f := open(t, m.path("c", "big"))
		rng := rand.New(rand.NewPCG(1, uint64(r.size)))
		within(t, srv, fmt.Sprintf("%d reads of %d KiB at random", r.count, r.size>>10), r.requests, r.bytes, func() {
			for range r.count {
				readAt(t, f, want, rng.Int64N(bigFile-r.size)&^4095, r.size)
			}
		})
	}
}
