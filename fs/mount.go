package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/block"
	"swiftfs/cache/listing"
	"swiftfs/fs/prefetch"
	"swiftfs/swiftbackend"
)

// FS is one mount. It holds what its nodes and handles share; what belongs to
// one file is in that file's node.
type FS struct {
	cfg      Config
	client   *swiftbackend.Client
	log      *slog.Logger
	cache    *listing.Cache
	sizes    *sizeMemory
	dirs     *dirMemory
	late     *lateAttrs
	meta     metaMemory
	usage    usageMemory
	longs    *recent[string, string] // parts whose entries are too long, by their hashes
	readers  *prefetch.Budget
	ahead    prefetch.Config
	nearby   *neighbours // reads small files before they are opened
	writers  *writePool
	drafts   *drafts
	gate     *gate
	moved    moved
	numbers  numbers
	plus     plusCredit
	nodes    *nodes
	lists    *kernelLists
	space    localSpace
	blocks   *block.Store // or nil: object data is not kept on disk
	passes   atomic.Bool  // whether the kernel may read from there by itself
	reads    atomic.Int64 // READ requests of the kernel
	dirReads atomic.Int64 // READDIR and READDIRPLUS requests of the kernel
	server   *fuse.Server
	home     home
	rootNode fusefs.InodeEmbedder // the root of the tree, or nil before there is one

	// ctx ends when the mount is gone. Work that outlives the request that
	// began it, as uploads and shared listings do, runs under it.
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup // the goroutines of that work
}

const (
	maxWrite = 1 << 20 // the largest request that kernels take by default
	// maxBackground is how many requests the kernel has under way for its reading
	// ahead. Each holds up to maxWrite bytes until the program has read them: more
	// than fill any connection only cost memory.
	maxBackground = 32
	typeName      = "swiftfs" // the kernel shows fuse.swiftfs
)

// Mount mounts what cfg says on the directory mountpoint and returns when it
// answers. ctx bounds the mounting only. The client, and the
// cache directory of cfg, stay the caller's, who closes them after Wait.
func Mount(ctx context.Context, client *swiftbackend.Client, mountpoint string, cfg Config) (*FS, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f, err := newFS(ctx, client, cfg)
	if err != nil {
		return nil, err
	}
	if err := f.nameAccount(ctx); err != nil {
		f.close()
		return nil, err
	}
	if err := f.prime(ctx); err != nil {
		f.close()
		return nil, err
	}
	f.home.mountpoint = mountpoint
	root, ino := f.root()
	f.rootNode = root
	raw := rawFS{fusefs.NewNodeFS(root, &fusefs.Options{
		RootStableAttr:  &fusefs.StableAttr{Ino: ino, Gen: 1},
		NullPermissions: true,
		MountOptions:    f.mountOptions(),
	})}
	opts := f.mountOptions()
	if f.server, err = fuse.NewServer(raw, mountpoint, &opts); err != nil {
		f.close()
		return nil, fmt.Errorf("mounting on %s: %w", mountpoint, err)
	}
	f.wg.Go(f.server.Serve)
	f.wg.Go(f.boundNodes)
	f.wg.Go(f.dropOldLists)
	if err := f.server.WaitMount(); err != nil {
		_ = f.server.Unmount()
		f.Wait()
		return nil, fmt.Errorf("mounting on %s: %w", mountpoint, err)
	}
	if err := raiseReadAhead(mountpoint); err != nil {
		f.log.Debug("the kernel reads ahead no more than by default", "error", err)
	}
	return f, nil
}

// newFS makes everything but the connection to the kernel.
func newFS(ctx context.Context, client *swiftbackend.Client, cfg Config) (*FS, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	f := &FS{
		cfg: cfg, client: client, log: cfg.Log, ctx: life, stop: stop,
		sizes: newSizeMemory(), dirs: newDirMemory(), longs: newRecent[string, string](longParts),
		readers: prefetch.NewBudget(cfg.readMemory()), ahead: prefetch.DefaultConfig(),
		writers: newWritePool(cfg.writeMemory(), cfg.UploadConcurrency), drafts: newDrafts(), gate: newGate(),
		nodes: newNodes(cfg.mostNodes()), lists: newKernelLists(),
	}
	f.late = newLateAttrs(f)
	f.space.dir = cfg.Cache
	f.plus.start()
	f.ahead.MaxAhead = min(f.ahead.MaxAhead, max(cfg.ReadAhead, f.ahead.FirstRequest))
	f.nearby = newNeighbours(f)
	var err error
	f.cache, err = listing.New(listing.Config{TTL: cfg.CacheTTL, Bytes: cfg.listingMemory(), Verify: f.verifyRow}, lister{f})
	if err != nil {
		stop()
		f.nearby.close()
		return nil, err
	}
	if err := f.openBlocks(); err != nil {
		f.close()
		return nil, err
	}
	f.passes.Store(f.canPass())
	return f, nil
}

// nameAccount notes the account's name, which ends the storage URL.
func (f *FS) nameAccount(ctx context.Context) error {
	u, err := f.client.StorageURL(ctx)
	if err != nil {
		return err
	}
	f.home.account, f.home.url = path.Base(u.Path), u.String()
	return nil
}

// prime makes sure that what is to be mounted exists, with the one request
// whose answer is needed next anyway: the first page of what is the root. With that
// of a container come its attributes, its usage and its storage policy; a second
// request beside it tells of the account's quota: find and rm ask for the free
// space wherever they go.
func (f *FS) prime(ctx context.Context) error {
	root := listing.Dir{Container: f.cfg.Container, Prefix: f.cfg.Prefix}
	if root.Container == "" {
		s := f.cache.Scan(ctx, root)
		if _, err := s.Next(ctx); err != nil && !isEOF(err) {
			return err
		}
		return nil
	}
	f.refreshUsage("")
	info, err := f.primeContainer(ctx, root)
	f.usages(ctx, "")
	if err != nil {
		return err
	}
	return f.primeTop(ctx, info.Header)
}

// primeContainer lists root and returns what came with that. A HEAD tells it of a
// container that may not be listed, and where no listing is kept.
func (f *FS) primeContainer(ctx context.Context, root listing.Dir) (swiftbackend.ContainerInfo, error) {
	if f.cfg.CacheTTL > 0 {
		if err := f.cache.Prime(ctx, root); err != nil && swiftbackend.KindOf(err) != swiftbackend.KindDenied {
			if e, ok := errors.AsType[*swiftbackend.Error](err); ok {
				err = e // who mounts a container has not asked for a page of it
			}
			return swiftbackend.ContainerInfo{}, err
		}
	}
	return f.containerInfo(ctx, root.Container)
}

func (f *FS) mountOptions() fuse.MountOptions {
	o := fuse.MountOptions{
		AllowOther:    f.cfg.AllowOther,
		FsName:        f.cfg.FSName,
		Name:          typeName,
		MaxBackground: maxBackground,
		MaxWrite:      maxWrite,
		MaxReadAhead:  maxWrite,
		DirectMount:   os.Geteuid() == 0,
		// O_TRUNC comes with the open, so that an overwrite is one PUT and not a
		// truncation and a PUT.
		ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_READDIRPLUS_AUTO | fuse.CAP_PARALLEL_DIROPS,
		// What go-fuse has to say is about requests that were interrupted.
		Logger: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
		PanicHandler: func(v any) fuse.Status {
			f.log.Error("a file system operation failed in a way nobody thought of; please report it",
				"panic", v, "stack", string(debug.Stack()))
			return fuse.EIO
		},
	}
	if f.cfg.DefaultPermissions {
		o.Options = append(o.Options, "default_permissions")
	}
	if f.cfg.ReadOnly {
		o.Options = append(o.Options, "ro")
		o.DirectMountFlags = readOnlyMountFlags
	}
	return o
}

// Wait returns when the file system has been unmounted, by whatever way, and
// all its goroutines have ended.
func (f *FS) Wait() {
	if f.server != nil {
		f.server.Wait()
	}
	f.close()
}

// Unmount asks the kernel to unmount. It fails while files are open or somebody
// has his working directory there.
func (f *FS) Unmount() error { return f.server.Unmount() }

// close ends what the mount has under way.
func (f *FS) close() {
	f.drafts.finish(f.ctx)
	f.late.finish()
	f.writers.wait()
	f.writers.checkReturned()
	f.writers.sums.close()
	f.stop()
	f.nearby.close()
	f.cache.Close()
	f.wg.Wait()
	if f.blocks != nil {
		f.blocks.Close()
	}
	if err := f.space.close(); err != nil {
		f.log.Warn("the temporary cache directory could not be removed", "error", err)
	}
}

// grace is how long an operation goes on after its caller got a signal. Most
// are over by then; for the others the signal counts. Go programs get a signal
// every few milliseconds, from their own runtime, and expect none of their
// reads to fail for it.
const grace = 2 * time.Second

// quick is how long an operation takes before somebody watches its caller. That
// needs a goroutine, which most operations would start and end for nothing.
const quick = 50 * time.Millisecond

// patient returns a context for the part of an operation that waits for the
// server: it ends grace after the caller's, and quick later at most, or with the
// mount. cancel must be called.
func (f *FS) patient(caller context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(context.WithoutCancel(caller))
	stopMount := context.AfterFunc(f.ctx, end)
	watch := time.AfterFunc(quick, func() {
		stop := context.AfterFunc(caller, func() {
			timer := time.AfterFunc(grace, end)
			context.AfterFunc(ctx, func() { timer.Stop() })
		})
		context.AfterFunc(ctx, func() { stop() })
	})
	return ctx, func() {
		watch.Stop()
		stopMount()
		end()
	}
}

// writable refuses changes on a read-only mount, for kernels that let them
// through.
func (f *FS) writable() syscall.Errno {
	if f.cfg.ReadOnly {
		return syscall.EROFS
	}
	return 0
}
