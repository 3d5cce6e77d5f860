package fakeswift

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// serveContainer answers requests for containers.
func (q *request) serveContainer() *failure {
	if q.bulkDelete() {
		return q.serveBulkDelete()
	}
	switch q.r.Method {
	case http.MethodPut:
		return q.putContainer()
	case http.MethodDelete:
		if f := q.account.drop(q.container); f != nil {
			return f
		}
		return q.noContent()
	}
	c := q.account.container(q.container)
	if c == nil {
		return notFound
	}
	switch q.r.Method {
	case http.MethodGet:
		return q.listContainer(c)
	case http.MethodHead:
		c.writeHeader(q.w.Header())
		return q.noContent()
	case http.MethodPost:
		if f := q.checkContainerMeta(); f != nil {
			return f
		}
		c.merge(q.r.Header, q.at)
		return q.noContent()
	}
	return notAllowed
}

func (q *request) noContent() *failure {
	if q.w.Header().Get("Content-Type") == "" {
		q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// containerHeaders are the headers, besides metadata, that a container keeps.
var containerHeaders = []string{"X-Container-Read", "X-Container-Write"}

func (c *container) merge(h http.Header, at timestamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mergeMeta(c.meta, h, "Container", containerHeaders...)
	c.modified = at
}

// checkContainerMeta applies the limits and asks for sensible quotas.
func (q *request) checkContainerMeta() *failure {
	meta := userMeta(q.r.Header, "X-Container-Meta-")
	if f := q.s.opts.Limits.checkMeta(meta, "X-Container-Meta-"); f != nil {
		return f
	}
	for _, kind := range []string{"Bytes", "Count"} {
		name := "X-Container-Meta-Quota-" + kind
		if meta[name] != "" && quota(meta, name) < 0 {
			return failf(http.StatusBadRequest, "Invalid %s quota.", kind)
		}
	}
	return nil
}

func (q *request) putContainer() *failure {
	if len(q.container) > q.s.opts.Limits.MaxContainerName {
		return failf(http.StatusBadRequest, "Container name length of %d longer than %d",
			len(q.container), q.s.opts.Limits.MaxContainerName)
	}
	if f := q.checkContainerMeta(); f != nil {
		return f
	}
	policy := q.r.Header.Get("X-Storage-Policy")
	if policy != "" && !slices.Contains(q.s.opts.Policies, policy) {
		return failf(http.StatusBadRequest, "Invalid X-Storage-Policy '%s'", policy)
	}
	c, isNew := q.account.create(q.container, firstOf(policy, q.s.opts.Policies[0]), q.at)
	if policy != "" && policy != c.policy {
		return conflict
	}
	c.merge(q.r.Header, q.at)
	status := http.StatusAccepted
	if isNew {
		status = http.StatusCreated
	}
	send(q.w, status, "text/html; charset=UTF-8", nil)
	return nil
}

// writeHeader sets the headers that describe the container.
func (c *container) writeHeader(h http.Header) {
	objects, bytes := c.totals()
	c.mu.RLock()
	meta, modified := maps.Clone(c.meta), c.modified
	c.mu.RUnlock()
	for name, value := range meta {
		h.Set(name, value)
	}
	h.Set("X-Container-Object-Count", strconv.Itoa(objects))
	h.Set("X-Container-Bytes-Used", strconv.FormatInt(bytes, 10))
	h.Set("X-Timestamp", c.created.header())
	h.Set("Last-Modified", modified.lastModified())
	h.Set("X-Storage-Policy", c.policy)
	h.Set("Accept-Ranges", "bytes")
}

func (q *request) listContainer(c *container) *failure {
	lq, f := q.listQuery(q.s.opts.Limits.ContainerListing)
	if f != nil {
		return f
	}
	c.mu.RLock()
	rows := list(c.listingLocked().objects, lq)
	c.mu.RUnlock()
	c.writeHeader(q.w.Header())
	sendListing(q, rows, q.writeObjectRow)
	return nil
}
