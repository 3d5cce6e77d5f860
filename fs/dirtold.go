package fs

import (
	"context"
	"sync/atomic"
	"time"

	"swiftfs/cache/listing"
)

// told is the row of a directory by which its attributes were told last. The kernel
// asks for them again whenever it has read the directory, because that changes the time
// of the last access: the same are right for the rest of the TTL, whether or not the
// listing that had them is still in memory.
type told struct{ last atomic.Pointer[toldRow] }

type toldRow struct {
	dir     listing.Dir
	row     listing.Row
	fetched time.Time
	// changed is what Changed said of the directory above before.
	changed uint64
}

// tell notes the row by which the directory's attributes are being told.
func (n *directoryNode) tell(d listing.Dir, e *found) {
	n.told.last.Store(&toldRow{d, e.Row, e.fetched, e.changed})
}

// row returns the row of a directory that is below another.
func (n *directoryNode) row(ctx context.Context, d listing.Dir) (listing.Row, time.Time, error) {
	up, _, _ := parent(d)
	if t := n.told.last.Load(); t != nil && t.dir == d && t.changed == n.f.cache.Changed(up) && n.f.remaining(t.fetched) > 0 {
		return t.row, t.fetched, nil
	}
	e, err := n.f.lookupDir(ctx, d)
	if err == nil {
		n.tell(d, &e)
	}
	return e.Row, e.fetched, err
}
