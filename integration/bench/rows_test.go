package bench

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheNamesOfResultsAreUnique(t *testing.T) {
	var seen []string
	for _, r := range AllRows() {
		for _, name := range r.Names() {
			if slices.Contains(seen, name) {
				t.Errorf("two results are %s", name)
			}
			seen = append(seen, name)
		}
	}
}

func TestTargetsReferToCandidatesThatThereAre(t *testing.T) {
	var names []string
	for _, r := range AllRows() {
		names = append(names, r.Names()...)
	}
	for _, r := range AllRows() {
		for _, s := range r.Steps {
			for _, l := range s.Limits {
				for _, of := range l.Times {
					result, _, other := strings.Cut(of, "/")
					own := slices.ContainsFunc(s.Raws, func(raw Raw) bool { return raw.Name == of })
					if !own && (!other || !slices.Contains(names, result)) {
						t.Errorf("%s@%s refers to %s, which is not there", s.Name, r.Setting.Name, of)
					}
				}
			}
		}
	}
}

func TestMemoryAndRelayTakePartInWholeRowsWithoutDelay(t *testing.T) {
	var got []string
	for _, r := range AllRows() {
		for i, s := range r.Steps {
			first := r.Steps[0].Floor
			if (s.Floor != nil) != (first != nil) || first != nil && s.Floor.Rule.gauge() != first.Rule.gauge() {
				t.Errorf("one has a part in some steps of %q", r.Names())
			}
			if s.Floor != nil {
				got = append(got, r.Names()[i]+" "+s.Floor.Rule.gauge())
			}
		}
	}
	want := []string{
		"seq-read@0ms memory", "seq-read-warm@0ms memory", "seq-read-ttl@0ms memory", "rand-1m@0ms relay", "seq-write@0ms relay",
		"untar@0ms relay", "untar-8@0ms relay", "cp-r-out@0ms memory", "rm-rf@0ms relay",
	}
	if !slices.Equal(got, want) {
		t.Errorf("they take part in %q, want %q", got, want)
	}
}

func TestRowsAreChosenByTheNamesOfTheirResults(t *testing.T) {
	rows, err := ChooseRows("^seq-read-warm@0ms$")
	if err != nil || len(rows) != 1 || rows[0].Steps[0].Name != "seq-read" {
		t.Errorf("%v, %d rows; want the one with both readings", err, len(rows))
	}
	if _, err := ChooseRows("("); err == nil {
		t.Error("a bad pattern is accepted")
	}
}

func TestPeersAreChosenByName(t *testing.T) {
	for names, want := range map[string]int{"": len(Peers), "none": 0, "s3fs,rclone": 2} {
		if got, err := ChoosePeers(names); err != nil || len(got) != want {
			t.Errorf("%q: %d peers, %v; want %d", names, len(got), err, want)
		}
	}
	if _, err := ChoosePeers("sftp"); err == nil {
		t.Error("an unknown peer is accepted")
	}
}

func TestComparingFindsEveryDifference(t *testing.T) {
	want := randomBytes(300_000, 1)
	changed := slices.Clone(want)
	changed[200_000]++
	for name, c := range map[string]struct {
		got  []byte
		same bool
	}{
		"the same": {want, true},
		"changed":  {changed, false},
		"short":    {want[:299_999], false},
		"long":     {append(slices.Clone(want), 0), false},
		"empty":    {nil, false},
	} {
		err := compareStream(bytes.NewReader(c.got), want, name)
		if (err == nil) != c.same || (err != nil && !errors.Is(err, errDiffers)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArchivesMakeUpTheTree(t *testing.T) {
	tree := makeTree("tree", 40, 5, 100)
	paths, err := (&Local{dir: t.TempDir()}).Archives(tree, 8)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, path := range paths {
		archive, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r := tar.NewReader(bytes.NewReader(archive))
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !h.ModTime.Equal(treeTime) {
				t.Errorf("%s has the date %v", h.Name, h.ModTime)
			}
			if h.Typeflag == tar.TypeDir {
				continue
			}
			if want := tree[files]; h.Name != want.name {
				t.Errorf("%s in place of %s", h.Name, want.name)
			} else if err := compareStream(r, want.data, h.Name); err != nil {
				t.Error(err)
			}
			files++
		}
	}
	if files != len(tree) {
		t.Errorf("%d files, want %d", files, len(tree))
	}
}
