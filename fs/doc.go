// Package fs is the FUSE file system: a Swift account as a tree, with containers
// as directories at its root and objects as files. It is the only package that
// imports go-fuse, and the only one that returns an errno; errno.go has them
// all. What programs may rely on is in SEMANTICS.md.
//
// # Nodes
//
// go-fuse's inode tree is the tree. There is one type a kind of node
// (accountNode, containerNode, directoryNode, fileNode, symlinkNode), each in a
// file of its own. A node does not know its path: dirOf derives the place of a directory
// from the names in the tree, and decodes them (name.go), because objects may
// have names that no directory entry can have.
//
// Renames move a node, and all below it, with the tree. go-fuse does that after
// our method has returned, and moved.go tells those who walk the tree before;
// parentOf and childOf are to be used in place of Inode.Parent and Inode.GetChild.
// numbers.go gives a place whose inode was renamed away another number.
//
// A directory node is one and the same inode for one place. A file node stands
// for one version of one object: when a lookup finds that another client has
// replaced the object, it returns another inode, with the same number and
// another generation. The kernel then has separate page caches for the two, so
// bytes of one version are never seen in the other. What this mount writes
// itself stays the same inode.
//
// # How many there are
//
// The kernel forgets a node when the machine is short of memory, and until then go-fuse
// keeps it. nodes.go bounds their number: it asks the kernel to forget
// the oldest, by a notification that leaves alone what is in use. Kernels before Linux 6.18 are told to forget the names of closed
// files instead. Nothing may rely on a node to stay longer than the kernel has something
// open below it.
//
// # What the kernel keeps of directories
//
// The kernel keeps the names that it has read of a directory, in pages that it can
// drop when it needs memory, and answers readers from there: find goes through a
// tree again without asking us, whether or not our memory holds its listings. dircache.go decides
// with each open of a directory whether the list that the kernel has is still right, is to be
// made anew, or is to be left alone. It never lives longer than the listings that it
// was made from, nor over a change by this mount in that directory, which is what
// listing.Cache.Changed counts. A list that came without the attributes of files is not
// given to those who want them: it would cost them a lookup of each file.
//
// The kernel asks for the attributes of a directory again after each reading that was
// not from its list; dirtold.go repeats those that were told last. A list is gone with its node, so that nodes.go
// spares directories once.
//
// # What is known, and from where
//
// Everything a lookup or a listing answers comes from cache/listing, which has
// the server's listings for the TTL and this mount's own changes until the
// server confirms them. lookup.go decides what to ask when it does not know: one
// listing of the names that begin like it, up to "name/", which tells of the object
// and of what is below it; after a few such names in one directory, a listing of the
// directory. The account is always listed: one request tells all containers. A mount
// begins with the first page of its root, whose header has what a HEAD of the
// container tells.
//
// A listing may lag behind the objects, and a HEAD does not. A lookup can do with the
// listing, because the same name in a directory that was read is answered from one,
// too, and because this mount's own changes win over it. A HEAD is asked where that
// is not enough: for an own change in doubt (verifyRow), where no answers are kept (a
// TTL of 0), before a rename that must not replace anything (renaming.vacant), and
// before a marker on RGW, whose PUT replaces whatever is there (FS.vacant). With
// attrs=head one is needed for the metadata anyway, and goes beside a listing of what
// is below the name.
//
// The kernel may keep what we tell it for what is left of the TTL, so that both
// caches together are never older than that.
//
// Some rows do not show their object's size or ETag (dynamic large objects,
// static ones on RGW, links of svfs). They all list with the ETag of the
// empty string, and a HEAD resolves them, once a version, in batches of a
// directory that is being read (sizes.go).
//
// # Attributes
//
// The mode, owner and date that a program set are in the content type that a row
// shows, and attrs.go reads them from there whenever they are asked for; nothing
// else holds them. A container's are added to its row as if its type had them. What
// is set on a draft changes the type in the node's row alone, and the upload takes
// that. The server dates an object by its last change of any kind, so that a
// version is known by its ETag and size, and its date is the time of the last
// change.
//
// The directories that this mount makes get theirs a moment later (dirattrs_late.go),
// so that the calls by which tar sets them are one request.
//
// # Handles
//
// dirHandle reads a directory in batches, and remembers where they began for those who
// come back to a place in it (dirplaces.go). plus.go decides whether the kernel gets
// the attributes of files along with their names, which cost memory for as long
// as it keeps them. readHandle reads the version its node stands for, through
// fs/prefetch (version.go); neighbours.go fetches the small files of a directory
// before a program that goes through them opens them, and the open takes the bytes
// if its version has the same ETag. At the end of a directory neighbours_dirs.go goes on
// into those that come after it, if the program has gone on so before; what there is
// to fetch is in the listing in memory (neighbours_listed.go), and no request is made
// to find it out. All handles of a file that is
// being written share its draft (draft.go): a stream as long as it is written in
// order (stream.go has it as segments and a tail, writepool.go the memory that all
// streams share, sums.go the checksums of segments, computed together), a staged file on the local disk otherwise. A stream for which
// there is no memory, or whose segments the server refuses, becomes a staged file,
// so that no file waits for what another holds. drafts.go keeps what could not be
// stored, and tries it again.
//
// With a limited cache directory, cache/block is between the reader and the server
// (blocks.go). What is on disk is read from there without reading ahead. A version
// that is there as a whole is the kernel's to read if the mount changes nothing:
// passthrough.go has the rules for that.
//
// # Extended attributes and space
//
// xattr.go takes the calls, and xattr_file.go, xattr_dir.go and
// xattr_container.go know where each kind of node keeps its attributes: in
// metadata, as xattr_meta.go writes them. xattr_memory.go remembers what a HEAD
// told of an object. A file whose content is not stored yet keeps the changes as
// functions that the upload applies; one that comes while an upload is under way
// is made after it. usage.go has the numbers for statfs, which never wait long.
//
// # Renaming
//
// rename.go has what rename(2) asks of both kinds, and the rename of one object;
// rename_dir.go that of a directory or container, of which rename_copy.go copies
// and deletes, rename_container.go has what containers need, and rename_large.go
// what keeps large objects whole. treelist.go is the list that it works through.
// rename_open.go is about files that programs have open. gate.go keeps this mount's
// own changes out of trees that are being moved: whatever changes an object or a
// name enters it, and finds out its place inside.
//
// A rename runs in a goroutine of the writePool, because the server carries out a
// copy also when nobody waits for it. Caller and rename decide once, between them,
// whether it goes through; see renaming.decision.
//
// # Control
//
// Status, Flush and Refresh (control.go) are for the owner of the mount, who
// knows paths and not nodes: they walk the tree of what the kernel knows.
// Refresh has the kernel forget too, by notifications. The kernel takes the lock
// of a directory to forget a name in it, and holds that lock while it waits for
// us to change the directory: no lock of ours is held while it is notified.
//
// # Locks
//
// In the order in which they may be taken:
//
//  1. draft.turn: who has it may store the draft or change how its content is
//     kept. It is held during uploads, and is a channel so that waiting for it can
//     end. Nobody waits for two turns but a rename over an open file, and the kernel
//     lets one rename at a time change a directory: the pool, which seals the tail
//     of another draft, only tries. Writes to a staged draft do not need it.
//  2. gate: entered for the time of a change, its requests included. Nobody enters
//     twice, or waits for a draft's turn inside.
//  3. writePool.mu: the list of streams; drafts.mu: the list of drafts.
//  4. lateEdit.turn: who has it stores the attributes of a new directory. It is a
//     channel, held during the request, and may be waited for inside the gate.
//  5. pendingEdits.mu: the changes of attributes that wait for an upload.
//  6. neighbours.mu: which directories are being gone through. Held while the
//     listing in memory is looked through, and never during a request.
//  7. fileNode.mu: the version and the draft of a file. Held for moments.
//  8. draft.mu: the stage of a draft, and how its last upload went.
//  9. sums.turn: who has it hashes segments, a whole one and parts of others at a
//     time. Uploads take it; a writer only to drop a segment.
//  10. sums.mu: the list of sums. Held for moments.
//  11. segment.mu: the bytes of a segment, which its writer, its upload and the sums
//     share. Held for the copy of a block at most.
//
// dirHandle.mu and versionReader.mu guard their handle alone; the latter is taken
// before neighbours.mu, the former is held while it waits for the server: two calls
// on one directory handle wait for each other, as they do in the kernel. moved.mu
// is taken below fileNode.mu, and has those of go-fuse's inodes below it.
// sizeMemory.mu, metaMemory.mu, lateAttrs.mu, usageMemory.mu, numbers.mu, nodes.mu,
// kernelLists.mu and the locks of the other packages are innermost. No lock of ours is held while
// go-fuse's tree is changed, which it does after our methods return.
//
// # Goroutines and contexts
//
// The context of a FUSE request ends when its caller gets a signal, and Go
// programs get signals from their own runtime all the time. Waiting for the
// server therefore goes on for a grace time after it (FS.patient). Uploads and
// deletions do not depend on any request: they run under the context of the
// mount, in goroutines of the writePool, which close waits for. The goroutine
// that serves the kernel, the ones that have it forget nodes and old lists of names, and
// those that ask for the usage of the account are the
// FS's own. That of md5-simd, which sums.go starts for the first segments that are
// hashed together, is told to end when no upload is left; the library has no way to
// wait for it, and it touches nothing but its own memory. Drafts that could not be stored are
// tried again by goroutines of the drafts, which the end of the mount waits for.
package fs
