package listing

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// rows are rows of one directory in byte order, each name once. They are packed:
// a row takes some 40 bytes and its name after the prefix, where a Row takes four
// times as much. A Row is made when it is asked for.
type rows struct {
	// prefix is what all names begin with: the directory's, or more.
	prefix string
	// pack has the rows; it is nil if there are none.
	pack *pack
	// at is where each row begins in the pack's text.
	at []uint32
}

// pack is what rows are packed in; the pages of a sheet share one. A row is
//
//   - a byte of flags,
//   - the name without the prefix,
//   - the ETag, as 16 bytes if it is an MD5 sum, else as text,
//   - the size, the date in seconds and nanoseconds, the number of the type,
//   - the parameters of the type, from ";" on,
//   - what few rows have: the targets of links, SLOETag and Count.
//
// Numbers are of variable length, and a text has its length before it. What the
// flags deny is left out.
type pack struct {
	text string
	// types are the content types without parameters.
	types []string
}

// The flags of a packed row.
const (
	packedSubdir = 1 << iota
	packedResolved
	packedLocal
	packedMD5
	packedETag
	packedDate
	packedParameters
	packedMore
)

func (r rows) len() int { return len(r.at) }

// name is the name of row i.
func (r rows) name(i int) string {
	// "+" copies nothing if the prefix is empty, and would keep the pack.
	return strings.Join([]string{r.prefix, r.rest(i)}, "")
}

// rest is the name of row i without the prefix, a part of the pack.
func (r rows) rest(i int) string { return r.pack.rest(r.at[i]) }

func (p *pack) rest(at uint32) string {
	u := unpacker{p.text[at+1:]}
	return u.string()
}

// subdir tells whether row i is a subdir.
func (r rows) subdir(i int) bool { return r.pack.text[r.at[i]]&packedSubdir != 0 }

// anySubdir tells whether one of the rows is a subdir.
func (r rows) anySubdir() bool {
	for i := range r.at {
		if r.subdir(i) {
			return true
		}
	}
	return false
}

// compare compares the name of row i with another.
func (r rows) compare(i int, name string) int {
	if rest, ok := strings.CutPrefix(name, r.prefix); ok {
		return strings.Compare(r.rest(i), rest)
	}
	return strings.Compare(r.prefix, name)
}

// search is where the row of that name is, or would be.
func (r rows) search(name string) (i int, found bool) {
	rest, ok := strings.CutPrefix(name, r.prefix)
	switch {
	case ok:
		return slices.BinarySearchFunc(r.at, rest, func(at uint32, rest string) int {
			return strings.Compare(r.pack.rest(at), rest)
		})
	case name < r.prefix:
		return 0, false
	default:
		return len(r.at), false
	}
}

// slice are the rows from first on up to but not including end.
func (r rows) slice(first, end int) rows {
	r.at = r.at[first:end]
	return r
}

// row is row i. Its strings are its own, so that one kept does not keep the pack.
func (r rows) row(i int) Row {
	u := unpacker{r.pack.text[r.at[i]:]}
	flags := u.bytes(1)[0]
	rest := u.string()
	row := Row{
		Subdir:   flags&packedSubdir != 0,
		Resolved: flags&packedResolved != 0,
		Local:    flags&packedLocal != 0,
	}
	var b strings.Builder // one allocation for name and ETag
	named := len(r.prefix) + len(rest)
	b.Grow(named + 2*md5Bytes)
	b.WriteString(r.prefix)
	b.WriteString(rest)
	switch {
	case flags&packedMD5 != 0:
		var sum [2 * md5Bytes]byte
		hex.Encode(sum[:], []byte(u.bytes(md5Bytes)))
		b.Write(sum[:])
	case flags&packedETag != 0:
		b.WriteString(u.string())
	}
	row.Name, row.ETag = b.String()[:named], b.String()[named:]
	row.Size = u.int()
	if flags&packedDate != 0 {
		row.Modified = time.Unix(u.int(), u.int()).UTC()
	}
	row.ContentType = r.pack.types[u.uint()]
	if flags&packedParameters != 0 {
		row.ContentType += u.string()
	}
	if flags&packedMore != 0 {
		row.SymlinkPath = strings.Clone(u.string())
		row.LinkText = strings.Clone(u.string())
		row.SLOETag = strings.Clone(u.string())
		row.Count = u.int()
	}
	return row
}

// bytes is about what the rows take in memory beside the pack.
func (r rows) bytes() int64 { return int64(4*cap(r.at) + len(r.prefix)) }

// bytes is about what the pack takes in memory; nil is none.
func (p *pack) bytes() int64 {
	if p == nil {
		return 0
	}
	const structBytes, stringBytes = 48, 16
	n := int64(structBytes + len(p.text))
	for _, t := range p.types {
		n += int64(stringBytes + len(t))
	}
	return n
}

// packer makes a pack.
type packer struct {
	*pack
	buf []byte
	// numbers are those of the types.
	numbers map[string]uint64
}

func newPacker() *packer {
	return &packer{pack: new(pack), numbers: make(map[string]uint64)}
}

// packRows packs a few rows, which are in order.
func packRows(prefix string, few []Row) rows {
	r, p := rows{prefix: prefix}, newPacker()
	for i := range few {
		p.add(&r, &few[i])
	}
	p.finish(&r)
	return r
}

// checkRoom fails if no further row may be added.
func (p *packer) checkRoom() error {
	if len(p.buf) > math.MaxUint32 {
		return fmt.Errorf("%w: more than 4 GiB in one answer", ErrBadListing)
	}
	return nil
}

// add appends row to r. The packer makes the rows of several directories at once.
func (p *packer) add(r *rows, row *Row) {
	r.pack = p.pack
	r.at = append(r.at, uint32(len(p.buf))) // see checkRoom
	base, parameters := row.ContentType, ""
	if i := strings.IndexByte(base, ';'); i >= 0 {
		base, parameters = base[:i], base[i:]
	}
	sum, isSum := packedSum(row.ETag)
	flags := byte(0)
	set := func(flag byte, on bool) {
		if on {
			flags |= flag
		}
	}
	set(packedSubdir, row.Subdir)
	set(packedResolved, row.Resolved)
	set(packedLocal, row.Local)
	set(packedMD5, isSum)
	set(packedETag, !isSum && row.ETag != "")
	set(packedDate, !row.Modified.IsZero())
	set(packedParameters, parameters != "")
	set(packedMore, row.SymlinkPath != "" || row.LinkText != "" || row.SLOETag != "" || row.Count != 0)

	p.buf = append(p.buf, flags)
	p.string(strings.TrimPrefix(row.Name, r.prefix))
	if isSum {
		p.buf = append(p.buf, sum[:]...)
	} else if row.ETag != "" {
		p.string(row.ETag)
	}
	p.int(row.Size)
	if flags&packedDate != 0 {
		p.int(row.Modified.Unix())
		p.int(int64(row.Modified.Nanosecond()))
	}
	p.uint(p.number(base))
	if parameters != "" {
		p.string(parameters)
	}
	if flags&packedMore != 0 {
		p.string(row.SymlinkPath)
		p.string(row.LinkText)
		p.string(row.SLOETag)
		p.int(row.Count)
	}
}

// dropLast takes the row back that was added last.
func (p *packer) dropLast(r *rows) {
	last := len(r.at) - 1
	p.buf = p.buf[:r.at[last]]
	r.at = r.at[:last]
}

// finish makes the pack what the rows need and no larger. They are all that the
// packer made.
func (p *packer) finish(all ...*rows) {
	p.text, p.types = string(p.buf), slices.Clone(p.types)
	if len(all) == 1 {
		p.shorten(all[0])
	}
	n := 0
	for _, r := range all {
		n += len(r.at)
	}
	at := make([]uint32, 0, n)
	for _, r := range all {
		first := len(at)
		at = append(at, r.at...)
		r.at = slices.Clip(at[first:])
	}
}

// shorten takes out of the names what they all go on with after the prefix. The rows
// are all that is in the pack.
func (p *packer) shorten(r *rows) {
	if r.len() < 2 {
		return
	}
	first, last := r.rest(0), r.rest(r.len()-1)
	common := 0
	for common < min(len(first), len(last)) && first[common] == last[common] {
		common++
	}
	if common == 0 {
		return
	}
	prefix := strings.Join([]string{r.prefix, first[:common]}, "")
	old := p.text
	p.buf = p.buf[:0]
	for i, at := range r.at {
		end := len(old)
		if i+1 < r.len() {
			end = int(r.at[i+1])
		}
		u := unpacker{old[at:end]}
		r.at[i] = uint32(len(p.buf)) // less than before
		p.buf = append(p.buf, u.bytes(1)...)
		p.string(u.string()[common:])
		p.buf = append(p.buf, u.left...)
	}
	r.prefix, p.text = prefix, string(p.buf)
}

// number is that of a content type.
func (p *packer) number(base string) uint64 {
	n, ok := p.numbers[base]
	if !ok {
		base = strings.Clone(base)
		n = uint64(len(p.types))
		p.numbers[base] = n
		p.types = append(p.types, base)
	}
	return n
}

func (p *packer) string(s string) {
	p.uint(uint64(len(s)))
	p.buf = append(p.buf, s...)
}

func (p *packer) uint(n uint64) { p.buf = binary.AppendUvarint(p.buf, n) }
func (p *packer) int(n int64)   { p.buf = binary.AppendVarint(p.buf, n) }

const md5Bytes = 16

// packedSum is the MD5 sum that an ETag is the usual text of.
func packedSum(etag string) (sum [md5Bytes]byte, ok bool) {
	if len(etag) != 2*md5Bytes || strings.ContainsAny(etag, "ABCDEF") {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(etag))
	return sum, err == nil
}

// unpacker reads what a packer wrote.
type unpacker struct{ left string }

func (u *unpacker) bytes(n int) string {
	s := u.left[:n]
	u.left = u.left[n:]
	return s
}

func (u *unpacker) string() string { return u.bytes(int(u.uint())) }

func (u *unpacker) uint() uint64 {
	var n uint64
	for i := 0; ; i++ {
		b := u.left[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			u.left = u.left[i+1:]
			return n
		}
	}
}

// int undoes binary.AppendVarint.
func (u *unpacker) int() int64 {
	n := u.uint()
	return int64(n>>1) ^ -int64(n&1)
}
