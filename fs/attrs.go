package fs

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
)

// AttrMode says where modes, owners and dates that programs set are kept.
type AttrMode string

// The attributes of an object are stored twice: as parameters of its content
// type, which listings show, and as metadata, which other tools read.
const (
	// AttrsInline reads the parameters: a listing tells all.
	AttrsInline AttrMode = "inline"
	// AttrsHead also reads the metadata of objects without parameters, which
	// costs a HEAD for each of their versions.
	AttrsHead AttrMode = "head"
	// AttrsNone neither reads nor stores any.
	AttrsNone AttrMode = "none"
)

// attrs are the attributes that programs set; of what they did not set the
// mount has a default, and the server the date.
type attrs struct {
	set      attrSet
	mode     uint32 // permissions only
	uid, gid uint32
	mtime    time.Time
}

// attrSet says which attributes are set.
type attrSet uint8

const (
	hasMtime attrSet = 1 << iota
	hasMode
	hasUID
	hasGID
)

const permissions = 0o7777

// defaultAttrs are what files or directories show that have nothing set.
func (f *FS) defaultAttrs(mode uint32) attrs {
	return attrs{set: hasMode | hasUID | hasGID, mode: mode, uid: f.cfg.UID, gid: f.cfg.GID}
}

func (f *FS) fileDefaults() attrs { return f.defaultAttrs(f.cfg.fileMode()) }
func (f *FS) dirDefaults() attrs  { return f.defaultAttrs(f.cfg.dirMode()) }

// attrsOf returns the attributes that a row shows.
func (f *FS) attrsOf(r *listing.Row) attrs {
	if f.cfg.Attrs == AttrsNone {
		return attrs{}
	}
	a, _ := splitType(r.ContentType)
	return a
}

// over returns a, and what it does not set as b has it.
func (a attrs) over(b attrs) attrs {
	if a.set&hasMtime == 0 {
		a.mtime = b.mtime
	}
	if a.set&hasMode == 0 {
		a.mode = b.mode
	}
	if a.set&hasUID == 0 {
		a.uid = b.uid
	}
	if a.set&hasGID == 0 {
		a.gid = b.gid
	}
	a.set |= b.set
	return a
}

// without returns a with some of it not set.
func (a attrs) without(s attrSet) attrs {
	kept := attrs{set: a.set &^ s}
	if kept.set&hasMtime != 0 {
		kept.mtime = a.mtime
	}
	if kept.set&hasMode != 0 {
		kept.mode = a.mode
	}
	if kept.set&hasUID != 0 {
		kept.uid = a.uid
	}
	if kept.set&hasGID != 0 {
		kept.gid = a.gid
	}
	return kept
}

// beyond returns what of a differs from b: what has to be stored where b is
// what everything has.
func (a attrs) beyond(b attrs) attrs {
	return a.without(a.same(b))
}

// same returns which attributes a and b both set, to the same.
func (a attrs) same(b attrs) (s attrSet) {
	if a.mtime.Equal(b.mtime) {
		s |= hasMtime
	}
	if a.mode == b.mode {
		s |= hasMode
	}
	if a.uid == b.uid {
		s |= hasUID
	}
	if a.gid == b.gid {
		s |= hasGID
	}
	return s & a.set & b.set
}

func (a attrs) equal(b attrs) bool { return a.set == b.set && a.same(b) == a.set }

// show fills in what is set.
func (a attrs) show(out *fuse.Attr) {
	if a.set&hasMode != 0 {
		out.Mode = out.Mode&^permissions | a.mode
	}
	if a.set&hasUID != 0 {
		out.Uid = a.uid
	}
	if a.set&hasGID != 0 {
		out.Gid = a.gid
	}
	if a.set&hasMtime != 0 {
		out.SetTimes(&a.mtime, &a.mtime, nil)
	}
}

// The names of the attributes: of the parameters in lower case, of the metadata
// as headers have them.
const (
	nameMtime, nameMode, nameUID, nameGID = "Mtime", "Mode", "Uid", "Gid"
)

// values returns what is set as text, by name. The date is what rclone and the
// swift CLI write and read; the mode is octal.
func (a attrs) values() map[string]string {
	v := map[string]string{}
	if a.set&hasMtime != 0 {
		v[nameMtime] = formatTime(a.mtime)
	}
	if a.set&hasMode != 0 {
		v[nameMode] = fmt.Sprintf("%04o", a.mode)
	}
	if a.set&hasUID != 0 {
		v[nameUID] = strconv.FormatUint(uint64(a.uid), 10)
	}
	if a.set&hasGID != 0 {
		v[nameGID] = strconv.FormatUint(uint64(a.gid), 10)
	}
	return v
}

// take sets the attribute of that name, whose case does not count; ok is false
// when it is not one of ours.
func (a *attrs) take(name, value string) (ok bool) {
	switch {
	case strings.EqualFold(name, nameMtime):
		return takeValue(a, hasMtime, &a.mtime, value, parseTime)
	case strings.EqualFold(name, nameMode):
		return takeValue(a, hasMode, &a.mode, value, parseMode)
	case strings.EqualFold(name, nameUID):
		return takeValue(a, hasUID, &a.uid, value, parseID)
	case strings.EqualFold(name, nameGID):
		return takeValue(a, hasGID, &a.gid, value, parseID)
	}
	return false
}

// takeValue sets one attribute to what its text means, unless it is set.
func takeValue[T any](a *attrs, s attrSet, to *T, text string, parse func(string) (T, bool)) bool {
	v, ok := parse(text)
	if ok && a.set&s == 0 {
		a.set |= s
		*to = v
	}
	return ok
}

// metaAttrs returns the attributes in an object's metadata.
func metaAttrs(meta map[string]string) (a attrs) {
	for name, value := range meta {
		a.take(name, strings.TrimSpace(value))
	}
	return a
}

// withMeta returns other metadata with the attributes a in place of those it has.
func (a attrs) withMeta(other map[string]string) map[string]string {
	m := a.values()
	maps.Copy(m, other)
	for _, name := range []string{nameMtime, nameMode, nameUID, nameGID} {
		delete(m, name)
	}
	maps.Copy(m, a.values())
	return m
}

// splitType takes the attributes out of a content type and returns what is left
// of it, other parameters included, as it was.
func splitType(contentType string) (a attrs, rest string) {
	end := paramEnd(contentType)
	if end == len(contentType) {
		return a, contentType
	}
	var kept strings.Builder
	kept.WriteString(contentType[:end])
	for left := contentType[end:]; left != ""; {
		end := 1 + paramEnd(left[1:]) // it begins with ";"
		name, value, _ := strings.Cut(left[1:end], "=")
		if !a.take(strings.TrimSpace(name), strings.TrimSpace(value)) {
			kept.WriteString(left[:end])
		}
		left = left[end:]
	}
	return a, kept.String()
}

// paramEnd returns the length of what comes before the first ";" that is not
// quoted.
func paramEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += quotedLen(s[i:]) - 1
		case ';':
			return i
		}
	}
	return len(s)
}

// quotedLen returns the length of the quoted text that s begins with. A quote
// without an end, as RGW's listings cut it, is a character like others.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 1
}

// joinType adds attributes to a content type that has none. They come last: RGW's
// listings show of a type what is behind its last comma, which other parameters
// may have, and these have not.
func joinType(rest string, a attrs) string {
	if a.set == 0 {
		return rest
	}
	var b strings.Builder
	b.WriteString(rest)
	v := a.values()
	for _, name := range []string{nameMtime, nameMode, nameUID, nameGID} {
		if s, ok := v[name]; ok {
			b.WriteString("; " + strings.ToLower(name) + "=" + s)
		}
	}
	return b.String()
}

// formatTime writes decimal seconds since 1970.
func formatTime(t time.Time) string {
	sec, nsec, sign := t.Unix(), t.Nanosecond(), ""
	if sec < 0 {
		sign = "-"
		if sec = -sec; nsec > 0 {
			sec, nsec = sec-1, int(time.Second)-nsec
		}
	}
	return fmt.Sprintf("%s%d.%09d", sign, sec, nsec)
}

// parseTime reads decimal seconds since 1970, with any number of digits.
func parseTime(s string) (time.Time, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(digits, ".")
	sec, err := strconv.ParseUint(whole, 10, 62)
	if err != nil {
		return time.Time{}, false
	}
	const nano = 9
	frac = (frac + strings.Repeat("0", nano))[:nano]
	nsec, err := strconv.ParseUint(frac, 10, 31)
	if err != nil {
		return time.Time{}, false
	}
	if negative {
		return time.Unix(-int64(sec), -int64(nsec)), true
	}
	return time.Unix(int64(sec), int64(nsec)), true
}

// parseMode reads permissions in octal; the bits of a file's kind, which some
// tools write too, are passed over.
func parseMode(s string) (uint32, bool) {
	m, err := strconv.ParseUint(s, 8, 32)
	return uint32(m) & permissions, err == nil
}

func parseID(s string) (uint32, bool) {
	id, err := strconv.ParseUint(s, 10, 32)
	return uint32(id), err == nil
}
