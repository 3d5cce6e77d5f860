package fs

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

// containerXattrs are the extended attributes of the container of this name.
type containerXattrs struct {
	f    *FS
	name string
}

var _ attributed = containerXattrs{}

func (c containerXattrs) String() string { return c.name }

const containerMetaPrefix = "X-Container-Meta-"

// containerXattr is one of the user.swift.* attributes of a container: a header.
type containerXattr struct {
	header string
	// valid checks a value to be set; nil for an attribute that is the server's
	// alone.
	valid func(value string) bool
}

var containerXattrTable = map[string]containerXattr{
	"read_acl":       {"X-Container-Read", plainValue},
	"write_acl":      {"X-Container-Write", plainValue},
	"quota_bytes":    {containerMetaPrefix + "Quota-Bytes", wholeNumber},
	"quota_count":    {containerMetaPrefix + "Quota-Count", wholeNumber},
	"storage_policy": {"X-Storage-Policy", nil},
}

func wholeNumber(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	return err == nil && n >= 0
}

// reservedContainerHeader reports the metadata of containers that are shown as
// user.swift.* attributes, or are a secret: the keys of temporary URLs.
func reservedContainerHeader(header string) bool {
	switch header {
	case "Quota-Bytes", "Quota-Count", "Temp-Url-Key", "Temp-Url-Key-2":
		return true
	}
	return false
}

// containerMeta returns the X-Container-Meta-* by canonical name.
func containerMeta(info *swiftbackend.ContainerInfo) map[string]string {
	meta := map[string]string{}
	for k, v := range info.Header {
		if name, ok := strings.CutPrefix(k, containerMetaPrefix); ok && len(v) > 0 {
			meta[name] = v[0]
		}
	}
	return meta
}

func (c containerXattrs) getAttr(ctx context.Context, name string) (string, error) {
	info, err := c.f.containerInfo(ctx, c.name)
	if err != nil {
		return "", err
	}
	value, ok := "", false
	if special, isSpecial := strings.CutPrefix(name, swiftNamespace); isSpecial {
		value = info.Header.Get(containerXattrTable[special].header)
		ok = value != ""
	} else {
		value, ok = newAttributes(containerMeta(&info), reservedContainerHeader).get(name)
	}
	if !ok {
		return "", errNoAttr
	}
	return value, nil
}

func (c containerXattrs) listAttrs(ctx context.Context) ([]string, error) {
	info, err := c.f.containerInfo(ctx, c.name)
	if err != nil {
		return nil, err
	}
	return newAttributes(containerMeta(&info), reservedContainerHeader).names(), nil
}

// setAttr sends only what changes: servers keep the rest.
func (c containerXattrs) setAttr(ctx context.Context, name string, value *string, mode setMode) error {
	ctx, cancel := c.f.patient(ctx)
	defer cancel()
	var header map[string]string
	var err error
	if special, ok := strings.CutPrefix(name, swiftNamespace); ok {
		header, err = specialHeader(special, value)
	} else {
		header, err = c.metaHeader(ctx, name, value, mode)
	}
	if err != nil {
		return err
	}
	err = c.f.client.PostContainer(ctx, c.name, header)
	c.f.usage.changed(c.name)
	return err
}

// specialHeader is what a POST has to say for a user.swift.* attribute. An empty
// header removes one on every server.
func specialHeader(special string, value *string) (map[string]string, error) {
	attr, ok := containerXattrTable[special]
	switch {
	case !ok:
		return nil, syscall.EOPNOTSUPP
	case attr.valid == nil:
		return nil, syscall.EPERM
	case value == nil || *value == "":
		return map[string]string{attr.header: ""}, nil
	case !attr.valid(*value):
		return nil, syscall.EINVAL
	}
	return map[string]string{attr.header: *value}, nil
}

// metaHeader is what a POST has to say for an attribute in metadata, after a
// fresh look at what there is.
func (c containerXattrs) metaHeader(ctx context.Context, name string, value *string, mode setMode) (map[string]string, error) {
	info, err := c.f.client.Container(ctx, c.name)
	if err != nil {
		return nil, err
	}
	before, limits := containerMeta(&info), c.f.client.Info()
	a := newAttributes(before, reservedContainerHeader)
	_, existed := a.get(name)
	if err := mode.check(existed); err != nil {
		return nil, err
	}
	if value == nil {
		a.remove(name)
	} else {
		a.set(name, *value, &limits)
	}
	after, err := a.meta(&limits)
	if err != nil {
		return nil, err
	}
	header := map[string]string{}
	for k, v := range after {
		if before[k] != v {
			header[containerMetaPrefix+k] = v
		}
	}
	for k := range before {
		if _, stays := after[k]; !stays {
			header["X-Remove-Container-Meta-"+k] = "yes"
		}
	}
	return header, nil
}

// containerInfo asks for a container once in a TTL.
func (f *FS) containerInfo(ctx context.Context, name string) (swiftbackend.ContainerInfo, error) {
	if info, ok := f.usage.container(name, f.cfg.CacheTTL); ok {
		return info, nil
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	began := time.Now()
	info, err := f.client.Container(ctx, name)
	if err == nil {
		f.usage.noteContainer(name, info, began)
	}
	return info, err
}
