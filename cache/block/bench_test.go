package block

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"swiftfs/cache"
)

// The ways in which the bytes of a version come: from the server without a disk,
// from it to the disk, from the disk, and from the disk when they have to be
// checked first.
func BenchmarkReading(b *testing.B) {
	const size = 64 * mib
	o := newObject(size, 1)
	buf := make([]byte, mib)
	read := func(b *testing.B, src Source) {
		b.Helper()
		for off := int64(0); off < size; off += 16 * mib {
			body, err := src.ReadRange(b.Context(), off, 16*mib)
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = body.Read(buf)
			}
			if err != io.EOF { //nolint:errorlint // a Reader returns io.EOF itself
				b.Fatal(err)
			}
			if err := body.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("without", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			read(b, o)
		}
	})
	b.Run("filling", func(b *testing.B) {
		s := benchStore(b)
		b.SetBytes(size)
		for b.Loop() {
			v := s.Open(o.key("a"), o)
			read(b, v)
			b.StopTimer()
			s.evict(1)
			v.Close()
			b.StartTimer()
		}
	})
	b.Run("present", func(b *testing.B) {
		s := benchStore(b)
		v := s.Open(o.key("a"), o)
		defer v.Close()
		read(b, v)
		b.SetBytes(size)
		for b.Loop() {
			read(b, v)
		}
	})
	b.Run("unchecked", func(b *testing.B) {
		s := benchStore(b)
		v := s.Open(o.key("a"), o)
		defer v.Close()
		read(b, v)
		b.SetBytes(size)
		for b.Loop() {
			for i := range v.entry.extents {
				v.entry.extents[i].checked = false
			}
			if _, ok := v.Pin(b.Context()); !ok {
				b.Fatal("it is not whole")
			}
			v.Unpin()
		}
	})
}

func benchStore(b *testing.B) *Store {
	b.Helper()
	dir, err := cache.Open(filepath.Join(b.TempDir(), "cache"), 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewStore(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.Close()
		_ = dir.Close()
	})
	return s
}
