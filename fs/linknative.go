package fs

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"swiftfs/cache/listing"
)

// home is where the mount is, at the server and here, which says whether the
// target of a link lies within it.
type home struct {
	account    string // the name in the storage URL
	url        string // the storage URL
	mountpoint string
}

// nativeTarget finds the object that a link's text means, if it is one of this
// mount: d is where the link is. What is known to be a directory has no object
// that another client could follow the link to.
func (f *FS) nativeTarget(d listing.Dir, text string) (target place, ok bool) {
	if !f.client.Info().Symlink || strings.HasSuffix(text, "/") {
		return place{}, false
	}
	entries, ok := f.within(d, text)
	if !ok {
		return place{}, false
	}
	at := f.rootDir()
	for i, e := range entries {
		part, want := decodeName(e)
		if _, _, _, long := cutLong(e); long {
			return place{}, false
		}
		switch {
		case want == formData || part == "" && want == formPlain && e != escEmpty:
			return place{}, false
		case at.Container == "":
			at.Container = part
		case i < len(entries)-1:
			at.Prefix += part + "/"
		default:
			if entry, a := f.cache.Lookup(f.ctx, at, part); a.State == listing.Found && entry.Kind == listing.Directory && want == formPlain {
				return place{}, false
			}
			p := in(at, part)
			return p, utf8.ValidString(p.object)
		}
	}
	return place{}, false // the account, or a container
}

// within follows a link's text as a path, and returns the entries on the way
// from the mount's root; ok is false if it leaves the mount. Links on the way
// are not followed.
func (f *FS) within(d listing.Dir, text string) (entries []string, ok bool) {
	if path.IsAbs(text) {
		rest, below := strings.CutPrefix(path.Clean(text), f.home.mountpoint+"/")
		if !below || f.home.mountpoint == "" {
			return nil, false
		}
		return strings.Split(rest, "/"), true
	}
	entries = f.entriesOf(d)
	for part := range strings.SplitSeq(text, "/") {
		switch part {
		case "", ".":
		case "..":
			if len(entries) == 0 {
				return nil, false
			}
			entries = entries[:len(entries)-1]
		default:
			entries = append(entries, part)
		}
	}
	return entries, true
}

// rootDir is the directory that the mount's root shows.
func (f *FS) rootDir() listing.Dir { return place{f.cfg.Container, f.cfg.Prefix}.dir() }

// entriesOf returns the entries on the way from the mount's root to d.
func (f *FS) entriesOf(d listing.Dir) []string {
	var entries []string
	if f.cfg.Container == "" && d.Container != "" {
		name, _ := encodeName(d.Container, formPlain)
		entries = append(entries, name)
	}
	rest := strings.TrimPrefix(d.Prefix, f.cfg.Prefix)
	for rest != "" {
		part, after, _ := strings.Cut(rest, "/")
		name, _ := encodeName(part, formPlain)
		entries, rest = append(entries, name), after
	}
	return entries
}

// nativeText is the text of a native link in d that has none of its own: the
// way to the object at symlinkPath, "/v1/account/container/object", if the mount
// shows it, else that path itself.
func (f *FS) nativeText(d listing.Dir, symlinkPath string) string {
	target, account, ok := splitSymlinkPath(symlinkPath)
	if !ok {
		return symlinkPath
	}
	if account != f.home.account || f.cfg.Container != "" && target.container != f.cfg.Container || !strings.HasPrefix(target.object, f.cfg.Prefix) {
		return path.Join("/v1", account) + "/" + target.String()
	}
	prefix, part := "", target.object
	if slash := strings.LastIndexByte(strings.TrimSuffix(target.object, "/"), '/'); slash >= 0 {
		prefix, part = target.object[:slash+1], target.object[slash+1:]
	}
	name, _ := encodeName(strings.TrimSuffix(part, "/"), formPlain)
	from, to := f.entriesOf(d), append(f.entriesOf(listing.Dir{Container: target.container, Prefix: prefix}), name)
	for len(from) > 0 && len(to) > 1 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return strings.Repeat("../", len(from)) + strings.Join(to, "/")
}

func splitSymlinkPath(s string) (target place, account string, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(s, "/"), "/", 4)
	if len(parts) != 4 {
		return place{}, "", false
	}
	account, target = unescaped(parts[1]), place{unescaped(parts[2]), unescaped(parts[3])}
	return target, account, target.container != "" && target.object != ""
}

func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
