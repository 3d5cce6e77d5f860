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
//
// The length of a record that takes away has the highest bit set. The sum of a
// record includes the name, so that those of another file do not fit.
const (
	headerSize = 64
	recordSize = 32
	removal    = 1 << 63
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
	b := make([]byte, 0, recordSize)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.off)) //nolint:gosec // offsets are not negative
	b = binary.LittleEndian.AppendUint64(b, length)
	b = binary.LittleEndian.AppendUint64(b, e.sum)
	return binary.LittleEndian.AppendUint64(b, recordSum(n, b))
}

func recordSum(n name, b []byte) uint64 {
	d := xxhash.New()
	_, _ = d.Write(n[:]) // a hash takes everything
	_, _ = d.Write(b[:24])
	return d.Sum64()
}

// decodeMap returns the extents that a map file tells of the version of that name
// and size. Records that make no sense are passed over. Most is how many extents
// there may be.
func decodeMap(b []byte, n name, size int64, most int) (extents, error) {
	if len(b) < headerSize || !bytes.Equal(b[:headerSize], encodeHeader(n, size)) {
		return nil, errMap
	}
	var x extents
	for b = b[headerSize:]; len(b) >= recordSize; b = b[recordSize:] {
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
		if word(3) != recordSum(n, b) {
			continue
		}
		off, length := int64(word(0)), int64(word(1)&^removal) //nolint:gosec // what does not fit is negative then, and refused
		if off < 0 || length <= 0 || length > window || off > size-length {
			continue
		}
		e := extent{span: span{off, off + length}, sum: word(2)}
		switch {
		case word(1)&removal != 0:
			x.remove(e.span)
		case len(x) < most:
			x.add(e)
		}
	}
	return x, nil
}
