package swiftbackend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const mib = 1 << 20

// evenPieces are whole segments named a, b, c… of so many MiB.
func evenPieces(sizes ...int64) []Piece {
	var pieces []Piece
	for i, n := range sizes {
		pieces = append(pieces, wholeSegment(Segment{Container: "box_segments", Name: string(rune('a' + i)), Size: n * mib, ETag: fmt.Sprint(i)}))
	}
	return pieces
}

// testPlanner is one of 8 MiB segments.
func testPlanner(size int64, ranges bool, pieces []Piece) *planner {
	c := &Client{info: defaultInfo()}
	c.info.SLO, c.info.RGW = true, !ranges
	return c.newPlanner(&Revision{Size: size, SegmentSize: 8 * mib}, pieces)
}

// text writes parts down in KiB: "a[0+8192] new[1024]".
func text(parts []part) string {
	var words []string
	for _, s := range parts {
		if s.fresh {
			words = append(words, fmt.Sprintf("new[%d]", s.Length/1024))
		} else {
			words = append(words, fmt.Sprintf("%s[%d+%d]", s.Name, s.Off/1024, s.Length/1024))
		}
	}
	return strings.Join(words, " ")
}

func TestPlanKeepsWhatHasNotChanged(t *testing.T) {
	three := evenPieces(8, 8, 8)
	for _, tt := range []struct {
		name    string
		pieces  []Piece
		size    int64
		changed []Range
		want    string // where ranges are honoured
		whole   string // where they are not
	}{
		{"nothing changed", three, 24 * mib, nil, "a[0+8192] b[0+8192] c[0+8192]", "a[0+8192] b[0+8192] c[0+8192]"},
		{
			"4 KiB in the middle", three, 24 * mib, []Range{{12 * mib, 4096}},
			"a[0+8192] b[0+3076] new[1024] b[4100+4092] c[0+8192]", "a[0+8192] new[8192] c[0+8192]",
		},
		{
			"over a border", three, 24 * mib, []Range{{8*mib - 2048, 4096}},
			"a[0+7170] new[1024] b[2+8190] c[0+8192]", "new[8192] new[8192] c[0+8192]",
		},
		{
			"near a border: the rest is not worth a piece", three, 24 * mib, []Range{{9*mib - 4096, 2 * mib}},
			"a[0+8192] new[3068] b[3068+5124] c[0+8192]", "a[0+8192] new[8192] c[0+8192]",
		},
		{"at the beginning", three, 24 * mib, []Range{{0, 1}}, "new[1024] a[1024+7168] b[0+8192] c[0+8192]", "new[8192] b[0+8192] c[0+8192]"},
		{"append much", three, 34 * mib, nil, "a[0+8192] b[0+8192] c[0+8192] new[5120] new[5120]", "a[0+8192] b[0+8192] c[0+8192] new[5120] new[5120]"},
		{"append 1 MiB", three, 25 * mib, nil, "a[0+8192] b[0+8192] c[0+8192] new[1024]", "a[0+8192] b[0+8192] c[0+8192] new[1024]"},
		{"append little", three, 24*mib + 10240, nil, "a[0+8192] b[0+8192] c[0+7178] new[1024]", "a[0+8192] b[0+8192] new[8202]"},
		{
			"append little to little", evenPieces(8, 8, 1), 17*mib + 1024, nil,
			"a[0+8192] b[0+8192] new[1025]", "a[0+8192] b[0+8192] new[1025]",
		},
		{"cut at a border", three, 16 * mib, nil, "a[0+8192] b[0+8192]", "a[0+8192] b[0+8192]"},
		{"cut within", three, 20 * mib, nil, "a[0+8192] b[0+8192] c[0+4096]", "a[0+8192] b[0+8192] new[4096]"},
		{"cut so that little is left", three, 16*mib + 1024, nil, "a[0+8192] b[0+7169] new[1024]", "a[0+8192] new[8193]"},
		{
			"little of a segment is left", evenPieces(20, 8), 28 * mib, []Range{{0, 18 * mib}},
			"new[6826] new[6826] new[6826] b[0+8192]", "new[20480] b[0+8192]",
		},
		{"all changed", three, 24 * mib, []Range{{0, 24 * mib}}, "new[8192] new[8192] new[8192]", "new[8192] new[8192] new[8192]"},
		{"of nothing", nil, 20 * mib, nil, "new[6826] new[6826] new[6826]", "new[6826] new[6826] new[6826]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for ranges, want := range map[bool]string{true: tt.want, false: tt.whole} {
				if got := text(testPlanner(tt.size, ranges, tt.pieces).plan(tt.pieces, tt.changed)); got != want {
					t.Errorf("ranges %v:\n got %s\nwant %s", ranges, got, want)
				}
			}
		})
	}
}

// TestPlanOfManyEdits edits one object over and over, at random, and checks each
// plan against the bytes that it stands for.
func TestPlanOfManyEdits(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		t.Run(fmt.Sprintf("ranges %v", ranges), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			var pieces []Piece
			size, version := int64(64*mib), 0
			most := 0
			for range 2000 {
				was := size
				var changed []Range
				switch rnd.IntN(10) {
				case 0:
					size = max(20*mib, size-rnd.Int64N(8*mib))
				case 1, 2:
					size = min(128*mib, size+rnd.Int64N(4*mib))
				default:
					off := rnd.Int64N(size)
					changed = []Range{{off, min(1+rnd.Int64N(64<<10), size-off)}}
				}
				p := testPlanner(size, ranges, pieces)
				parts := p.plan(pieces, changed)
				checkPlan(t, pieces, parts, size, min(was, size), changed)
				var sent int64
				next := make([]Piece, len(parts))
				for i, s := range parts {
					next[i] = s.Piece
					if s.fresh {
						version++
						sent += s.Length
						next[i] = wholeSegment(Segment{Container: "box_segments", Name: fmt.Sprint(version), Size: s.Length})
					}
				}
				if limit := int64(4*8*mib) + max(0, size-was); len(pieces) > 0 && sent > limit {
					t.Fatalf("%d bytes sent, want at most %d: %s", sent, limit, text(parts))
				}
				if n := len(parts); n > max(p.most, len(pieces)) {
					t.Fatalf("%d pieces, want at most %d", n, p.most)
				}
				pieces = next
				most = max(most, len(pieces))
			}
			if ranges && most < 40 {
				t.Errorf("never more than %d pieces: too few to test merging", most)
			}
		})
	}
}

// checkPlan checks that parts are the new content: they follow each other, and
// what stays is what the pieces have at the same place and has not changed.
func checkPlan(t *testing.T, pieces []Piece, parts []part, size, common int64, changed []Range) {
	t.Helper()
	var at int64
	for i, s := range parts {
		if s.at != at && s.fresh || s.Length <= 0 {
			t.Fatalf("part %d begins at %d, want %d: %s", i, s.at, at, text(parts))
		}
		if !s.fresh {
			if at+s.Length > common {
				t.Fatalf("part %d is kept beyond what is common: %s", i, text(parts))
			}
			if slices.ContainsFunc(changed, func(r Range) bool { return r.Off < at+s.Length && r.end() > at }) {
				t.Fatalf("part %d is kept and has changed: %s", i, text(parts))
			}
			if !sameBytes(pieces, s.Piece, at) {
				t.Fatalf("part %d is not what was at %d: %s", i, at, text(parts))
			}
		}
		at += s.Length
	}
	if at != size {
		t.Fatalf("the plan has %d bytes, want %d: %s", at, size, text(parts))
	}
}

func sameBytes(pieces []Piece, kept Piece, at int64) bool {
	var begin int64
	for _, p := range pieces {
		if p.Name == kept.Name && at >= begin && at+kept.Length <= begin+p.Length && p.Off+at-begin == kept.Off {
			return true
		}
		begin += p.Length
	}
	return false
}

func TestPlanMergesNoMoreThanItAdds(t *testing.T) {
	var sizes []int64
	for range 900 {
		sizes = append(sizes, 1)
	}
	pieces := evenPieces(sizes...)
	for i := range pieces {
		pieces[i].Name = fmt.Sprint(i)
	}
	parts := testPlanner(900*mib, true, pieces).plan(pieces, []Range{{100 * mib, 10}})
	var sent int64
	for _, s := range parts {
		if s.fresh {
			sent += s.Length
		}
	}
	if sent > 2*mib || len(parts) != 900 {
		t.Errorf("%d parts, %d bytes sent of an object that somebody put into 900 pieces", len(parts), sent)
	}
}
