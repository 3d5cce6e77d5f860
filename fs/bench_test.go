package fs

import (
	"fmt"
	"testing"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend/fakeswift"
)

// BenchmarkWriteAndClose writes a new file as the kernel hands it over, up to the
// close. The server, which computes checksums too, runs in the same process.
func BenchmarkWriteAndClose(b *testing.B) {
	const piece = mib
	for _, size := range []int64{4 << 10, 16 * mib, 256 * mib} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			f, _ := newTestFS(b, fakeswift.Options{}, func(c *Config) { c.SegmentSize = DefaultConfig().SegmentSize })
			data := pattern(piece, 1)
			b.SetBytes(size)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				name := fmt.Sprintf("file-%d", n%2) // what was stored before goes
				n++
				file := &fileNode{f: f, at: place{"c", name}, row: listing.Row{Name: name, Local: true, Modified: time.Now(), Resolved: true}}
				w := newWriteHandle(file, file.newDraft())
				for at := int64(0); at < size; at += piece {
					if _, errno := w.Write(b.Context(), data[:min(piece, size-at)], at); errno != 0 {
						b.Fatal(errno)
					}
				}
				if errno := w.Flush(b.Context()); errno != 0 {
					b.Fatal(errno)
				}
				if errno := w.Release(b.Context()); errno != 0 {
					b.Fatal(errno)
				}
			}
		})
	}
}
