package swiftbackend

import "slices"

// leastPiece is what a revision makes pieces at least: OpenStack Swift slows
// down readers of a manifest with smaller ones.
const leastPiece = 1 << 20

// fragments is how many pieces a revision leaves for each that the content
// needs at the segment size. With so many, the two neighbours that are cheapest to
// merge are together at most half a segment, so that a revision which adds two
// pieces and merges two pairs sends about one segment more than what changed.
const fragments = 4

// littleUsed is the part of a segment, one in so many bytes, below which keeping
// it wastes more space than sending what is used of it costs time.
const littleUsed = 8

// part is a run of the content of a new version: a piece that stays, or bytes to
// be uploaded, of which only Length is known.
type part struct {
	Piece
	fresh bool
	at    int64 // where it begins in the content
	// number is the index of the first piece of the old version that a fresh part
	// replaces; behind their end it counts on.
	number int
}

// planner decides what of an old version stays in a new one.
type planner struct {
	ranges  bool  // pieces can be ranges of segments; else all of a segment stays or nothing
	size    int64 // of the new content
	least   int64 // bytes of a fresh part, if there are as many
	segment int64 // most bytes of a fresh part
	most    int   // parts

	parts []part
	old   int // pieces that the old version had
}

// newPlanner is for a revision of an object of these pieces.
func (c *Client) newPlanner(r *Revision, pieces []Piece) *planner {
	p := &planner{ranges: c.rangesHonoured(), size: r.Size, segment: c.SegmentSizeFor(r.Size, r.SegmentSize), old: len(pieces)}
	p.least = min(max(leastPiece, c.info.MinSegmentSize), p.segment)
	p.most = min(max(fragments*int((r.Size+p.segment-1)/p.segment), len(pieces)), c.info.MaxSLOSegments)
	return p
}

// rangesHonoured reports whether a manifest can name a range of a segment. RGW
// takes such a manifest and gives the whole segment.
func (c *Client) rangesHonoured() bool { return c.info.SLO && !c.info.RGW }

// plan returns the parts of the new content. changed is sorted and disjoint.
func (p *planner) plan(pieces []Piece, changed []Range) []part {
	p.cut(pieces, changed)
	p.dropLittleUsed(pieces)
	p.widen()
	p.defragment()
	p.split()
	return p.parts
}

// cut keeps what has not changed of each piece, as far as the new content goes.
func (p *planner) cut(pieces []Piece, changed []Range) {
	var at int64
	for i := range pieces {
		end := min(at+pieces[i].Length, p.size)
		if at >= end {
			if pieces[i].Length > 0 {
				break
			}
			continue
		}
		for len(changed) > 0 && changed[0].end() <= at {
			changed = changed[1:]
		}
		whole := part{Piece: pieces[i], at: at, number: i}
		switch touched := len(changed) > 0 && changed[0].Off < end || end-at < pieces[i].Length; {
		case !touched:
			p.add(whole)
		case p.ranges:
			p.cutPiece(whole, end, changed)
		default:
			p.add(part{Piece: Piece{Length: end - at}, at: at, number: i, fresh: true})
		}
		at = end
	}
	if at < p.size {
		p.add(part{Piece: Piece{Length: p.size - at}, at: at, number: p.old, fresh: true})
	}
}

// cutPiece keeps of one piece, up to end, what changed leaves of it. What is
// less than the least piece is not worth one.
func (p *planner) cutPiece(whole part, end int64, changed []Range) {
	for at := whole.at; at < end; {
		next, stop := end, end
		if len(changed) > 0 && changed[0].Off < end {
			next, stop = max(at, changed[0].Off), min(changed[0].end(), end)
			changed = changed[1:]
		}
		kept := whole
		kept.Off, kept.Length, kept.at = whole.Off+at-whole.at, next-at, at
		kept.fresh = kept.Length < p.least
		p.add(kept)
		p.add(part{Piece: Piece{Length: stop - next}, at: next, number: whole.number, fresh: true})
		at = stop
	}
}

// add appends a part, or lengthens the last by it if both are fresh and can be
// one.
func (p *planner) add(next part) {
	if next.Length == 0 {
		return
	}
	if next.fresh {
		next.Piece = Piece{Length: next.Length}
	}
	if n := len(p.parts); p.ranges && next.fresh && n > 0 && p.parts[n-1].fresh {
		p.parts[n-1].Length += next.Length
		return
	}
	p.parts = append(p.parts, next)
}

// dropLittleUsed uploads anew what is left of segments that this revision leaves
// little of, unless even that is more than a segment's worth.
func (p *planner) dropLittleUsed(pieces []Piece) {
	before, after := usedOf(pieces), map[Name]int64{}
	for i := range p.parts {
		if s := &p.parts[i]; !s.fresh {
			after[Name{s.Container, s.Name}] += s.Length
		}
	}
	parts := p.parts
	p.parts = nil
	for _, s := range parts {
		name := Name{s.Container, s.Name}
		used := after[name]
		if !s.fresh && used < before[name] && used < s.Size/littleUsed && used <= p.segment {
			s.fresh = true
		}
		p.add(s)
	}
}

// usedOf tells how many bytes pieces use of each segment.
func usedOf(pieces []Piece) map[Name]int64 {
	used := map[Name]int64{}
	for i := range pieces {
		s := &pieces[i]
		used[Name{s.Container, s.Name}] += s.Length
	}
	return used
}

// widen makes fresh parts large enough, by what is before them, or behind the
// first one: a range of it if as much stays there, else all of it.
func (p *planner) widen() {
	for i := 0; i < len(p.parts); i++ {
		for p.parts[i].fresh && p.parts[i].Length < p.least && len(p.parts) > 1 {
			need := p.least - p.parts[i].Length
			switch {
			case i == 0 && p.canGive(1, need):
				next := &p.parts[1]
				next.Off, next.at, next.Length = next.Off+need, next.at+need, next.Length-need
				p.parts[0].Length += need
			case i == 0:
				p.merge(0)
			case p.canGive(i-1, need):
				p.parts[i-1].Length -= need
				p.parts[i].at -= need
				p.parts[i].Length += need
			default:
				i = p.merge(i - 1)
			}
		}
	}
}

// canGive reports whether a part can give so many bytes to its neighbour and
// still be large enough.
func (p *planner) canGive(i int, need int64) bool {
	return p.ranges && !p.parts[i].fresh && p.parts[i].Length-need >= p.least
}

// merge makes one fresh part of part i and the next, and of fresh ones beside
// them if they can be one. It returns where that is.
func (p *planner) merge(i int) int {
	first, last := i, i+1
	if p.ranges && first > 0 && p.parts[first-1].fresh {
		first--
	}
	if p.ranges && last+1 < len(p.parts) && p.parts[last+1].fresh {
		last++
	}
	one := part{fresh: true, at: p.parts[first].at, number: p.parts[first].number}
	for _, s := range p.parts[first : last+1] {
		one.Length += s.Length
	}
	p.parts = slices.Replace(p.parts, first, last+1, one)
	return first
}

// pieces is how many a part becomes.
func (p *planner) pieces(s *part) int {
	if !s.fresh || !p.ranges && s.number < p.old {
		return 1
	}
	return int((s.Length + p.segment - 1) / p.segment)
}

// defragment merges neighbours while there are too many pieces, those first
// that cost the least.
func (p *planner) defragment() {
	for p.count() > p.most {
		best, cost := -1, int64(0)
		for i := range len(p.parts) - 1 {
			a, b := &p.parts[i], &p.parts[i+1]
			one := part{Piece: Piece{Length: a.Length + b.Length}, fresh: true, number: a.number}
			if p.pieces(&one) >= p.pieces(a)+p.pieces(b) || !p.ranges && one.Length > p.segment {
				continue
			}
			if c := a.keptLength() + b.keptLength(); best < 0 || c < cost {
				best, cost = i, c
			}
		}
		if best < 0 {
			return
		}
		p.merge(best)
	}
}

// count is how many pieces the parts become.
func (p *planner) count() int {
	n := 0
	for i := range p.parts {
		n += p.pieces(&p.parts[i])
	}
	return n
}

func (s *part) keptLength() int64 {
	if s.fresh {
		return 0
	}
	return s.Length
}

// split makes fresh parts that are larger than a segment several of about the
// same size.
func (p *planner) split() {
	var parts []part
	for _, s := range p.parts {
		n := int64(p.pieces(&s))
		length := s.Length
		for k := range n {
			one := s
			if n > 1 {
				one.at, one.Length = s.at+length*k/n, length*(k+1)/n-length*k/n
				one.number += int(k)
			}
			parts = append(parts, one)
		}
	}
	p.parts = parts
}
