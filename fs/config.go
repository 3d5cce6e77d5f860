package fs

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"swiftfs/cache"
)

// Config is what a mount needs to know beside its account.
type Config struct {
	// Container and Prefix say what the root of the mount is: the account, a
	// container, or a directory in it. Prefix is "" or ends in "/".
	Container string
	Prefix    string

	ReadOnly           bool
	AllowOther         bool // users other than the one who mounts may look in
	DefaultPermissions bool // the kernel checks mode and owner

	UID, GID uint32 // owner of what has none of its own
	Umask    uint32
	DirMode  uint32 // permissions of directories; 0: 0777 less Umask
	FileMode uint32 // permissions of files; 0: 0666 less Umask
	// Attrs says where the attributes that programs set are kept.
	Attrs AttrMode

	// CacheTTL is how long what another client changed may go unnoticed.
	CacheTTL time.Duration
	// MemoryLimit bounds the bytes held for listings, reading ahead and
	// uploads.
	MemoryLimit int64
	// MostNodes is how many files and directories the kernel may know at a time. 0: what
	// the memory for them allows.
	MostNodes int
	// OldKernel does without the notifications that came with Linux 6.18.
	OldKernel bool
	// SegmentSize is the bytes of a segment of a large object, the least of a
	// long one's. A file up to this size, and up to 16 MiB, is one plain object.
	SegmentSize int64
	// UploadConcurrency is how many segments are uploaded at once.
	UploadConcurrency int
	// ReadAhead bounds the bytes read ahead for one open file.
	ReadAhead int64

	// Cache is where files are kept while they are edited, and what was read if it has
	// a limit. It stays the caller's, who closes it after Wait. Without one, a
	// temporary directory is made for the first file that is edited.
	Cache *cache.Dir

	ShowSegments bool // list segment containers too
	// Symlinks says how symbolic links are stored, and whether they are shown.
	Symlinks Symlinks

	FSName string // the first column of df; no secrets
	Log    *slog.Logger
}

// Symlinks is a way to deal with symbolic links.
type Symlinks string

// The ways to deal with symbolic links. All but SymlinksNone show those of svfs
// and native ones as links too.
const (
	// SymlinksText stores every link as an object with the target's text.
	SymlinksText Symlinks = "text"
	// SymlinksNative stores a link to an object of the mount as one that the
	// server and all its clients follow, and others as SymlinksText does.
	SymlinksNative Symlinks = "native"
	// SymlinksNone shows what the server has: a native link is the file it
	// points to, any other the file that holds it. None can be made.
	SymlinksNone Symlinks = "none"
)

// AllSymlinks are the ways there are.
var AllSymlinks = []Symlinks{SymlinksText, SymlinksNative, SymlinksNone}

const (
	mib = 1 << 20
	// leastMemory is what one reader, one writer and one page of a listing need.
	leastMemory = 64 * mib
	// leastSegment is the piece below which OpenStack Swift slows readers down.
	leastSegment = mib
)

// DefaultConfig returns the defaults, each with its reason.
func DefaultConfig() Config {
	return Config{
		Umask:             0o022,
		Attrs:             AttrsInline, // a listing tells all
		CacheTTL:          time.Minute, // as svfs, geesefs and gcsfuse have it
		MemoryLimit:       128 * mib,
		SegmentSize:       16 * mib, // four of them fit in the memory, and so are uploaded at once
		UploadConcurrency: 4,        // fills 1 Gbit/s at 20 ms
		ReadAhead:         48 * mib,
		Symlinks:          SymlinksText, // as no program expects of a link that GET follows it
		FSName:            "swiftfs",
		Log:               slog.New(slog.DiscardHandler),
	}
}

// Validate returns the first thing wrong with c, as one sentence for the user.
func (c Config) Validate() error {
	switch {
	case c.CacheTTL < 0:
		return fmt.Errorf("cache-ttl %v is negative", c.CacheTTL)
	case c.MemoryLimit < leastMemory:
		return fmt.Errorf("memory-limit %d is below the %d MiB that reading and writing one file need", c.MemoryLimit, leastMemory/mib)
	case c.SegmentSize < leastSegment:
		return fmt.Errorf("segment-size %d is below 1 MiB; servers slow down readers of smaller segments", c.SegmentSize)
	case c.SegmentSize > c.writeMemory():
		return fmt.Errorf("segment-size %d does not fit the memory for uploads, %d bytes; raise memory-limit to %d or lower it",
			c.SegmentSize, c.writeMemory(), 2*c.SegmentSize)
	case c.UploadConcurrency < 1:
		return fmt.Errorf("upload-concurrency %d is below 1", c.UploadConcurrency)
	case c.ReadAhead < 0:
		return fmt.Errorf("read-ahead %d is negative", c.ReadAhead)
	case c.Attrs != AttrsInline && c.Attrs != AttrsHead && c.Attrs != AttrsNone:
		return fmt.Errorf("attrs %q is none of %s, %s and %s", c.Attrs, AttrsInline, AttrsHead, AttrsNone)
	case !slices.Contains(AllSymlinks, c.Symlinks):
		return fmt.Errorf("symlinks %q is none of %v", c.Symlinks, AllSymlinks)
	case c.DirMode&^0o7777 != 0 || c.FileMode&^0o7777 != 0 || c.Umask&^0o777 != 0:
		return fmt.Errorf("dir-mode %o, file-mode %o and umask %o are permissions in octal", c.DirMode, c.FileMode, c.Umask)
	}
	return nil
}

// The memory is divided by use: a mount that only reads leaves the part of the
// writers unused, but no use can starve another. What the kernel may know comes on top:
// programs that go through trees leave the parts of readers and writers all but unused.

func (c Config) listingMemory() int64 { return c.MemoryLimit * 3 / 16 }
func (c Config) nodeMemory() int64    { return c.MemoryLimit * 3 / 16 }
func (c Config) readMemory() int64    { return c.MemoryLimit * 5 / 16 }
func (c Config) writeMemory() int64   { return c.MemoryLimit / 2 }

// mostNodes is how many nodes may be known to the kernel.
func (c Config) mostNodes() int {
	if c.MostNodes > 0 {
		return c.MostNodes
	}
	return int(c.nodeMemory() / nodeBytes)
}

// plainSize is the size up to which a file is one plain object: it is in memory
// until the close, which then sends it with its length and checksum.
func (c Config) plainSize() int64 {
	const most = 16 * mib
	return min(c.SegmentSize, most)
}

func (c Config) dirMode() uint32 {
	if c.DirMode != 0 {
		return c.DirMode
	}
	return 0o777 &^ c.Umask
}

func (c Config) fileMode() uint32 {
	if c.FileMode != 0 {
		return c.FileMode
	}
	return 0o666 &^ c.Umask
}
