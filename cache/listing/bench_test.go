package listing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
)

// benchLister has one directory of so many names, in one page.
type benchLister struct{ rows []Row }

func (l benchLister) List(_ context.Context, _ Dir, marker string, yield func(Row) error) (bool, error) {
	for _, r := range l.rows {
		if r.Name <= marker {
			continue
		}
		if err := yield(r); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (l benchLister) ListTree(ctx context.Context, dir Dir, marker string, _ int, yield func(Row) error) (bool, error) {
	return l.List(ctx, dir, marker, yield)
}

// benchCache returns a cache over a directory of n names.
func benchCache(b *testing.B, n int) (*Cache, Dir, []string) {
	b.Helper()
	names := make([]string, n)
	rows := make([]Row, n)
	for i := range rows {
		names[i] = fmt.Sprintf("file-%07d", i)
		rows[i] = Row{Name: names[i], Size: 10, Resolved: true}
	}
	verify := func(context.Context, Dir, string) (Row, bool, error) { return Row{}, false, nil }
	c, err := New(Config{TTL: DefaultTTL, Verify: verify}, benchLister{rows})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c, Dir{Container: "c"}, names
}

// scanAll goes through the directory to its end.
func scanAll(b *testing.B, c *Cache, dir Dir, want int) {
	b.Helper()
	s := c.Scan(b.Context(), dir)
	for n := 0; ; n++ {
		_, err := s.Next(b.Context())
		if errors.Is(err, io.EOF) {
			if n != want {
				b.Fatalf("%d entries, want %d", n, want)
			}
			return
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanOfTenThousandNames(b *testing.B) {
	for name, fresh := range map[string]bool{"cold": true, "warm": false} {
		b.Run(name, func(b *testing.B) {
			c, dir, names := benchCache(b, 10_000)
			scanAll(b, c, dir, len(names))
			b.ReportAllocs()
			for b.Loop() {
				if fresh {
					c.Invalidate(dir)
				}
				scanAll(b, c, dir, len(names))
			}
		})
	}
}

func BenchmarkLookupInAListedDirectory(b *testing.B) {
	c, dir, names := benchCache(b, 10_000)
	scanAll(b, c, dir, len(names))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, answer := c.Lookup(b.Context(), dir, names[i%len(names)]); answer.State != Found {
			b.Fatalf("%s is %v", names[i%len(names)], answer.State)
		}
		i++
	}
}

func BenchmarkLookupOfANameThatIsNotThere(b *testing.B) {
	c, dir, names := benchCache(b, 10_000)
	scanAll(b, c, dir, len(names))
	b.ReportAllocs()
	for b.Loop() {
		if _, answer := c.Lookup(b.Context(), dir, "file-0000000.orig"); answer.State != Absent {
			b.Fatalf("it is %v", answer.State)
		}
	}
}
