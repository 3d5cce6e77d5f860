// Package cache is what a mount keeps on this side of the network.
//
// Its parts share a rule: what the server can tell again may be dropped at any
// moment, and what only this mount knows (changes that listings do not show
// yet, data that is not uploaded yet) is held exactly until the server has it.
//
//   - cache/listing keeps directory listings and object metadata in memory,
//     overlaid with the mount's own recent changes.
//   - cache/block keeps object data on disk, by object version.
//   - cache/writeback keeps files that are being written, and what of them has
//     to survive a crash.
//
// This package itself owns the cache directory on disk. None of the packages
// below it knows FUSE or Swift: each declares the small interface that it
// needs of the layer above or below.
//
// # The cache directory
//
// A [Dir] belongs to one mount at a time, and holds:
//
//	lock       locked (flock) by the owner as long as it runs; has its process
//	           number, for the one who is refused
//	version    the layout of everything else, as one line of text
//	tmp/       files without a future: nothing refers to them after a crash.
//	           They have no name where the file system can do that, and the
//	           next owner empties the directory
//	blocks/    what can be fetched again: the versions of cache/block. It stays
//	           for the next owner
//	temporary  only in directories that go with their owner
//
// The lock ends with the process, whatever ends it, so there is nothing to
// clean up before the next mount. A directory that has other things in it and
// no version is somebody's data, and is refused.
//
// A mount that was given no directory has a temporary one, which Close removes.
// If the owner was killed, the next one that opens a temporary directory removes
// it: it has the marker, and its lock is free.
//
// All who keep data in the directory take their space from Dir.Reserve, which is
// what keeps the directory below its limit. What cache/block has there makes room
// for what cache/writeback needs, and never the other way. Full for one Stage is
// full for all: each first gives back what it can fetch again.
package cache
