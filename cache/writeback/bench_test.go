package writeback

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"swiftfs/cache"
)

func benchmarkStage(b *testing.B, base Base) *Stage {
	b.Helper()
	dir, err := cache.Open(filepath.Join(b.TempDir(), "c"), 0)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewStage(dir, base)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
		if err := dir.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// BenchmarkSequentialWrite writes 128 KiB at a time, as the kernel does, over and
// over the same 64 MiB.
func BenchmarkSequentialWrite(b *testing.B) {
	s := benchmarkStage(b, nil)
	p := make([]byte, 128<<10)
	b.SetBytes(int64(len(p)))
	off := int64(0)
	for b.Loop() {
		if _, err := s.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
		off = (off + int64(len(p))) % (64 << 20)
	}
}

// BenchmarkScatteredWrite writes 4 KiB at a time into a file that has 100,000
// dirty ranges already, as a database on a 10 GiB object may.
func BenchmarkScatteredWrite(b *testing.B) {
	const ranges, size = 100_000, 10 << 30
	s := benchmarkStage(b, &hugeVersion{size: size})
	for i := range int64(ranges) {
		s.remote.remove(Range{i * size / ranges, i*size/ranges + 1})
		s.dirty.add(Range{i * size / ranges, i*size/ranges + 1})
	}
	rng := rand.New(rand.NewPCG(1, 1))
	p := make([]byte, 4096)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := s.WriteAt(p, rng.Int64N(64<<20/4096)*4096); err != nil {
			b.Fatal(err)
		}
	}
}
