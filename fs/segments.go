package fs

import (
	"context"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// oldSegments returns the segments of the version that is about to be replaced,
// those that are the object's own and no other's, and what a HEAD tells of it. What
// cannot be found out stays behind, which costs space and no data.
func (f *FS) oldSegments(ctx context.Context, p place, old *listing.Row) ([]swiftbackend.Segment, swiftbackend.ObjectInfo) {
	if !large(old) || old.Local {
		return nil, swiftbackend.ObjectInfo{}
	}
	info, err := f.client.Head(ctx, p.container, p.object)
	var segments []swiftbackend.Segment
	if err == nil {
		segments, err = f.client.OwnSegments(ctx, p.container, p.object, info)
	}
	if err != nil {
		f.log.Warn("the segments of the version to be replaced are not known and will stay", "path", p, "error", err)
		return nil, info
	}
	return segments, info
}

// dropReplaced deletes the segments of the replaced version that the new one
// does not have.
func (f *FS) dropReplaced(p place, old []swiftbackend.Segment, current map[string]bool) {
	var gone []swiftbackend.Segment
	for _, s := range old {
		if !current[s.Name] {
			gone = append(gone, s)
		}
	}
	f.dropSegmentsLater(p, gone)
}

// dropSegmentsLater deletes segments that no manifest names any more, while
// the program goes on. In a container that keeps old versions, they belong to
// one; whether it does is asked once in a TTL.
func (f *FS) dropSegmentsLater(p place, segments []swiftbackend.Segment) {
	if len(segments) == 0 {
		return
	}
	f.writers.wg.Go(func() {
		info, err := f.containerInfo(f.ctx, p.container)
		if err == nil && info.Versioned {
			return
		}
		if err == nil {
			err = f.client.DeleteSegments(f.ctx, segments)
		}
		if err != nil {
			f.log.Warn("segments that nothing needs any more could not be deleted", "path", p, "segments", len(segments), "error", err)
		}
	})
}
