package fakeswift

import (
	"slices"
	"sort"
)

// blockMax is the number of items a block holds before it is split: small enough that an insertion moves
// little, large enough that a million names need only some thousand blocks.
const blockMax = 512

// item is one name and what it stands for.
type item[V any] struct {
	key string
	val V
}

// index is a map sorted by key in byte order: a list of sorted blocks. Looking up, inserting and seeking take
// two binary searches. It is not safe for concurrent use.
type index[V any] struct {
	blocks [][]item[V]
	n      int
}

// position points at an item, or past the last one.
type position struct{ block, at int }

// seek returns the position of the first key that is not below key.
func (ix *index[V]) seek(key string) position {
	b := sort.Search(len(ix.blocks), func(i int) bool {
		last := ix.blocks[i]
		return last[len(last)-1].key >= key
	})
	if b == len(ix.blocks) {
		return position{block: b}
	}
	block := ix.blocks[b]
	return position{b, sort.Search(len(block), func(i int) bool { return block[i].key >= key })}
}

// at returns the item at p; ok is false past either end.
func (ix *index[V]) at(p position) (it item[V], ok bool) {
	if p.block < 0 || p.block >= len(ix.blocks) {
		return it, false
	}
	return ix.blocks[p.block][p.at], true
}

// next moves forward by one.
func (ix *index[V]) next(p position) position {
	if p.at+1 < len(ix.blocks[p.block]) {
		return position{p.block, p.at + 1}
	}
	return position{block: p.block + 1}
}

// prev moves backward by one; the position before the first has block -1.
func (ix *index[V]) prev(p position) position {
	if p.at > 0 {
		return position{p.block, p.at - 1}
	}
	if p.block == 0 {
		return position{block: -1}
	}
	return position{p.block - 1, len(ix.blocks[p.block-1]) - 1}
}

// get returns the value of key.
func (ix *index[V]) get(key string) (v V, ok bool) {
	if it, found := ix.at(ix.seek(key)); found && it.key == key {
		return it.val, true
	}
	return v, false
}

// put stores key and returns the value it replaces.
func (ix *index[V]) put(key string, v V) (old V, replaced bool) {
	p := ix.seek(key)
	if p.block == len(ix.blocks) {
		ix.push(key, v)
		return old, false
	}
	block := ix.blocks[p.block]
	if block[p.at].key == key {
		old, block[p.at].val = block[p.at].val, v
		return old, true
	}
	ix.n++
	block = slices.Insert(block, p.at, item[V]{key, v})
	ix.blocks[p.block] = block
	if len(block) > blockMax {
		half := len(block) / 2
		ix.blocks[p.block] = block[:half:half]
		ix.blocks = slices.Insert(ix.blocks, p.block+1, slices.Clone(block[half:]))
	}
	return old, false
}

// push appends a key that is above all others.
func (ix *index[V]) push(key string, v V) {
	ix.n++
	last := len(ix.blocks) - 1
	if last < 0 || len(ix.blocks[last]) >= blockMax {
		ix.blocks = append(ix.blocks, nil)
		last++
	}
	ix.blocks[last] = append(ix.blocks[last], item[V]{key, v})
}

// remove deletes key and returns its value.
func (ix *index[V]) remove(key string) (old V, removed bool) {
	p := ix.seek(key)
	it, ok := ix.at(p)
	if !ok || it.key != key {
		return old, false
	}
	ix.n--
	block := slices.Delete(ix.blocks[p.block], p.at, p.at+1)
	if len(block) == 0 {
		ix.blocks = slices.Delete(ix.blocks, p.block, p.block+1)
	} else {
		ix.blocks[p.block] = block
	}
	return it.val, true
}

// clone returns an independent copy.
func (ix *index[V]) clone() *index[V] {
	c := &index[V]{n: ix.n, blocks: make([][]item[V], len(ix.blocks))}
	for i, b := range ix.blocks {
		c.blocks[i] = slices.Clone(b)
	}
	return c
}

// all yields the items in order.
func (ix *index[V]) all(yield func(string, V) bool) {
	for _, b := range ix.blocks {
		for _, it := range b {
			if !yield(it.key, it.val) {
				return
			}
		}
	}
}
