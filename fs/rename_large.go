package fs

import (
	"context"
	"strings"
	"syscall"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// checkSegments returns what the server has to be told of an object to copy it.
// Of a large object it makes sure that its segments stay where they are: some
// tools put them beside the object, and a manifest that moves with them would
// name what is gone. EXDEV makes mv copy the bytes instead.
func (m *treeMove) checkSegments(ctx context.Context, r *listing.Row) (swiftbackend.ObjectInfo, error) {
	info := knownInfo(r)
	switch {
	case r.SymlinkPath != "" || strings.HasSuffix(r.Name, "/"):
		return info, nil
	case !large(r) && !unsized(r):
		return info, nil
	}
	client := m.f.client
	var err error
	if !info.SLO || r.Resolved && client.Info().RGW {
		// A listing shows neither dynamic manifests nor, on RGW, static ones; and
		// a row that was resolved does not say which of the two it is.
		if info, err = client.Head(ctx, m.p.container, r.Name); err != nil {
			return info, err
		}
	}
	var segments []swiftbackend.Segment
	if info.SLO {
		if info, segments, err = m.static(ctx, r, info); err != nil {
			return info, err
		}
	}
	in, prefix, _ := strings.Cut(info.DLO, "/")
	switch {
	case !info.Large():
		// Another client may have put a plain object there since it was listed: the
		// copy finds that out by its ETag.
		return knownInfo(r), nil
	case info.DLO == "" && len(segments) == 0 && m.segmentsBeside,
		info.DLO != "" && in == m.p.container && (strings.HasPrefix(prefix, m.p.object) || strings.HasPrefix(m.p.object, prefix)):
		return info, m.refuseLarge(r)
	}
	for _, s := range segments {
		if below(place{s.Container, s.Name}, m.p.dir()) {
			return info, m.refuseLarge(r)
		}
	}
	return info, nil
}

// static returns the segments of a large object and what the server has to be told
// of it, which is not large any more or a dynamic one if that is how it turns out.
func (m *treeMove) static(ctx context.Context, r *listing.Row, info swiftbackend.ObjectInfo) (swiftbackend.ObjectInfo, []swiftbackend.Segment, error) {
	client := m.f.client
	if client.Info().RGW {
		segments, err := client.Segments(ctx, m.p.container, r.Name, info)
		return info, segments, err
	}
	now, segments, err := client.Manifest(ctx, m.p.container, r.Name)
	if err == nil && (!now.SLO || now.ETag == info.ETag) {
		info = now
	}
	return info, segments, err
}

func (m *treeMove) refuseLarge(r *listing.Row) error {
	m.f.log.Warn("a directory cannot be renamed by the server, because the segments of a large object are in it or may be; mv copies it instead",
		"directory", m.p, "object", place{m.p.container, r.Name})
	return syscall.EXDEV
}

// unsized reports whether a listed row may not show its object's true size.
func unsized(r *listing.Row) bool {
	return r.ETag == emptyMD5 && !r.Resolved && !r.Local && !r.Subdir && r.SymlinkPath == ""
}

// looksLikeSegment reports whether an object may be a segment of another one in
// the same container, by the names that other tools give them. It matters where
// the server does not tell what a manifest names.
func looksLikeSegment(name string) bool {
	return strings.Contains(name, "segments/") || strings.Contains(name, "/slo/")
}
