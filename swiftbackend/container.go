package swiftbackend

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// ContainerInfo is what a HEAD of a container tells.
type ContainerInfo struct {
	Objects    int64
	Bytes      int64
	QuotaBytes int64 // 0: none, or not told (RGW)
	QuotaCount int64
	Policy     string
	Modified   time.Time
	Versioned  bool // old versions of objects are kept
	Header     http.Header
}

// Container asks for a container's counts and settings.
func (c *Client) Container(ctx context.Context, name string) (ContainerInfo, error) {
	h, _, err := c.quietly(ctx, &request{method: http.MethodHead, what: "container", container: name})
	if err != nil {
		return ContainerInfo{}, err
	}
	c.policies.learn(name, h)
	return ContainerOf(h), nil
}

// ContainerOf reads what the header of an answer tells of the container: that of
// a HEAD, or of a listing, which has no date on RGW.
func ContainerOf(h http.Header) ContainerInfo {
	return ContainerInfo{
		Objects: number(h, "X-Container-Object-Count"), Bytes: number(h, "X-Container-Bytes-Used"),
		QuotaBytes: number(h, "X-Container-Meta-Quota-Bytes"), QuotaCount: number(h, "X-Container-Meta-Quota-Count"),
		Policy: h.Get(policyHeader), Modified: modified(h), Header: h,
		Versioned: h.Get("X-Versions-Location") != "" || h.Get("X-History-Location") != "" || strings.EqualFold(h.Get("X-Versions-Enabled"), "true"),
	}
}

// CheckContainerName returns an error of KindInvalid for a name that no server
// takes, before anything is sent: a "/" in a URL would name an object.
func (c *Client) CheckContainerName(name string) error {
	e := &Error{Op: "check container name", Path: name, Kind: KindInvalid}
	switch {
	case name == "":
		e.Detail = "a container has a name"
	case strings.Contains(name, "/"):
		e.Detail = "a container's name has no /"
	case len(name) > c.info.MaxContainerName:
		e.Kind, e.Detail = KindInvalid, fmt.Sprintf("a container's name has at most %d bytes", c.info.MaxContainerName)
	default:
		return nil
	}
	return e
}

// CreateContainer creates a container. created is false when it existed
// already, which is no error.
func (c *Client) CreateContainer(ctx context.Context, name string, header map[string]string) (created bool, err error) {
	if err := c.CheckContainerName(name); err != nil {
		return false, err
	}
	r := &request{method: http.MethodPut, what: "container", container: name, header: map[string]string{"Content-Length": "0"}}
	maps.Copy(r.header, header)
	_, status, err := c.quietly(ctx, r)
	if err != nil {
		return false, err
	}
	// After a lost answer, "exists" may be our own doing.
	return status == http.StatusCreated || r.hints.lost, nil
}

// PostContainer sets metadata of a container; what is not named stays.
func (c *Client) PostContainer(ctx context.Context, name string, header map[string]string) error {
	_, _, err := c.quietly(ctx, &request{method: http.MethodPost, what: "container", container: name, header: header})
	return err
}

// DeleteContainer deletes an empty container; KindNotEmpty when it is not.
func (c *Client) DeleteContainer(ctx context.Context, name string) error {
	if err := c.CheckContainerName(name); err != nil {
		return err
	}
	c.segments.forget(name)
	c.policies.forget(name)
	r := &request{method: http.MethodDelete, what: "container", container: name, hints: hints{notEmptyOn409: true}}
	_, _, err := c.quietly(ctx, r)
	if KindOf(err) == KindNotExist && r.hints.lost {
		return nil
	}
	return err
}
