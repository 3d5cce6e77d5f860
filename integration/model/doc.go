// Package model does random file system operations on a mount and on a local
// directory, and finds the first one that does not do the same on both.
//
// # References
//
// There are two. The same system calls on a directory of the local disk say what
// each operation returns: data, counts, attributes, errno. Memory keeps, in
// memory, what all operations that succeeded amount to: which names there are
// and the bytes behind each. Memory must agree with the local directory on
// everything that is read, tells the Generator what exists, and is what the
// server must have: all of it, after every close, fsync and unmount that
// reported success, and nothing else.
//
// # Operations
//
// An Op is data, and means something whatever happened before it: an operation on
// a slot in which nothing is open is skipped on both sides. So any part of a
// sequence is a sequence, which Shrink relies on, and the Go text of one (Ops
// has a String) can be pasted into a test and stays there.
//
// Remount closes everything, unmounts, compares the server with Memory, and
// mounts again with nothing cached. The Foreign operations are those of another
// client at the server; the local directory sees them as a file renamed over the
// old one, or as an unlink, so that open files keep their old bytes there. A mount
// may answer ESTALE instead, but not with any other bytes.
//
// # Differences that are none
//
// Two local file systems differ too. What may differ is in one place, compare.go.
package model
