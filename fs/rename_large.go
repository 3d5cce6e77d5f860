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
	case large(r):
		info.SLO = true
	case !unsized(r):
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
	if !info.Large() {
		return info, nil
	}
	if in, prefix, _ := strings.Cut(info.DLO, "/"); info.DLO != "" {
		if in == m.p.container && (strings.HasPrefix(prefix, m.p.object) || strings.HasPrefix(m.p.object, prefix)) {
			return info, m.refuseLarge(r)
		}
		return info, nil
	}
	segments, err := client.Segments(ctx, m.p.container, r.Name, info)
	if swiftbackend.KindOf(err) == swiftbackend.KindChanged {
		// Another client has put a plain object there since it was listed: the copy
		// finds that out by its ETag.
		return knownInfo(r), nil
	}
	if err != nil {
		return info, err
	}
	if len(segments) == 0 && m.segmentsBeside {
		return info, m.refuseLarge(r)
	}
	for _, s := range segments {
		if below(place{s.Container, s.Name}, m.p.dir()) {
			return info, m.refuseLarge(r)
		}
	}
	return info, nil
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
