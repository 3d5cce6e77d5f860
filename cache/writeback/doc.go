// Package writeback has the files that are being written: what programs changed
// and the server does not have yet.
//
// # A file being edited
//
// A [Stage] is one file with the content of a stored version, its [Base], and the
// changes since. It knows neither FUSE nor Swift. It is a sparse local file
// without a name, and sets of byte ranges that tell where each byte of the file
// is:
//
//	remote   in the base, to be fetched when it is read
//	hole     nowhere: it is zero
//	local    in the local file
//
// Each byte is in exactly one of the three. At first all is remote; a fetch makes
// bytes local, a write too, cutting and growing makes holes. No way leads back
// to remote but one: what is local and not dirty can be dropped when a write
// needs the space. So the base shows exactly where it was never touched, and
// what is cut off does not come back when the file grows.
//
// The local file is read only where it is known to have been written. What it
// has elsewhere (the rest of a page, a hole that could not be punched) has no
// meaning, so giving space back may fail without harm.
//
// Independent of where it is, a byte is dirty if it may differ from the base.
// Ranges are exact to the byte: writing never fetches, and an upload never sends
// what was not changed unless it wants to. A database may leave a million ranges,
// so the sets keep them in chunks: a change costs the same among a million as
// among ten.
//
// # Fetching
//
// The base is read in aligned blocks of 1 MiB. Those who need the same block
// share one fetch; blocks that follow each other, and are needed by the same
// caller, are one request. A request belongs to all who wait for it: it ends
// when the last of them has given up. An error goes to those who wait and is
// forgotten. What arrives is kept where the file is still remote. If there is no
// space for it, readers get it all the same, and Fill, which promises that it is
// local, fails.
//
// # Uploading
//
// A [Snapshot] is the content at one moment, while writes go on: what is about
// to change is copied to a side first, which is another Stage of the same base.
// The upload reads the snapshot's dirty ranges (and with Fill whatever it needs
// around them), stores a version, and tells Stage.Clean: what was not changed
// since the snapshot is clean then, and the version is the base.
// An upload that failed closes the snapshot, and everything is as dirty as it was.
// The protocol of an upload, which one caller at a time does:
//
//	snapshot, err := stage.Snapshot()
//	defer snapshot.Close()
//	… upload snapshot.Reader(ctx, off, length) for what DirtyRanges says …
//	err = stage.Clean(version, snapshot)
//
// A change that would have to copy more than 64 MiB at once, or finds no space
// for the copy, loses the snapshot rather than being refused: an upload can be
// repeated, and a program's write cannot.
//
// # Space
//
// Whole pages that hold anything local are reserved in the [cache.Dir], whose
// limit thus holds for all stages together, and for what cache/block keeps there,
// which makes room first. When it is reached, or the disk is full, a write drops
// what is clean in its own file, and fails with ENOSPC if that is not enough. What
// was in the file stays readable and can be uploaded.
//
// # Locks and goroutines
//
// Stage.mu guards the sets and the content of the local file. It is held during
// local reads and writes, so that each happens at one moment, and never while a
// base is read. A Stage holds its own lock when it takes that of a snapshot's
// side, or the directory's; never the other way. Fetches run in goroutines of the
// Stage, which Close ends and awaits.
//
// # What survives a crash
//
// Nothing here: local files have no names.
package writeback
