package listing

import (
	"strings"
	"time"
)

// Dir is one place that can be listed. An empty Container is the account,
// whose rows are containers. Prefix is empty or ends in "/".
type Dir struct {
	Container string
	Prefix    string
}

// account tells whether the rows of d are containers.
func (d Dir) account() bool { return d.Container == "" }

// within tells whether d is root or lies below it.
func (d Dir) within(root Dir) bool {
	return root.account() ||
		d.Container == root.Container && strings.HasPrefix(d.Prefix, root.Prefix)
}

// parent is the directory that d is in. The account and containers are in none.
func (d Dir) parent() (up Dir, ok bool) {
	if d.Prefix == "" {
		return Dir{}, false
	}
	slash := strings.LastIndexByte(d.Prefix[:len(d.Prefix)-1], '/')
	return Dir{Container: d.Container, Prefix: d.Prefix[:slash+1]}, true
}

// holds tells whether name can be a row of d: below its prefix, with no "/" in
// it but a last one.
func (d Dir) holds(name string) bool {
	if d.account() {
		return name != ""
	}
	rest, ok := strings.CutPrefix(name, d.Prefix)
	if !ok {
		return false
	}
	slash := strings.IndexByte(rest, '/')
	return slash < 0 || slash == len(rest)-1
}

// Row is one row of a listing with delimiter "/".
type Row struct {
	// Name is the full object name as the server has it, or a container's
	// name. The Name of a subdir ends in "/".
	Name string
	// Subdir is set for {"subdir": "x/"}: a common prefix, with no data of
	// its own known.
	Subdir bool
	// Size is in bytes; for a container, of all its objects.
	Size        int64
	ETag        string
	ContentType string
	// Modified is zero where the server gives no date.
	Modified time.Time
	// SymlinkPath is the target of a native symlink, or empty.
	SymlinkPath string
	// LinkText is the target of a symbolic link that has it in its metadata, or
	// empty.
	LinkText string
	// SLOETag is the ETag of a static large object where the listing tells
	// it apart from ETag, or empty.
	SLOETag string
	// Count is the number of objects in a container.
	Count int64
	// Resolved says that Size was confirmed by a HEAD or by our own write.
	Resolved bool
	// Local says that this mount is writing the file and the server does not
	// have it yet.
	Local bool
}

// directoryType tells whether the object's content type, without parameters,
// is one that marks directories.
func (r *Row) directoryType() bool {
	base, _, _ := strings.Cut(r.ContentType, ";")
	switch strings.ToLower(strings.TrimSpace(base)) {
	case "application/directory", "text/directory":
		return true
	}
	return false
}

// sameVersion tells whether the listed row shows the object version of own. An
// ETag that is not known agrees with any.
func sameVersion(own, listed *Row) bool {
	if own.ETag == "" {
		return true
	}
	e, s := bareETag(own.ETag), bareETag(own.SLOETag)
	le, ls := bareETag(listed.ETag), bareETag(listed.SLOETag)
	return e == le || ls != "" && (e == ls || s == ls) || s != "" && s == le
}

// bareETag removes the quotes that headers have and listings have not.
func bareETag(e string) string {
	return strings.Trim(e, `"`)
}

// sameType compares content types the way listings print them: the servers
// keep parameters but not the spaces around them.
func sameType(a, b string) bool {
	return strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "")
}

// Kind is what an Entry is.
type Kind uint8

// The kinds of entries. Whether a file is shown as a symlink is up to the
// file system, which finds what it needs for that in the Row.
const (
	File Kind = iota
	Directory
)

func (k Kind) String() string {
	if k == Directory {
		return "directory"
	}
	return "file"
}

// Entry is one thing that a directory shows.
type Entry struct {
	// Name is the part after the directory's prefix, without "/". It may be
	// empty: the directory "a//" below "a/", or data in the object "a/". It
	// may be a name that POSIX cannot hold; the file system escapes it.
	Name string
	Kind Kind
	// Row is the row that tells most about the entry: of a directory, a
	// marker object with a date rather than the bare subdir, and one whose type
	// has parameters rather than one without.
	Row Row
	// Collides is set on a file beside a directory of the same name.
	Collides bool
}
