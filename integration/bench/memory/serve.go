package memory

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Content is what the file system has, and what it knows of what it will get.
type Content struct {
	Files map[string][]byte // by their paths
	// Awaited is what files will hold that programs make. Other bytes, and bytes
	// out of order, are an input/output error.
	Awaited map[string][]byte
	// Relay, if there is one, gets the files that are written, those that were awaited while
	// they are, gives those that are read, and deletes those that are removed. Names and
	// attributes stay here.
	Relay Relay
}

const (
	maxRequest = 1 << 20
	// background is as many requests of the kernel's reading ahead as swiftfs takes.
	background = 32
	// kept is how long the kernel may rely on names and attributes.
	kept = time.Minute
)

// Serve mounts on the directory mountpoint and returns when somebody has unmounted
// it. It complains to log, if at all.
func Serve(mountpoint string, c Content, complaints io.Writer) error {
	t := &tree{awaited: c.Awaited, relay: c.Relay, made: time.Now()}
	root := t.newDir(0o755)
	ttl := kept
	options := &fusefs.Options{
		EntryTimeout: &ttl, AttrTimeout: &ttl, NegativeTimeout: &ttl,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), //nolint:gosec // no numbers of a user are negative
		OnAdd: func(ctx context.Context) { root.fill(ctx, c.Files) },
		MountOptions: fuse.MountOptions{
			FsName: "memory", Name: "memory",
			MaxBackground: background, MaxWrite: maxRequest, MaxReadAhead: maxRequest,
			DirectMount:       os.Geteuid() == 0,
			ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_READDIRPLUS_AUTO | fuse.CAP_PARALLEL_DIROPS,
			Logger:            slog.NewLogLogger(slog.NewTextHandler(complaints, nil), slog.LevelWarn),
		},
	}
	server, err := fuse.NewServer(fusefs.NewNodeFS(root, options), mountpoint, &options.MountOptions)
	if err != nil {
		return fmt.Errorf("mounting on %s: %w", mountpoint, err)
	}
	// Who is early waits until there is somebody to answer, so that all files are
	// opened with the large read-ahead.
	if err := raiseReadAhead(mountpoint); err != nil {
		_, _ = fmt.Fprintln(complaints, "the kernel reads ahead no more than by default:", err)
	}
	server.Serve()
	return nil
}

// fill adds files, with the directories on the way to them.
func (d *dir) fill(ctx context.Context, files map[string][]byte) {
	for name, data := range files {
		parent := &d.Inode
		parts := strings.Split(path.Clean(name), "/")
		for _, part := range parts[:len(parts)-1] {
			next := parent.GetChild(part)
			if next == nil {
				next = parent.NewPersistentInode(ctx, d.tree.newDir(0o755), fusefs.StableAttr{Mode: fuse.S_IFDIR})
				parent.AddChild(part, next, false)
			}
			parent = next
		}
		f := d.tree.newFile(0o644)
		f.path, f.data = path.Clean(name), slices.Clip(data)
		parent.AddChild(parts[len(parts)-1], parent.NewPersistentInode(ctx, f, fusefs.StableAttr{Mode: fuse.S_IFREG}), false)
	}
}
