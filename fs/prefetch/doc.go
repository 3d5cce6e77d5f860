// Package prefetch reads one pinned version of an object ahead of the program
// that reads it. It knows neither FUSE nor Swift: a [Source] gives byte ranges,
// a [Reader] answers reads at any offset, a [Budget] bounds the memory of all
// Readers together.
//
// # What is fetched
//
// The kernel cuts a program's reads into requests of 4 KiB to 1 MiB, keeps
// several of them under way and delivers them slightly out of order. A Reader
// therefore keeps a handful of streams (stream.go): places where reading
// recently went on. Each read either continues a stream, in which case the
// stream collects evidence, or opens a new one.
//
//   - A read without evidence fetches what it asks for. Two exceptions: a read at
//     offset 0 fetches Config.FirstRequest, and small objects come whole.
//   - A stream that moves forward, with at least half of the bytes it passes
//     being read, is sequential. It may fetch ahead four times as much as it has
//     read, in requests that grow at least threefold each, up to
//     Config.MaxRequest, Config.MaxParallel at a time, Config.MaxAhead in all.
//     So the waste is in proportion to the use, and 1 GiB takes 68 requests.
//   - Streams that meet, because a reader's first requests came far out of order,
//     become one.
//   - A stream that moves backward fetches blocks that end where its read ends
//     and double in size up to Config.BlockSize.
//   - Short streams of equal length in a row are records (one pread of 1 MiB
//     arrives as eight kernel requests): the next one is fetched as one record
//     at its first read. When their distance is equal too, the following records
//     are fetched ahead at that stride.
//
// # Parts
//
// One request is one part (part.go): a range cut into blocks. Parts never
// overlap, so no byte is under way or in memory twice. The part's goroutine reads
// the body straight into the blocks and wakes each waiting read as soon as that
// read's bytes are there; the read copies them out once. The last bytes are
// handed out only after the body has ended, so a Source that verifies a
// checksum at the end can still fail the read.
//
// A failed or short body fails the reads that need the missing bytes. What
// arrived stays usable, and the next read of the missing bytes makes a new request.
//
// Blocks are released from the front of a part (release.go): behind a sequential
// stream Config.KeepBehind stays for small steps back, and bytes that were
// fetched but not asked for yet stay for Config.ReorderSpan. Elsewhere a block goes
// as soon as its bytes were read, since the kernel's page cache holds them now.
// Memory under an active read is never released.
//
// # Memory
//
// A part's whole memory is reserved before its request starts, without waiting.
// Read-ahead is refused beyond a Reader's fair share of the Budget, which makes
// windows and requests shrink as the number of busy Readers grows. When memory is
// short, Readers that nobody used for a while give theirs up. When a read
// that a program waits for gets no memory at all, it reads from the body directly
// into the caller's buffer: it needs no memory, so it never waits for another
// Reader, and nothing can deadlock.
//
// # Goroutines and locks
//
// Every part's goroutine belongs to its Reader; Close cancels and awaits them
// and the reads under way. Fetches run under the Reader's context, not the
// caller's: a caller that gives up leaves the fetch to the others. Only a
// direct read is cancelled with its caller, who is the only one to want it.
//
// Lock order: Reader.mu, then Budget.mu. A Reader that is short of memory takes
// another Reader's mu with TryLock only, as two Readers may try at the same time;
// a Reader whose mu is taken is in use and no victim anyway.
package prefetch
