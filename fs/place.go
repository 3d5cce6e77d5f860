package fs

import (
	"slices"
	"strings"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
)

// place is where an object is, or where objects with a prefix are. Nodes do
// not store theirs: it follows from the tree.
type place struct {
	container string
	object    string // of a directory: "" or ending in "/"
}

func (p place) String() string { return p.container + "/" + p.object }

func (p place) dir() listing.Dir { return listing.Dir{Container: p.container, Prefix: p.object} }

// in returns the place of a part in a directory.
func in(d listing.Dir, part string) place { return place{d.Container, d.Prefix + part} }

// lastPart is the part that an object has in the directory that shows it.
func lastPart(p place) string { return p.object[strings.LastIndexByte(p.object, '/')+1:] }

// parent returns the directory that shows d, and the part d has there; ok is
// false for the account.
func parent(d listing.Dir) (up listing.Dir, part string, ok bool) {
	if d.Container == "" {
		return d, "", false
	}
	if d.Prefix == "" {
		return listing.Dir{}, d.Container, true
	}
	trimmed := strings.TrimSuffix(d.Prefix, "/")
	cut := strings.LastIndexByte(trimmed, '/') + 1
	return listing.Dir{Container: d.Container, Prefix: trimmed[:cut]}, trimmed[cut:], true
}

// dirOf returns the place of a directory's node, or of the account's; ok is
// false when the node has been removed from the tree.
func (f *FS) dirOf(n *fusefs.Inode) (d listing.Dir, ok bool) {
	var parts []string
	for !n.IsRoot() {
		name, up := f.parentOf(n)
		if up == nil {
			return d, false
		}
		parts = append(parts, partOfNode(n, name))
		n = up
	}
	slices.Reverse(parts)
	d = listing.Dir{Container: f.cfg.Container, Prefix: f.cfg.Prefix}
	if d.Container == "" && len(parts) > 0 {
		d.Container, parts = parts[0], parts[1:]
	}
	for _, p := range parts {
		d.Prefix += p + "/"
	}
	return d, true
}

// dirOfObject returns the directory that shows an object; ok is false when it
// names none.
func dirOfObject(p place) (d listing.Dir, ok bool) {
	return listing.Dir{Container: p.container, Prefix: p.object[:strings.LastIndexByte(p.object, '/')+1]}, p.container != ""
}
