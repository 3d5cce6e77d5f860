package listing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tree is a container on a server that lists like Swift.
type tree struct {
	// page bounds the rows of one answer.
	page int

	mu      sync.Mutex
	objects map[string]Row
	// sorted are their names in order, or nil if they changed.
	sorted []string
	// asked has the requests: the prefix, the marker and the limit, or "/" for a
	// listing with a delimiter.
	asked []string
	// before is called with each request before it is answered, or nil.
	before func(request string)
}

func newTree(page int, names ...string) *tree {
	s := &tree{page: page, objects: make(map[string]Row)}
	for _, name := range names {
		s.put(name, "first")
	}
	return s
}

func (s *tree) put(name, etag string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sorted = nil
	s.objects[name] = Row{Name: name, Size: 1, ETag: etag, ContentType: "text/plain"}
	return s.objects[name]
}

func (s *tree) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sorted = nil
	delete(s.objects, name)
}

func (s *tree) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *tree) List(_ context.Context, dir Dir, marker string, yield func(Row) error) (bool, error) {
	return s.answer(dir.Prefix+"|"+marker+"|/", dir, marker, "/", s.page, yield)
}

func (s *tree) ListTree(_ context.Context, dir Dir, marker string, limit int, yield func(Row) error) (bool, error) {
	if limit == 0 || limit > s.page {
		limit = s.page
	}
	return s.answer(fmt.Sprint(dir.Prefix, "|", marker, "|", limit), dir, marker, "", limit, yield)
}

func (s *tree) answer(request string, dir Dir, marker, delimiter string, limit int, yield func(Row) error) (bool, error) {
	s.mu.Lock()
	s.asked = append(s.asked, request)
	rows := s.list(dir.Prefix, marker, delimiter, limit)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before(request)
	}
	for _, r := range rows {
		if err := yield(r); err != nil {
			return false, err
		}
	}
	return len(rows) < limit, nil
}

func (s *tree) list(prefix, marker, delimiter string, limit int) []Row {
	if s.sorted == nil {
		s.sorted = slices.Sorted(maps.Keys(s.objects))
	}
	var rows []Row
	i, _ := slices.BinarySearch(s.sorted, max(prefix, marker))
	for i < len(s.sorted) && len(rows) < limit && strings.HasPrefix(s.sorted[i], prefix) {
		row := s.objects[s.sorted[i]]
		slash := strings.Index(row.Name[len(prefix):], "/")
		if delimiter != "" && slash >= 0 {
			row = Row{Name: row.Name[:len(prefix)+slash+1], Subdir: true}
			i, _ = slices.BinarySearch(s.sorted, row.Name+"\xff")
		} else {
			i++
		}
		if row.Name > marker {
			rows = append(rows, row)
		}
	}
	return rows
}

func (s *tree) verify(_ context.Context, _ Dir, name string) (Row, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row, ok := s.objects[name]; ok || !strings.HasSuffix(name, "/") {
		return row, ok, nil
	}
	below := s.list(name, "", "", 1)
	return Row{Name: name, Subdir: true}, len(below) > 0, nil
}

func newTreeCache(t *testing.T, s *tree, adjust ...func(*Config)) *Cache {
	t.Helper()
	cfg := Config{TTL: testTTL, Verify: s.verify}
	for _, f := range adjust {
		f(&cfg)
	}
	c, err := New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// read is all entries of a directory, as text.
func read(t *testing.T, c *Cache, dir Dir) []string {
	t.Helper()
	var all []string
	s := c.Scan(t.Context(), dir)
	for {
		e, err := s.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("reading %q: %v", dir.Prefix, err)
		}
		all = append(all, text(e))
	}
}

// entries is what reading dir has to give.
func (s *tree) entries(dir Dir) []string {
	var all []string
	m := merger{dir: dir}
	var out []found
	for _, r := range s.list(dir.Prefix, "", "/", len(s.objects)+1) {
		out = m.push(dated{Row: r}, out)
	}
	for _, e := range m.flush(out) {
		all = append(all, text(e.Entry))
	}
	return all
}

func text(e Entry) string { return fmt.Sprintf("%s %s %v", word(e), e.Row.ETag, e.Row.Subdir) }

// dirsIn are the directories in dir that a scan shows, in its order.
func dirsIn(entries []string) []string {
	var dirs []string
	for _, e := range entries {
		if name, _, _ := strings.Cut(e, " "); strings.HasSuffix(name, "/") {
			dirs = append(dirs, name)
		}
	}
	return dirs
}

// find reads a tree the way find does: a directory wholly, then those in it.
func find(t *testing.T, c *Cache, dir Dir, visit func(dir Dir, entries []string)) {
	t.Helper()
	entries := read(t, c, dir)
	visit(dir, entries)
	for _, name := range dirsIn(entries) {
		find(t, c, Dir{dir.Container, dir.Prefix + name}, visit)
	}
}

var box = Dir{Container: "c"}

// grid is the names of a tree of some levels of directories, each with so many in
// it, and of files in the lowest.
func grid(levels ...int) []string {
	names := []string{""}
	for i, n := range levels {
		var next []string
		for _, up := range names {
			for k := range n {
				name := fmt.Sprintf("%s%c%04d", up, 'a'+i, k)
				if i < len(levels)-1 {
					name += "/"
				}
				next = append(next, name)
			}
		}
		names = next
	}
	return names
}

// randomNames are names that are as entangled as names can be.
func randomNames(rng *rand.Rand, n int) []string {
	parts := []string{"a", "a-", "a-b", "a.", "a.b", "a0", "b", "b b", "", "ä", "\U0010FFFF", "a.\U0010FFFF"}
	seen := map[string]bool{}
	for range n {
		name := ""
		for depth := rng.IntN(5); depth >= 0; depth-- {
			name += parts[rng.IntN(len(parts))]
			if depth > 0 || rng.IntN(8) == 0 {
				name += "/"
			}
		}
		if name != "" {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// TestSheetsHaveWhatListingsOfEachDirectoryHave compares, for random trees,
// markers and lengths, each part of a sheet with a listing of that directory.
func TestSheetsHaveWhatListingsOfEachDirectoryHave(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		names := randomNames(rng, 1+rng.IntN(60))
		s := newTree(1+rng.IntN(80), names...)
		root, marker := Dir{Container: "c"}, ""
		if rng.IntN(2) == 0 {
			root.Prefix = "a/"
		}
		if rng.IntN(2) == 0 {
			marker = names[rng.IntN(len(names))]
		} else if rng.IntN(2) == 0 {
			marker = justBefore(Dir{"c", root.Prefix + "b/"})
		}
		if !strings.HasPrefix(marker, root.Prefix) {
			marker = ""
		}
		r := newSheetReader(root, marker, 1, newClock().Now())
		end, err := s.ListTree(t.Context(), root, marker, 0, r.add)
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := r.finish(end)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range directoriesOf(names) {
			if !dir.within(root) {
				continue
			}
			p := sheet.part(dir)
			if p == nil {
				if dir.Prefix > sheet.from && (end || dir.Prefix < sheet.to) {
					t.Errorf("seed %d: the sheet from %q to %q has no part for %q", seed, sheet.from, sheet.to, dir.Prefix)
				}
				continue
			}
			w := window{from: p.from, to: p.to, end: p.end}
			var want []Row
			for _, row := range s.list(dir.Prefix, "", "/", 1000) {
				if w.covers(row.Name) {
					want = append(want, row)
				}
			}
			if got := unpacked(p.within(w)); !slices.Equal(got, want) || len(got) != p.rows.len() {
				t.Errorf("seed %d, root %q, marker %q, %d rows: part %q from %q to %q (%v) has\n%v, want\n%v",
					seed, root.Prefix, marker, s.page, dir.Prefix, p.from, p.to, p.end, unpacked(p.rows), want)
			}
		}
		if t.Failed() {
			t.Fatalf("names: %q", names)
		}
	}
}

// directoriesOf are all directories that names lie in, and one that there is not.
func directoriesOf(names []string) []Dir {
	seen := map[string]bool{"": true, "none/": true, "a/none/": true}
	for _, name := range names {
		for i := range len(name) {
			if name[i] == '/' {
				seen[name[:i+1]] = true
			}
		}
	}
	var dirs []Dir
	for _, prefix := range slices.Sorted(maps.Keys(seen)) {
		dirs = append(dirs, Dir{"c", prefix})
	}
	return dirs
}

// TestWalksShowWhatIsThere lets programs go through random trees in several ways,
// with little memory and with much, while this mount changes them, and compares
// what they are shown with what there is.
func TestWalksShowWhatIsThere(t *testing.T) {
	var sheets int
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		names := randomNames(rng, 1+rng.IntN(100))
		s := newTree(1+rng.IntN(40), names...)
		c := newTreeCache(t, s, func(cfg *Config) {
			cfg.Bytes = []int64{1, 4000, 1 << 20}[rng.IntN(3)]
			cfg.MaxDirs = []int{2, 1000}[rng.IntN(2)]
		})
		check := func(dir Dir) {
			got := read(t, c, dir)
			want := s.entries(dir)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %q shows\n%q, want\n%q\nnames %q", seed, dir.Prefix, got, want, names)
			}
		}
		for range 6 {
			dirs := directoriesOf(names)
			switch rng.IntN(5) {
			case 0:
				rng.Shuffle(len(dirs), func(i, j int) { dirs[i], dirs[j] = dirs[j], dirs[i] })
			case 1:
				slices.Reverse(dirs)
			case 2:
				dirs = slices.DeleteFunc(dirs, func(Dir) bool { return rng.IntN(3) == 0 })
			}
			for _, dir := range dirs {
				switch k := rng.IntN(12); {
				case k == 0 && len(s.list(dir.Prefix, "", "", 1)) > 0:
					name := dir.Prefix + fmt.Sprintf("own%d", rng.IntN(3))
					c.Put(dir, s.put(name, fmt.Sprint(rng.Int())))
				case k == 1 && len(names) > 0:
					name := names[rng.IntN(len(names))]
					s.remove(name)
					in := Dir{"c", name[:strings.LastIndexByte(name, '/')+1]}
					c.Remove(in, name)
					c.InvalidateTree(box) // subdirs may have gone with it
				case k == 2:
					c.Invalidate(dir)
				}
				check(dir)
			}
		}
		for _, r := range s.requests() {
			if !strings.HasSuffix(r, "/") {
				sheets++
			}
		}
		c.Close()
	}
	if sheets < 300 {
		t.Errorf("%d sheets were asked for; the test shows little", sheets)
	}
}

func TestAWalkCostsAsManyRequestsAsItsObjectsHavePages(t *testing.T) {
	for _, test := range []struct {
		levels []int
		most   int
	}{
		{[]int{500, 20}, 5},
		{[]int{10, 1000}, 5},
		{[]int{3, 10000}, 6},
		{[]int{50, 10, 20}, 6},
		{[]int{10, 10, 10, 10}, 8},
		{[]int{5000, 2}, 6},
	} {
		s := newTree(10000, grid(test.levels...)...)
		c := newTreeCache(t, s)
		objects := 0
		visit := func(_ Dir, entries []string) { objects += len(entries) - len(dirsIn(entries)) }
		find(t, c, box, visit)
		if got := s.requests(); len(got) > test.most || objects != len(s.objects) {
			t.Errorf("a tree of %v: %d objects by %d requests, want %d by %d: %q", test.levels, objects, len(got), len(s.objects), test.most, got)
		}
		find(t, c, box, func(Dir, []string) {})
		if got := s.requests(); len(got) != 0 {
			t.Errorf("a tree of %v again: %d requests: %q", test.levels, len(got), got)
		}
	}
}

func TestAWalkInAnyOrderCostsFewRequests(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 3))
		for _, test := range []struct {
			levels []int
			most   int
		}{{[]int{20, 50}, 5}, {[]int{500, 20}, 30}, {[]int{2000, 20}, 100}} {
			s := newTree(10000, grid(test.levels...)...)
			c := newTreeCache(t, s)
			dirs := dirsIn(read(t, c, box))
			rng.Shuffle(len(dirs), func(i, j int) { dirs[i], dirs[j] = dirs[j], dirs[i] })
			for _, name := range dirs {
				if got := len(read(t, c, Dir{"c", name})); got != test.levels[1] {
					t.Fatalf("%s has %d entries, want %d", name, got, test.levels[1])
				}
			}
			if got := s.requests(); len(got) > test.most {
				t.Errorf("%v, seed %d: %d requests, want %d or fewer: %q", test.levels, seed, len(got), test.most, got)
			}
			c.Close()
		}
	}
}

// TestLookingIntoDirectoriesDoesNotFetchWhatIsBelowThem is about programs that
// read each directory of one, all of which are large below, and nothing else.
func TestLookingIntoDirectoriesDoesNotFetchWhatIsBelowThem(t *testing.T) {
	const dirs = 100 // with 2 in each
	s := newTree(10000, grid(dirs, 2, 1500)...)
	c := newTreeCache(t, s)
	for _, name := range dirsIn(read(t, c, box)) {
		if got := len(read(t, c, Dir{"c", name})); got != 2 {
			t.Fatalf("%s has %d entries, want 2", name, got)
		}
	}
	sheets, requests := 0, s.requests()
	for _, r := range requests {
		if !strings.HasSuffix(r, "/") {
			sheets++
		}
	}
	if most := firstCredit/firstPrice + dirs/listedForCredit; sheets > most {
		t.Errorf("%d sheets were asked for, want %d or fewer: %q", sheets, most, requests)
	}
}

func TestAChangeOfThisMountDuringAWalkIsNotHiddenByASheet(t *testing.T) {
	s := newTree(10000, grid(3, 2)...)
	c := newTreeCache(t, s)
	dirs := dirsIn(read(t, c, box))
	read(t, c, Dir{"c", dirs[0]})
	last := Dir{"c", dirs[2]}
	s.before = func(request string) {
		if strings.HasSuffix(request, "/") {
			return
		}
		// The sheet has been listed and is on its way.
		s.before = nil
		c.Put(last, s.put(last.Prefix+"own", "own"))
		s.remove(last.Prefix + "b0000")
		c.Remove(last, last.Prefix+"b0000")
		c.Invalidate(Dir{"c", dirs[1]})
	}
	read(t, c, Dir{"c", dirs[1]})
	if got := strings.Join(read(t, c, last), ", "); got != "b0001 first false, own own false" {
		t.Errorf("%s shows %s", last.Prefix, got)
	}
	s.requests()
	read(t, c, Dir{"c", dirs[1]})
	if got := s.requests(); len(got) != 1 {
		t.Errorf("%s was invalidated while the sheet was on its way; read again by %d requests, want 1", dirs[1], len(got))
	}
}
