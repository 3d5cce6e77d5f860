// Package block keeps object data on disk, by object version. It knows neither
// FUSE nor Swift: a [Source] gives byte ranges of a version, and a [Version] is
// that Source with the disk in front of it.
//
// # On disk
//
// A version has two files in the directory blocks of the [cache.Dir], named by a
// hash of its [Key]:
//
//	NAME      the bytes of the version at their offsets, sparse
//	NAME.map  which ranges of it are there: a header, and records behind it
//
// A record is an extent: a range of at most 1 MiB, with the checksum (xxHash64)
// of its bytes, and its own. Extents are exact to the byte and do not overlap. A
// record counts only if its checksum is right, and replaces what it overlaps of
// those before it; one that is marked so only takes away. So the map is appended
// to and not changed, but for a seal at its end, and a torn or missing record is a
// range that is fetched again.
//
// # What is trusted
//
// Data is written before its record, and without fsync. What this process wrote
// it trusts. An extent that it found is compared with its checksum before any
// byte of it is used, once; what does not match (a power failure, a damaged disk,
// another program) is taken away, logged, and fetched again. A key has the ETag
// and the size, so that a new version is another entry, and no request is needed
// to know whether what is on disk is right.
//
// The next process trusts what this one did, if it can tell that nothing has
// happened to it since. When a version is closed of which everything was written or
// checked here, its map gets a seal: the boot, the mount, device and inode of the
// data file, its size and the date of its last change (ctime), and a checksum of the
// records. If all of that is the same when the version is opened again, and nothing
// is behind the seal, its extents count as checked. After a restart of the machine,
// after the disk was mounted anew, which a container or a service with mounts of its
// own does at each start, and when anybody has written to the file, changed
// its owner or mode, or put another in its place, they do not, and are checked. A
// killed process leaves no seal on what it had open and added to. If others change
// the file while it is open here, it gets no seal, unless their change comes while a
// window is being written here. Kernels before Linux 6.13 count dates in steps of
// milliseconds: there, a change in the same step as our last write is not noticed.
//
// So what the disk itself does to a sealed file is not found by checksum as long as
// the boot lasts, just as one process that runs as long would not find it: bits that
// are read wrongly, or pages that the kernel could not write, gave up and reads back
// from the disk. The first use after the next boot checks them. Seals are made where
// the system tells all of the above: Linux from 6.8 on (seal_linux.go).
//
// # Filling
//
// What a Version fetches it writes as it passes by, in the goroutine that reads
// the body: there is no queue, and no memory. Each window of at most 1 MiB is
// claimed first, so that no byte is written twice at once. A disk on which the
// writing of one body takes long is left alone for the rest of the body. A full
// disk ends the filling for a while. If a body fails, what came in it is not
// trusted, since its end is where checksums are compared; only a caller that had
// enough leaves what it has read. Until all bodies have ended that brought anything,
// the version is not pinned, and as long as it is pinned nothing is written to it.
//
// # Space
//
// Every window is reserved in the cache.Dir. Versions make room for each other,
// the least recently used first and those that nobody has open. What the
// directory is really for, files with changes, comes before all of them: a Stage
// that finds no space gets that of versions, open or not. Who reads an evicted
// version reads on from the Source. Only a pinned one stays, because the kernel
// reads it behind our back. What is taken away of a version becomes a hole in its
// file. Where the system cannot do that, its space stays reserved until all of the
// version goes.
//
// A version has its extents in memory only while it is open, and all together
// have a limit, as has the number of versions.
//
// # Locks
//
// Store.mu is taken before entry.mu, and the directory's lock below both. A Stage
// holds its lock when it asks for space, so that nothing here ever takes one of
// a Stage. entry.mu is held for reading while bytes of its file are read or
// written, so that an eviction, which cuts the file, waits for them.
package block
