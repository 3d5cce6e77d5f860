package fakeswift

import (
	"maps"
	"sync"
	"sync/atomic"
)

// version is one state of an object. It never changes once stored: a POST stores a changed copy, so a reader
// needs the container's lock only to find it.
type version struct {
	blob        *blob
	size        int64  // bytes stored; for a static large object those of its manifest
	etag        string // hex MD5 of the bytes stored
	contentType string // as sent
	created     timestamp
	modified    timestamp         // of the last POST, else created
	deleteAt    int64             // seconds since 1970, or 0
	meta        map[string]string // headers given back on GET and HEAD
	slo         *manifest         // or nil
	link        *symlink          // or nil
}

// listedSize is the size that listings and container totals show.
func (v *version) listedSize() int64 {
	if v.slo != nil {
		return v.slo.size
	}
	return v.size
}

// expired reports whether X-Delete-At has passed at second now.
func (v *version) expired(now int64) bool { return v.deleteAt != 0 && v.deleteAt <= now }

// view is a set of objects with its totals.
type view struct {
	objects *index[*version]
	bytes   int64
}

func newView() view { return view{objects: new(index[*version])} }

// put and remove change the view and keep the totals; they return the version that went, or nil.
func (vw *view) put(name string, v *version) *version {
	old, replaced := vw.objects.put(name, v)
	vw.bytes += v.listedSize()
	if !replaced {
		return nil
	}
	vw.bytes -= old.listedSize()
	return old
}

func (vw *view) remove(name string) *version {
	old, ok := vw.objects.remove(name)
	if !ok {
		return nil
	}
	vw.bytes -= old.listedSize()
	return old
}

// container is one container. Its account's mutex is taken before its own; two containers are never locked at once.
type container struct {
	created timestamp
	policy  string

	mu       sync.RWMutex // guards the following
	deleted  bool         // an upload that was under way must not store into it
	now      view
	listed   *view // what listings show while they lag, or nil for now
	meta     map[string]string
	modified timestamp
	uploads  int                  // PUTs under way
	gone     map[string]timestamp // deletions during those uploads, so that an older PUT does not undo them
}

// listing is the view that listings and totals show.
func (c *container) listingLocked() *view {
	if c.listed != nil {
		return c.listed
	}
	return &c.now
}

// lagLocked freezes what listings show, if it is not frozen already.
func (c *container) lagLocked() {
	if c.listed == nil {
		c.listed = &view{objects: c.now.objects.clone(), bytes: c.now.bytes}
	}
}

// open returns the version of an object with a reference to its blob, or nil. The caller releases the blob.
func (c *container) open(name string) *version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.now.objects.get(name)
	if !ok {
		return nil
	}
	v.blob.retain()
	return v
}

// store makes v the current version of name and takes over the caller's reference to its blob. A version that
// was replaced or deleted by a request which began later is dropped in silence. ok is false if the container is gone.
func (c *container) store(name string, v *version, lag bool) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted {
		v.blob.release()
		return false
	}
	if old, found := c.now.objects.get(name); (found && old.created > v.created) || c.gone[name] > v.created {
		v.blob.release()
		return true
	}
	if lag {
		c.lagLocked()
	}
	if old := c.now.put(name, v); old != nil {
		old.blob.release()
	}
	return true
}

// remove deletes name as of at; ok is false if it is not there.
func (c *container) remove(name string, at timestamp, lag bool) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.now.objects.get(name); !found {
		return false
	}
	if lag {
		c.lagLocked()
	}
	c.now.remove(name).blob.release()
	if c.uploads > 0 {
		if c.gone == nil {
			c.gone = make(map[string]timestamp)
		}
		c.gone[name] = at
	}
	return true
}

// beginUpload marks a PUT as under way until the returned function is called.
func (c *container) beginUpload() (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.uploads--; c.uploads == 0 {
			c.gone = nil
		}
	}
}

// totals are the object count and bytes that listings and quotas go by.
func (c *container) totals() (objects int, bytes int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	vw := c.listingLocked()
	return vw.objects.n, vw.bytes
}

// account is one account.
type account struct {
	name    string
	created timestamp

	mu         sync.RWMutex // guards the following
	containers index[*container]
	meta       map[string]string
}

// container returns a container, or nil.
func (a *account) container(name string) *container {
	a.mu.RLock()
	defer a.mu.RUnlock()
	c, _ := a.containers.get(name)
	return c
}

// create returns the container and whether it is new.
func (a *account) create(name, policy string, at timestamp) (c *container, isNew bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.containers.get(name); ok {
		return c, false
	}
	c = &container{created: at, modified: at, policy: policy, now: newView(), meta: map[string]string{}}
	a.containers.put(name, c)
	return c, true
}

// drop deletes an empty container.
func (a *account) drop(name string) *failure {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.containers.get(name)
	if !ok {
		return notFound
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.objects.n > 0 || c.listingLocked().objects.n > 0 {
		return conflict
	}
	c.deleted = true
	a.containers.remove(name)
	return nil
}

// snapshot returns the containers and the metadata of this moment.
func (a *account) snapshot() ([]item[*container], map[string]string) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	items := make([]item[*container], 0, a.containers.n)
	for name, c := range a.containers.all {
		items = append(items, item[*container]{name, c})
	}
	return items, maps.Clone(a.meta)
}

// switches are the settings that tests change while the server runs.
type switches struct {
	lag       atomic.Bool
	latency   atomic.Int64 // nanoseconds
	bandwidth atomic.Int64 // bytes a second and connection, 0 for no limit
}
