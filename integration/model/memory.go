//go:build linux

package model

import (
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Memory is the reference in memory: what operations that succeeded amount to.
type Memory struct {
	root *entry
	open map[int]*description
}

// entry is a file, a directory or a symbolic link, which may have no name left.
type entry struct {
	kind     uint32 // S_IFREG, S_IFDIR, S_IFLNK
	children map[string]*entry
	data     []byte // of a file
	target   string // of a link
	dated    bool   // its date was set by a program and not changed since
	unlinked bool   // it has no name any more
	replaced bool   // another client replaced or deleted it
	stale    bool   // the mount has said that it has lost the content
}

// description is an open file, which descriptors made by dup share.
type description struct {
	e     *entry
	flags int
	pos   int64
	wrote bool // something that close has to store
}

// NewMemory returns an empty directory.
func NewMemory() *Memory {
	return &Memory{root: newDirectory(), open: map[int]*description{}}
}

func newDirectory() *entry { return &entry{kind: unix.S_IFDIR, children: map[string]*entry{}} }

func (d *description) writable() bool { return d.flags&unix.O_ACCMODE != unix.O_RDONLY }

// maxLinks is how many links a path may lead through.
const maxLinks = 40

// resolve finds the directory that p's last part is in, and that part; follow
// says what to do with a link there. dir is nil if there is none.
func (m *Memory) resolve(p string, follow bool) (dir *entry, name string) {
	dir, name, _ = m.find(p, follow)
	return dir, name
}

// find is resolve and says too whether a link led out of the root.
func (m *Memory) find(p string, follow bool) (dir *entry, name string, outside bool) {
	stack := []*entry{m.root}
	parts, links := split(p), 0
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		dir := stack[len(stack)-1]
		if part == ".." {
			if len(stack) == 1 {
				return nil, "", true
			}
			stack = stack[:len(stack)-1]
			continue
		}
		e := dir.children[part]
		last := len(parts) == 0
		switch {
		case e != nil && e.kind == unix.S_IFLNK && (follow || !last):
			if links++; links > maxLinks {
				return nil, "", false
			}
			parts = append(split(e.target), parts...)
		case last:
			return dir, part, false
		case e == nil || e.kind != unix.S_IFDIR:
			return nil, "", false
		default:
			stack = append(stack, e)
		}
	}
	return stack[len(stack)-1], ".", false
}

// escapes reports whether a link leads out of the root, where there is no
// reference.
func (m *Memory) escapes(p string) bool {
	_, _, followed := m.find(p, true)
	return followed
}

// direct reports whether no link is on the way to p.
func (m *Memory) direct(p string) bool {
	e := m.root
	for _, part := range split(path.Dir(p)) {
		if e = e.children[part]; e == nil || e.kind != unix.S_IFDIR {
			return false
		}
	}
	return true
}

func split(p string) []string {
	return slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" || s == "." })
}

// at returns what is at p, or nil.
func (m *Memory) at(p string, follow bool) *entry {
	dir, name := m.resolve(p, follow)
	switch {
	case dir == nil:
		return nil
	case name == ".":
		return dir
	}
	return dir.children[name]
}

// paths returns all paths, parents first; the root is not among them.
func (m *Memory) paths() []string {
	var all []string
	for p := range m.all {
		all = append(all, p)
	}
	return all
}

// all iterates over everything that has a name, parents first.
func (m *Memory) all(yield func(p string, e *entry) bool) {
	walk("", m.root, yield)
}

func walk(p string, d *entry, yield func(string, *entry) bool) bool {
	for _, name := range slices.Sorted(maps.Keys(d.children)) {
		e := d.children[name]
		below := path.Join(p, name)
		if !yield(below, e) || e.kind == unix.S_IFDIR && !walk(below, e, yield) {
			return false
		}
	}
	return true
}

// pathOf returns a path of e, or "" if it has none.
func (m *Memory) pathOf(e *entry) string {
	for p, at := range m.all {
		if at == e {
			return p
		}
	}
	return ""
}

// handles returns the open files of e.
func (m *Memory) handles(e *entry) []*description {
	var all []*description
	for _, d := range m.open {
		if d.e == e {
			all = append(all, d)
		}
	}
	return all
}

func (e *entry) touch() { e.dated = false }

func (e *entry) resize(size int64) {
	if size <= int64(len(e.data)) {
		e.data = e.data[:size:size]
		return
	}
	e.data = append(e.data, make([]byte, size-int64(len(e.data)))...)
}

func (e *entry) write(off int64, data []byte) {
	if len(data) == 0 {
		return
	}
	if end := off + int64(len(data)); end > int64(len(e.data)) {
		e.resize(end)
	}
	copy(e.data[off:], data)
	e.touch()
}

// read returns a part of the content, cut off at its end.
func (e *entry) read(off, n int64) []byte {
	size := int64(len(e.data))
	return e.data[min(off, size):min(off+n, size)]
}
