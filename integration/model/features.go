//go:build linux

package model

// Features are what the file system under test offers; the Generator keeps to
// them.
type Features struct {
	Edit     bool // every open mode, writes anywhere, handles that see each other's writes
	Unlinked bool // an open file without a name goes on
	Keeps    bool // such a file keeps what only the server had, too; else it is ESTALE
	Holes    bool // fallocate, SEEK_DATA and SEEK_HOLE
	Mmap     bool // shared writable mappings
	Copy     bool // copy_file_range
	Rename   bool
	Exchange bool // RENAME_EXCHANGE
	Symlink  bool
	Modes    bool // chmod, and the mode of open and mkdir
	Times    bool // utimensat
	Xattrs   bool
	Foreign  bool // changes by another client, which the mount shows at once

	// Trouble is not offered but suffered: operations may fail, as those of a
	// server do that answers only now and then. Not with Foreign or Exchange.
	Trouble bool
}

// Everything is what a local file system offers.
func Everything() Features {
	return Features{
		Edit: true, Unlinked: true, Keeps: true, Holes: true, Mmap: true, Copy: true, Rename: true, Exchange: true,
		Symlink: true, Modes: true, Times: true, Xattrs: true, Foreign: true,
	}
}
