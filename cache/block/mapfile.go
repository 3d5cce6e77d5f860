package block

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"
)

// The map file of a version, all numbers little endian:
//
//	header   magic 8 · size of the version 8 · its name 32 · sum 8 · zero 8
//	records  offset 8 · length 8 · sum of the bytes 8 · sum of the record 8
//	seal     sealed 8 · sum of all before it 8 · state of the data 8 · sum of the record 8
//
// The length of a record that takes away has the highest bit set. The sum of a
// record includes the name, so that those of another file do not fit.
//
// A seal is a record whose offset no extent has. There is one at most. It counts
// only as the last bytes of the file, and the next record is written over it.
const (
	headerSize = 64
	recordSize = 32
	removal    = 1 << 63
	sealed     = 1 << 63

	// mostMap is how long a map may be that is read: twice as long as one that tells of
	// as many extents as there may be.
	mostMap = headerSize + 2*recordSize*mostExtents
)

// magic ends in the version of the format.
var magic = [8]byte{'s', 'w', 'b', 'l', 'o', 'c', 'k', 1}

var errMap = errors.New("not the map of this version")

// name is what the files of a version are called: a hash of its key.
type name [32]byte

// encodeHeader returns the beginning of a map file.
func encodeHeader(n name, size int64) []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(size)) //nolint:gosec // sizes are not negative
	b = append(b, n[:]...)
	b = binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
	return append(b, make([]byte, headerSize-len(b))...)
}

// encodeRecord returns the record of an extent, or of its removal.
func encodeRecord(n name, e extent, removed bool) []byte {
	length := uint64(e.len()) //nolint:gosec // lengths are not negative
	if removed {
		length |= removal
	}
	return encodeWords(n, uint64(e.off), length, e.sum) //nolint:gosec // offsets are not negative
}

// encodeSeal returns the seal of a map with that sum, which says that the data is
// right as long as its state is this one.
func encodeSeal(n name, sum, state uint64) []byte {
	return encodeWords(n, sealed, sum, state)
}

func encodeWords(n name, words ...uint64) []byte {
	b := make([]byte, 0, recordSize)
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return binary.LittleEndian.AppendUint64(b, recordSum(n, b))
}

func recordSum(n name, b []byte) uint64 {
	d := xxhash.New()
	_, _ = d.Write(n[:]) // a hash takes everything
	_, _ = d.Write(b[:24])
	return d.Sum64()
}

// contents is what a map file tells.
type contents struct {
	extents extents
	// partial says that extents are not all, for there are too many.
	partial bool
	// next is where the next record goes: behind the last whole one, so that a torn
	// one is overwritten, and over a seal.
	next int64
	sum  xxhash.Digest // of all before it
	// state is that of the data file when the map was sealed, or 0.
	state uint64
}

// decodeMap returns what a map file tells of the version of that name and size.
// Records that make no sense are passed over. Most is how many extents there may be.
func decodeMap(b []byte, n name, size int64, most int) (contents, error) {
	if len(b) < headerSize || !bytes.Equal(b[:headerSize], encodeHeader(n, size)) {
		return contents{}, errMap
	}
	c := contents{next: headerSize}
	for at := headerSize; len(b)-at >= recordSize; at += recordSize {
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[at+8*i:]) }
		if word(3) == recordSum(n, b[at:]) && word(0) == sealed {
			if len(b) == at+recordSize && word(1) == xxhash.Sum64(b[:at]) {
				c.state = word(2)
			}
			continue
		}
		c.next = int64(at + recordSize)
		if word(3) != recordSum(n, b[at:]) {
			continue
		}
		off, length := int64(word(0)), int64(word(1)&^removal) //nolint:gosec // what does not fit is negative then, and refused
		if off < 0 || length <= 0 || length > window || off > size-length {
			continue
		}
		e := extent{span: span{off, off + length}, sum: word(2)}
		switch {
		case word(1)&removal != 0:
			c.extents.remove(e.span)
		case len(c.extents) < most:
			c.extents.add(e)
		default:
			c.partial = true
		}
	}
	c.sum.Reset()
	_, _ = c.sum.Write(b[:c.next]) // a hash takes everything
	return c, nil
}
