// Package listing answers "what is in this directory" and "is there such a
// name" from memory, as far as memory can know.
//
// # Two kinds of knowledge
//
// What the server said can be asked again. It lives in a store that may drop any
// value at any time (store.go): pages of listings (one page is the answer to one
// request), sheets (pages of many directories, the answer to one request without a
// delimiter) and notes (the answer to a caller's own question about one name). It is
// believed for Config.TTL, counted from the moment the request began.
//
// What this mount did is exact and cannot be asked, because container listings
// lag behind the objects in a real cluster. It lives in the overlay, a plain
// sorted slice of changes per directory, and wins over pages and notes:
// Cache.Put for what was created or overwritten, Cache.Remove for what was
// deleted, Cache.Keep for a directory that stays although nothing is in it any
// more. A change does not invalidate pages: copying 1,000 files into a listed
// directory costs no further listing.
//
// # Rows and entries
//
// A [Row] is what the server lists: the full name of an object, or a subdir. An
// [Entry] is what a directory shows. The object "x" with a directory's content
// type, the object "x/" and the subdir "x/" are one directory. A plain object
// "x" beside any of the latter two is a second entry with Collides set. Between
// "x" and "x/" a listing may have any number of names ("x-1", "x.txt"), so the
// merge keeps a stack of rows that wait for their "x/"; each is a prefix of the
// next, which bounds the stack by the length of a name. Scans and lookups go
// through this one merge.
//
// Pages keep rows packed (rows.go): some 60 bytes each, a quarter of a Row and its
// strings. A Row is made of each that is looked up or scanned, and keeps nothing of
// its page.
//
// # Logical time
//
// The cache counts. Each change, each beginning of a request and each
// invalidation takes the next number, and every question of order is a
// comparison of two numbers, whatever the clocks do:
//
//   - A page or note counts only if its request began after the last
//     invalidation of its directory. One that did not is used by those who
//     wait for it, and is not stored.
//   - A page can settle a change only if its request began after the change.
//
// Cache.Changed gives callers who keep an answer themselves the latest such number of a
// directory: while it stays the same, nothing that this mount did has changed the answer.
//
// # The life of a change
//
// A change younger than the TTL wins, except over a listed row that is
// certainly newer (later date, other ETag: somebody else's overwrite). It is
// dropped when a page agrees with it that was asked for after it was made, and
// when no older answer is left that could hide it again: older pages are
// trimmed by the newer one, older requests under way postpone the dropping,
// older notes are refused. A removal, and a directory made, are not dropped
// before they are as old as the TTL: a listing that is behind may show the same
// state from before a file was created and removed again.
//
// A change that is older than the TTL, or older than an invalidation, and that
// the listing does not confirm is in doubt: the listing may lag, or somebody
// else may have undone it. Config.Verify decides, once per TTL, for those
// changes alone that a scan or a lookup meets. A failing Verify leaves the
// change as it is. Rows marked Local (no object on the server yet) and kept
// directories are never in doubt.
//
// # The index of pages
//
// Each directory has an index of disjoint spans of names, each naming the page
// that knows it. A newer page trims the spans of older ones. The index is in a
// map of the cache's own and is checked against the store on use: a page that
// is gone leaves an unknown range, and the span is remembered. Who wants to know
// of a name in it asks from where that page began; pages that begin wherever
// somebody looks overlap, and each drives out others. A lookup needs both the row
// "x" and the row "x/" to be in known ranges. Filling a page does not depend on
// who asked: a sheet fills the pages of several directories.
//
// # Walks
//
// A program that goes through a tree reads each of its directories, and with
// small ones that is a request for a few names. A listing of the subtree without
// a delimiter has some 10,000 names a request: a [sheet], which is cut into the
// pages that listings of the directories would have given. The names between a
// marker and the last object of a sheet are known for every directory: its
// objects among them, and its subdirs, because those that begin between the two
// have all their objects there or are begun by the last one.
//
// A walk is noticed when a directory has been read, and then the second of those
// in it has to be asked for (walk.go). It begins with a short sheet at the
// directory that is asked for, and goes on with whole ones where the last one
// ended, each asked for when somebody comes to the end of it or near (ahead.go).
// The root is the highest directory from which the reading came down, but that
// decides only where the last sheet may end.
//
// Programs that only look like it must not cost much. Some skip large
// directories, some look into those of one level and not below, some go in the
// order of inode numbers. So a walk has credit. Each sheet at a new place, each
// that may have nothing of the directory that is read, and each directory passed by
// costs some of it; each directory that was in a sheet already earns some. Without
// credit directories are listed alone, with another try now and then. A program
// that goes back, or leaves out several directories, goes by an order of its own:
// its sheets begin some directories before the one that is asked for.
//
// A directory that the one above does not list is empty without a request: it is
// there because the overlay keeps it.
//
// # Asking ahead
//
// The page after the first is asked for when three quarters of the first have been
// read, because most readers of large directories want no more than its beginning;
// each further one when an eighth of the one before has been read.
//
// # Bounds
//
// Pages, sheets and notes: Config.Bytes. Half of it is for those used last
// (recent.go), of which a few are held whatever they cost; ristretto has the other
// half: it is offered what falls out of the first, and gives it back when it is
// used, so that all that is in demand may fill both.
// Ristretto alone would refuse the pages that are in demand: it goes by how often a
// key was asked for, and a page is asked for once for each name in it, so that those
// of the directory before win for long. A page that nobody believes any more is dropped
// when it is met, at the latest when as many values have come since as there were.
// A sheet is one value, so that what a walk fetched together is dropped together.
// Overlay: Config.MaxOverlay rows; above it the oldest eighth is dropped and
// the pages of their directories with them, so that the truth is asked again.
// Local rows and kept directories are never dropped. Directory states:
// Config.MaxDirs, not counting those that hold overlay rows. A Scanner holds
// one page at a time, or one sheet, and with ScanKnown asks for none.
//
// # Concurrency
//
// One mutex guards all maps and is never held during a request or a wait.
// Requests run on the cache's own goroutines, shared by all who want the same
// page; whoever waits can give up alone. Cache.Close cancels and awaits them.
package listing
