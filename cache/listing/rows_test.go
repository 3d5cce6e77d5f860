package listing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// unpacked are all rows.
func unpacked(r rows) []Row {
	var all []Row
	for i := range r.len() {
		all = append(all, r.row(i))
	}
	return all
}

const md5OfNothing = "d41d8cd98f00b204e9800998ecf8427e"

// unusualRows has, for each field, values that a server may send and that are
// not what most rows have.
func unusualRows() []Row {
	var all []Row
	add := func(change func(*Row)) {
		row := Row{Size: 7, ETag: md5OfNothing, ContentType: "text/plain", Modified: time.Unix(1_700_000_000, 123_456_000).UTC()}
		change(&row)
		row.Name = fmt.Sprintf("%03d-%s", len(all), row.Name)
		all = append(all, row)
	}
	for _, etag := range []string{
		"", "x", md5OfNothing, strings.ToUpper(md5OfNothing), `"` + md5OfNothing + `"`, md5OfNothing + "-3", "D" + md5OfNothing[1:],
		strings.Repeat("g", 32), strings.Repeat("0", 32), strings.Repeat("f", 64), strings.Repeat("long", 1000), "\x00\xff",
	} {
		add(func(r *Row) { r.ETag = etag })
		add(func(r *Row) { r.SLOETag = etag })
	}
	for _, name := range []string{"", "/", "a//b", "\x01", "\xff\xfe", "ä\U0010FFFF", ";", strings.Repeat("n", 1024)} {
		add(func(r *Row) { r.Name = name })
		add(func(r *Row) { *r = Row{Name: name, Subdir: true} })
		add(func(r *Row) { r.SymlinkPath = name })
		add(func(r *Row) { r.LinkText = name })
	}
	for _, t := range []string{
		"", ";", "; mtime=1700000000.123456789; mode=0640", "text/plain;mode=0640", "text/plain; mtime=1; mode=2", "Text/Plain", "a;b;c",
		"application/directory", strings.Repeat("t", 300) + ";" + strings.Repeat("p", 300),
	} {
		add(func(r *Row) { r.ContentType = t })
	}
	for _, at := range []time.Time{
		{}, time.Unix(0, 0).UTC(), time.Unix(0, 1).UTC(), time.Unix(-1, 999_999_999).UTC(), time.Unix(1<<40, 0).UTC(),
		time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		add(func(r *Row) { r.Modified = at })
	}
	for _, n := range []int64{0, 1, -1, 127, 128, 5 << 40, math.MaxInt64, math.MinInt64} {
		add(func(r *Row) { r.Size = n })
		add(func(r *Row) { r.Count = n })
	}
	add(func(r *Row) { r.Resolved = true })
	add(func(r *Row) { r.Local = true })
	add(func(r *Row) { r.Subdir = true })
	return all
}

func TestRowsComeOutAsTheyWerePacked(t *testing.T) {
	want := unusualRows()
	for _, prefix := range []string{"", "some/prefix/"} {
		for i := range want {
			want[i].Name = prefix + want[i].Name
		}
		got := unpacked(packRows(prefix, want))
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("with prefix %q\n%+v came out as\n%+v", prefix, want[i], got[i])
			}
		}
	}
}

func TestRowsOfAnotherTimeZoneComeOutAsTheSameMoment(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("east", 3600))
	if got := packRows("", []Row{{Name: "x", Modified: at}}).row(0).Modified; !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("%v came out as %v, want the same moment in UTC", at, got)
	}
}

func TestRowsAreFoundByName(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		prefix := []string{"", "d/", "d/e/"}[seed%3]
		var names []string
		for range rng.IntN(30) {
			names = append(names, prefix+string([]byte{'a' + byte(rng.IntN(4)), '.' + byte(rng.IntN(3)), 'a' + byte(rng.IntN(4))}))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if seed%4 == 0 && len(names) > 3 {
			names = names[:3] // which may begin with the same letter
		}
		var plain []Row
		for _, name := range names {
			plain = append(plain, Row{Name: name})
		}
		packed := packRows(prefix, plain)
		for _, name := range append([]string{"", "a", "c", "d", "d.", "d/", "d/e", "d/e/", "d/e0", "d0", "e", "\xff", prefix + "b.c", prefix + "b"}, names...) {
			i, found := packed.search(name)
			if wantI, want := slices.BinarySearch(names, name); i != wantI || found != want {
				t.Fatalf("seed %d: %q is at %d (%v), want %d (%v) in %q", seed, name, i, found, wantI, want, names)
			}
			for j := range names {
				if got, want := packed.compare(j, name), strings.Compare(names[j], name); got != want {
					t.Fatalf("seed %d: %q compared with %q gives %d, want %d", seed, names[j], name, got, want)
				}
			}
		}
	}
}

func TestARowTakenBackLeavesNoTrace(t *testing.T) {
	p, r := newPacker(), rows{prefix: "d/"}
	p.add(&r, &Row{Name: "d/a"})
	p.add(&r, &Row{Name: "d/x/", Subdir: true})
	p.dropLast(&r)
	p.add(&r, &Row{Name: "d/x/", Size: 3})
	p.finish(&r)
	if got, want := unpacked(r), []Row{{Name: "d/a"}, {Name: "d/x/", Size: 3}}; !slices.Equal(got, want) {
		t.Errorf("%+v came out, want %+v", got, want)
	}
}

func TestWhatAllNamesBeginWithIsKeptOnce(t *testing.T) {
	for _, names := range [][]string{
		{"d/some-a", "d/some-ab", "d/some-b"},
		{"d/some", "d/some-a", "d/some/"},
		{"d/", "d/some"},
		{"d/only"},
		{"d/a", "d/b"},
	} {
		var plain []Row
		for i, name := range names {
			plain = append(plain, Row{Name: name, Size: int64(i), ContentType: "text/plain; mode=0640", SymlinkPath: name})
		}
		for _, prefix := range []string{"", "d/"} {
			packed := packRows(prefix, plain)
			if got := unpacked(packed); !slices.Equal(got, plain) {
				t.Errorf("%+v came out as %+v", plain, got)
			}
			for i, name := range names {
				if got, found := packed.search(name); got != i || !found {
					t.Errorf("%q of %q is at %d (%v)", name, names, got, found)
				}
			}
			if names[0] == "d/some-a" && packed.prefix != "d/some-" {
				t.Errorf("the prefix of %q is %q", names, packed.prefix)
			}
		}
	}
}

// listedRows is n rows as most listings have them.
func listedRows(n int) []Row {
	all := make([]Row, n)
	for i := range all {
		all[i] = Row{
			Name: fmt.Sprintf("data/photos/image-%07d.jpeg", i), Size: 3_000_000 + int64(i), ETag: fmt.Sprintf("%032x", i),
			ContentType: "image/jpeg", Modified: time.Unix(1_700_000_000, int64(i)*1000).UTC(),
		}
	}
	return all
}

func TestAListedRowTakesSomeSixtyBytes(t *testing.T) {
	const n = 10_000
	all := listedRows(n)
	before := heap()
	p := &page{rows: packRows("data/photos/", all)}
	took := int64(heap() - before)
	runtime.KeepAlive(all)
	cost := p.cost()
	if cost > 60*n {
		t.Errorf("a row costs %d bytes, want 60 at most", cost/n)
	}
	if took < cost*9/10 || took > cost*11/10 {
		t.Errorf("the rows take %d bytes, and are said to cost %d", took, cost)
	}
	runtime.KeepAlive(p)
}

// BenchmarkRows is for each row.
func BenchmarkRows(b *testing.B) {
	const n = 10_000
	all := listedRows(n)
	packed := packRows("data/photos/", all)
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += n {
			packRows("data/photos/", all)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if packed.row(i%n).Size == 0 {
				b.Fatal("no size")
			}
		}
	})
	b.Run("search", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			if _, ok := packed.search(all[i%n].Name); !ok {
				b.Fatal("not found")
			}
		}
	})
}
