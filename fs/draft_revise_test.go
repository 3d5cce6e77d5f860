package fs

import (
	"testing"

	"swiftfs/swiftbackend/fakeswift"
)

func TestAnEditWhoseAnswerWasLostIsNotTakenForAnotherClients(t *testing.T) {
	for name, size := range map[string]int{"large": 6 << 20, "plain": 900_000} {
		t.Run(name, func(t *testing.T) {
			f, srv := newTestFS(t, fakeswift.Options{})
			first := create(t, f, srv, "file")
			first.add(pattern(size, 1))
			first.close()
			w := edit(t, f, srv, "file", first.want)
			w.put([]byte("an edit"), 100)
			fault := srv.Inject(fakeswift.Fault{Match: putOf("/c/file"), Do: fakeswift.ResetAfter()})
			if errno := w.Flush(t.Context()); errno == 0 {
				t.Error("a close without an answer succeeded")
			}
			fault.Remove()
			w.check() // it was stored, and only the answer is missing
			w.put([]byte("another edit"), 200)
			w.close()
			f.writers.wait()
			if name == "large" {
				left := 0
				for _, s := range srv.Objects("c_segments") {
					data, _, _ := srv.Object("c_segments", s)
					left += len(data)
				}
				if left > 2*size {
					t.Errorf("the segments have %d bytes, the file %d", left, size)
				}
			}
		})
	}
}
