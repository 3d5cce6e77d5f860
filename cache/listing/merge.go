package listing

import (
	"strings"
	"time"
)

// dated is a row with the time at which the server, or this mount, said so.
type dated struct {
	Row
	fetched time.Time
}

// found is an entry with the time of the oldest row it was made from.
type found struct {
	Entry
	fetched time.Time
}

// merger turns the rows of one directory, in byte order and each name once,
// into entries. Page boundaries do not matter to it.
type merger struct {
	dir Dir
	// waiting holds plain objects whose "name/" may still come. Each name is
	// a proper prefix of the next.
	waiting []dated
	// marker is the object named like the directory itself, or nil.
	marker *Row
}

// push takes the next row and appends to out the entries that it decides.
func (m *merger) push(r dated, out []found) []found {
	if m.dir.account() {
		return append(out, m.entry(r, Directory, r.Name))
	}
	out = m.decide(r.Name, out)
	switch {
	case r.Name == m.dir.Prefix:
		if r.Name == "" {
			return out // no object has an empty name
		}
		row := r.Row
		m.marker = &row
		if r.Size > 0 {
			m.waiting = append(m.waiting, r) // data under a directory's name
		}
		return out
	case strings.HasSuffix(r.Name, "/"):
		return m.directory(r, out)
	default:
		m.waiting = append(m.waiting, r)
		return out
	}
}

// flush appends the entries that wait for rows that do not come any more.
func (m *merger) flush(out []found) []found {
	for len(m.waiting) > 0 {
		out = append(out, m.alone(m.pop()))
	}
	return out
}

// decide appends the waiting rows for which no "name/" can come from next on.
func (m *merger) decide(next string, out []found) []found {
	for n := len(m.waiting); n > 0; n-- {
		if !slashBefore(m.waiting[n-1].Name, next) {
			break
		}
		out = append(out, m.alone(m.pop()))
	}
	return out
}

// directory appends the directory r, whose name ends in "/", and the object
// without the "/" if that is waiting.
func (m *merger) directory(r dated, out []found) []found {
	name := strings.TrimSuffix(r.Name, "/")
	n := len(m.waiting)
	if n == 0 || m.waiting[n-1].Name != name {
		return append(out, m.entry(r, Directory, name))
	}
	twin := m.pop()
	if m.kindAlone(&twin.Row) == File {
		file := m.entry(twin, File, name)
		file.Collides = true
		return append(out, m.entry(r, Directory, name), file)
	}
	// Its type and metadata are the directory's attributes.
	if r.fetched.Before(twin.fetched) {
		twin.fetched = r.fetched
	}
	return append(out, m.entry(twin, Directory, name))
}

func (m *merger) pop() dated {
	last := len(m.waiting) - 1
	r := m.waiting[last]
	m.waiting = m.waiting[:last]
	return r
}

// alone is the entry of an object that has no "name/" beside it.
func (m *merger) alone(r dated) found {
	return m.entry(r, m.kindAlone(&r.Row), r.Name)
}

// kindAlone is the kind of an object whose name was not followed by "/".
func (m *merger) kindAlone(r *Row) Kind {
	if r.Name != m.dir.Prefix && r.directoryType() {
		return Directory
	}
	return File
}

// entry makes the entry for r; name is the full name without its last "/".
func (m *merger) entry(r dated, kind Kind, name string) found {
	return found{
		Entry:   Entry{Name: strings.TrimPrefix(name, m.dir.Prefix), Kind: kind, Row: r.Row},
		fetched: r.fetched,
	}
}

// slashBefore tells whether name+"/" sorts before next.
func slashBefore(name, next string) bool {
	rest, ok := strings.CutPrefix(next, name)
	if !ok {
		return name < next
	}
	return rest > "/"
}
