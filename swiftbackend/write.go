package swiftbackend

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Content is a body that can be sent more than once.
type Content struct {
	// Size is the number of bytes, or UnknownSize: then the body is sent in
	// chunks until Open's reader ends.
	Size int64
	// MD5 is the checksum in hex, or "" when it is not known before the end; the
	// caller then compares the ETag of the answer.
	MD5 string
	// Open gives the bytes from the beginning, once for each attempt; those of a
	// small body once, before the first. It is not called when Size is 0. A reader that can be closed is closed, so that one
	// that waits for its bytes stops doing so.
	Open func() io.Reader
}

// UnknownSize is the Size of a body that is still being made.
const UnknownSize = -1

// emptyMD5 is the ETag of an object without bytes.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// PutOptions are what an object has beside its bytes.
type PutOptions struct {
	ContentType string            // "" leaves it to the server, by the name
	Meta        map[string]string // X-Object-Meta-*, by name after the prefix
	DeleteAt    time.Time         // zero: never
	// IfNoneMatch refuses to overwrite: KindExist. RGW ignores it.
	IfNoneMatch bool
	Header      map[string]string // further headers, as Content-Encoding
}

func (o PutOptions) header() map[string]string {
	h := maps.Clone(o.Header)
	if h == nil {
		h = map[string]string{}
	}
	if o.ContentType != "" {
		h["Content-Type"] = o.ContentType
	}
	for k, v := range o.Meta {
		h["X-Object-Meta-"+k] = v
	}
	if !o.DeleteAt.IsZero() {
		h["X-Delete-At"] = strconv.FormatInt(o.DeleteAt.Unix(), 10)
	}
	if o.IfNoneMatch {
		h["If-None-Match"] = "*"
	}
	return h
}

// on412 is what the answer 412 means to a PUT with these options.
func (o PutOptions) on412() Kind {
	if o.IfNoneMatch {
		return KindExist
	}
	return KindOther
}

// Put stores an object. The server compares the bytes with content.MD5, and its
// answer is compared once more; KindChecksum when they differ, and then nothing
// is stored. The object that was there stays until the new one is complete.
func (c *Client) Put(ctx context.Context, container, object string, content Content, o PutOptions) (ObjectInfo, error) {
	r := &request{method: http.MethodPut, what: "object", container: container, object: object, header: o.header(), hints: hints{retry409: true, on412: o.on412()}}
	if content.Size > c.info.MaxFileSize {
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindTooLarge, Detail: fmt.Sprintf("%d bytes; the server takes %d in one object", content.Size, c.info.MaxFileSize)}
	}
	if content.MD5 != "" {
		r.header["ETag"] = content.MD5
	}
	return c.put(ctx, r, content, content.MD5)
}

// put sends the request and compares the answer's ETag with want, unless that
// is "".
func (c *Client) put(ctx context.Context, r *request, content Content, want string) (ObjectInfo, error) {
	resp, err := c.stream(ctx, r, content.Size, content.Open)
	if KindOf(err) == KindExist && r.hints.lost && want != "" {
		// After a lost answer, "exists" may be our own doing.
		info, headErr := c.Head(ctx, r.container, r.object)
		if headErr != nil {
			return ObjectInfo{}, headErr // whose it is, nobody knows
		}
		if info.ETag == want {
			return info, nil
		}
	}
	if err != nil {
		return ObjectInfo{}, err
	}
	drain(resp)
	info := objectInfo(resp.Header, content.Size)
	info.ContentType = r.header["Content-Type"]
	if want != "" && info.ETag != want {
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindChecksum, Status: resp.StatusCode, Detail: fmt.Sprintf("sent MD5 %s, the server has %s", want, info.ETag)}
	}
	if info.Modified.IsZero() {
		if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			info.Modified = t
		}
	}
	return info, nil
}

// Post replaces all of an object's own metadata (X-Object-Meta-*); with
// ContentType set, that too. On OpenStack Swift it also drops X-Delete-At,
// Content-Encoding, Content-Disposition and a DLO's X-Object-Manifest unless
// they are given again in o.Header; Update keeps them.
func (c *Client) Post(ctx context.Context, container, object string, o PutOptions) error {
	_, _, err := c.quietly(ctx, &request{
		method: http.MethodPost, what: "object", container: container, object: object, header: o.header(), hints: hints{retry409: true},
	})
	return err
}

// Delete deletes one object; the segments of a large object stay.
func (c *Client) Delete(ctx context.Context, container, object string) error {
	r := &request{method: http.MethodDelete, what: "object", container: container, object: object, hints: hints{retry409: true}}
	_, _, err := c.quietly(ctx, r)
	if KindOf(err) == KindNotExist && r.hints.lost {
		return nil
	}
	return err
}

// CopyOptions are what the copy has instead of, or beside, what the source has.
type CopyOptions struct {
	PutOptions
	// Fresh drops the source's metadata.
	Fresh bool
	// Manifest copies a static large object's manifest in place of its bytes:
	// both objects then share their segments.
	Manifest bool
}

// Copy makes the server copy an object, also onto itself to change its type.
// IfNoneMatch is KindUnsupported: OpenStack Swift asks it of the source, RGW not
// at all.
func (c *Client) Copy(ctx context.Context, container, object, toContainer, toObject string, o CopyOptions) (ObjectInfo, error) {
	r := &request{
		method: "COPY", what: "object", container: container, object: object, header: o.header(),
		hints: hints{retry409: true, slow: true},
	}
	if o.IfNoneMatch {
		return ObjectInfo{}, &Error{Op: r.op(), Path: r.path(), Kind: KindUnsupported, Detail: "no server copies only where nothing is"}
	}
	r.header["Destination"] = quote(toContainer + "/" + toObject)
	if o.Fresh {
		r.header["X-Fresh-Metadata"] = "true"
	}
	if o.Manifest {
		r.params = url.Values{"multipart-manifest": {"get"}}
	}
	h, _, err := c.quietly(ctx, r)
	if err != nil {
		return ObjectInfo{}, err
	}
	return objectInfo(h, 0), nil
}
