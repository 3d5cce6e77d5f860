package fs

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// writeHandle is a file open for writing, as a stream: what is written from the
// beginning to the end. Up to the segment size the content stays in memory and
// the close stores it in one PUT; beyond it, full segments are uploaded while
// the program still writes, and the close puts the rest and the manifest.
//
//	open ── write ──► dirty ── close, fsync ──► stored ── write ──► dirty …
//	                    │                          │
//	                    └── the upload fails:      └── release
//	                        still dirty, and the
//	                        next close or fsync
//	                        tries again
type writeHandle struct {
	f    *FS
	node *fileNode
	p    place
	dir  listing.Dir

	// size and changed are what other handles see of the content; they are
	// written under turn and read without it.
	size    atomic.Int64
	changed atomic.Int64 // Unix nanoseconds

	// turn is held by who uses the following: a channel, because one may have
	// to wait for an upload, and give up waiting.
	turn chan struct{}
	// fresh says that the content is all of the file; else the handle was
	// opened on what it would have to read first.
	fresh bool
	// dirty says that the server does not have the content.
	dirty bool
	// gone says that the file was unlinked: nothing is to be stored any more.
	gone bool
	// content is what was written.
	content stream
	// stored is the version that the last upload made; zero before it.
	stored listing.Row
}

var _ = (interface {
	fusefs.FileWriter
	fusefs.FileFlusher
	fusefs.FileFsyncer
	fusefs.FileReleaser
	fusefs.FileReader
})((*writeHandle)(nil))

// writeFlags keep the content of a stream out of the page cache: the program's
// pages come to us as they are, which saves a copy and the cache of others.
const writeFlags = fuse.FOPEN_DIRECT_IO

// newWriter returns a handle that has written nothing.
func (f *FS) newWriter(n *fileNode, p place, d listing.Dir) *writeHandle {
	w := &writeHandle{f: f, node: n, p: p, dir: d, turn: make(chan struct{}, 1)}
	w.content = newStream(f, p)
	row := n.current()
	w.fresh = row.Local || row.Size == 0
	w.changed.Store(time.Now().UnixNano())
	if row.Local {
		n.mu.Lock()
		n.writer = w
		n.mu.Unlock()
	}
	f.writers.add(&w.content, w.turn)
	return w
}

// take waits for the turn.
func (w *writeHandle) take(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := w.f.patient(ctx)
	defer cancel()
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writeHandle) give() { <-w.turn }

// discard makes the content empty, as O_TRUNC does, and the handle the file's
// writer. The handle is new: nobody else has it.
func (w *writeHandle) discard() syscall.Errno {
	w.fresh = true
	errno := w.claimTurn()
	w.dirty = errno == 0
	return errno
}

// shown returns the size and date of the content.
func (w *writeHandle) shown() (int64, time.Time) {
	return w.size.Load(), time.Unix(0, w.changed.Load())
}

// Read implements fusefs.FileReader: a stream cannot be read back.
func (w *writeHandle) Read(context.Context, []byte, int64) (fuse.ReadResult, syscall.Errno) {
	return nil, syscall.EBADF
}

// Write implements fusefs.FileWriter.
func (w *writeHandle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if err := w.take(ctx); err != nil {
		return 0, toErrno(err)
	}
	defer w.give()
	if errno := w.claimTurn(); errno != 0 {
		return 0, errno
	}
	if !w.content.accepts(off) {
		return 0, w.f.refuse(fmt.Sprintf("writing at byte %d of a file that has been written up to byte %d", off, w.content.size()), w.p)
	}
	patient, cancel := w.f.patient(ctx)
	defer cancel()
	n, err := w.content.writeAt(patient, data, off)
	w.wrote()
	if err != nil {
		return uint32(n), w.f.fail("write", w.p.String(), err)
	}
	return uint32(n), 0
}

// wrote publishes what the content is now; the turn is the caller's.
func (w *writeHandle) wrote() {
	w.dirty = true
	w.size.Store(w.content.size())
	w.changed.Store(time.Now().UnixNano())
}

// claimTurn makes this handle the file's writer; the turn is the caller's.
func (w *writeHandle) claimTurn() syscall.Errno {
	w.node.mu.Lock()
	defer w.node.mu.Unlock()
	switch {
	case w.gone || w.node.writer == w:
		return 0
	case w.node.writer != nil:
		w.f.log.Warn("the file is being written by another handle of this mount", "path", w.p)
		return syscall.EBUSY
	case !w.fresh:
		return w.f.refuse("writing into a file that was opened without truncating it", w.p)
	case w.stored.ETag != "" && !sameVersion(&w.stored, &w.node.row):
		return syscall.ESTALE // replaced since this handle stored it
	}
	w.node.writer = w
	return 0
}

// truncate changes the size of what was written so far.
func (w *writeHandle) truncate(size int64) syscall.Errno {
	if err := w.take(w.f.ctx); err != nil {
		return toErrno(err)
	}
	defer w.give()
	if !w.fresh && size == 0 {
		w.fresh = true // nothing of the old content counts any more
	}
	if errno := w.claimTurn(); errno != 0 {
		return errno
	}
	if err := w.content.truncate(w.f.ctx, size); err != nil {
		return w.f.fail("truncate", w.p.String(), err)
	}
	w.wrote()
	return 0
}

// Flush implements fusefs.FileFlusher: it is what close waits for, on each
// descriptor of the handle. It returns 0 only when the server has everything
// that was written and its checksum was compared. A signal ends the waiting,
// not the upload.
func (w *writeHandle) Flush(ctx context.Context) syscall.Errno {
	if err := w.take(ctx); err != nil {
		return toErrno(err)
	}
	if !w.dirty || w.gone {
		w.give()
		return 0
	}
	done := make(chan error, 1)
	w.f.writers.wg.Go(func() {
		err := w.store(w.f.ctx)
		w.give()
		done <- err
	})
	patient, cancel := w.f.patient(ctx)
	defer cancel()
	select {
	case err := <-done:
		return w.f.fail("close", w.p.String(), err)
	case <-patient.Done():
		return syscall.EINTR
	}
}

// Fsync implements fusefs.FileFsyncer.
func (w *writeHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno { return w.Flush(ctx) }

// store uploads the content as the file's new version; the turn is the
// caller's.
func (w *writeHandle) store(ctx context.Context) error {
	old := w.node.current()
	replaced := w.f.oldSegments(ctx, w.p, &old)
	info, err := w.content.publish(ctx, swiftbackend.PutOptions{ContentType: contentType(w.p.object)})
	if err != nil {
		return err
	}
	row := headRow(w.p.object, &info)
	row.ContentType = contentType(w.p.object)
	w.dirty, w.stored = false, row
	w.node.mu.Lock()
	w.node.row, w.node.writer, w.node.paged = row, nil, ""
	w.node.mu.Unlock()
	w.f.cache.Put(w.dir, row)
	w.f.dropReplaced(w.p, replaced, w.content.named)
	return nil
}

// unlinked makes sure that nothing more is uploaded, and waits for an upload
// under way. The turn is the caller's until it calls the result.
func (w *writeHandle) unlinked() (give func()) {
	w.turn <- struct{}{}
	w.gone, w.dirty = true, false
	w.node.mu.Lock()
	w.node.writer = nil
	w.node.mu.Unlock()
	return w.give
}

// published returns the row of the version that this handle stored, or row if
// it has stored none; the turn is the caller's.
func (w *writeHandle) published(row *listing.Row) *listing.Row {
	if w.stored.Name != "" {
		return &w.stored
	}
	return row
}

// Release implements fusefs.FileReleaser. Content that could not be stored is
// given up; the close has returned the error.
func (w *writeHandle) Release(context.Context) syscall.Errno {
	w.release()
	return 0
}

func (w *writeHandle) release() {
	w.turn <- struct{}{}
	defer w.give()
	w.content.drop(w.gone)
	w.f.writers.remove(&w.content)
	if !w.dirty {
		return
	}
	w.dirty = false
	w.f.log.Error("what was written is given up, because it could not be stored", "path", w.p, "bytes", w.content.size())
	w.node.mu.Lock()
	if w.node.writer == w {
		w.node.writer = nil
	}
	w.node.mu.Unlock()
	w.f.cache.Forget(w.dir, w.p.object)
}
