package fs

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

func TestFilesOfEverySizeAroundBlocksAndSegmentsAreStoredWhole(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	var sizes []int
	for _, border := range []int{0, 64 << 10, 1 << 20, 64<<10 + 1<<20, 2 << 20, 3 << 20} {
		sizes = append(sizes, max(0, border-1), border, border+1)
	}
	for _, size := range sizes {
		for _, piece := range []int{4096, 100_003, 1 << 20, 4 << 20} {
			name := fmt.Sprintf("file-%d-%d", size, piece)
			w := create(t, f, srv, name)
			for p := range slices.Chunk(pattern(size, uint64(size)), piece) {
				w.add(p)
			}
			w.close()
			_, h, _ := srv.Object("c", name)
			if large := h.Get("X-Static-Large-Object") != ""; large != (size > 1<<20) {
				t.Errorf("%d bytes: large object %v", size, large)
			}
		}
	}
}

func TestGapsReadAsZerosAndTheTailMayBeOverwritten(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.put([]byte("begin"), 100)
	w.put([]byte("BE"), 100)
	w.put([]byte("0"), 0)
	w.put([]byte("far"), 5<<20) // over several segments
	w.put(pattern(100, 1), 5<<20+1)
	w.put([]byte("x"), 0) // into an uploaded segment
	w.close()
}

func TestTruncatingWhatWasWritten(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add(pattern(2<<20+500_000, 1))
	wantErrno(t, "shortening the tail", w.truncate(t.Context(), 2<<20+70_000), 0)
	w.want = w.want[:2<<20+70_000]
	w.sync()
	wantErrno(t, "extending", w.truncate(t.Context(), 3<<20+5), 0)
	w.want = append(w.want, make([]byte, 3<<20+5-len(w.want))...)
	w.add([]byte("more"))
	w.sync()
	wantErrno(t, "cutting off uploaded segments", w.truncate(t.Context(), 1000), 0)
	w.want = w.want[:1000]
	w.close()
	small := create(t, f, srv, "small")
	small.add(pattern(200_000, 2))
	wantErrno(t, "emptying", small.truncate(t.Context(), 0), 0)
	small.want = nil
	small.sync()
	small.add([]byte("again"))
	small.close()
}

// Every fsync makes a version of its own, whose tail the next one replaces.
func TestRepeatedFsyncLeavesNoSegmentsBehind(t *testing.T) {
	for name, opts := range map[string]fakeswift.Options{
		"static":  {},
		"dynamic": {Without: []string{"slo"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, srv := newTestFS(t, opts)
			w := create(t, f, srv, "file")
			for i := range 12 {
				w.add(pattern(300_000, uint64(i)))
				w.sync()
			}
			w.close()
			f.writers.wait()
			left := 0
			for _, s := range srv.Objects("c_segments") {
				data, _, _ := srv.Object("c_segments", s)
				left += len(data)
			}
			if left != len(w.want) {
				t.Errorf("the segments have %d bytes, the file %d: %q", left, len(w.want), srv.Objects("c_segments"))
			}
			w.check()
		})
	}
}

func TestMoreSegmentsThanAManifestTakesBecomeADynamicLargeObject(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{Limits: fakeswift.Limits{MaxManifestSegments: 3}})
	w := create(t, f, srv, "file")
	for i := range 6 {
		w.add(pattern(900_000, uint64(i)))
		w.sync()
	}
	w.close()
	_, h, _ := srv.Object("c", "file")
	if h.Get("X-Object-Manifest") == "" {
		t.Errorf("it is no dynamic large object: %v", h)
	}
	f.writers.wait()
	w.check()
}

func putOf(part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == http.MethodPut && strings.Contains(r.URL.Path, part) }
}

func TestASegmentThatFailedIsTriedAgainByTheClose(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/00000001"), Times: 1, Do: fakeswift.Status(http.StatusForbidden)})
	w := create(t, f, srv, "file")
	w.add(pattern(2<<20, 1))
	for fault.Hits() == 0 {
		data := pattern(4096, 2)
		if _, errno := w.Write(t.Context(), data, int64(len(w.want))); errno != 0 {
			break // a write may tell of the failure, and takes nothing then
		}
		w.want = append(w.want, data...)
	}
	w.close()
	if fault.Hits() != 1 {
		t.Errorf("%d segments failed, want 1", fault.Hits())
	}
}

func TestAFailedCloseCanBeRepeatedUntilTheLastDescriptorIsClosed(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("old"))
	for _, size := range []int{1000, 3 << 20} {
		fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.Status(http.StatusForbidden)})
		w := create(t, f, srv, "file")
		w.add(pattern(size, 1))
		wantErrno(t, "the first close", w.Flush(t.Context()), syscall.EACCES)
		wantErrno(t, "the second close", w.Flush(t.Context()), syscall.EACCES)
		fault.Remove()
		w.close()
		lost := create(t, f, srv, "file")
		again := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.Status(http.StatusForbidden)})
		lost.add(pattern(size, 2))
		wantErrno(t, "the close of the lost one", lost.Flush(t.Context()), syscall.EACCES)
		lost.giveUp()
		f.writers.wait() // the last descriptor tries once more
		again.Remove()
		w.check()
	}
}

func wantSegments(t *testing.T, f *FS, srv *fakeswift.Server, want int) {
	t.Helper()
	f.writers.wait()
	if got := srv.Objects("c_segments"); len(got) != want {
		t.Errorf("the segment container has %d objects, want %d: %q", len(got), want, got)
	}
}

func TestAnUploadThatFailsUntilTheMountEndsLeavesNoSegments(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	defer srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.Status(http.StatusForbidden)}).Remove()
	w := create(t, f, srv, "file")
	w.add(pattern(3<<20+1000, 1))
	wantErrno(t, "the close", w.Flush(t.Context()), syscall.EACCES)
	w.giveUp()
	f.drafts.finish(t.Context())
	wantSegments(t, f, srv, 0)
}

func TestWhatFsyncHasStoredOutlivesWhatCannotBeStoredAfterIt(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	w := create(t, f, srv, "file")
	w.add(pattern(3<<20+1000, 1))
	w.sync()
	stored := bytes.Clone(w.want)
	defer srv.Inject(fakeswift.Fault{Match: isPut, Do: fakeswift.Status(http.StatusRequestEntityTooLarge)}).Remove()
	w.add(pattern(1000, 2))
	if _, err := readBack(t, &w.reader, 100, 0); err != nil { // by a staged file
		t.Fatal(err)
	}
	wantErrno(t, "the close", w.Flush(t.Context()), syscall.EDQUOT)
	w.giveUp()
	f.drafts.finish(t.Context())
	f.writers.wait()
	if got, _, ok := srv.Object("c", "file"); !ok || !bytes.Equal(got, stored) {
		t.Errorf("the server has %d bytes, want the %d that were stored", len(got), len(stored))
	}
}

func isPut(r *http.Request) bool { return r.Method == http.MethodPut }

func TestClosesThatFailedLeaveNoTailsBehind(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Times: 3, Do: fakeswift.Status(http.StatusForbidden)})
	w := create(t, f, srv, "file")
	w.add(pattern(2<<20+1000, 1))
	for fault.Hits() < 3 {
		wantErrno(t, "a close", w.Flush(t.Context()), syscall.EACCES)
	}
	w.close()
	wantSegments(t, f, srv, 3)
}

func TestSegmentsSurviveABadConnection(t *testing.T) {
	for name, do := range map[string]fakeswift.Action{
		"reset before":   fakeswift.ResetBefore(),
		"reset within":   fakeswift.ResetMidBody(300_000),
		"answer lost":    fakeswift.ResetAfter(),
		"damaged":        fakeswift.CorruptUpload(),
		"refused":        fakeswift.Status(http.StatusServiceUnavailable),
		"expired":        fakeswift.Status(http.StatusUnauthorized),
		"quota for once": fakeswift.Status(http.StatusRequestEntityTooLarge),
	} {
		t.Run(name, func(t *testing.T) {
			f, srv := newTestFS(t, fakeswift.Options{})
			fault := srv.Inject(fakeswift.Fault{Match: putOf("/c_segments/file/"), Skip: 1, Times: 2, Do: do})
			w := create(t, f, srv, "file")
			data := pattern(4<<20+1000, 1)
			for piece := range slices.Chunk(data, 128<<10) {
				if _, errno := w.Write(t.Context(), piece, int64(len(w.want))); errno != 0 {
					break // it may tell of a segment that failed
				}
				w.want = append(w.want, piece...)
			}
			if errno := w.Flush(t.Context()); errno != 0 {
				wantErrno(t, "the repeated close", w.Flush(t.Context()), 0)
			}
			w.close()
			if fault.Hits() != 2 {
				t.Errorf("%d requests were hit, want 2", fault.Hits())
			}
			wantSegments(t, f, srv, (len(w.want)+1<<20-1)>>20)
		})
	}
}

func TestASignalEndsTheWaitAndNotTheUpload(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	stalled, goOn := context.WithCancel(t.Context())
	fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.Stall(stalled)})
	w := create(t, f, srv, "file")
	w.add(pattern(1000, 1))
	ctx, signal := context.WithCancel(t.Context())
	signal()
	start := time.Now()
	wantErrno(t, "the interrupted close", w.Flush(ctx), syscall.EINTR)
	if took := time.Since(start); took > grace+3*time.Second {
		t.Errorf("the signal was heard after %v", took)
	}
	fault.Remove()
	goOn()
	w.close()
}

// Memory is taken and given back by handles that all stay open: nobody waits
// for what only another waiting one could give back.
func TestManyOpenFilesShareTheMemory(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.MemoryLimit, c.SegmentSize = leastMemory, 16<<20 })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []*testWriter
	for i := range 12 { // 60 MB, of which 24 MiB fit
		all = append(all, create(t, f, srv, fmt.Sprintf("file-%02d", i)))
	}
	for round := range 5 {
		for i, w := range all {
			data := pattern(1_000_000, uint64(round*100+i))
			if _, errno := w.Write(ctx, data, int64(len(w.want))); errno != 0 {
				t.Fatalf("round %d, file %d: %v", round, i, errno)
			}
			w.want = append(w.want, data...)
		}
	}
	for _, w := range all {
		w.close()
	}
	if !f.writers.memory.TryAcquire(f.cfg.writeMemory()) {
		t.Fatal("memory was not given back")
	}
	f.writers.memory.Release(f.cfg.writeMemory())
}

func TestSegmentsNeedRoomInTheName(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{Limits: fakeswift.Limits{MaxObjectName: 100}})
	w := create(t, f, srv, strings.Repeat("n", 100))
	w.add(pattern(1<<20, 1))
	if _, errno := w.Write(t.Context(), []byte("one more"), 1<<20); errno != syscall.ENAMETOOLONG {
		t.Errorf("a segment with too long a name: %v, want ENAMETOOLONG", errno)
	}
	w.close() // what was taken can be stored: it is one object
	if got, _, _ := srv.Object("c", strings.Repeat("n", 100)); !bytes.Equal(got, w.want) {
		t.Errorf("the server has %d bytes", len(got))
	}
}

func TestFourSegmentsFitInTheMemoryUntilAManifestRunsShort(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.SegmentSize = 16 * mib })
	w := create(t, f, srv, "file")
	for _, c := range []struct {
		segments     int
		sealed, want int64
	}{
		{0, 0, 16 * mib}, {62, 62 * 16 * mib, 16 * mib}, {100, 3 << 30, 16 * mib}, {499, 8 << 30, 16 * mib}, {500, 8 << 30, 32 * mib}, {900, 1 << 40, 32 * mib},
	} {
		s := stream{f: f, segments: make([]*segment, c.segments), sealed: c.sealed}
		if got := s.segmentSize(); got != c.want {
			t.Errorf("segment %d, at byte %d, becomes %d MiB, want %d", c.segments, c.sealed, got/mib, c.want/mib)
		}
	}
	w.close()
}

func TestAStreamWaitsForItsOwnUploadsBeforeItCutsATailShort(t *testing.T) {
	const size = 12 * mib
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.MemoryLimit, c.SegmentSize = leastMemory, size })
	stalled, goOn := context.WithCancel(t.Context())
	defer goOn()
	srv.Inject(fakeswift.Fault{Match: putOf("/c_segments/file/"), Do: fakeswift.Stall(stalled)})
	idle, w := create(t, f, srv, "idle"), create(t, f, srv, "file")
	idle.add(pattern(3*mib, 1))
	var writing sync.WaitGroup
	writing.Go(func() {
		defer goOn()
		w.want = pattern(3*size, 2)
		if _, errno := w.Write(t.Context(), w.want, 0); errno != 0 {
			t.Errorf("writing: %v", errno)
		}
	})
	for stalled.Err() == nil && f.writers.memory.TryAcquire(largeBlock) { // until what is being uploaded and the tails have all of it
		f.writers.memory.Release(largeBlock)
		runtime.Gosched()
	}
	goOn()
	writing.Wait()
	w.close()
	if n := len(idle.draft.stream.segments); n > 0 {
		t.Errorf("the tail of another file was made %d segments", n)
	}
	idle.close()
	wantSegments(t, f, srv, 3)
}

// The uploads that a stream waits for must not wait for its own tail, or for others'
// that wait as well.
func TestStreamsWaitForUploadsThatHaveTheirTurn(t *testing.T) {
	const size = 5 * mib
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.MemoryLimit, c.SegmentSize, c.UploadConcurrency = leastMemory, size, 1 })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var writers sync.WaitGroup
	for i := range 4 {
		w := create(t, f, srv, fmt.Sprintf("file-%d", i))
		writers.Go(func() {
			data := pattern(4*size, uint64(i))
			for p := range slices.Chunk(data, mib) {
				if _, errno := w.Write(ctx, p, int64(len(w.want))); errno != 0 {
					t.Errorf("file %d: %v", i, errno)
					return
				}
				w.want = append(w.want, p...)
			}
		})
		t.Cleanup(w.close)
	}
	writers.Wait()
}

func TestTheMemoryOfASegmentComesBackWhileTheFileIsStillWritten(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{}, func(c *Config) { c.SegmentSize = 4 * mib })
	w := create(t, f, srv, "file")
	w.add(pattern(12*mib+1000, 1)) // three segments and a tail in its first block, which is not counted
	for _, g := range w.draft.stream.segments {
		<-g.done
	}
	if got := len(w.draft.stream.segments); got != 3 || !f.writers.memory.TryAcquire(f.writers.total) {
		t.Fatalf("%d segments are stored, and their memory is not back", got)
	}
	f.writers.memory.Release(f.writers.total)
	w.close()
}
