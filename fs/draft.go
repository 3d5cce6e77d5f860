package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"swiftfs/cache/writeback"
	"swiftfs/swiftbackend"
)

// draft is a file that programs are writing: its content, as all handles of the
// file see it, until the server has it and the last writer is gone.
//
//	             truncated, or empty              read, or written elsewhere
//	unchanged ─────────────────────► streamed ─────────────────────► staged
//	    │                                                              ▲
//	    └────────────── written, not truncated ────────────────────────┘
//
// An unchanged draft is the stored version. A streamed one is in memory and on
// its way to the server (stream.go), as long as it is written from beginning to
// end. A staged one is on the local disk as far as it was written or read, and
// reads the rest from the version it began with (cache/writeback).
//
//	clean ── write ──► unsaved ── close, fsync ──► clean
//	                      │  ▲
//	     the upload fails └──┘  the content stays, and is tried again: by the next
//	                            close or fsync, and once the last handle is gone
//	                            by drafts.go
type draft struct {
	f    *FS
	node *fileNode

	// size is that of a streamed draft, and changed when the content changed
	// last, in Unix nanoseconds, or 0 when the server has it. They are written
	// under turn, and read without it.
	size    atomic.Int64
	changed atomic.Int64
	// unsaved says that the server does not have the content.
	unsaved atomic.Bool
	// storing says that an upload of the content is under way.
	storing atomic.Bool
	// writers counts the handles open for writing; node.mu guards it.
	writers int

	// turn is held by who stores the draft, moves it, or changes the way its
	// content is kept: a channel, because one may have to wait for an upload, and
	// give up waiting. Who has it may use the following.
	turn chan struct{}
	// stream is the content of a streamed draft; nil otherwise.
	stream *stream
	// base is what the stage was made of.
	base base
	// doubt says that an upload failed of which nobody knows whether the server
	// has stored it: there may be an object even if there was none.
	doubt bool
	// attrs says that attributes were set that go to the server with the content.
	attrs bool
	// gone says that the file was unlinked: nothing is to be stored any more.
	gone bool

	mu sync.Mutex // guards the following
	// stage is the content of a staged draft; nil otherwise. It is set under turn
	// as well.
	stage *writeback.Stage
	// failure is how the last upload went wrong; zero when it did not.
	failure failure
}

// failure is an upload that did not succeed.
type failure struct {
	err      error
	since    time.Time // of the first of those that failed one after the other
	attempts int
	full     bool // the server has no room for the content
}

// base is the version that a stage began with, or was stored as last.
type base struct {
	// stored says that it is the stored version of the file's object. Else it is
	// segments of a stream that was not stored, or nothing.
	stored bool
	// pieces are what the version consists of, in order; nil when it is a plain
	// object, or nobody has asked.
	pieces []swiftbackend.Piece
	// loose are segments that are on the server and in no manifest, unless named
	// is set: then there may be one.
	loose []swiftbackend.Segment
	named bool
	// shared are segments that the stage may read and that the manifest of the stored
	// version names: fsync has stored that, and what was written since has not been.
	// They are the stored version's to delete.
	shared []swiftbackend.Segment
	// sent is a version of which nobody knows whether the server has stored it;
	// without an ETag there is none.
	sent swiftbackend.Revised
}

// inherit makes the draft the owner of the shared segments: the manifest that names
// them is gone.
func (b *base) inherit() {
	b.loose = append(b.loose, b.shared...)
	b.shared = nil
}

// openDraft returns the file's draft, or a new one, for one more writer.
func (n *fileNode) openDraft() *draft {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.draft == nil {
		n.draft = &draft{f: n.f, node: n, turn: make(chan struct{}, 1)}
		n.f.drafts.add(n.draft)
	}
	n.draft.writers++
	return n.draft
}

// newDraft makes the draft of a file that no server has: empty and unsaved.
func (n *fileNode) newDraft() *draft {
	d := n.openDraft()
	d.turn <- struct{}{}
	defer d.give()
	d.streamLocked()
	d.wrote()
	return d
}

// take waits for the turn.
func (d *draft) take(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := d.f.patient(ctx)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *draft) give() { <-d.turn }

// staged returns the stage of a draft, which may be nil, or nil.
func (d *draft) staged() *writeback.Stage {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stage
}

// wrote notes a change of the content.
func (d *draft) wrote() {
	d.changed.Store(time.Now().UnixNano())
	d.unsaved.Store(true)
}

// shown returns the size and date of the content; ok is false when they are
// those of the stored version.
func (d *draft) shown() (size int64, at time.Time, ok bool) {
	stage := d.staged()
	changed := d.changed.Load()
	if changed == 0 {
		return 0, at, false
	}
	size = d.size.Load()
	if stage != nil {
		size = stage.Size()
	}
	return size, time.Unix(0, changed), true
}

// streamLocked makes the draft an empty streamed one; the turn is the caller's,
// and the content was dropped.
func (d *draft) streamLocked() {
	s := newStream(d.f, d.node.where)
	d.stream = &s
	d.size.Store(0)
	d.f.writers.add(d.stream, d.turn)
}

// dropLocked gives the content up; the turn is the caller's. What was uploaded of
// it and is named by no manifest is deleted.
func (d *draft) dropLocked() {
	if d.stream != nil {
		d.stream.drop(d.gone)
		d.f.writers.remove(d.stream)
		d.stream = nil
	}
	d.mu.Lock()
	stage := d.stage
	d.stage = nil
	d.mu.Unlock()
	if stage != nil {
		if err := stage.Close(); err != nil {
			d.f.log.Warn("a local file could not be closed", "path", d.node.where(), "error", err)
		}
	}
	if !d.base.named || d.gone {
		d.f.dropSegmentsLater(d.node.where(), d.base.loose)
	}
	d.base = base{}
}

// hasContent reports whether the content is other than the stored version, and the
// draft, which may be nil, has it.
func (d *draft) hasContent() bool {
	return d != nil && (d.staged() != nil || d.changed.Load() != 0)
}

// release is the end of one writer.
func (d *draft) release() {
	d.node.mu.Lock()
	d.writers--
	last := d.writers == 0
	d.node.mu.Unlock()
	if !last {
		return
	}
	select {
	case d.turn <- struct{}{}:
		d.endLocked()
	default:
		// An upload is under way: before its end nobody knows whether the content is
		// stored, and who gives the draft up may have given up waiting for that.
		d.f.writers.wg.Go(d.end)
	}
}

// end is endLocked at its own turn.
func (d *draft) end() {
	d.turn <- struct{}{}
	d.endLocked()
}

// endLocked drops a draft that nobody writes and that is stored, or was unlinked.
// One that is not stored is tried again. The turn is the caller's, and is given up.
func (d *draft) endLocked() {
	defer d.give()
	n := d.node
	n.mu.Lock()
	busy := d.writers > 0 || n.gone && n.handles > 0
	unsaved := d.unsaved.Load() && !n.gone
	if !busy && !unsaved && n.draft == d {
		n.draft = nil
	}
	n.mu.Unlock()
	switch {
	case busy:
	case unsaved:
		d.f.drafts.keepTrying(d)
	default:
		d.dropLocked()
		d.f.drafts.remove(d)
	}
}

// fail notes that an upload failed.
func (d *draft) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure.err == nil {
		d.failure.since = time.Now()
	}
	d.failure.err = err
	d.failure.full = toErrno(err) == syscall.EDQUOT
	d.failure.attempts++
}

// refusing returns the error of a server that has no room: what is written on top
// of what could not be stored would be refused, too.
func (d *draft) refusing() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure.full {
		return d.failure.err
	}
	return nil
}

// shortened notes that there may be room for the content now.
func (d *draft) shortened() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure.full = false
}
