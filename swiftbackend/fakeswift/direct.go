package fakeswift

import (
	"bytes"
	"iter"
	"net/http"
	"slices"
)

// This file is the way around HTTP: tests and demos put data in place and look at it without a request being counted.

// CreateContainer makes a container in DefaultAccount unless it exists.
func (s *Server) CreateContainer(name string) {
	s.accounts[DefaultAccount].create(name, s.opts.Policies[0], s.tick())
}

// PutObject stores an object in DefaultAccount, making its container if need be. An empty contentType is guessed from
// the name. It may not change data afterwards.
func (s *Server) PutObject(container, name, contentType string, data []byte) {
	s.storeNow(container, name, &version{
		blob: newMemoryBlob(data), size: int64(len(data)), etag: md5Hex(data),
		contentType: firstOf(contentType, guessContentType(name)),
	})
}

// storeNow stores a version as of now.
func (s *Server) storeNow(container, name string, v *version) {
	v.created = s.tick()
	v.modified = v.created
	c, _ := s.accounts[DefaultAccount].create(container, s.opts.Policies[0], v.created)
	c.store(name, v, s.switches.lag.Load())
}

// RemoveObject deletes an object, as if by another client; false if it is not there.
func (s *Server) RemoveObject(container, name string) bool {
	return s.removeObject(s.accounts[DefaultAccount], container, name, s.tick()) == nil
}

// Object returns the content of an object (of a large object: of all its segments) and the headers that a HEAD
// gives. ok is false if there is none or its segments are not there.
func (s *Server) Object(container, name string) (data []byte, header http.Header, ok bool) {
	a := s.accounts[DefaultAccount]
	o, f := s.open(a, container, name)
	if f != nil {
		return nil, nil, false
	}
	defer o.blob.release()
	body, f := s.contentOf(a, o.version, true)
	if f != nil {
		return nil, nil, false
	}
	var b bytes.Buffer
	if err := body.writeTo(&b, span{0, body.size}); err != nil {
		return nil, nil, false
	}
	header = make(http.Header)
	o.writeHeader(header, body.etag)
	return b.Bytes(), header, true
}

// Containers returns the names of the containers of DefaultAccount in order.
func (s *Server) Containers() []string {
	items, _ := s.accounts[DefaultAccount].snapshot()
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = it.key
	}
	return names
}

// Objects returns the names of the objects of a container in order, whatever listings show.
func (s *Server) Objects(container string) []string {
	c := s.accounts[DefaultAccount].container(container)
	if c == nil {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	names := make([]string, 0, c.now.objects.n)
	for name := range c.now.objects.all {
		names = append(names, name)
	}
	return names
}

// FillContainer stores an object of size bytes under each name. They share their content and timestamp, so that a
// million of them cost little; names in order are the cheapest.
func (s *Server) FillContainer(container string, names iter.Seq[string], size int) {
	data := bytes.Repeat([]byte{'x'}, size)
	at := s.tick()
	c, _ := s.accounts[DefaultAccount].create(container, s.opts.Policies[0], at)
	v := &version{
		blob: newMemoryBlob(data), size: int64(size), etag: md5Hex(data),
		contentType: defaultContentType, created: at, modified: at,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.switches.lag.Load() {
		c.lagLocked()
	}
	for name := range names {
		v.blob.retain()
		if old := c.now.put(name, v); old != nil {
			old.blob.release()
		}
	}
	v.blob.release()
}

// LagListings makes changes stop reaching listings and totals, as in a cluster whose container updates are late.
// Objects themselves are right at once. Switching it off lets everything through.
func (s *Server) LagListings(lag bool) {
	s.switches.lag.Store(lag)
	if !lag {
		s.FlushListings()
	}
}

// FlushListings lets the changes so far reach the listings.
func (s *Server) FlushListings() {
	for c := range s.allContainers {
		c.mu.Lock()
		c.listed = nil
		c.mu.Unlock()
	}
}

// ExpireObjects removes the objects whose X-Delete-At has passed, which GET hides but listings show until then.
func (s *Server) ExpireObjects() {
	now, at := s.opts.Now().Unix(), s.tick()
	for c := range s.allContainers {
		c.mu.RLock()
		var names []string
		for name, v := range c.now.objects.all {
			if v.expired(now) {
				names = append(names, name)
			}
		}
		c.mu.RUnlock()
		for _, name := range names {
			c.remove(name, at, s.switches.lag.Load())
		}
	}
}

// allContainers yields the containers of all accounts.
func (s *Server) allContainers(yield func(*container) bool) {
	for _, a := range s.accounts {
		items, _ := a.snapshot()
		if !slices.ContainsFunc(items, func(it item[*container]) bool { return !yield(it.val) }) {
			continue
		}
		return
	}
}

// clear drops all data; the bytes go when their last reader is done.
func (a *account) clear() {
	items, _ := a.snapshot()
	for _, it := range items {
		it.val.mu.Lock()
		for _, v := range it.val.now.objects.all {
			v.blob.release()
		}
		it.val.deleted, it.val.now, it.val.listed = true, newView(), nil
		it.val.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.containers = index[*container]{}
}
