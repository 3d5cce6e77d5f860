package fs

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// dirPlaces are places in a directory to which readers may come back by the offsets
// that they were given. These are numbers of entries, and entries come and go: rm -r
// reads some thousand names, deletes them, and goes on at the offset of the last one;
// who counted what is there by then would skip as many files.
//
// So a reader goes on at the last known place before the offset, by name. If the batch
// of entries that begins there is what it was, those up to the offset are skipped. Else
// nobody knows which of them the program has seen: it gets those that are there, some
// of them a second time, and with offsets that no others have had. The zero value
// knows no place.
type dirPlaces struct {
	all []dirPlace // by offset
	// used is the highest offset that was given.
	used uint64
}

// dirPlace is where a batch of entries begins.
type dirPlace struct {
	offset uint64 // of the last entry before it
	after  string // as Scanner.Place says it
	names  uint64 // as namesHash of the batch has it
}

// find returns where the place of that offset is, or would be.
func (p *dirPlaces) find(offset uint64) (i int, found bool) {
	return slices.BinarySearchFunc(p.all, offset, func(place dirPlace, offset uint64) int {
		return cmp.Compare(place.offset, offset)
	})
}

// before returns the last place at an offset or before it; ok is false if there is
// none.
func (p *dirPlaces) before(offset uint64) (place dirPlace, ok bool) {
	i, found := p.find(offset)
	if !found {
		i--
	}
	if i < 0 {
		return dirPlace{}, false
	}
	return p.all[i], true
}

// put notes a place, and returns the offset that it gets.
func (p *dirPlaces) put(place dirPlace) uint64 {
	i, found := p.find(place.offset)
	if found && p.all[i].names == place.names {
		return place.offset
	}
	if place.offset < p.used {
		place.offset = p.used
		i, found = p.find(place.offset)
	}
	if found { // of a batch of which nothing was given
		p.all[i] = place
	} else {
		p.all = slices.Insert(p.all, i, place)
	}
	return place.offset
}

// gave notes that an entry was given with that offset.
func (p *dirPlaces) gave(offset uint64) { p.used = max(p.used, offset) }

var namesSeed = maphash.MakeSeed()

// namesHash tells batches of other names apart, or in another order.
func namesHash(batch []dirEntry) uint64 {
	var h maphash.Hash
	h.SetSeed(namesSeed)
	for i := range batch {
		_, _ = h.WriteString(batch[i].name)
		_ = h.WriteByte('/') // which no name has
	}
	return h.Sum64()
}
