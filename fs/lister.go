package fs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// lister gives the cache pages of the server's listings.
type lister struct{ f *FS }

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// List implements listing.Lister.
func (l lister) List(ctx context.Context, d listing.Dir, marker string, yield func(listing.Row) error) (end bool, err error) {
	if d.Container == "" {
		began := time.Now()
		o := swiftbackend.ListOptions{Marker: marker, Header: func(h http.Header) { l.f.usage.noteAccount(swiftbackend.AccountOf(h), began) }}
		return l.f.client.ListContainers(ctx, o, func(r swiftbackend.ContainerRow) error {
			return yield(listing.Row{Name: r.Name, Size: r.Bytes, Count: r.Count, Modified: r.Modified, ContentType: directoryType})
		})
	}
	return l.objects(ctx, d, swiftbackend.ListOptions{Prefix: d.Prefix, Delimiter: "/", Marker: marker}, yield)
}

// ListTree implements listing.Lister.
func (l lister) ListTree(ctx context.Context, d listing.Dir, marker string, limit int, yield func(listing.Row) error) (end bool, err error) {
	return l.objects(ctx, d, swiftbackend.ListOptions{Prefix: d.Prefix, Marker: marker, Limit: limit}, yield)
}

// objects gives a page of a container's listing, whose header tells of the
// container.
func (l lister) objects(ctx context.Context, d listing.Dir, o swiftbackend.ListOptions, yield func(listing.Row) error) (end bool, err error) {
	began := time.Now()
	o.Header = func(h http.Header) {
		l.f.dirs.containers.learn(d.Container, h, began)
		l.f.usage.noteContainer(d.Container, swiftbackend.ContainerOf(h), began)
	}
	return l.f.client.ListObjects(ctx, d.Container, o, func(r swiftbackend.ObjectRow) error {
		row := l.f.settled(listedRow(r))
		row.Resolved = row.Resolved && !l.f.mayHaveMeta(&row)
		return yield(row)
	})
}

// listedRow is a row of a container's listing as the cache keeps it. The ETag
// of a static large object is the one that a HEAD gives, not the hash of its
// manifest.
func listedRow(r swiftbackend.ObjectRow) listing.Row {
	if r.Subdir != "" {
		return listing.Row{Name: r.Subdir, Subdir: true}
	}
	row := listing.Row{
		Name: r.Name, Size: r.Bytes, ETag: r.Hash, ContentType: r.ContentType, Modified: r.Modified,
		SymlinkPath: r.SymlinkPath, SLOETag: r.SLOETag,
	}
	if r.SLOETag != "" {
		row.ETag, row.Resolved = r.SLOETag, true
	}
	row.ContentType = shownType(&row)
	return row
}

// settled is a listed row that is not to be asked about if it is a link's: its
// size is that of the text.
func (f *FS) settled(r listing.Row) listing.Row {
	r.Resolved = r.Resolved || f.isLink(&r)
	return r
}

// shownType is a row's content type as far as it decides what the row is: an
// object that has data is a file, whatever its type says, or nobody could get
// at the data and rmdir would delete it.
func shownType(r *listing.Row) string {
	if r.Size > 0 && strings.Contains(strings.ToLower(r.ContentType), "/directory") && !strings.HasSuffix(r.Name, "/") {
		a, _ := splitType(r.ContentType)
		return joinType(defaultType, a)
	}
	return r.ContentType
}

// mayHaveMeta reports whether a row shows no attributes and its object's
// metadata is to be asked for them.
func (f *FS) mayHaveMeta(r *listing.Row) bool {
	if f.cfg.Attrs != AttrsHead || r.Subdir {
		return false
	}
	a, _ := splitType(r.ContentType)
	return a.set == 0
}

// headRow is what a HEAD tells. Attributes that only the metadata has are shown
// as if the content type had them, if the mount reads them.
func (f *FS) headRow(name string, o *swiftbackend.ObjectInfo) listing.Row {
	row := headRow(name, o)
	if a, rest := splitType(row.ContentType); a.set == 0 && f.cfg.Attrs == AttrsHead {
		row.ContentType = joinType(rest, metaAttrs(o.Meta))
	}
	return row
}

// headRow is what a HEAD or the answer to a PUT tells, as the cache keeps it.
func headRow(name string, o *swiftbackend.ObjectInfo) listing.Row {
	row := listing.Row{Name: name, Size: o.Size, ETag: o.ETag, ContentType: o.ContentType, Modified: o.Modified, Resolved: true}
	row.LinkText = svfsTarget(o)
	if target := o.Header.Get("X-Symlink-Target"); target != "" {
		row.SymlinkPath = "/v1/" + o.Header.Get("X-Symlink-Target-Account") + "/" + target
	} else if target := o.Header.Get("Content-Location"); target != "" {
		// A native symlink, which is not large even if its target is: the
		// segments are the target's.
		row.SymlinkPath = target
	} else if o.Large() {
		row.SLOETag = o.ETag
	}
	row.ContentType = shownType(&row)
	return row
}

// large reports whether a resolved row is a manifest of segments.
func large(r *listing.Row) bool { return r.SLOETag != "" }

// emptyMD5 is the hash that listings show for objects without bytes of their
// own: empty files, native symlinks, dynamic large objects, and on RGW static
// ones.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// doubtful reports whether an entry's row may not show its object's true size,
// or not its attributes.
func (f *FS) doubtful(e *listing.Entry) bool {
	r := &e.Row
	if r.Resolved || r.Local || r.Subdir {
		return false
	}
	return e.Kind == listing.File && r.ETag == emptyMD5 || f.mayHaveMeta(r)
}

// resolve replaces a doubtful row by what a HEAD tells, once for each version.
// An object that is gone stays as listed.
func (f *FS) resolve(ctx context.Context, container string, r listing.Row) (listing.Row, error) {
	if known, ok := f.sizes.get(container, &r); ok {
		return known, nil
	}
	info, err := f.head(ctx, container, r.Name)
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	resolved := f.headRow(r.Name, &info)
	until := time.Time{}
	if r.ETag == emptyMD5 && (large(&resolved) || resolved.SymlinkPath != "") {
		// New segments, or another target's bytes, do not show in this row.
		until = time.Now().Add(f.cfg.CacheTTL)
	}
	f.sizes.put(container, &r, resolved, until)
	return resolved, nil
}

// head asks about an object. Of a native link it asks about the link itself,
// which is there whatever it points to, unless links are shown as files.
func (f *FS) head(ctx context.Context, container, object string) (swiftbackend.ObjectInfo, error) {
	if f.cfg.Symlinks == SymlinksNone {
		return f.client.Head(ctx, container, object)
	}
	info, err := f.client.HeadLink(ctx, container, object)
	const target = "X-Symlink-Target"
	if err == nil && info.Header.Get(target) != "" && info.Header.Get(target+"-Account") == "" {
		info.Header.Set(target+"-Account", url.PathEscape(f.home.account)) // as listings have it
	}
	return info, err
}

// verifyRow asks the server itself whether a row exists, for the cache, which
// has found a listing that contradicts this mount's own change.
func (f *FS) verifyRow(ctx context.Context, d listing.Dir, name string) (listing.Row, bool, error) {
	if d.Container == "" {
		began := time.Now()
		info, err := f.client.Container(ctx, name)
		if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
			return listing.Row{}, false, nil
		}
		if err == nil {
			f.dirs.containers.learn(name, info.Header, began)
		}
		return listing.Row{Name: name, Size: info.Bytes, Count: info.Objects, Modified: info.Modified, ContentType: directoryType}, err == nil, err
	}
	info, err := f.head(ctx, d.Container, name)
	switch {
	case err == nil:
		return f.headRow(name, &info), true, nil
	case swiftbackend.KindOf(err) != swiftbackend.KindNotExist:
		return listing.Row{}, false, err
	case !strings.HasSuffix(name, "/"):
		return listing.Row{}, false, nil
	}
	below, err := f.anyBelow(ctx, d.Container, name)
	return listing.Row{Name: name, Subdir: true}, below, err
}

// anyBelow reports whether the server has an object whose name begins with
// prefix, which ends in "/". That is one listing of one row; more only if this
// mount has removed the object in that row, so that the listing may lag.
func (f *FS) anyBelow(ctx context.Context, container, prefix string) (bool, error) {
	dir := place{container, prefix}
	o := swiftbackend.ListOptions{Prefix: prefix, Limit: 1}
	asked := 0
	for {
		var rows []string
		end, err := f.client.ListObjects(ctx, container, o, func(r swiftbackend.ObjectRow) error {
			rows = append(rows, r.Name)
			return nil
		})
		if err != nil {
			return false, err
		}
		for _, name := range rows {
			o.Marker = name
			if !f.removedBelow(dir, name) {
				return true, nil
			}
			// Somebody else may have made it again. Those beyond the first few
			// come into question once the listing has caught up.
			if asked++; asked > mostAsked {
				continue
			}
			_, err := f.client.Head(ctx, container, name)
			if err == nil || swiftbackend.KindOf(err) != swiftbackend.KindNotExist {
				return err == nil, err
			}
		}
		if end || len(rows) == 0 {
			return false, nil
		}
		o.Limit = laggingPage
	}
}

const (
	mostAsked   = 16
	laggingPage = 100
)
