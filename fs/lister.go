package fs

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// lister gives the cache pages of the server's listings.
type lister struct{ f *FS }

// errStopListing ends a listing of which one row was enough.
var errStopListing = errors.New("one row is enough")

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// List implements listing.Lister.
func (l lister) List(ctx context.Context, d listing.Dir, marker string, yield func(listing.Row) error) (end bool, err error) {
	if d.Container == "" {
		return l.f.client.ListContainers(ctx, swiftbackend.ListOptions{Marker: marker}, func(r swiftbackend.ContainerRow) error {
			return yield(listing.Row{Name: r.Name, Size: r.Bytes, Count: r.Count, Modified: r.Modified, ContentType: directoryType})
		})
	}
	o := swiftbackend.ListOptions{Prefix: d.Prefix, Delimiter: "/", Marker: marker}
	return l.f.client.ListObjects(ctx, d.Container, o, func(r swiftbackend.ObjectRow) error { return yield(listedRow(r)) })
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
	return row
}

// headRow is what a HEAD tells, as the cache keeps it.
func headRow(name string, o *swiftbackend.ObjectInfo) listing.Row {
	row := listing.Row{Name: name, Size: o.Size, ETag: o.ETag, ContentType: o.ContentType, Modified: o.Modified, Resolved: true}
	if o.Large() {
		row.SLOETag = o.ETag
	}
	return row
}

// large reports whether a resolved row is a manifest of segments.
func large(r *listing.Row) bool { return r.SLOETag != "" }

// emptyMD5 is the hash that listings show for objects without bytes of their
// own: empty files, native symlinks, dynamic large objects, and on RGW static
// ones.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// doubtful reports whether a row may not show its object's true size.
func doubtful(r *listing.Row) bool {
	return r.ETag == emptyMD5 && !r.Resolved && !r.Local && !r.Subdir
}

// resolve replaces a row that may not show its object's true size by what a
// HEAD tells, once for each version. An object that is gone stays as listed.
func (f *FS) resolve(ctx context.Context, container string, r listing.Row) (listing.Row, error) {
	if !doubtful(&r) {
		return r, nil
	}
	if known, ok := f.sizes.get(container, &r); ok {
		return known, nil
	}
	info, err := f.client.Head(ctx, container, r.Name)
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	resolved := headRow(r.Name, &info)
	until := time.Time{}
	if large(&resolved) || r.SymlinkPath != "" {
		// New segments, or another target's bytes, do not show in this row.
		until = time.Now().Add(f.cfg.CacheTTL)
	}
	f.sizes.put(container, &r, resolved, until)
	return resolved, nil
}

// verifyRow asks the server itself whether a row exists, for the cache, which
// has found a listing that contradicts this mount's own change.
func (f *FS) verifyRow(ctx context.Context, d listing.Dir, name string) (listing.Row, bool, error) {
	if d.Container == "" {
		info, err := f.client.Container(ctx, name)
		if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
			return listing.Row{}, false, nil
		}
		return listing.Row{Name: name, Size: info.Bytes, Count: info.Objects, Modified: info.Modified, ContentType: directoryType}, err == nil, err
	}
	info, err := f.client.Head(ctx, d.Container, name)
	switch {
	case err == nil:
		return headRow(name, &info), true, nil
	case swiftbackend.KindOf(err) != swiftbackend.KindNotExist:
		return listing.Row{}, false, err
	case !strings.HasSuffix(name, "/"):
		return listing.Row{}, false, nil
	}
	below, err := f.anyBelow(ctx, d.Container, name)
	return listing.Row{Name: name, Subdir: true}, below, err
}

// anyBelow reports whether the server lists an object whose name begins with
// prefix.
func (f *FS) anyBelow(ctx context.Context, container, prefix string) (bool, error) {
	found := false
	_, err := f.client.ListObjects(ctx, container, swiftbackend.ListOptions{Prefix: prefix, Limit: 1}, func(swiftbackend.ObjectRow) error {
		found = true
		return errStopListing
	})
	if errors.Is(err, errStopListing) {
		err = nil
	}
	return found, err
}
