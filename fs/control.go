package fs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
)

// What the owner of a mount asks of it and can do to it, apart from using it as
// a file system. Paths are below the root of the mount, as programs see them:
// "" is the root, "c/dir/file" has no slash at either end. None of it asks the
// kernel for anything that the mount itself has to answer.

// Status is what a mount has to tell about itself.
type Status struct {
	// Pending are the files with content that the server does not have, by path.
	Pending []Pending `json:"pending"`
	// MemoryLimit is that of the Config.
	MemoryLimit int64 `json:"memory_limit"`
	// CacheDir is where files are kept on the local disk, or "" if there is
	// no such directory yet.
	CacheDir   string `json:"cache_dir,omitempty"`
	CacheUsed  int64  `json:"cache_used"`
	CacheLimit int64  `json:"cache_limit"` // 0: what the disk has
	// Reads counts the reads that came to the mount's process. Others were answered
	// from the kernel's page cache, or from the cache directory by the kernel alone.
	Reads int64 `json:"reads"`
	// DirReads counts the reads of directories that came to the mount's process. Others
	// were answered from the lists that the kernel keeps.
	DirReads int64 `json:"dir_reads"`
	// Nodes counts the files and directories that the kernel knows.
	Nodes int `json:"nodes"`
}

// Pending is a file with content that the server does not have.
type Pending struct {
	Path     string    `json:"path"`
	Bytes    int64     `json:"bytes"` // of the file
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts"`      // uploads that failed
	Err      string    `json:"err,omitempty"` // of the last of them
}

// Status returns the state of the mount at this moment.
func (f *FS) Status() Status {
	s := Status{Pending: f.pending(), MemoryLimit: f.cfg.MemoryLimit, Reads: f.reads.Load(), DirReads: f.dirReads.Load(), Nodes: f.nodes.len()}
	if dir := f.space.current(); dir != nil {
		s.CacheDir, s.CacheUsed, s.CacheLimit = dir.Path(), dir.Used(), dir.Limit()
	}
	return s
}

// Flush stores what is pending of the file or directory at path. It returns nil
// once the server has it, or what went wrong, for each file. An end of ctx ends
// the waiting, not the uploads.
func (f *FS) Flush(ctx context.Context, path string) error {
	all := f.writing(path)
	errs := make([]error, len(all))
	g := new(errgroup.Group)
	g.SetLimit(f.cfg.UploadConcurrency)
	for i, w := range all {
		g.Go(func() error {
			if err := w.flush(ctx); err != nil {
				errs[i] = fmt.Errorf("%s is not stored: %w", w.path, toErrno(err))
			}
			return nil
		})
	}
	_ = g.Wait()
	errs = append(errs, f.late.settleAll(ctx, func(d listing.Dir) bool { return isAtOrBelow(strings.Join(f.entriesOf(d), "/"), path) }))
	return errors.Join(errs...)
}

// Refresh forgets what is known of the file or directory at path, and of all
// below it, so that the next look shows what the server has by then. What is
// known of open files stays, and so do the changes of this mount.
func (f *FS) Refresh(ctx context.Context, path string) error {
	d := listing.Dir{Container: f.cfg.Container, Prefix: f.cfg.Prefix}
	var up *listing.Dir
	for name := range names(path) {
		part, _, err := f.partOf(ctx, d, name)
		if err != nil {
			return err
		}
		above := d
		up = &above
		if d.Container == "" {
			d.Container = part
		} else {
			d.Prefix += part + "/"
		}
	}
	f.cache.InvalidateTree(d)
	f.meta.clear()
	f.usage.changed(d.Container)
	if up != nil {
		f.cache.Invalidate(*up) // which has the entry itself
		if n, _, _ := f.node(path[:strings.LastIndexByte(path, '/')+1]); n != nil {
			_ = n.NotifyContent(0, 0)
		}
	}
	if n, above, name := f.node(path); n != nil {
		expire(n, above, name)
	}
	return nil
}

// names gives the parts of a path.
func names(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(path, "/") {
			if name != "" && !yield(name) {
				return
			}
		}
	}
}

// node returns the node at path, and the one above it, which has it under name;
// nil if the kernel does not know it.
func (f *FS) node(path string) (n, above *fusefs.Inode, name string) {
	if f.rootNode == nil {
		return nil, nil, ""
	}
	n = f.rootNode.EmbeddedInode()
	for name = range names(path) {
		if above, n = n, n.GetChild(name); n == nil {
			return nil, nil, ""
		}
	}
	return n, above, name
}

// expire has the kernel ask again for what it knows of a node and of all below
// it. The names of files are forgotten. Those of directories are not, which would
// take the working directories and mounts below them away: their attributes are,
// and the question for those finds out that a directory is gone. Errors say that
// the kernel does not know the node any more.
func expire(n, above *fusefs.Inode, name string) {
	if above != nil && !n.IsDir() {
		_ = above.NotifyEntry(name)
		return
	}
	_ = n.NotifyContent(0, 0) // and the list of its names
	for name, child := range n.Children() {
		expire(child, n, name)
	}
}
