package writeback

import (
	"math"
	"slices"
	"testing"
)

func setOf(ranges []Range) *rangeSet {
	s := &rangeSet{}
	for _, r := range ranges {
		s.add(r)
	}
	return s
}

func TestRangesThatTouchBecomeOne(t *testing.T) {
	tests := []struct {
		name        string
		have        []Range
		add         Range
		want        []Range
		wantChanged int64
	}{
		{"the first", nil, Range{5, 7}, []Range{{5, 7}}, 2},
		{"empty", []Range{{1, 2}}, Range{5, 5}, []Range{{1, 2}}, 0},
		{"apart", []Range{{1, 2}, {9, 10}}, Range{4, 6}, []Range{{1, 2}, {4, 6}, {9, 10}}, 2},
		{"adjacent to both", []Range{{1, 2}, {4, 6}}, Range{2, 4}, []Range{{1, 6}}, 2},
		{"within", []Range{{1, 9}}, Range{2, 4}, []Range{{1, 9}}, 0},
		{"around", []Range{{2, 4}, {5, 6}}, Range{1, 9}, []Range{{1, 9}}, 5},
		{"over an edge", []Range{{2, 4}}, Range{3, 9}, []Range{{2, 9}}, 5},
		{"up to the largest offset", []Range{{2, 4}}, Range{9, math.MaxInt64},
			[]Range{{2, 4}, {9, math.MaxInt64}}, math.MaxInt64 - 9},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := setOf(test.have)
			changed := s.add(test.add)
			if !slices.Equal(s.all(), test.want) || changed != test.wantChanged {
				t.Errorf("%v and %v: %v, %d new; want %v, %d",
					test.have, test.add, s.all(), changed, test.want, test.wantChanged)
			}
		})
	}
}

func TestRemovingCutsRanges(t *testing.T) {
	tests := []struct {
		name        string
		have        []Range
		remove      Range
		want        []Range
		wantChanged int64
	}{
		{"nothing there", []Range{{1, 2}}, Range{2, 9}, []Range{{1, 2}}, 0},
		{"empty", []Range{{1, 9}}, Range{5, 5}, []Range{{1, 9}}, 0},
		{"the middle", []Range{{1, 9}}, Range{3, 5}, []Range{{1, 3}, {5, 9}}, 2},
		{"an edge", []Range{{1, 9}}, Range{0, 5}, []Range{{5, 9}}, 4},
		{"over several", []Range{{1, 3}, {4, 5}, {6, 9}}, Range{2, 7}, []Range{{1, 2}, {7, 9}}, 3},
		{"all", []Range{{1, 3}, {4, 5}}, Range{0, math.MaxInt64}, nil, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := setOf(test.have)
			changed := s.remove(test.remove)
			if !slices.Equal(s.all(), test.want) || changed != test.wantChanged {
				t.Errorf("%v without %v: %v, %d removed; want %v, %d",
					test.have, test.remove, s.all(), changed, test.want, test.wantChanged)
			}
		})
	}
}

// FuzzRangeSet compares a set with an array of booleans. Each three bytes of the
// input are one operation.
func FuzzRangeSet(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 7, 3, 1, 3, 6, 0, 0, 9})
	f.Add([]byte{0, 0, 255, 1, 128, 1, 1, 0, 4, 0, 128, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		s := rangeSet{maxChunk: 3}
		var want [512]bool
		for ops = ops[:min(len(ops), 300)]; len(ops) >= 3; ops = ops[3:] {
			r := Range{int64(ops[1]), int64(ops[1]) + int64(ops[2])}
			add := ops[0]%2 == 0
			var changed int64
			for i := r.Off; i < r.End; i++ {
				if want[i] != add {
					want[i] = add
					changed++
				}
			}
			op := s.remove
			if add {
				op = s.add
			}
			if got := op(r); got != changed {
				t.Fatalf("%v, add %v: %d bytes changed, want %d", r, add, got, changed)
			}
			compareRangeSet(t, &s, want[:], r)
		}
	})
}

// compareRangeSet fails if s is not what want says, or not in its normal form, or
// tells something else about r.
func compareRangeSet(t *testing.T, s *rangeSet, want []bool, r Range) {
	t.Helper()
	for _, chunk := range s.chunks {
		if len(chunk) == 0 || len(chunk) > s.maxChunk {
			t.Fatalf("a chunk of %d ranges: %v", len(chunk), s.chunks)
		}
	}
	last := int64(-1)
	for _, part := range s.all() {
		if part.Off <= last || part.Len() <= 0 {
			t.Fatalf("not sorted, coalesced and without empty ranges: %v", s.all())
		}
		last = part.End
	}
	for i, w := range want {
		got, end := s.at(int64(i))
		if got != w {
			t.Fatalf("byte %d: %v, want %v in %v", i, got, w, s.all())
		}
		if i > 0 && want[i-1] == w {
			continue
		}
		for j := i; j < min(int(min(end, math.MaxInt32)), len(want)); j++ {
			if want[j] != w {
				t.Fatalf("at(%d) says %v up to %d, but not at %d in %v", i, got, end, j, s.all())
			}
		}
	}
	var in, parts rangeSet
	for part := range s.in(r) {
		in.add(part)
		parts.add(part)
	}
	for gap := range s.notIn(r) {
		for both := range in.in(gap) {
			t.Fatalf("%v is both in %v and out of it", both, s.all())
		}
		parts.add(gap)
	}
	for i := r.Off; i < r.End; i++ {
		if ok, _ := parts.at(i); !ok {
			t.Fatalf("byte %d of %v is neither in %v nor out of it", i, r, s.all())
		}
	}
	for part := range s.in(r) {
		for i := part.Off; i < part.End; i++ {
			if !want[i] || i < r.Off || i >= r.End {
				t.Fatalf("byte %d is not both in %v and %v", i, r, s.all())
			}
		}
	}
}
