//go:build linux

package model

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind is what an operation does, and which fields of the Op it uses.
type Kind uint8

// The operations. H and H2 are slots of open files.
const (
	Open        Kind = iota + 1 // H, Path, Flags, Mode
	Close                       // H
	Dup                         // H to H2
	Read                        // H, Len
	Write                       // H, Len
	Pread                       // H, Off, Len
	Pwrite                      // H, Off, Len
	Seek                        // H, Off, from the beginning
	SeekData                    // H, Off
	SeekHole                    // H, Off
	Ftruncate                   // H, Len
	Fallocate                   // H, Flags, Off, Len
	Fsync                       // H
	Fstat                       // H
	MapRead                     // H, Off, Len
	MapWrite                    // H, Off, Len; msync included
	CopyRange                   // H, Off to H2, Off2; Len
	Truncate                    // Path, Len
	Stat                        // Path, not followed
	Readdir                     // Path
	Mkdir                       // Path, Mode
	Rmdir                       // Path
	Unlink                      // Path
	Rename                      // Path to To, Flags
	Symlink                     // Path, with the target To
	Readlink                    // Path
	Chmod                       // Path, Mode
	Utimes                      // Path, Off: the modification time in nanoseconds
	Setxattr                    // Path, To: the name; Len, Flags
	Getxattr                    // Path, To: the name
	Removexattr                 // Path, To: the name
	Listxattr                   // Path

	Remount       // everything is closed
	ForeignPut    // Path, Len: another client stores an object
	ForeignDelete // Path: another client deletes one
	ForeignPost   // Path: another client sets metadata of one
	Trouble       // Len: during so many operations the server fails, as Fill chooses
)

var kindNames = [...]string{
	Open: "Open", Close: "Close", Dup: "Dup", Read: "Read", Write: "Write", Pread: "Pread", Pwrite: "Pwrite",
	Seek: "Seek", SeekData: "SeekData", SeekHole: "SeekHole", Ftruncate: "Ftruncate", Fallocate: "Fallocate",
	Fsync: "Fsync", Fstat: "Fstat", MapRead: "MapRead", MapWrite: "MapWrite", CopyRange: "CopyRange",
	Truncate: "Truncate", Stat: "Stat", Readdir: "Readdir", Mkdir: "Mkdir", Rmdir: "Rmdir", Unlink: "Unlink",
	Rename: "Rename", Symlink: "Symlink", Readlink: "Readlink", Chmod: "Chmod", Utimes: "Utimes",
	Setxattr: "Setxattr", Getxattr: "Getxattr", Removexattr: "Removexattr", Listxattr: "Listxattr",
	Remount: "Remount", ForeignPut: "ForeignPut", ForeignDelete: "ForeignDelete", ForeignPost: "ForeignPost",
	Trouble: "Trouble",
}

// String returns the name of the constant.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Op is one operation. Paths are relative to the root, which is "".
type Op struct {
	Kind           Kind
	H, H2          int
	Path, To       string
	Flags          int
	Mode           uint32
	Off, Off2, Len int64
	Fill           uint64 // what is written: see content
}

// Ops is a sequence of operations.
type Ops []Op

// String returns the sequence as Go, to be pasted into a test.
func (ops Ops) String() string {
	var b strings.Builder
	b.WriteString("model.Ops{\n")
	for _, op := range ops {
		fmt.Fprintf(&b, "\t%s,\n", op)
	}
	b.WriteString("}")
	return b.String()
}

// String returns the operation as a Go literal without its type.
func (op Op) String() string {
	parts := []string{"Kind: model." + op.Kind.String()}
	add := func(set bool, format string, value any) {
		if set {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add(op.H != 0, "H: %d", op.H)
	add(op.H2 != 0, "H2: %d", op.H2)
	add(op.Path != "", "Path: %q", op.Path)
	add(op.To != "", "To: %q", op.To)
	add(op.Flags != 0, "Flags: %s", op.flags())
	add(op.Mode != 0, "Mode: %#o", op.Mode)
	add(op.Off != 0, "Off: %d", op.Off)
	add(op.Off2 != 0, "Off2: %d", op.Off2)
	add(op.Len != 0, "Len: %d", op.Len)
	add(op.Fill != 0, "Fill: %d", op.Fill)
	return "{" + strings.Join(parts, ", ") + "}"
}

type flagName struct {
	bits int
	name string
}

var flagNames = map[Kind][]flagName{
	Open: {
		{unix.O_WRONLY, "unix.O_WRONLY"}, {unix.O_RDWR, "unix.O_RDWR"}, {unix.O_CREAT, "unix.O_CREAT"},
		{unix.O_EXCL, "unix.O_EXCL"}, {unix.O_TRUNC, "unix.O_TRUNC"}, {unix.O_APPEND, "unix.O_APPEND"},
	},
	Fallocate: {
		{unix.FALLOC_FL_KEEP_SIZE, "unix.FALLOC_FL_KEEP_SIZE"}, {unix.FALLOC_FL_PUNCH_HOLE, "unix.FALLOC_FL_PUNCH_HOLE"},
		{unix.FALLOC_FL_ZERO_RANGE, "unix.FALLOC_FL_ZERO_RANGE"},
	},
	Rename:   {{unix.RENAME_NOREPLACE, "unix.RENAME_NOREPLACE"}, {unix.RENAME_EXCHANGE, "unix.RENAME_EXCHANGE"}},
	Setxattr: {{unix.XATTR_CREATE, "unix.XATTR_CREATE"}, {unix.XATTR_REPLACE, "unix.XATTR_REPLACE"}},
}

func (op Op) flags() string {
	var names []string
	rest := op.Flags
	for _, f := range flagNames[op.Kind] {
		if rest&f.bits == f.bits {
			names, rest = append(names, f.name), rest&^f.bits
		}
	}
	if rest != 0 {
		names = append(names, fmt.Sprintf("%#x", rest))
	}
	return strings.Join(names, " | ")
}

// content returns what an operation writes at off: bytes that tell one write
// from another and one place from another, and none of which is zero, as those
// of holes are.
func content(fill uint64, off, n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		x := (uint64(off)+uint64(i))*0x9e3779b97f4a7c15 + fill*0xd1342543de82ef95
		x ^= x >> 29
		b[i] = 1 + byte(x*0xbf58476d1ce4e5b9>>56)%255
	}
	return b
}
