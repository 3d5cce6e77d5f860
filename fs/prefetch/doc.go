// Package prefetch reads one pinned version of an object ahead of the program
// that reads it. It knows neither FUSE nor Swift: a [Source] gives byte ranges,
// a [Reader] answers reads at any offset, a [Budget] bounds the memory of all
// Readers together. A [Walk] and a [Shelf] do the same for whole small objects that
// are read one after the other.
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
//     So the waste is in proportion to the use.
//   - Two requests share what may be ahead: with 40 MiB, 1 GiB takes 56 requests. If
//     connections are slow and the program waits for them, ten smaller ones are
//     tried, and stay if that makes the same bytes come faster (pace.go). What one
//     Reader found out counts for new ones of the Budget for a minute.
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
// read's bytes are there; the read gives them out where they are, and they stay there until it is
// released: the kernel's copies are the only ones. The last bytes are
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
// # Small objects
//
// A Walk tells which files of a directory a reader comes to next, in whichever of
// a few orders he goes through them: 2 after he has read two in a row, then 4, 8
// and 16, and 32 after 65 in a row. One who leaves out most files, or jumps, gets none. What a Walk found
// out is the evidence for the next directory if this one was read to its end, so
// that the window is open at the first file there; reading one file of each
// directory is no evidence.
// Once all files to the last were asked for, a Walk tells how many of those that come
// after them are to be ahead, too; which ones those are, the caller has to know.
//
// A Shelf holds what was fetched, each object under a key that stands for its
// version, until its reader takes it, for 5 s at most. It has 16 MiB of the Budget at
// most, within its fair share, and gives them up like an idle Reader. After a
// failure it pauses for a second.
//
// # Goroutines and locks
//
// Every part's goroutine belongs to its Reader; Close cancels and awaits them
// and the reads under way. Fetches run under the Reader's context, not the
// caller's: a caller that gives up leaves the fetch to the others. Only a
// direct read is cancelled with its caller, who is the only one to want it.
//
// A Shelf's fetches run under its own context, and Close awaits them.
//
// Lock order: Reader.mu or Shelf.mu, then Budget.mu. A Reader that is short of memory takes
// another holder's mu with TryLock only, as two Readers may try at the same time;
// one whose mu is taken is in use and no victim anyway.
package prefetch
