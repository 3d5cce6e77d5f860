package fakeswift

import (
	"bytes"
	"net/http"
	"strconv"
)

// serveAccount answers requests for the account.
func (q *request) serveAccount() *failure {
	if q.bulkDelete() {
		return q.serveBulkDelete()
	}
	switch q.r.Method {
	case http.MethodGet:
		return q.listAccount()
	case http.MethodHead:
		q.writeAccountHeader()
		return q.noContent()
	case http.MethodPost:
		return q.postAccount()
	}
	return notAllowed
}

func (q *request) postAccount() *failure {
	meta := userMeta(q.r.Header, "X-Account-Meta-")
	if f := q.s.opts.Limits.checkMeta(meta, "X-Account-Meta-"); f != nil {
		return f
	}
	if name := "X-Account-Meta-Quota-Bytes"; meta[name] != "" && quota(meta, name) < 0 {
		return badRequest
	}
	q.account.mu.Lock()
	mergeMeta(q.account.meta, q.r.Header, "Account")
	q.account.mu.Unlock()
	return q.noContent()
}

// totals adds up the containers.
func (a *account) totals() (containers, objects int, bytes int64) {
	items, _ := a.snapshot()
	for _, it := range items {
		n, b := it.val.totals()
		objects, bytes = objects+n, bytes+b
	}
	return len(items), objects, bytes
}

func (q *request) writeAccountHeader() {
	containers, objects, bytes := q.account.totals()
	_, meta := q.account.snapshot()
	h := q.w.Header()
	for name, value := range meta {
		h.Set(name, value)
	}
	h.Set("X-Account-Container-Count", strconv.Itoa(containers))
	h.Set("X-Account-Object-Count", strconv.Itoa(objects))
	h.Set("X-Account-Bytes-Used", strconv.FormatInt(bytes, 10))
	h.Set("X-Timestamp", q.account.created.header())
	h.Set("Accept-Ranges", "bytes")
}

func (q *request) listAccount() *failure {
	lq, f := q.listQuery(q.s.opts.Limits.AccountListing)
	if f != nil {
		return f
	}
	q.account.mu.RLock()
	rows := list(&q.account.containers, lq)
	q.account.mu.RUnlock()
	q.writeAccountHeader()
	sendListing(q, rows, writeContainerRow)
	return nil
}

// writeContainerRow appends the JSON row of a container.
func writeContainerRow(b *bytes.Buffer, r listRow[*container]) {
	objects, used := r.val.totals()
	r.val.mu.RLock()
	modified := r.val.modified
	r.val.mu.RUnlock()
	b.WriteString(`{"name": `)
	writeJSONString(b, r.name)
	b.WriteString(`, "count": ` + strconv.Itoa(objects) + `, "bytes": ` + strconv.FormatInt(used, 10))
	b.WriteString(`, "last_modified": "` + modified.listing() + `"}`)
}
