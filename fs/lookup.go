package fs

import (
	"context"
	"slices"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// found is what a name stands for: one entry, with its row resolved.
type found struct {
	listing.Entry
	form    form
	fetched time.Time
	// changed is what Changed said of the directory before it was looked up.
	changed uint64
}

// object is the place of the entry's object.
func (e *found) object(d listing.Dir) place { return place{d.Container, e.Row.Name} }

// lookup finds an entry: in memory when it is known there, else by asking the
// server for the name, else, when several names of the directory have been asked
// for, by listing the directory around it. The error is an errno in the making:
// fs.ErrNotExist's kind when there is no such entry.
func (f *FS) lookup(ctx context.Context, d listing.Dir, name string) (found, error) {
	changed := f.cache.Changed(d)
	e, err := f.find(ctx, d, name)
	e.changed = changed
	return e, err
}

// find is lookup, but for when the answer was known.
func (f *FS) find(ctx context.Context, d listing.Dir, name string) (found, error) {
	part, want, err := f.partOf(ctx, d, name)
	if err != nil {
		return found{}, err
	}
	if want == formData {
		return f.lookupData(ctx, d)
	}
	if !f.possible(d, part) {
		return found{}, notFound(d, part)
	}
	e, answer := f.cache.Lookup(ctx, d, part)
	if answer.State == listing.Unknown {
		ctx, cancel := f.patient(ctx)
		defer cancel()
		if f.cfg.CacheTTL > 0 {
			if err := f.learn(ctx, d, part); err != nil {
				return found{}, err
			}
			e, answer = f.cache.Lookup(ctx, d, part)
		}
		if answer.State == listing.Unknown {
			// What was learnt could not be kept (a TTL of 0, a directory changing
			// all the time): it is used this once.
			return f.ask(ctx, d, part, want)
		}
	}
	return f.choose(ctx, d, part, want, e, answer)
}

// possible reports whether the server can have a name at all; what it cannot
// have it is not asked for.
func (f *FS) possible(d listing.Dir, part string) bool {
	if !utf8.ValidString(part) {
		return false
	}
	if d.Container == "" {
		return part != "" && len(part) <= f.client.Info().MaxContainerName
	}
	return len(d.Prefix)+len(part) <= f.client.Info().MaxObjectName
}

// choose picks what the name's form asks for.
func (f *FS) choose(ctx context.Context, d listing.Dir, part string, want form, e listing.Entry, a listing.Answer) (found, error) {
	if a.State != listing.Found {
		return found{}, notFound(d, part)
	}
	switch {
	case want != formFile:
	case a.Collision != nil:
		e = *a.Collision
	case e.Kind == listing.Directory || !f.removedLately(d, in(d, part+"/").object):
		return found{}, notFound(d, part)
	default:
		// The directory beside it is gone since it was listed: rm -r of what is
		// above both removes the directory first.
	}
	return f.finish(ctx, d, e, want, a.Fetched)
}

// finish resolves the row.
func (f *FS) finish(ctx context.Context, d listing.Dir, e listing.Entry, want form, fetched time.Time) (found, error) {
	if d.Container != "" && f.doubtful(&e) {
		ctx, cancel := f.patient(ctx)
		defer cancel()
		var err error
		if e.Row, err = f.resolve(ctx, d.Container, e.Row); err != nil {
			return found{}, err
		}
	}
	return found{Entry: e, form: want, fetched: fetched}, nil
}

func notFound(d listing.Dir, part string) error {
	return &swiftbackend.Error{Op: "look up", Path: in(d, part).String(), Kind: swiftbackend.KindNotExist}
}

// learn brings what there is to know about a name into the cache.
func (f *FS) learn(ctx context.Context, d listing.Dir, part string) error {
	// Of the account, one listing tells all containers; a HEAD tells one.
	if d.Container == "" || f.cache.Miss(ctx, d, part) {
		covered, err := f.cache.Fill(ctx, d, part)
		if covered || err != nil {
			return err
		}
	}
	at := f.cache.Begin(d)
	if d.Container == "" || part == "" || f.cfg.Attrs == AttrsHead {
		rows, err := f.probe(ctx, d, part)
		if err == nil {
			f.cache.Note(d, part, at, rows...)
		}
		return err
	}
	rows, err := f.listName(ctx, d, part)
	if err == nil {
		f.cache.NoteListed(d, part, at, rows...)
	}
	return err
}

// mostBetween bounds the rows of the listing that answers a lookup: the object, what
// is below it, and the names between the two, as "name-1" and "name.txt".
const mostBetween = 16

// listName lists the object of a name and what is below it, which is one request
// unless there are many names between the two.
func (f *FS) listName(ctx context.Context, d listing.Dir, part string) ([]listing.Row, error) {
	name := d.Prefix + part
	below := in(d, part+"/")
	o := swiftbackend.ListOptions{Prefix: name, Delimiter: "/", EndMarker: name + "0", Limit: mostBetween} // "0" is what follows "/"
	var rows []listing.Row
	var last string
	end, err := lister{f}.objects(ctx, d, o, func(r listing.Row) error {
		if last = r.Name; last == name {
			rows = append(rows, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	is := last == below.object
	// What this mount has removed may be listed still.
	if is && f.removedIn(below.dir()) || !is && !end {
		if is, err = f.anyBelow(ctx, below.container, below.object); err != nil {
			return nil, err
		}
	}
	if is {
		rows = append(rows, listing.Row{Name: below.object, Subdir: true})
	}
	return rows, nil
}

// probe asks the server for the object of a name, and for anything below it by a
// listing, both at once.
func (f *FS) probe(ctx context.Context, d listing.Dir, part string) ([]listing.Row, error) {
	if d.Container == "" {
		row, ok, err := f.verifyRow(ctx, d, part)
		if !ok {
			return nil, err
		}
		return []listing.Row{row}, nil
	}
	name := d.Prefix + part
	var rows []listing.Row
	below := false
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		below, err = f.anyBelow(ctx, d.Container, name+"/")
		return err
	})
	if part != "" { // "a/" below "a/" is the directory's own marker
		g.Go(func() error {
			info, err := f.head(ctx, d.Container, name)
			if err == nil {
				rows = append(rows, f.headRow(name, &info))
			}
			return ignoreGone(err)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if below {
		rows = append(rows, listing.Row{Name: name + "/", Subdir: true})
	}
	return rows, nil
}

// ask answers one lookup from the server alone.
func (f *FS) ask(ctx context.Context, d listing.Dir, part string, want form) (found, error) {
	now := time.Now()
	rows, err := f.probe(ctx, d, part)
	if err != nil {
		return found{}, err
	}
	below := in(d, part+"/").object
	if f.cache.Kept(d, below) && !slices.ContainsFunc(rows, func(r listing.Row) bool { return r.Name == below }) {
		rows = append(rows, listing.Row{Name: below, Subdir: true})
	}
	e, a := listing.Decide(d, rows, now)
	return f.choose(ctx, d, part, want, e, a)
}

// lookupData finds the data that another client stored under a directory's own
// name.
func (f *FS) lookupData(ctx context.Context, d listing.Dir) (found, error) {
	if d.Container == "" || d.Prefix == "" {
		return found{}, notFound(d, escData)
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	now := time.Now()
	info, err := f.client.Head(ctx, d.Container, d.Prefix)
	if err != nil {
		return found{}, err
	}
	if info.Size == 0 {
		return found{}, notFound(d, escData)
	}
	return found{Entry: listing.Entry{Kind: listing.File, Row: f.headRow(d.Prefix, &info)}, form: formData, fetched: now}, nil
}

// exists returns EEXIST when an entry is known to be there. The kernel has
// looked it up a moment ago, so the cache knows; no request is made.
func (f *FS) exists(ctx context.Context, d listing.Dir, name string) syscall.Errno {
	if _, a := f.cache.Lookup(ctx, d, name); a.State == listing.Found {
		return syscall.EEXIST
	}
	return 0
}

// removedIn reports whether this mount removed something in d, and the server's
// listings have not shown that yet.
func (f *FS) removedIn(d listing.Dir) bool {
	return slices.ContainsFunc(f.cache.Changes(d), func(c listing.Change) bool { return c.Removed })
}

// removedLately reports whether this mount removed a row of d, and the server's
// listings have not shown that yet.
func (f *FS) removedLately(d listing.Dir, rowName string) bool {
	return slices.ContainsFunc(f.cache.Changes(d), func(c listing.Change) bool { return c.Removed && c.Row.Name == rowName })
}
