package fs

import (
	"cmp"
	"slices"
	"strings"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
)

// dirContents is what the listing in memory has of a directory: the small files in
// it, and the directories. It does not change.
type dirContents struct {
	dir   listing.Dir
	since time.Time
	files []smallFile
	dirs  []listing.Dir
	// listed has the number of each in the order of the listing: files count from 0,
	// and directories after the last file. numbers has them by the names of the files'
	// objects and the directories' prefixes.
	listed  []int32
	numbers map[string]int32
	// orders are those in which a program may come to them: of the listing and, if
	// they are all, of the inode numbers.
	orders [][]int32
	// whole says that they are all, and ends that nothing follows them.
	whole, ends bool
}

// smallFile is a file as the listing has it.
type smallFile struct {
	object string
	etag   string
	size   int64
}

// filesOf returns an order of the files alone.
func (c *dirContents) filesOf(order int) []int32 {
	if len(c.dirs) == 0 {
		return c.orders[order]
	}
	return slices.DeleteFunc(slices.Clone(c.orders[order]), func(i int32) bool { return int(i) >= len(c.files) })
}

func (c *dirContents) size() int { return len(c.files) + len(c.dirs) }

// placed is a directory with its node in the tree.
type placed struct {
	dir  listing.Dir
	node *fusefs.Inode
}

// contentsLocked finds what the listing in memory has of a directory: all, or of a
// long one, or one that memory has in part, what comes from the name on. at is any
// directory of the tree.
func (b *neighbours) contentsLocked(d listing.Dir, from string, at placed) *dirContents {
	now := time.Now()
	if i := slices.IndexFunc(b.known, func(c *dirContents) bool { return c.dir == d }); i >= 0 {
		c := b.known[i]
		b.known = slices.Delete(b.known, i, i+1)
		if _, has := c.numbers[from]; now.Sub(c.since) < walkIdle && (has || from == "" && (c.whole || c.size() > nextNeighbours && now.Sub(c.since) < partLife)) {
			b.known = slices.Insert(b.known, 0, c)
			return c
		}
	}
	c := &dirContents{dir: d, since: now}
	if c.ends = b.take(c, "", mostNeighbours); c.ends {
		c.whole = true
	} else if from != "" {
		*c = dirContents{dir: d, since: now}
		if strings.HasSuffix(from, "/") {
			c.addDir(listing.Dir{Container: d.Container, Prefix: from})
		} else {
			c.addFile(smallFile{object: from})
		}
		c.ends = b.take(c, from, nextNeighbours)
	}
	c.number()
	if c.whole {
		c.orders = append(c.orders, b.byNumber(c, at))
	}
	b.known = slices.Insert(b.known, 0, c)
	b.boundLocked()
	return c
}

// take takes what the listing in memory has after a row, and reports whether that
// is all to the end of the directory.
func (b *neighbours) take(c *dirContents, after string, most int) (ends bool) {
	scan := b.f.cache.ScanKnown(c.dir, after)
	for range most {
		e, err := scan.Next(b.f.ctx)
		if err != nil {
			return isEOF(err) && !scan.Cut()
		}
		switch {
		case e.Collides:
		case e.Kind == listing.Directory:
			c.addDir(in(c.dir, e.Name+"/").dir())
		case e.Row.Name != c.dir.Prefix && b.small(&e.Row):
			c.addFile(smallFile{e.Row.Name, e.Row.ETag, e.Row.Size})
		}
	}
	return false
}

func (c *dirContents) addFile(f smallFile) {
	c.listed = append(c.listed, int32(len(c.files))) //nolint:gosec // mostNeighbours bounds it
	c.files = append(c.files, f)
}

func (c *dirContents) addDir(d listing.Dir) {
	c.listed = append(c.listed, ^int32(len(c.dirs))) //nolint:gosec // mostNeighbours bounds it
	c.dirs = append(c.dirs, d)
}

// number gives all their numbers, once they are all there.
func (c *dirContents) number() {
	for i, n := range c.listed {
		if n < 0 {
			c.listed[i] = int32(len(c.files)) + ^n //nolint:gosec // mostNeighbours bounds it
		}
	}
	c.orders = [][]int32{c.listed}
	c.numbers = make(map[string]int32, c.size())
	for i := range c.files {
		c.numbers[c.files[i].object] = int32(i) //nolint:gosec // mostNeighbours bounds it
	}
	for i := range c.dirs {
		c.numbers[c.dirs[i].Prefix] = int32(len(c.files) + i) //nolint:gosec // mostNeighbours bounds it
	}
}

// byNumber returns the files and directories in the order of their inode numbers.
func (b *neighbours) byNumber(c *dirContents, at placed) []int32 {
	node, up := b.f.nodeAt(at, c.dir), b.inoAt(at, c.dir)
	ino := func(part string, kind listing.Kind) uint64 {
		if name, ok := encodeName(part, formPlain); ok && node != nil {
			return b.f.entryIno(node, name, part, kind)
		}
		return b.f.numbers.at(childIno(up, part, kind))
	}
	inos := make([]uint64, 0, c.size())
	for i := range c.files {
		inos = append(inos, ino(c.files[i].object[len(c.dir.Prefix):], listing.File))
	}
	for _, d := range c.dirs {
		_, part, _ := parent(d)
		inos = append(inos, ino(part, listing.Directory))
	}
	order := slices.Clone(c.listed)
	slices.SortFunc(order, func(x, y int32) int { return cmp.Compare(inos[x], inos[y]) })
	return order
}

// inoAt is the inode number of a directory, whether the kernel knows it or not.
func (b *neighbours) inoAt(at placed, d listing.Dir) uint64 {
	if node := b.f.nodeAt(at, d); node != nil {
		return node.StableAttr().Ino
	}
	up, part, ok := parent(d)
	if !ok {
		return dirIno(d)
	}
	return b.f.numbers.at(childIno(b.inoAt(at, up), part, listing.Directory))
}

// nodeAt returns the node of a directory, or nil if there is none, by the way
// through the tree from another one of the same container.
func (f *FS) nodeAt(at placed, d listing.Dir) *fusefs.Inode {
	n, from := at.node, at.dir
	if n == nil || from.Container == "" || d.Container != from.Container {
		return nil
	}
	for !strings.HasPrefix(d.Prefix, from.Prefix) {
		if n.IsRoot() {
			return nil
		}
		if _, n = f.parentOf(n); n == nil {
			return nil
		}
		from, _, _ = parent(from)
	}
	for len(from.Prefix) < len(d.Prefix) {
		part, _, _ := strings.Cut(d.Prefix[len(from.Prefix):], "/")
		name, ok := encodeName(part, formPlain)
		if !ok {
			return nil
		}
		if n = f.childOf(n, name); n == nil {
			return nil
		}
		from.Prefix += part + "/"
	}
	return n
}
