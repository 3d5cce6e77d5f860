package swiftbackend

import (
	"context"
	"time"
)

// SetAside gives an object a second name among the segments of its container, for
// those who have it open when its own name goes to another object or is deleted.
// It costs what Clone does. A large object's segments are the second name's from
// then on, too: the first is to be deleted by Delete alone. Whoever set it aside
// deletes the second with DeleteObject; one that is forgotten looks like a segment
// that no manifest names.
func (c *Client) SetAside(ctx context.Context, object Name, info ObjectInfo, o CloneOptions) (Name, error) {
	aside := Name{
		Container: object.Container + SegmentsSuffix,
		Object:    SegmentPrefix(object.Object, time.Now(), info.Size) + "00000000",
	}
	err := c.inSegmentContainer(ctx, object.Container, func(ctx context.Context) error {
		_, err := c.Clone(ctx, object, aside, info, o)
		return err
	})
	return aside, err
}
