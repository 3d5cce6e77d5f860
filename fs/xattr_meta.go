package fs

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"swiftfs/swiftbackend"
)

// Metadata of objects and containers travels in HTTP headers, which know no
// upper and lower case, no difference between "_" and "-" and no binary values.
// An attribute that a header can hold is one, under its own name and readable
// by every client:
//
//	user.color = "red"    X-Object-Meta-Color: red
//
// All others are packed, as text in the form of a URL's query, into headers that
// are as long as the server allows:
//
//	user.Color = "red"    X-Object-Meta-Xattrs-0: Color=red&empty=&hash:3q2-7w
//	user.empty = ""
//	user.hash = de ad be ef
//
// Names and values are percent-encoded there; a value behind ":" is base64 for
// URLs without padding, which is shorter for most binary ones.

// attributes are the metadata of an object or a container as extended
// attributes, whose names are without "user." here.
type attributes struct {
	// headers are the metadata but for the packed attributes, by canonical name.
	headers map[string]string
	packed  map[string]string
	// reserved reports names of headers that are something else than a user's
	// attribute.
	reserved func(header string) bool
}

// packedHeader begins the names of the headers with packed attributes.
const packedHeader = "Xattrs-"

// newAttributes reads metadata. Headers that look like packed attributes and
// are not stay as what they are.
func newAttributes(meta map[string]string, reserved func(string) bool) *attributes {
	a := &attributes{headers: maps.Clone(meta), packed: map[string]string{}, reserved: reserved}
	if a.headers == nil {
		a.headers = map[string]string{}
	}
	var text strings.Builder
	n := 0
	for {
		piece, ok := meta[packedName(n)]
		if !ok {
			break
		}
		text.WriteString(piece)
		n++
	}
	packed, err := unpack(text.String())
	if n == 0 || err != nil {
		return a
	}
	a.packed = packed
	for i := range n {
		delete(a.headers, packedName(i))
	}
	return a
}

func packedName(i int) string { return fmt.Sprintf("%s%d", packedHeader, i) }

// header returns the header that is the attribute name.
func (a *attributes) header(name string) (header string, ok bool) {
	for h := range a.headers {
		if strings.ToLower(h) == name && !a.reserved(h) {
			return h, true
		}
	}
	return "", false
}

// get returns an attribute. A header that another client wrote beside a packed
// attribute of the same name is the newer of the two.
func (a *attributes) get(name string) (value string, ok bool) {
	if h, ok := a.header(name); ok {
		return a.headers[h], true
	}
	value, ok = a.packed[name]
	return value, ok
}

// names returns the attributes in order.
func (a *attributes) names() []string {
	all := map[string]bool{}
	for h := range a.headers {
		if !a.reserved(h) {
			all[strings.ToLower(h)] = true
		}
	}
	for name := range a.packed {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (a *attributes) remove(name string) {
	if h, ok := a.header(name); ok {
		delete(a.headers, h)
	}
	delete(a.packed, name)
}

func (a *attributes) set(name, value string, limits *swiftbackend.Info) {
	a.remove(name)
	h := textproto.CanonicalMIMEHeaderKey(name)
	if plainName(name) && plainValue(value) && len(name) <= limits.MaxMetaName && len(value) <= limits.MaxMetaValue && !a.reserved(h) {
		a.headers[h] = value
		return
	}
	a.packed[name] = value
}

// ordinaryRoom is what is kept free for the values of the date, the mode and the
// owner, which may be set later, when nobody can be told that there is no room.
var ordinaryRoom = map[string]int{
	nameMtime: len("1700000000.123456789"),
	nameMode:  len("07777"),
	nameUID:   len("4294967295"),
	nameGID:   len("4294967295"),
}

// meta returns the metadata that hold the attributes; ENOSPC when they are more
// than the server takes.
func (a *attributes) meta(limits *swiftbackend.Info) (map[string]string, error) {
	meta := maps.Clone(a.headers)
	text := pack(a.packed)
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), limits.MaxMetaValue)
		meta[packedName(i)], text = text[:n], text[n:]
	}
	count, total := len(meta), 0
	for h, v := range meta {
		total += len(h) + len(v)
	}
	for h, room := range ordinaryRoom {
		if _, ok := meta[h]; !ok {
			count, total = count+1, total+len(h)+room
		}
	}
	if count > limits.MaxMetaCount || total > limits.MaxMetaTotal {
		return nil, syscall.ENOSPC
	}
	return meta, nil
}

// plainName reports whether a name comes back from a header as it is. Servers
// behind a gateway know it as an environment variable, in which case, "_" and
// everything but letters and digits are lost.
func plainName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return name != "" && name[0] != '-' && name[len(name)-1] != '-' && !strings.HasPrefix(name, strings.ToLower(packedHeader))
}

// plainValue reports whether a value comes back from a header as it is.
func plainValue(value string) bool {
	for _, c := range []byte(value) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return value != "" && strings.TrimSpace(value) == value && utf8.ValidString(value)
}

// pack writes attributes as text of printable ASCII characters.
func pack(attrs map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(percentEncode(name))
		value, binary := percentEncode(attrs[name]), base64.RawURLEncoding.EncodeToString([]byte(attrs[name]))
		if len(binary) < len(value) {
			b.WriteString(":" + binary)
		} else {
			b.WriteString("=" + value)
		}
	}
	return b.String()
}

// unpack reads what pack writes.
func unpack(text string) (map[string]string, error) {
	attrs := map[string]string{}
	for item := range strings.SplitSeq(text, "&") {
		at := strings.IndexAny(item, "=:")
		if at <= 0 {
			return nil, fmt.Errorf("%q is no attribute", item)
		}
		name, err := url.PathUnescape(item[:at])
		if err != nil {
			return nil, err
		}
		value, rest := "", item[at+1:]
		if item[at] == ':' {
			var binary []byte
			binary, err = base64.RawURLEncoding.DecodeString(rest)
			value = string(binary)
		} else {
			value, err = url.PathUnescape(rest)
		}
		if err != nil {
			return nil, err
		}
		attrs[name] = value
	}
	return attrs, nil
}

// percentEncode keeps what is legible and means nothing in a header or in
// packed attributes.
func percentEncode(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/@,+", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}))
		}
	}
	return b.String()
}
