package fs

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// lateAttrs has the attributes of directories that are not stored yet. Whoever
// copies a tree (tar, cp -a, rsync) makes a directory with a mode of its own, and
// when the files are in it sets its date, its owner and the mode that it is to
// keep, by a call each. Of a directory that this mount has made, these calls return
// at once, and what they amount to is stored a moment later by one request: making
// the directory succeeded, so that this will, and who made an object knows what it
// has without asking.
//
// What depends on the server having them stores them first, by settle. A tree that
// is renamed is settled behind the closed gate, so that no edit outlives the name
// of its directory.
type lateAttrs struct {
	f *FS
	// made has the directories that this mount made, and nothing but the
	// attributes of which was changed since.
	made *recent[listing.Dir, madeDir]
	// ending is closed when the mount ends.
	ending chan struct{}

	mu sync.Mutex // guards the following and the edits
	// waiting has the edits that are not stored.
	waiting map[listing.Dir]*lateEdit
}

// madeDir is what is known of the marker of a directory that this mount made.
type madeDir struct {
	at   time.Time
	bare bool // it is "name", which can have attributes, and not "name/"
}

// lateEdit are the attributes that one directory is to have.
type lateEdit struct {
	d     listing.Dir
	want  attrs         // those that were set
	all   attrs         // what it shows with them
	asked int           // how often they were changed
	turn  chan struct{} // whoever stores them has it
}

// settleTime is how long the attributes of a new directory wait for more.
const settleTime = 100 * time.Millisecond

func newLateAttrs(f *FS) *lateAttrs {
	return &lateAttrs{f: f, made: newRecent[listing.Dir, madeDir](touchedDirs), ending: make(chan struct{}), waiting: map[listing.Dir]*lateEdit{}}
}

// create notes that this mount has made a directory, by the marker that row shows.
func (l *lateAttrs) create(d listing.Dir, row *listing.Row) {
	l.made.put(d, madeDir{at: time.Now(), bare: row.Name == bare(d)})
}

// forget is told what was removed, or changed in other ways.
func (l *lateAttrs) forget(d listing.Dir) { l.made.forget(d) }

// keep takes attributes that are set of a directory, which shows all of these from
// now on, and returns its row with them; false when they have to be stored at once.
func (l *lateAttrs) keep(d listing.Dir, want, all attrs) (listing.Row, bool) {
	if _, ok := l.made.get(d); !ok || bare(d) == "" || l.f.cfg.CacheTTL <= 0 {
		return listing.Row{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.waiting[d]
	if e == nil {
		e = &lateEdit{d: d, turn: make(chan struct{}, 1)}
		l.waiting[d] = e
		l.f.writers.wg.Go(func() { l.storeLater(e) })
	}
	e.want, e.all = want.over(e.want), all
	e.asked++
	// The date of the change is this one, and not that of the request, which would
	// look like another change.
	row := listing.Row{
		Name: bare(d), ETag: emptyMD5, Modified: time.Now(), Resolved: true,
		ContentType: joinType(directoryType, all.beyond(l.f.dirDefaults())),
	}
	up, _, _ := parent(d)
	l.f.cache.Put(up, row)
	return row, true
}

// storeLater stores an edit when no more is expected to come, and tries it again
// until it is stored, refused, or the mount ends.
func (l *lateAttrs) storeLater(e *lateEdit) {
	again := backoff.NewExponentialBackOff()
	again.InitialInterval, again.MaxInterval = firstRetry, lastRetry
	path := place{e.d.Container, e.d.Prefix}
	for wait := settleTime; ; wait = again.NextBackOff() {
		ended := false
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.ending:
			ended = true
		}
		timer.Stop()
		err := l.store(l.f.ctx, e)
		switch {
		case err == nil:
			return
		case ended || swiftbackend.Refused(err):
			l.f.log.Error("the attributes of a new directory could not be stored and are given up", "path", path, "error", err)
			l.drop(e)
			return
		}
		l.f.log.Warn("the attributes of a new directory could not be stored and are tried again", "path", path, "error", err)
	}
}

// drop gives an edit up.
func (l *lateAttrs) drop(e *lateEdit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[e.d] == e {
		delete(l.waiting, e.d)
		up, _, _ := parent(e.d)
		l.f.cache.Forget(up, bare(e.d))
	}
}

// store stores an edit, if nobody else has, and what is changed meanwhile.
func (l *lateAttrs) store(ctx context.Context, e *lateEdit) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()
	for {
		l.mu.Lock()
		wanted, now := l.waiting[e.d] == e, *e
		l.mu.Unlock()
		if !wanted {
			return nil
		}
		if err := l.send(&now); err != nil {
			return err
		}
		if l.stored(e, now.asked) {
			return nil
		}
	}
}

// stored notes that the server has what was asked so often, and reports whether
// that is all.
func (l *lateAttrs) stored(e *lateEdit, asked int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.asked != asked {
		return false
	}
	delete(l.waiting, e.d)
	return true
}

// send stores attributes, under the mount's context: others may wait for it. For
// as long as nobody else's changes count it does not ask what is there.
func (l *lateAttrs) send(e *lateEdit) error {
	f, p := l.f, place{e.d.Container, bare(e.d)}
	made, ok := l.made.get(e.d)
	if ok && time.Since(made.at) < f.cfg.CacheTTL {
		err := f.replaceMarker(f.ctx, p, made.bare, e.all.beyond(f.dirDefaults()))
		if err == nil {
			made.bare = true
			l.made.put(e.d, made)
		}
		if err == nil || !swiftbackend.Refused(err) {
			return err
		}
		l.forget(e.d) // somebody else has been there
	}
	_, err := f.postDirAttrs(f.ctx, e.d, listing.Row{}, e.want.over(e.all.without(hasMode|hasUID|hasGID)))
	return err
}

// replaceMarker gives the marker of a directory, of which everything is known,
// attributes, or makes it.
func (f *FS) replaceMarker(ctx context.Context, p place, there bool, a attrs) error {
	if there {
		f.meta.forget(p)
		return f.client.Overwrite(ctx, p.container, p.object, joinType(directoryType, a), a.withMeta(nil))
	}
	if err := f.vacant(ctx, p.container, p.object); err != nil {
		return err
	}
	_, err := f.putMarker(ctx, p, a, nil)
	return err
}

// settle returns when the server has the attributes of a directory.
func (l *lateAttrs) settle(ctx context.Context, d listing.Dir) error {
	l.mu.Lock()
	e := l.waiting[d]
	l.mu.Unlock()
	if e == nil {
		return nil
	}
	return l.store(ctx, e)
}

// settleAll is settle for the directories that match.
func (l *lateAttrs) settleAll(ctx context.Context, match func(listing.Dir) bool) error {
	l.mu.Lock()
	var all []*lateEdit
	for d, e := range l.waiting {
		if match(d) {
			all = append(all, e)
		}
	}
	l.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelCopies)
	for _, e := range all {
		g.Go(func() error { return l.store(ctx, e) })
	}
	return g.Wait()
}

// settleTrees settles what is about to be renamed, and forgets what was made there.
func (l *lateAttrs) settleTrees(ctx context.Context, trees ...listing.Dir) error {
	within := func(d listing.Dir) bool { return meet(trees, []place{{d.Container, d.Prefix}}) }
	if err := l.settleAll(ctx, within); err != nil {
		return err
	}
	l.made.forgetAll(within)
	return nil
}

// finish has what is left stored at once, by goroutines that the writePool waits
// for.
func (l *lateAttrs) finish() { close(l.ending) }
