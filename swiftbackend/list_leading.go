package swiftbackend

import "context"

// RGW leaves one row out of a listing by "/" of a whole container: the subdir
// "/", which stands for all objects whose names begin with a slash. It counts the
// row among those of the page, so that a full page looks like the last one. Such
// a listing therefore costs a second request there, which asks for that row.

// leadingRow is what the left out row is sorted by.
const leadingRow = "/"

// leading puts the row back into one page.
type leading struct {
	yield func(ObjectRow) error
	// due says that the row exists and its place in the page was not reached.
	due  bool
	rows int // given to yield
}

// newLeading asks for the row, where the server leaves it out.
func (c *Client) newLeading(ctx context.Context, container string, o ListOptions, yield func(ObjectRow) error) (*leading, error) {
	l := &leading{yield: yield}
	if !c.info.RGW || o.Delimiter != "/" || o.Prefix != "" || o.Marker >= leadingRow || o.EndMarker != "" && o.EndMarker <= leadingRow {
		return l, nil
	}
	_, err := c.ListObjects(ctx, container, ListOptions{Prefix: leadingRow, Limit: 1}, func(ObjectRow) error {
		l.due = true
		return nil
	})
	return l, err
}

// give gives yield a row of the page, and the one left out before it.
func (l *leading) give(r ObjectRow) error {
	switch key := r.Key(); {
	case key == leadingRow:
		l.due = false // a server that leaves nothing out
	case key > leadingRow:
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.rows++
	return l.yield(r)
}

// flush gives the row left out, if its place was not reached.
func (l *leading) flush() error {
	if !l.due {
		return nil
	}
	l.due = false
	l.rows++
	return l.yield(ObjectRow{Subdir: leadingRow})
}
