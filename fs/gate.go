package fs

import (
	"context"
	"strings"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"swiftfs/cache/listing"
)

// gate keeps changes of single objects out of trees that are being moved: an
// object that is stored under its old name after its neighbours were copied
// would be lost to the new one. A change passes the gate with the places it is
// about; moving a tree closes the gate for it, and waits for the changes that
// are within. Inside the gate nobody waits for a draft's turn.
type gate struct {
	mu sync.Mutex // guards the following
	// inside has the changes under way, with their places.
	inside map[*passage][]place
	// closed has the trees that are being moved.
	closed map[*passage][]listing.Dir
	// opened is closed, and replaced, when a change or a move has ended.
	opened chan struct{}
}

type passage struct{ _ byte }

func newGate() *gate {
	return &gate{inside: map[*passage][]place{}, closed: map[*passage][]listing.Dir{}, opened: make(chan struct{})}
}

// enter lets a change in, once no tree is being moved that has one of its
// places. where tells these, and is asked again after a wait: they move with the
// tree. Its error is returned. leave must be called.
func (g *gate) enter(ctx context.Context, where func() ([]place, error)) (leave func(), err error) {
	for {
		places, err := where()
		if err != nil {
			return nil, err
		}
		key, wait := g.tryEnter(places)
		if key == nil {
			if err := await(ctx, wait); err != nil {
				return nil, err
			}
			continue
		}
		// The tree may have moved between the two.
		if now, err := where(); err == nil && samePlaces(now, places) {
			return func() { g.leave(key) }, nil
		}
		g.leave(key)
	}
}

func (g *gate) tryEnter(places []place) (*passage, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, trees := range g.closed {
		if meet(trees, places) {
			return nil, g.opened
		}
	}
	key := new(passage)
	g.inside[key] = places
	return key, nil
}

// close keeps changes out of trees, and waits for those under way and for moves
// of trees that have to do with these. open must be called.
func (g *gate) close(ctx context.Context, trees ...listing.Dir) (open func(), err error) {
	key := new(passage)
	for {
		wait := g.tryClose(key, trees)
		if wait == nil {
			return func() { g.leave(key) }, nil
		}
		if err := await(ctx, wait); err != nil {
			g.leave(key)
			return nil, err
		}
	}
}

// tryClose closes the gate unless a move has something to do with trees, and
// returns what to wait for when there are changes inside.
func (g *gate) tryClose(key *passage, trees []listing.Dir) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	for other, moving := range g.closed {
		if other != key && overlap(moving, trees) {
			return g.opened
		}
	}
	g.closed[key] = trees
	for _, places := range g.inside {
		if meet(trees, places) {
			return g.opened
		}
	}
	return nil
}

func (g *gate) leave(key *passage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inside, key)
	delete(g.closed, key)
	close(g.opened)
	g.opened = make(chan struct{})
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// below reports whether an object is in or below a directory, or is one of its
// markers.
func below(p place, d listing.Dir) bool {
	if p.container != d.Container {
		return false
	}
	return strings.HasPrefix(p.object, d.Prefix) || p.object+"/" == d.Prefix
}

func meet(trees []listing.Dir, places []place) bool {
	for _, d := range trees {
		for _, p := range places {
			if below(p, d) {
				return true
			}
		}
	}
	return false
}

func overlap(a, b []listing.Dir) bool {
	for _, x := range a {
		for _, y := range b {
			if below(place{x.Container, x.Prefix}, y) || below(place{y.Container, y.Prefix}, x) {
				return true
			}
		}
	}
	return false
}

func samePlaces(a, b []place) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// change enters the gate with the places of a change.
func (f *FS) change(ctx context.Context, where func() ([]place, error)) (leave func(), err error) {
	ctx, cancel := f.patient(ctx)
	defer cancel()
	return f.gate.enter(ctx, where)
}

// placeIn returns where the object of an entry is, or would be if it is a file;
// it is ENOENT in a directory that was removed.
func (f *FS) placeIn(ctx context.Context, e entryOf) (listing.Dir, place, error) {
	d, ok := f.dirOf(e.up)
	if !ok {
		return d, place{}, syscall.ENOENT
	}
	part, form, err := f.partOf(ctx, d, e.name)
	switch {
	case err != nil:
		return d, place{}, err
	case d.Container == "":
		return d, place{container: part}, nil
	case form == formData:
		return d, place{d.Container, d.Prefix}, nil
	}
	return d, in(d, part), nil
}

// changeEntries enters the gate with entries of directories.
func (f *FS) changeEntries(ctx context.Context, entries ...entryOf) (leave func(), err error) {
	return f.change(ctx, func() ([]place, error) {
		places := make([]place, len(entries))
		for i, e := range entries {
			var err error
			if _, places[i], err = f.placeIn(ctx, e); err != nil {
				return nil, err
			}
		}
		return places, nil
	})
}

// changeNode enters the gate with the object of a node.
func (f *FS) changeNode(ctx context.Context, n *fusefs.Inode) (leave func(), err error) {
	return f.change(ctx, func() ([]place, error) {
		name, up := f.parentOf(n)
		if n.IsRoot() || up == nil {
			return nil, nil
		}
		_, p, err := f.placeIn(ctx, entryOf{up, name})
		return []place{p}, err
	})
}
