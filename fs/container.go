package fs

import (
	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// containerNode is a container: the directory at the top of its objects' names.
// It is the root of a mount of one container, or a child of the account, which
// creates and deletes it.
type containerNode struct {
	directoryNode
}

// root returns the root node and its inode number.
func (f *FS) root() (fusefs.InodeEmbedder, uint64) {
	d := place{f.cfg.Container, f.cfg.Prefix}.dir()
	switch {
	case f.cfg.Container == "":
		return &accountNode{f: f}, dirIno(d)
	case f.cfg.Prefix == "":
		return &containerNode{directoryNode{f: f}}, dirIno(d)
	}
	return &directoryNode{f: f}, dirIno(d)
}
