//go:build linux

package model

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// Generator makes random operations, most of which can succeed.
type Generator struct {
	features Features
	rng      *rand.Rand
	kinds    []Kind
	steps    int
	fill     uint64
}

// Sizes around which file systems change their ways: pages, blocks, requests of
// the kernel, plain objects and segments of the mounts under test.
var Sizes = []int64{0, 1, 4 << 10, 64 << 10, 128 << 10, 1 << 20, 2 << 20}

const (
	maxSize = 3<<20 + 100<<10
	slots   = 6
)

// weights say how often a kind is chosen.
var weights = map[Kind]int{
	Open: 14, Close: 9, Dup: 1, Read: 4, Write: 10, Pread: 7, Pwrite: 9, Seek: 2, Fsync: 2, Fstat: 4, Ftruncate: 4,
	Truncate: 3, Stat: 6, Readdir: 3, Mkdir: 3, Rmdir: 3, Unlink: 4, Remount: 1,
}

// options are the kinds that need a feature.
func options(f Features) map[Kind]int {
	all := map[Kind]int{}
	add := func(on bool, kinds map[Kind]int) {
		if on {
			maps.Copy(all, kinds)
		}
	}
	add(f.Holes, map[Kind]int{Fallocate: 4, SeekData: 2, SeekHole: 2})
	add(f.Mmap, map[Kind]int{MapRead: 2, MapWrite: 4})
	add(f.Copy, map[Kind]int{CopyRange: 3})
	add(f.Rename, map[Kind]int{Rename: 8})
	add(f.Symlink, map[Kind]int{Symlink: 2, Readlink: 2})
	add(f.Modes, map[Kind]int{Chmod: 3})
	add(f.Times, map[Kind]int{Utimes: 3})
	add(f.Xattrs, map[Kind]int{Setxattr: 3, Getxattr: 2, Removexattr: 1, Listxattr: 1})
	add(f.Trouble, map[Kind]int{Trouble: 8})
	add(f.Foreign, map[Kind]int{ForeignPut: 3, ForeignDelete: 2, ForeignPost: 1})
	return all
}

// NewGenerator returns a generator of so many operations.
func NewGenerator(f Features, seed uint64, steps int) *Generator {
	g := &Generator{features: f, rng: rand.New(rand.NewPCG(seed, 0x6d6f64656c)), steps: steps}
	all := maps.Clone(weights)
	maps.Copy(all, options(f))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		for range all[k] {
			g.kinds = append(g.kinds, k)
		}
	}
	return g
}

// Next returns the next operation, for Run.
func (g *Generator) Next(m *Memory) (Op, bool) {
	if g.steps--; g.steps < 0 {
		return Op{}, false
	}
	for {
		op := g.operation(m, g.kinds[g.rng.IntN(len(g.kinds))])
		if m.permits(g.features, op) {
			return op, true
		}
	}
}

func (g *Generator) operation(m *Memory, k Kind) Op {
	g.fill++
	op := Op{Kind: k, H: g.slot(m), H2: 0, Fill: g.fill}
	if !g.writes(k) {
		op.Fill = 0
	}
	switch {
	case k == Open:
		return g.open(m)
	case onHandle(k):
		return g.data(m, op)
	}
	op.H = 0
	op.Path = g.path(m)
	return g.name(m, op)
}

func (g *Generator) writes(k Kind) bool {
	return slices.Contains([]Kind{Write, Pwrite, MapWrite, Setxattr, ForeignPut, Trouble}, k)
}

// slot returns a slot, mostly one in which something is open.
func (g *Generator) slot(m *Memory) int {
	if used := slices.Sorted(maps.Keys(m.open)); len(used) > 0 {
		return used[g.rng.IntN(len(used))]
	}
	return 1 + g.rng.IntN(slots)
}

func (g *Generator) open(m *Memory) Op {
	op := Op{Kind: Open, H: 1 + g.rng.IntN(slots), Path: g.path(m), Mode: 0o644}
	for range slots {
		if _, taken := m.open[op.H]; !taken {
			break
		}
		op.H = 1 + op.H%slots
	}
	if g.rng.IntN(3) == 0 {
		if d := m.open[g.slot(m)]; d != nil { // several handles on one file
			if p := m.pathOf(d.e); p != "" {
				op.Path = p
			}
		}
	}
	op.Flags = []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR}[g.rng.IntN(3)]
	if !g.features.Edit {
		op.Flags &^= unix.O_RDWR
	}
	for _, f := range []struct{ flag, oneIn int }{{unix.O_CREAT, 2}, {unix.O_EXCL, 12}, {unix.O_TRUNC, 4}, {unix.O_APPEND, 6}} {
		if g.rng.IntN(f.oneIn) == 0 {
			op.Flags |= f.flag
		}
	}
	if op.Flags&unix.O_ACCMODE == unix.O_RDONLY {
		op.Flags &^= unix.O_TRUNC // undefined by POSIX
	}
	if op.Flags&unix.O_CREAT == 0 {
		op.Flags &^= unix.O_EXCL // undefined too
		op.Mode = 0
	} else if g.features.Modes {
		op.Mode = g.mode()
	}
	return op
}

func (g *Generator) mode() uint32 {
	return []uint32{0o644, 0o600, 0o755, 0o640, 0o400}[g.rng.IntN(5)]
}

func (g *Generator) data(m *Memory, op Op) Op {
	size := int64(0)
	if d := m.open[op.H]; d != nil {
		size = int64(len(d.e.data))
	}
	switch op.Kind {
	case Dup:
		op.H2 = 1 + g.rng.IntN(slots)
	case Read, Write:
		op.Len = g.length()
	case Seek, SeekData, SeekHole:
		op.Off = g.offset(size)
	case Ftruncate:
		op.Len = g.offset(size)
	case MapRead, MapWrite:
		if size > 0 {
			op.Off = min(g.offset(size), size-1)
			op.Len = min(1+g.length(), size-op.Off)
		}
	case CopyRange:
		op.H2 = g.slot(m)
		op.Off, op.Off2, op.Len = g.offset(size), g.offset(size), g.length()
		if g.rng.IntN(2) == 0 {
			op.Off, op.Off2, op.Len = 0, 0, size // what cp does
		}
		op.Len = min(op.Len, maxSize-op.Off2)
	case Pread, Pwrite, Fallocate:
		op.Off, op.Len = g.offset(size), g.length()
		if op.Kind == Fallocate {
			op.Flags = g.allocation()
		}
	default:
	}
	if op.Kind == Write {
		op.Len = max(0, min(op.Len, maxSize-size))
	}
	op.Len = min(op.Len, maxSize-min(op.Off, maxSize))
	return op
}

func (g *Generator) allocation() int {
	return []int{
		0, unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE,
		unix.FALLOC_FL_ZERO_RANGE, unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE,
	}[g.rng.IntN(5)]
}

// length returns how much is read or written at once: mostly little.
func (g *Generator) length() int64 {
	switch k := g.rng.IntN(20); {
	case k < 12:
		return g.rng.Int64N(300)
	case k < 16:
		return g.rng.Int64N(20_000)
	default:
		return g.around()
	}
}

// offset returns a place in a file or behind it.
func (g *Generator) offset(size int64) int64 {
	switch g.rng.IntN(5) {
	case 0:
		return min(maxSize, g.around())
	case 1:
		return min(maxSize, max(0, size+g.rng.Int64N(40)-20))
	case 2:
		return g.rng.Int64N(1000)
	default:
		return g.rng.Int64N(size + 1)
	}
}

// around returns a number about one of Sizes.
func (g *Generator) around() int64 {
	return max(0, Sizes[g.rng.IntN(len(Sizes))]+g.rng.Int64N(7)-3)
}

var names = []string{"a", "b", "c", "d e", "Ünïcode", "x%y", "f.txt"}

// path returns a path, mostly one of something that exists or could be made.
func (g *Generator) path(m *Memory) string {
	existing := m.paths()
	if len(existing) > 0 && g.rng.IntN(10) < 7 {
		return existing[g.rng.IntN(len(existing))]
	}
	return path.Join(g.directory(m), names[g.rng.IntN(len(names))])
}

const maxDepth = 3

func (g *Generator) directory(m *Memory) string {
	dirs := []string{""}
	for p, e := range m.all {
		if e.kind == unix.S_IFDIR && len(split(p)) < maxDepth {
			dirs = append(dirs, p)
		}
	}
	return dirs[g.rng.IntN(len(dirs))]
}

func (g *Generator) name(m *Memory, op Op) Op {
	fresh := path.Join(g.directory(m), names[g.rng.IntN(len(names))])
	switch op.Kind {
	case Mkdir:
		op.Path, op.Mode = fresh, 0o755
		if g.features.Modes {
			op.Mode = g.mode() | 0o700
		}
	case Rename:
		op.To = g.path(m)
		op.Flags = []int{0, 0, 0, 0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE}[g.rng.IntN(6)]
		if !g.features.Exchange {
			op.Flags &^= unix.RENAME_EXCHANGE
		}
	case Symlink:
		op.Path = fresh
		op.To = []string{names[g.rng.IntN(len(names))], "../" + names[g.rng.IntN(len(names))], "a/b", "no such file"}[g.rng.IntN(4)]
	case Chmod:
		op.Mode = g.mode()
		if e := m.at(op.Path, true); e != nil && e.kind == unix.S_IFDIR {
			op.Mode |= 0o700
		}
	case Truncate:
		op.Len = g.offset(0)
	case Utimes:
		op.Off = g.rng.Int64N(2e18)
	case ForeignPut:
		op.Len = g.length()
	case Setxattr, Getxattr, Removexattr:
		return g.attribute(op)
	case Remount:
		op.Path = ""
	case Trouble:
		op.Path, op.Len = "", 1+g.rng.Int64N(10)
	case Readdir:
		if g.rng.IntN(2) == 0 {
			op.Path = g.directory(m)
		}
	default:
	}
	return op
}

func (g *Generator) attribute(op Op) Op {
	op.To = []string{"user.a", "user.Mixed-Case", "user.with_underscore", "user.ünï"}[g.rng.IntN(4)]
	if op.Kind == Setxattr {
		op.Len = g.rng.Int64N(60)
		op.Flags = []int{0, 0, 0, unix.XATTR_CREATE, unix.XATTR_REPLACE}[g.rng.IntN(5)]
	}
	return op
}
