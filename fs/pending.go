package fs

import (
	"slices"
	"strings"
)

// unsaved is a draft that the server does not have, and the path of its file.
type unsaved struct {
	*draft
	path string
}

// writing returns what is not stored yet of the file or directory at path, what is
// being stored included, in the order of the paths.
func (f *FS) writing(path string) []unsaved {
	var all []unsaved
	for _, d := range f.drafts.list() {
		if !d.unsaved.Load() && !d.storing.Load() || d.node.isGone() {
			continue
		}
		if p := d.node.path(); isAtOrBelow(p, path) {
			all = append(all, unsaved{d, p})
		}
	}
	slices.SortFunc(all, func(a, b unsaved) int { return strings.Compare(a.path, b.path) })
	return all
}

// isAtOrBelow reports whether a path is top or below it; both are as Flush and
// Refresh take them.
func isAtOrBelow(path, top string) bool {
	top = strings.Join(slices.Collect(names(top)), "/")
	return top == "" || path == top || strings.HasPrefix(path, top+"/")
}

// path returns the file's path below the root of the mount.
func (n *fileNode) path() string {
	d, p, _ := n.place()
	name, up := n.f.parentOf(&n.Inode)
	if up == nil {
		name, _ = encodeName(strings.TrimPrefix(p.object, d.Prefix), formPlain)
	}
	return strings.Join(append(n.f.entriesOf(d), name), "/")
}

// pending returns the files of the mount that are not stored yet, by path.
func (f *FS) pending() []Pending {
	all := []Pending{}
	for _, w := range f.writing("") {
		size, changed, ok := w.shown()
		if !ok {
			continue // stored since
		}
		w.mu.Lock()
		p := Pending{Path: w.path, Bytes: size, Since: changed, Attempts: w.failure.attempts}
		if w.failure.err != nil {
			p.Err, p.Since = w.failure.err.Error(), w.failure.since
		}
		w.mu.Unlock()
		all = append(all, p)
	}
	return all
}
