package fs

import (
	"context"
	"net/http"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
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

// The attributes of a container are in its metadata, which a listing of the
// account does not show. They come with every listing of the container, and are
// asked for when a program asks for them alone: listing the account asks for
// none.

// containerHeader begins the headers of a container's metadata.
const containerHeader = "X-Container-Meta-"

// listedFor is how long the kernel believes that the containers which a listing
// of the account showed have no attributes of their own: as long as it takes ls
// -l to ask for each.
const listedFor = 3 * time.Second

// containerMemory knows the attributes of containers.
type containerMemory struct {
	known *recent[string, containerAttrs]
}

// containerAttrs are a container's attributes as they were at fetched.
type containerAttrs struct {
	attrs
	fetched time.Time
}

func newContainerMemory() *containerMemory {
	const most = 8192 // containers that somebody looked at, not all there are
	return &containerMemory{newRecent[string, containerAttrs](most)}
}

// learn takes over what an answer of the server says, unless something later is
// known.
func (m *containerMemory) learn(name string, h http.Header, began time.Time) attrs {
	meta := map[string]string{}
	for _, key := range []string{nameMtime, nameMode, nameUID, nameGID} {
		meta[key] = h.Get(containerHeader + key)
	}
	a := metaAttrs(meta)
	m.set(name, a, began)
	return a
}

func (m *containerMemory) set(name string, a attrs, at time.Time) {
	if old, ok := m.known.get(name); !ok || !old.fetched.After(at) {
		m.known.put(name, containerAttrs{a, at})
	}
}

func (m *containerMemory) forget(name string) { m.known.forget(name) }

// containerRow adds a container's attributes to its row, as if its type had
// them; known is false if they have to be asked for.
func (f *FS) containerRow(r listing.Row) (row listing.Row, known bool) {
	if f.cfg.Attrs == AttrsNone {
		return r, true
	}
	c, ok := f.dirs.containers.known.get(r.Name)
	if !ok || f.remaining(c.fetched) == 0 {
		return r, false
	}
	r.ContentType = joinType(directoryType, c.attrs)
	return r, true
}

// askContainer learns the attributes of a container. Who looks at one is about
// to list it, and a listing tells both, if it is not a long one.
func (f *FS) askContainer(ctx context.Context, r listing.Row) (listing.Row, error) {
	if row, known := f.containerRow(r); known {
		return row, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	if r.Count <= int64(f.client.Info().ListingLimit) {
		if _, err := f.cache.Scan(ctx, listing.Dir{Container: r.Name}).Next(ctx); err != nil && !isEOF(err) {
			return r, err
		}
		if row, known := f.containerRow(r); known {
			return row, nil
		}
	}
	began := time.Now()
	info, err := f.client.Container(ctx, r.Name)
	if err != nil {
		return r, err
	}
	f.usage.noteContainer(r.Name, info, began)
	r.ContentType = joinType(directoryType, f.dirs.containers.learn(r.Name, info.Header, began))
	return r, nil
}

// containerEntry finds a container below the account, with its attributes.
func (n *containerNode) containerEntry(ctx context.Context, d listing.Dir) (found, error) {
	e, err := n.f.lookupDir(ctx, d)
	if err != nil {
		return e, err
	}
	e.Row, err = n.f.askContainer(ctx, e.Row)
	return e, err
}

// Getattr implements fusefs.NodeGetattrer. A container that is the root of the
// mount was there when it was mounted, and nobody asks again.
func (n *containerNode) Getattr(ctx context.Context, h fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d, ok := n.f.dirOf(&n.Inode)
	if !ok || n.IsRoot() {
		return n.directoryNode.Getattr(ctx, h, out)
	}
	e, err := n.containerEntry(ctx, d)
	if err != nil {
		return n.f.fail("getattr", d.Container, err)
	}
	n.f.dirAttr(&out.Attr, d, &e.Row)
	out.SetTimeout(n.f.remaining(e.fetched))
	return 0
}

// Setattr implements fusefs.NodeSetattrer.
func (n *containerNode) Setattr(ctx context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	get := func(ctx context.Context, d listing.Dir) (listing.Row, error) {
		if n.IsRoot() {
			return *n.f.dirs.top.row(), nil
		}
		e, err := n.containerEntry(ctx, d)
		return e.Row, err
	}
	return n.f.setDir(ctx, &n.Inode, in, out, get, n.f.storeContainerAttrs)
}

// storeContainerAttrs posts a container's attributes; its other metadata stays.
func (f *FS) storeContainerAttrs(ctx context.Context, d listing.Dir, row listing.Row, want attrs) (listing.Row, error) {
	a := want.over(f.attrsOf(&row)).beyond(f.dirDefaults())
	header := map[string]string{}
	values := a.values()
	for _, name := range []string{nameMtime, nameMode, nameUID, nameGID} {
		if v, ok := values[name]; ok {
			header[containerHeader+name] = v
		} else {
			header["X-Remove-Container-Meta-"+name] = "x"
		}
	}
	err := f.client.PostContainer(ctx, d.Container, header)
	f.usage.changed(d.Container)
	if err != nil {
		return row, err
	}
	f.dirs.containers.set(d.Container, a, time.Now())
	row.ContentType = joinType(directoryType, a)
	if d.Container == f.cfg.Container {
		f.dirs.top.set(row)
	}
	return row, nil
}

// newContainerAttrs gives a container that was just made the mode and owner
// that its maker wanted. That it cannot have them does not undo it.
func (f *FS) newContainerAttrs(ctx context.Context, name string, mode uint32) {
	a := f.newDirAttrs(ctx, listing.Dir{}, mode)
	f.dirs.containers.set(name, attrs{}, time.Now())
	if a.set == 0 {
		return
	}
	if _, err := f.storeContainerAttrs(ctx, listing.Dir{Container: name}, listing.Row{}, a); err != nil {
		f.log.Warn("the mode and owner of a new container could not be stored", "container", name, "error", err)
	}
}

// primeTop learns the attributes of the mount's root: of a container they came
// with the header, of a directory they are an object's.
func (f *FS) primeTop(ctx context.Context, h http.Header) error {
	d := listing.Dir{Container: f.cfg.Container, Prefix: f.cfg.Prefix}
	if f.cfg.Attrs == AttrsNone {
		return nil
	}
	if d.Prefix == "" {
		a := f.dirs.containers.learn(d.Container, h, time.Now())
		f.dirs.top.set(listing.Row{Name: d.Container, ContentType: joinType(directoryType, a)})
		return nil
	}
	name := bare(d)
	if name == "" {
		return nil
	}
	info, err := f.client.Head(ctx, d.Container, name)
	if err != nil {
		if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
			return nil
		}
		return err
	}
	if row := f.headRow(name, &info); isDirectoryType(&row) {
		f.dirs.top.set(row)
	}
	return nil
}
