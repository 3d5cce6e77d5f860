package fs

import "strings"

// Objects may have names that no directory entry can have. Such a part of a
// name, and nothing else, appears under an escaped name:
//
//	part of the object's name                     entry
//	empty, as between the slashes of "a//b"       %empty%
//	"." and ".."                                  %dot% and %dotdot%
//	a file x beside objects below x/              x%file%   (x is the directory)
//	data stored under a name that ends in "/"     %data%    (inside the directory)
//	a part that looks like one of these           the part and %lit%
//
// Every escaped name decodes to exactly one part, so all of them can be opened
// and deleted; none can be created. A part over 255 bytes has no escaped form:
// it is left out of the listing, and the log says so.
const (
	escEmpty  = "%empty%"
	escDot    = "%dot%"
	escDotdot = "%dotdot%"
	escData   = "%data%"
	escFile   = "%file%"
	escLit    = "%lit%"
)

// maxName is the longest entry that the kernel takes, in bytes.
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
	return name, len(name) <= maxName && !strings.ContainsRune(name, 0)
}

// decodeName is the inverse of encodeName.
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
	if strings.HasSuffix(part, escFile) {
		return true
	}
	rest, ok := strings.CutSuffix(part, escLit)
	return ok && looksEscaped(rest)
}

// creatable reports whether an entry may be created: an escaped name stands for
// something that only another client can have made.
func creatable(name string) bool {
	part, f := decodeName(name)
	return f == formPlain && part == name
}
