package fakeswift

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// listQuery selects the rows of a listing.
type listQuery struct {
	prefix, delimiter string
	marker, endMarker string
	path              *string // path=, or nil
	limit             int
	reverse           bool
}

// listRow is one row: a name with its value, or a subdir.
type listRow[V any] struct {
	name   string
	val    V
	subdir bool
}

// listQuery reads the query of a listing; maximum is the largest limit.
func (q *request) listQuery(maximum int) (listQuery, *failure) {
	lq := listQuery{
		prefix: q.query.Get("prefix"), delimiter: q.query.Get("delimiter"),
		marker: q.query.Get("marker"), endMarker: q.query.Get("end_marker"),
		reverse: isTrue(q.query.Get("reverse")) && !q.s.opts.RGWStyle,
		limit:   maximum,
	}
	for _, v := range []string{lq.prefix, lq.delimiter, lq.marker, lq.endMarker} {
		if !utf8.ValidString(v) {
			return lq, failf(http.StatusBadRequest, "Invalid UTF8 or contains NULL")
		}
	}
	if q.query.Has("path") {
		path := strings.TrimRight(q.query.Get("path"), "/")
		if path != "" {
			path += "/"
		}
		lq.path, lq.prefix, lq.delimiter = &path, path, "/"
	}
	// Anything but a plain number is as good as no limit.
	n, err := strconv.ParseUint(q.query.Get("limit"), 10, 31)
	if err != nil {
		return lq, nil
	}
	lq.limit = int(n)
	if limitCap := q.s.opts.ListingCap; limitCap > 0 {
		lq.limit = min(lq.limit, limitCap)
	} else if lq.limit > maximum {
		return lq, failf(http.StatusPreconditionFailed, "Maximum limit is %d", maximum)
	}
	return lq, nil
}

// after is the first string beyond all that begin with prefix; empty means there is none.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

// list selects rows from an index. A delimiter makes it jump over what a subdir row stands for.
func list[V any](ix *index[V], q listQuery) []listRow[V] {
	if q.reverse {
		return listReverse(ix, q)
	}
	end := after(q.prefix)
	if q.endMarker != "" && (end == "" || q.endMarker < end) {
		end = q.endMarker
	}
	p := ix.seek(q.prefix)
	if q.marker != "" && q.marker >= q.prefix {
		p = ix.seek(q.marker)
		if it, ok := ix.at(p); ok && it.key == q.marker {
			p = ix.next(p)
		}
	}
	var rows []listRow[V]
	for len(rows) < q.limit {
		it, ok := ix.at(p)
		if !ok || (end != "" && it.key >= end) {
			break
		}
		dir, show := q.split(it.key)
		if dir != "" {
			if show && dir != q.marker {
				rows = append(rows, listRow[V]{name: dir, subdir: true})
			}
			next := after(dir)
			if next == "" {
				break
			}
			p = ix.seek(next)
			continue
		}
		if show {
			rows = append(rows, listRow[V]{name: it.key, val: it.val})
		}
		p = ix.next(p)
	}
	return rows
}

// listReverse is list from the end; marker and end_marker keep their meaning of start and end.
func listReverse[V any](ix *index[V], q listQuery) []listRow[V] {
	from := after(q.prefix)
	if q.marker != "" && (from == "" || q.marker < from) {
		from = q.marker
	}
	p := position{block: len(ix.blocks)}
	if from != "" {
		p = ix.seek(from)
	}
	var rows []listRow[V]
	for len(rows) < q.limit {
		p = ix.prev(p)
		it, ok := ix.at(p)
		if !ok || it.key < q.prefix || (q.endMarker != "" && it.key <= q.endMarker) {
			break
		}
		dir, show := q.split(it.key)
		switch {
		case dir != "":
			if show && dir != q.endMarker {
				rows = append(rows, listRow[V]{name: dir, subdir: true})
			}
			p = ix.seek(dir)
		case show:
			rows = append(rows, listRow[V]{name: it.key, val: it.val})
		}
	}
	return rows
}

// split finds the subdir that a name belongs to, or "" if it stands for itself, and whether there is a row for it.
func (q *listQuery) split(name string) (dir string, show bool) {
	if q.delimiter == "" {
		return "", true
	}
	i := strings.Index(name[len(q.prefix):], q.delimiter)
	if i >= 0 {
		dir = name[:len(q.prefix)+i+len(q.delimiter)]
	}
	if q.path == nil {
		return dir, true
	}
	// path= shows what is directly in a directory, pseudo-directories ("a/b/") included, and no subdirs.
	if name == *q.path {
		return "", false
	}
	if len(dir) < len(name) {
		return dir, dir == ""
	}
	return "", true
}

// wantsJSON reports which of the two formats the client asks for.
func (q *request) wantsJSON() bool {
	if format := q.query.Get("format"); format != "" {
		return format == "json"
	}
	return strings.Contains(q.r.Header.Get("Accept"), "application/json")
}

// sendListing answers with the rows; row appends the JSON of one that is no subdir.
func sendListing[V any](q *request, rows []listRow[V], row func(*bytes.Buffer, listRow[V])) {
	if !q.wantsJSON() {
		var b bytes.Buffer
		for _, r := range rows {
			b.WriteString(r.name)
			b.WriteByte('\n')
		}
		if len(rows) == 0 {
			q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			q.w.WriteHeader(http.StatusNoContent)
			return
		}
		send(q.w, http.StatusOK, "text/plain; charset=utf-8", b.Bytes())
		return
	}
	b := bytes.NewBufferString("[")
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		if r.subdir {
			b.WriteString(`{"subdir": `)
			writeJSONString(b, r.name)
			b.WriteByte('}')
		} else {
			row(b, r)
		}
	}
	b.WriteByte(']')
	send(q.w, http.StatusOK, "application/json; charset=utf-8", b.Bytes())
}

// writeJSONString quotes s; most names need no escaping.
func writeJSONString(b *bytes.Buffer, s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			// Marshalling a string cannot fail.
			quoted, _ := json.Marshal(s)
			b.Write(quoted)
			return
		}
	}
	b.WriteByte('"')
	b.WriteString(s)
	b.WriteByte('"')
}

// writeObjectRow appends the JSON row of an object.
func (q *request) writeObjectRow(b *bytes.Buffer, r listRow[*version]) {
	v := r.val
	b.WriteString(`{"bytes": `)
	b.WriteString(strconv.FormatInt(v.listedSize(), 10))
	b.WriteString(`, "hash": "` + v.etag + `", "name": `)
	writeJSONString(b, r.name)
	b.WriteString(`, "content_type": `)
	writeJSONString(b, listedContentType(v.contentType))
	b.WriteString(`, "last_modified": "` + v.modified.listing() + `"`)
	if v.slo != nil {
		b.WriteString(`, "slo_etag": `)
		writeJSONString(b, v.slo.quotedETag())
	}
	if v.link != nil {
		b.WriteString(`, "symlink_path": `)
		writeJSONString(b, "/v1/"+q.account.name+"/"+escapePath(v.link.container+"/"+v.link.object))
		if v.link.etag != "" {
			b.WriteString(`, "symlink_etag": "` + v.link.etag + `", "symlink_bytes": ` + strconv.FormatInt(v.link.size, 10))
		}
	}
	b.WriteByte('}')
}
