package listing

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// rowOf makes a row from a word: "x" is an object, "x/" a subdir, "x/*" the
// object "x/", "x:d" an object with a directory's type, "x+" one with data.
func rowOf(word string) Row {
	switch {
	case strings.HasSuffix(word, "/*"):
		return Row{Name: strings.TrimSuffix(word, "*"), Modified: time.Unix(2000, 0)}
	case strings.HasSuffix(word, "/"):
		return Row{Name: word, Subdir: true}
	case strings.HasSuffix(word, ":d"):
		return Row{Name: strings.TrimSuffix(word, ":d"), ContentType: "Application/Directory; mtime=1", Modified: time.Unix(1000, 0)}
	case strings.HasSuffix(word, ":t"):
		return Row{Name: strings.TrimSuffix(word, ":t"), ContentType: "text/directory", Modified: time.Unix(1000, 0)}
	case strings.HasSuffix(word, "+"):
		return Row{Name: strings.TrimSuffix(word, "+"), Size: 5}
	default:
		return Row{Name: word, ContentType: "text/plain"}
	}
}

func mergeWords(prefix string, rows []Row) (string, *merger) {
	m := &merger{dir: Dir{Container: "c", Prefix: prefix}}
	var out []found
	for _, r := range rows {
		out = m.push(dated{Row: r}, out)
	}
	var words []string
	for _, f := range m.flush(out) {
		words = append(words, word(f.Entry))
	}
	return strings.Join(words, " "), m
}

func TestMergeShowsOneEntryForEachThing(t *testing.T) {
	for _, test := range []struct {
		what, prefix, rows, want string
	}{
		{"plain files", "", "a b c", "a b c"},
		{"subdir", "", "a b/ c", "a b/ c"},
		{"below a prefix", "p/q/", "p/q/a p/q/b/", "a b/"},
		{"marker by type alone", "", "x:d", "x/"},
		{"text/directory is a directory too", "", "x:t", "x/"},
		{"marker by type and subdir", "", "x:d x/", "x/"},
		{"marker by type, others between, subdir", "", "x:d x-1 x.txt x/", "x-1 x.txt x/"},
		{"object x/ alone", "", "x/*", "x/"},
		{"object x/ and marker by type", "", "x:d x/*", "x/"},
		{"file beside subdir", "", "x x/", "x/ x!"},
		{"file beside subdir, others between", "", "x x-1 x.txt x/ y", "x-1 x.txt x/ x! y"},
		{"file beside object x/", "", "x x/*", "x/ x!"},
		{"no subdir after all", "", "x x-1 x.txt x0", "x-1 x.txt x x0"},
		{"nested collisions", "", "x x-1 x-1-1 x-1-1/ x-1/ x/", "x-1-1/ x-1-1! x-1/ x-1! x/ x!"},
		{"nested, only the outer one", "", "x x- x-- x/", "x-- x- x/ x!"},
		{"nested, only the inner one", "", "x x- x-/ z", "x-/ x-! x z"},
		{"row of the directory itself", "d/", "d/ d/a", "a"},
		{"row of the directory itself with type", "d/", "d/:d d/a", "a"},
		{"data under the directory's name", "d/", "d/+ d/a", " a"},
		{"data there, and an empty part", "d/", "d/+ d/- d// d/a", "- / ! a"},
		{"empty part, marker without data", "d/", "d/:d d// d/a", "/ a"},
		{"empty part at the root", "", "/ a", "/ a"},
		{"dots are names", "", ". .. ../ ./ a", "../ ..! ./ .! a"},
	} {
		var rows []Row
		for w := range strings.FieldsSeq(test.rows) {
			rows = append(rows, rowOf(w))
		}
		if !slices.IsSortedFunc(rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) }) {
			t.Fatalf("%s: test rows are not sorted", test.what)
		}
		if got, _ := mergeWords(test.prefix, rows); got != test.want {
			t.Errorf("%s: %q shows %q, want %q", test.what, test.rows, got, test.want)
		}
	}
}

func TestMergeAccountRowsAreContainers(t *testing.T) {
	m := merger{}
	out := m.push(dated{Row: Row{Name: "c1", Count: 7, Size: 3}}, nil)
	if len(out) != 1 || out[0].Kind != Directory || out[0].Name != "c1" || out[0].Row.Count != 7 {
		t.Errorf("container shows as %+v", out)
	}
}

func TestMergePrefersTheMarkerThatHasTheAttributes(t *testing.T) {
	for _, test := range []struct {
		rows []string
		want int64
	}{
		{[]string{"x:d", "x/"}, 1000},
		{[]string{"x:d", "x/*"}, 1000},
		{[]string{"x:t", "x/*"}, 1000},
		{[]string{"x", "x/*"}, 2000},
	} {
		m := merger{dir: Dir{Container: "c"}}
		out := m.push(dated{Row: rowOf(test.rows[1])}, m.push(dated{Row: rowOf(test.rows[0])}, nil))
		if got := out[0].Row.Modified.Unix(); got != test.want {
			t.Errorf("%q: directory has date %d, want %d", test.rows, got, test.want)
		}
	}
}

func TestMergeRemembersTheDirectorysOwnMarker(t *testing.T) {
	_, m := mergeWords("d/", []Row{{Name: "d/", ETag: "e"}, {Name: "d/x"}})
	if m.marker == nil || m.marker.ETag != "e" {
		t.Errorf("marker is %+v", m.marker)
	}
	if _, m = mergeWords("d/", []Row{{Name: "d/x"}}); m.marker != nil {
		t.Errorf("marker is %+v without a row for it", m.marker)
	}
}

func TestMergeHoldsNoMoreRowsThanANameIsLong(t *testing.T) {
	const longest = 8
	m := merger{dir: Dir{Container: "c"}}
	most, shown := 0, 0
	for i := range 1000 {
		for dashes := range longest {
			shown += len(m.push(dated{Row: Row{Name: padded(i) + strings.Repeat("-", dashes)}}, nil))
			most = max(most, len(m.waiting))
		}
	}
	if most != longest {
		t.Errorf("%d rows were waiting at once, want %d", most, longest)
	}
	if shown += len(m.flush(nil)); shown != 1000*longest {
		t.Errorf("%d entries, want %d", shown, 1000*longest)
	}
}

func FuzzMergeShowsEveryObjectOnce(f *testing.F) {
	f.Add("x x/ x-1")
	f.Add("a/ a a. a// ")
	f.Fuzz(func(t *testing.T, words string) {
		seen := map[string]bool{}
		for name := range strings.FieldsSeq(words) {
			if i := strings.IndexByte(name, '/'); i >= 0 {
				name = name[:i+1]
			}
			seen[name] = true
		}
		want := map[string]int{}
		var rows []Row
		for name := range seen {
			rows = append(rows, Row{Name: name, Subdir: strings.HasSuffix(name, "/")})
			key := name
			if !strings.HasSuffix(name, "/") && seen[name+"/"] {
				key += "!"
			}
			want[key]++
		}
		slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
		m := merger{dir: Dir{Container: "c"}}
		var out []found
		for _, r := range rows {
			out = m.push(dated{Row: r}, out)
		}
		for _, e := range m.flush(out) {
			want[word(e.Entry)]--
		}
		for w, n := range want {
			if n != 0 {
				t.Errorf("%q: entry %q shown %d times too few", words, w, n)
			}
		}
	})
}
