package fs

import (
	"slices"
	"strings"

	"swiftfs/cache/listing"
	"swiftfs/fs/prefetch"
)

// At the end of a directory reading ahead goes on into the next ones, in the order
// in which the files of this one were read: with small directories, a program would
// wait at the beginning of each. Which ones those are, and what is in them, is
// taken from the listing in memory.
//
// A program that has read one directory to its end may have read all that it wants.
// So the next ones are read ahead only after it has gone on from one directory to the
// next before, at the same height of the tree.

// turns counts how often a program has gone on from a directory to the next by one
// order, by the number of parts in the name of the directory that has both.
type turns map[int]int

// mostMisled bounds the turns that are asked for after what was fetched was not
// read: each time doubles them.
const mostMisled = 6

// After less than fewTurns, of what comes after a directory fewOnward files are
// fetched at most.
const (
	fewTurns  = 4
	fewOnward = 16
)

// onward is what comes after the files of a directory, in one order.
type onward struct {
	order int
	// within is the highest directory come to, and todo what is left in it and
	// the directories below it, the lowest last.
	within listing.Dir
	todo   []leftover
	// files are the next files found so far, of which fetched were asked for.
	files   []nextFile
	fetched int
}

// leftover are the contents of a directory from a place in the order on.
type leftover struct {
	*dirContents
	at int
}

// nextFile is a file of a directory that comes later.
type nextFile struct {
	dir  listing.Dir
	file *smallFile
	// height is the number of parts in the name of the directory that has both this
	// file and those before.
	height int
}

// mostLooks bounds the directories that are looked into for one more file.
const mostLooks = 32

// onwardLocked returns what comes after a directory, as far as was looked yet.
func (w *dirWalk) onwardLocked(order int) *onward {
	o := w.onward[order]
	if o == nil {
		items := w.listed.orders[order]
		last := len(items) - 1
		for last >= 0 && int(items[last]) >= len(w.listed.files) {
			last--
		}
		o = &onward{order: order, within: w.dir, todo: []leftover{{w.listed, last + 1}}}
		if w.onward == nil {
			w.onward = make(map[int]*onward)
		}
		w.onward[order] = o
	}
	return o
}

// findLocked looks for n files in all, and reports whether there are so many as
// far as the listing in memory knows.
func (b *neighbours) findLocked(o *onward, n int, at placed) bool {
	for looks := 0; len(o.files) < n && looks < mostLooks; {
		if len(o.todo) == 0 {
			looks++
			if !b.climbLocked(o, at) {
				return false
			}
			continue
		}
		top := &o.todo[len(o.todo)-1]
		if top.at == len(top.orders[o.order]) {
			if !top.ends {
				return false
			}
			o.todo = o.todo[:len(o.todo)-1]
			continue
		}
		item := int(top.orders[o.order][top.at])
		if item < len(top.files) {
			top.at++
			o.files = append(o.files, nextFile{top.dir, &top.files[item], strings.Count(o.within.Prefix, "/")})
			continue
		}
		looks++
		c := b.contentsLocked(top.dirs[item-len(top.files)], "", at)
		if !c.whole {
			return false
		}
		top.at++
		o.todo = append(o.todo, leftover{c, 0})
	}
	return len(o.files) >= n
}

// climbLocked goes on after the directory that has come to its end in the one above.
func (b *neighbours) climbLocked(o *onward, at placed) bool {
	node := b.f.nodeAt(at, o.within)
	up, _, ok := parent(o.within)
	if !ok || up.Container == "" || node == nil || node.IsRoot() {
		return false
	}
	c := b.contentsLocked(up, o.within.Prefix, at)
	i, ok := c.numbers[o.within.Prefix]
	if !ok || o.order >= len(c.orders) {
		return false
	}
	o.todo = append(o.todo, leftover{c, slices.Index(c.orders[o.order], i) + 1})
	o.within = up
	return true
}

// goOnLocked fetches the first n files that come after a directory.
func (b *neighbours) goOnLocked(w *dirWalk, at placed, order, n int) {
	o := w.onwardLocked(order)
	b.findLocked(o, n, at)
	for ; o.fetched < min(n, len(o.files)); o.fetched++ {
		next := &o.files[o.fetched]
		turns := w.turns[next.height]
		if turns < 1<<b.misled || turns < fewTurns && o.fetched == fewOnward || !b.fetch(next.dir, b.f.nodeAt(at, next.dir), next.file) {
			return
		}
	}
}

// arrival is what a program that comes to a directory has shown in those before.
type arrival struct {
	evidence prefetch.Evidence
	turns    turns
}

// turnLocked tells how a program has come to the directory in which it reads an
// object now.
func (b *neighbours) turnLocked(at placed, object string) arrival {
	if len(b.walks) == 0 {
		return arrival{}
	}
	latest := b.walks[0]
	if latest.dir == at.dir {
		return latest.arrival(at.dir)
	}
	unknown := false
	for _, w := range b.walks {
		if w.dir == at.dir || w.walk == nil {
			continue
		}
		for order := range w.listed.orders {
			if !w.walk.Ended(order) {
				continue
			}
			o := w.onwardLocked(order)
			if !b.findLocked(o, 1, at) {
				unknown = true
			} else if next := &o.files[0]; next.dir == at.dir && next.file.object == object {
				return b.turnedLocked(w, o)
			}
		}
	}
	if i := slices.IndexFunc(b.walks, func(w *dirWalk) bool { return w.dir == at.dir }); i >= 0 && b.walks[i].walk != nil {
		return b.walks[i].arrival(at.dir)
	}
	a := latest.arrival(at.dir)
	if inside(at.dir, latest.dir) || unknown {
		return a
	}
	b.strayedLocked()
	a.turns = nil
	return a
}

func (w *dirWalk) arrival(d listing.Dir) arrival {
	a := arrival{turns: w.turns}
	if w.walk != nil {
		a.evidence = w.walk.Evidence(inside(d, w.dir))
	}
	return a
}

// turnedLocked notes that a program has gone on from a directory to what comes after it.
func (b *neighbours) turnedLocked(w *dirWalk, o *onward) arrival {
	if o.fetched > 0 {
		b.misled = max(0, b.misled-1)
	}
	a := w.arrival(o.files[0].dir)
	for order, other := range w.onward {
		if len(other.files) > 0 && other.files[0].file.object != o.files[0].file.object {
			a.evidence[order] = 0
		}
	}
	a.turns[o.files[0].height]++
	w.onward = nil
	return a
}

// strayedLocked notes that a program has not gone on to what comes after a directory.
func (b *neighbours) strayedLocked() {
	for _, w := range b.walks {
		for _, o := range w.onward {
			if o.fetched > 0 {
				b.misled = min(b.misled+1, mostMisled)
			}
		}
		w.onward = nil
	}
}
