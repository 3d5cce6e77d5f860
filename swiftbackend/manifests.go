package swiftbackend

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// parallelLooks is how many containers are looked through at once, and how
	// many objects of each are asked for.
	parallelLooks = 4
	// clockSkew is what the clocks of a cluster's servers may differ by.
	clockSkew = time.Minute
)

// manifestLook is a look at all manifests of the account, for the segments that
// they name.
type manifestLook struct {
	s *orphanSearch

	mu sync.Mutex // guards the following, and s.old and s.report
	// unread are static manifests that the server does not give back, by ETag.
	unread map[string]Name
	// missing are objects that are listed and cannot be found.
	missing []Name
}

// look marks those of the gathered segments that manifests name, and notes in
// the report what leaves the others in doubt.
func (s *orphanSearch) look(ctx context.Context) error {
	began, err := s.c.now(ctx)
	if err != nil {
		return err
	}
	l := &manifestLook{s: s, unread: map[string]Name{}}
	s.report.Versioned = nil
	if err := l.all(ctx, time.Time{}); err != nil {
		return err
	}
	if s.old.allNamed() {
		return nil
	}
	if err := l.all(ctx, began.Add(-clockSkew)); err != nil {
		return err
	}
	return l.explain(ctx)
}

func (s *uploadSet) allNamed() bool {
	for _, up := range s.all {
		for i := range up.segments {
			if !up.segments[i].named {
				return false
			}
		}
	}
	return true
}

// all looks into every container, for manifests that are not older than since;
// zero is for all of them.
func (l *manifestLook) all(ctx context.Context, since time.Time) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelLooks)
	err := l.s.c.eachContainer(ctx, func(name string) error {
		g.Go(func() error { return unlessGone(l.container(ctx, name, since)) })
		return ctx.Err()
	})
	if failed := g.Wait(); failed != nil {
		return failed // ctx ended for it
	}
	return err
}

// unlessGone takes an error of something that is not there any more for what it
// is: it names nothing.
func unlessGone(err error) error {
	if KindOf(err) == KindNotExist {
		return nil
	}
	return err
}

func (l *manifestLook) container(ctx context.Context, name string, since time.Time) error {
	if since.IsZero() {
		info, err := l.s.c.Container(ctx, name)
		if err != nil {
			return err
		}
		// It says so also after that was switched off, when there may be old
		// versions still. Those that are kept in another container
		// (X-Versions-Location) are objects like others there.
		if info.Header.Get("X-Versions-Enabled") != "" {
			l.mu.Lock()
			l.s.report.Versioned = append(l.s.report.Versioned, name)
			l.mu.Unlock()
		}
	}
	var o ListOptions
	for end := false; !end; {
		var rows []ObjectRow
		end = true
		_, err := l.s.c.ListObjects(ctx, name, o, func(row ObjectRow) error {
			end, o.Marker = false, row.Name
			if row.mayNameOthers() && !row.Modified.Before(since) {
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := l.rows(ctx, name, rows); err != nil {
			return err
		}
	}
	return nil
}

// mayNameOthers reports whether a row may be one of a manifest or link. Dynamic
// manifests, and static ones on RGW, list with the ETag of nothing.
func (r *ObjectRow) mayNameOthers() bool {
	return r.SLOETag != "" || r.SymlinkPath != "" || r.Hash == emptyMD5 || r.Hash == ""
}

func (l *manifestLook) rows(ctx context.Context, container string, rows []ObjectRow) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelLooks)
	for i := range rows {
		g.Go(func() error {
			err := l.row(ctx, container, &rows[i])
			if KindOf(err) == KindNotExist {
				err = l.absent(ctx, container, &rows[i])
			}
			return err
		})
	}
	return g.Wait()
}

// absent decides what it means that the object of a row is not there. It may
// have been deleted or renamed since it was listed. If it is still listed, then
// it has expired, or the listing lags, or the servers that have it are down.
func (l *manifestLook) absent(ctx context.Context, container string, row *ObjectRow) error {
	_, err := l.s.c.ListObjects(ctx, container, ListOptions{Prefix: row.Name, Limit: 1}, func(now ObjectRow) error {
		if now.Name == row.Name {
			l.mu.Lock()
			l.missing = append(l.missing, Name{container, row.Name})
			l.mu.Unlock()
		}
		return nil
	})
	return unlessGone(err)
}

// row notes what the object of a row names.
func (l *manifestLook) row(ctx context.Context, container string, row *ObjectRow) error {
	switch {
	case row.SymlinkPath != "":
		if parts := strings.SplitN(row.SymlinkPath, "/", 5); len(parts) == 5 {
			l.mu.Lock()
			l.s.old.name(Name{parts[3], parts[4]})
			l.mu.Unlock()
		}
		return nil
	case row.SLOETag != "":
		return l.static(ctx, Name{container, row.Name}, row.SLOETag, row.Bytes)
	}
	info, err := l.s.c.Head(ctx, container, row.Name)
	switch {
	case err != nil:
		return err
	case info.SLO:
		return l.static(ctx, Name{container, row.Name}, info.ETag, info.Size)
	case info.DLO != "":
		l.mu.Lock()
		defer l.mu.Unlock()
		// As the server reads it, and as somebody may have meant it.
		for _, m := range []string{info.DLO, info.Header.Get("X-Object-Manifest")} {
			in, prefix, _ := strings.Cut(m, "/")
			l.s.old.namePrefix(Name{in, prefix})
		}
	}
	return nil
}

// static notes what a static manifest names.
func (l *manifestLook) static(ctx context.Context, n Name, etag string, size int64) error {
	segments, err := l.s.c.readManifest(ctx, n.Container, n.Object)
	if err != nil {
		// What came may be the content of a plain object that has replaced it.
		if info, headErr := l.s.c.Head(ctx, n.Container, n.Object); headErr == nil && !info.SLO {
			return nil
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range segments {
		l.s.old.name(Name{s.Container, s.Name})
	}
	if len(segments) == 0 && size > 0 {
		l.unread[etag] = n
	}
	return nil
}

// explain finds the segments of manifests that could not be read, by their
// checksum: the manifest's ETag is that of its segments' ETags, so a series of
// segments with that checksum has the manifest's content, and what the manifest
// names is among the segments with the ETags of that series. Manifests that no
// series explains go to the report.
func (l *manifestLook) explain(ctx context.Context) error {
	l.s.report.Unreadable = l.missing
	if len(l.unread) == 0 {
		return nil
	}
	err := l.s.c.eachContainer(ctx, func(container string) error {
		var series []Piece
		err := l.s.c.eachObject(ctx, container, "", func(row *ObjectRow) error {
			if dir, _ := splitName(row.Name); len(series) > 0 && !inSeries(series, dir) {
				l.compare(series)
				series = series[:0]
			}
			if len(series) <= mostPieces {
				series = append(series, wholeSegment(Segment{Name: row.Name, ETag: row.Hash}))
			}
			return nil
		})
		l.compare(series)
		return unlessGone(err)
	})
	for _, n := range l.unread {
		l.s.report.Unreadable = append(l.s.report.Unreadable, n)
	}
	return err
}

// mostPieces is more than a manifest can have on any server, and bounds what is
// kept of a directory.
const mostPieces = 100_000

// inSeries reports whether an object of a directory belongs to a series, whose
// names differ behind the last slash only.
func inSeries(series []Piece, dir string) bool {
	prefix, _ := splitName(series[0].Name)
	return dir == prefix
}

// compare notes the segments of the manifests that a series explains: all of it,
// or the latest of each number.
func (l *manifestLook) compare(series []Piece) {
	for _, pieces := range [][]Piece{series, latestOfEach(series)} {
		etag := manifestETag(pieces)
		if _, ok := l.unread[etag]; !ok {
			continue
		}
		delete(l.unread, etag)
		etags := make([]string, len(pieces))
		for i, p := range pieces {
			etags[i] = p.ETag
		}
		l.s.old.nameContent(etags)
	}
}
