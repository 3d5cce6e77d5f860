package fs

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Objects may have names that no directory entry can have. Such a part of a
// name, and nothing else, appears under an escaped name:
//
//	part of the object's name                     entry
//	empty, as between the slashes of "a//b"       %empty%
//	"." and ".."                                  %dot% and %dotdot%
//	a file x beside objects below x/              x%file%   (x is the directory)
//	data stored under a name that ends in "/"     %data%    (inside the directory)
//	a part that looks like one of these           the part and %lit%
//	a part whose entry would have over 255 bytes  its beginning and %long-HASH%
//
// Every escaped name stands for exactly one part, so all of them can be opened
// and deleted; none can be created. A long part does not follow from its entry:
// longname.go finds it.
const (
	escEmpty  = "%empty%"
	escDot    = "%dot%"
	escDotdot = "%dotdot%"
	escData   = "%data%"
	escFile   = "%file%"
	escLit    = "%lit%"
	escLong   = "%long-"
)

// maxName is the longest entry that the kernel takes from a directory, in bytes;
// what it looks up may have up to 1,024.
const maxName = 255

// form says which of several things of one name an entry stands for.
type form uint8

const (
	formPlain form = iota // the directory or the file of that name
	formFile              // the file, beside a directory of the same name
	formData              // the data of the directory's own object
)

// encodeName returns the entry for a part of an object's name; ok is false when
// there is none.
func encodeName(part string, f form) (name string, ok bool) {
	switch {
	case f == formData:
		return escData, true
	case part == "":
		name = escEmpty
	case part == ".":
		name = escDot
	case part == "..":
		name = escDotdot
	case looksEscaped(part):
		name = part + escLit
	default:
		name = part
	}
	if f == formFile {
		name += escFile
	}
	if len(name) > maxName {
		name = longEntry(part, f)
	}
	return name, !strings.ContainsRune(name, 0)
}

// longHash is how many hex digits of a long part's SHA-256 are in its entry:
// enough that nobody can make two parts of one entry.
const longHash = 32

// longEntry is the entry of a part that is too long for one.
func longEntry(part string, f form) string {
	sum := sha256.Sum256([]byte(part))
	tail := escLong + hex.EncodeToString(sum[:])[:longHash] + "%"
	cut := maxName - len(tail) - len(escFile)
	for !utf8.RuneStart(part[cut]) {
		cut--
	}
	if f == formFile {
		tail += escFile
	}
	return part[:cut] + tail
}

// cutLong returns what the entry of a long part tells: how the part begins, and
// its hash.
func cutLong(name string) (head, hash string, f form, ok bool) {
	if rest, found := strings.CutSuffix(name, escFile); found {
		name, f = rest, formFile
	}
	at := len(name) - len(escLong) - longHash - 1
	if at < 0 || name[at:at+len(escLong)] != escLong || name[len(name)-1] != '%' {
		return "", "", formPlain, false
	}
	hash = name[at+len(escLong) : len(name)-1]
	return name[:at], hash, f, strings.Trim(hash, "0123456789abcdef") == ""
}

// decodeName is the inverse of encodeName, but for parts that are too long.
func decodeName(name string) (part string, f form) {
	if name == escData {
		return "", formData
	}
	if rest, ok := strings.CutSuffix(name, escFile); ok {
		name, f = rest, formFile
	}
	switch name {
	case escEmpty:
		return "", f
	case escDot:
		return ".", f
	case escDotdot:
		return "..", f
	}
	if rest, ok := strings.CutSuffix(name, escLit); ok && looksEscaped(rest) {
		return rest, f
	}
	return name, f
}

// looksEscaped reports whether a part, taken as an entry, would decode to
// something else.
func looksEscaped(part string) bool {
	switch part {
	case escEmpty, escDot, escDotdot, escData:
		return true
	}
	if _, _, _, long := cutLong(part); long || strings.HasSuffix(part, escFile) {
		return true
	}
	rest, ok := strings.CutSuffix(part, escLit)
	return ok && looksEscaped(rest)
}

// creatable reports whether an entry may be created: an escaped name stands for
// something that only another client can have made.
func creatable(name string) bool {
	part, f := decodeName(name)
	_, _, _, long := cutLong(name)
	return f == formPlain && part == name && !long
}
