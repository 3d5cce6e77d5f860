package swiftbackend

import (
	"context"
	"maps"
	"net/http"
	"time"
)

// Change is what Update gives an object in place of what it has.
type Change struct {
	ContentType string            // "" keeps it
	Meta        map[string]string // all of the new X-Object-Meta-*
	DeleteAt    *time.Time        // nil keeps it, the zero time takes it away
}

// Update changes an object's content type and metadata and keeps everything
// else: a POST alone would drop what is not given again, so the object is asked
// first. decide gets what is there, with a copy of its metadata to change, and
// says what there is to be; its error ends the update. Two updates at once by
// two clients may lose one of them: servers have no conditional POST.
//
// The result is the object after it, its date as the server's clock had it, in
// whole seconds.
func (c *Client) Update(ctx context.Context, container, object string, decide func(ObjectInfo) (Change, error)) (ObjectInfo, error) {
	info, err := c.Head(ctx, container, object)
	if err != nil {
		return ObjectInfo{}, err
	}
	asked := info
	asked.Meta = map[string]string{}
	maps.Copy(asked.Meta, info.Meta)
	change, err := decide(asked)
	if err != nil {
		return ObjectInfo{}, err
	}
	o := PutOptions{ContentType: change.ContentType, Meta: change.Meta, Header: keptHeaders(info.Header)}
	if change.DeleteAt != nil {
		o.DeleteAt = *change.DeleteAt
		delete(o.Header, "X-Delete-At")
		if o.DeleteAt.IsZero() {
			// RGW keeps the date unless it is told to remove it.
			o.Header["X-Remove-Delete-At"] = "yes"
		}
	}
	info.Meta = change.Meta
	if change.ContentType != "" {
		info.ContentType = change.ContentType
	}
	info.Modified, err = c.post(ctx, container, object, o)
	if err != nil {
		return ObjectInfo{}, err
	}
	return info, nil
}

// Overwrite gives an object this content type and metadata and takes away
// whatever else it has beside its bytes: it is Update for callers who have made
// the object and know that there is nothing else, at one request less.
func (c *Client) Overwrite(ctx context.Context, container, object, contentType string, meta map[string]string) error {
	_, err := c.post(ctx, container, object, PutOptions{ContentType: contentType, Meta: meta})
	return err
}

// post replaces what an object has beside its bytes, and returns its date then.
func (c *Client) post(ctx context.Context, container, object string, o PutOptions) (time.Time, error) {
	h, _, err := c.quietly(ctx, &request{
		method: http.MethodPost, what: "object", container: container, object: object, header: o.header(), hints: hints{retry409: true},
	})
	if err != nil {
		return time.Time{}, err
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t, nil
	}
	return time.Now().Truncate(time.Second), nil
}

// keptHeaders are those of an object's headers that a POST drops on one server
// or the other unless they are given again.
func keptHeaders(h http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{
		"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
		"X-Delete-At", "X-Object-Manifest", "X-Robots-Tag",
	} {
		if v := h.Get(name); v != "" {
			kept[name] = v
		}
	}
	return kept
}
