package fs

import (
	"bufio"
	"context"
	"encoding/gob"
	"io"
	"os"
	"strings"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// treeList has the objects below a directory as they were when it was made, in
// the byte order of their names. It is in a local file, so that a directory of any
// size takes no memory to speak of.
type treeList struct {
	file *os.File
	n    int
	// own says that the first object is the marker of the directory itself.
	own bool
	// done is what became of each object.
	done []fate
}

// fate is what a move has done with one object.
type fate uint8

const (
	untouched fate = iota
	copied         // by this move
	present        // at the target, since before this move
	vanished       // deleted by somebody else meanwhile
)

func newTreeList(f *FS) (*treeList, error) {
	dir, err := f.cacheDir()
	if err != nil {
		return nil, err
	}
	file, err := dir.TempFile()
	if err != nil {
		return nil, err
	}
	return &treeList{file: file}, nil
}

func (l *treeList) close() { _ = l.file.Close() }

// fill lists everything below d, with what this mount changed there and a listing
// that lags may not show. check is asked about each name.
func (l *treeList) fill(ctx context.Context, f *FS, d place, check func(name string) error) error {
	out := bufio.NewWriter(l.file)
	enc := gob.NewEncoder(out)
	write := func(r *listing.Row) error {
		if err := check(r.Name); err != nil {
			return err
		}
		l.own = l.own || r.Name == d.object
		l.n++
		return enc.Encode(r)
	}
	own := f.ownRows(d.dir())
	o := swiftbackend.ListOptions{Prefix: d.object}
	for {
		end, err := f.client.ListObjects(ctx, d.container, o, func(r swiftbackend.ObjectRow) error {
			o.Marker = r.Name
			row := listedRow(r)
			for len(own) > 0 && own[0].Name <= row.Name {
				if own[0].Name < row.Name {
					if err := write(&own[0]); err != nil {
						return err
					}
				} else if later(&own[0], &row) {
					row = own[0]
				}
				own = own[1:]
			}
			return write(&row)
		})
		if err != nil {
			return err
		}
		if end {
			break
		}
	}
	for i := range own {
		if err := write(&own[i]); err != nil {
			return err
		}
	}
	l.done = make([]fate, l.n)
	return out.Flush()
}

// ownRows are the objects that this mount stored in or below d, as far as the
// server may not list them yet.
func (f *FS) ownRows(d listing.Dir) []listing.Row {
	var rows []listing.Row
	for _, c := range f.cache.ChangesWithin(d) {
		if !c.Removed && !c.Row.Local && !c.Row.Subdir {
			rows = append(rows, c.Row)
		}
	}
	return rows
}

// later reports whether own is a later version of an object than what is listed.
func later(own, listed *listing.Row) bool {
	return own.ETag != listed.ETag && own.Modified.After(listed.Modified)
}

// each calls do with the objects in their order, and their numbers.
func (l *treeList) each(do func(i int, r *listing.Row) error) error {
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	dec := gob.NewDecoder(bufio.NewReader(l.file))
	for i := range l.n {
		var r listing.Row
		if err := dec.Decode(&r); err != nil {
			return err
		}
		if err := do(i, &r); err != nil {
			return err
		}
	}
	return nil
}

// cursor goes through the list beside another one of the same order.
type cursor struct {
	dec *gob.Decoder
	i   int
	n   int
	row listing.Row
}

func (l *treeList) cursor() (*cursor, error) {
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c := &cursor{dec: gob.NewDecoder(bufio.NewReader(l.file)), i: -1, n: l.n}
	return c, c.next()
}

func (c *cursor) next() error {
	c.row = listing.Row{}
	if c.i++; c.i >= c.n {
		return nil
	}
	return c.dec.Decode(&c.row)
}

// find goes to the first object whose name behind prefix is not below rest, and
// returns its number; ok is false when its name is another.
func (c *cursor) find(prefix, rest string) (i int, ok bool, err error) {
	for c.i < c.n && strings.TrimPrefix(c.row.Name, prefix) < rest {
		if err := c.next(); err != nil {
			return 0, false, err
		}
	}
	return c.i, c.i < c.n && strings.TrimPrefix(c.row.Name, prefix) == rest, nil
}
