package fs

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

// objectXattr is one of the user.swift.* attributes of an object.
type objectXattr struct {
	// get returns the value, "" when the object has none.
	get func(ctx context.Context, f *FS, p place, m *objectMeta) (string, error)
	// set returns the edit that gives the object a value; "" goes back to what an
	// object has by itself. Nil for an attribute that is the server's alone.
	set func(p place, value string) (metaEdit, error)
}

var objectXattrs = map[string]objectXattr{
	"etag":           {get: func(_ context.Context, _ *FS, _ place, m *objectMeta) (string, error) { return m.etag, nil }},
	"content_type":   {getType, setType},
	"delete_at":      {getDeleteAt, setDeleteAt},
	"storage_policy": {get: getPolicy},
	"manifest":       {get: getManifest},
}

// getObjectAttr returns an attribute of the object at p.
func (f *FS) getObjectAttr(ctx context.Context, p place, m *objectMeta, name string) (string, error) {
	special, ok := strings.CutPrefix(name, swiftNamespace)
	if !ok {
		value, ok := newAttributes(m.meta, reservedObjectHeader).get(name)
		if !ok {
			return "", errNoAttr
		}
		return value, nil
	}
	attr, ok := objectXattrs[special]
	if !ok {
		return "", errNoAttr
	}
	ctx, cancel := f.patient(ctx)
	defer cancel()
	value, err := attr.get(ctx, f, p, m)
	if err == nil && value == "" {
		err = errNoAttr
	}
	return value, err
}

// objectEdit returns the edit that sets or removes an attribute of the object at
// p.
func (f *FS) objectEdit(p place, name string, value *string, mode setMode) (metaEdit, error) {
	special, ok := strings.CutPrefix(name, swiftNamespace)
	if !ok {
		return f.setUserAttr(name, value, mode), nil
	}
	attr, ok := objectXattrs[special]
	switch {
	case !ok:
		return nil, syscall.EOPNOTSUPP
	case attr.set == nil:
		return nil, syscall.EPERM
	case value == nil:
		value = new(string)
	}
	return attr.set(p, *value)
}

func getType(_ context.Context, _ *FS, _ place, m *objectMeta) (string, error) {
	_, shown := splitType(m.contentType)
	return shown, nil
}

// setType sets the content type, or the one by the object's name.
func setType(p place, value string) (metaEdit, error) {
	if value == "" {
		value = contentType(p.object)
	}
	if !plainValue(value) || !fileType(value) {
		return nil, syscall.EINVAL
	}
	return func(m *objectMeta) error {
		m.contentType = withType(value, m.contentType)
		return nil
	}, nil
}

func getDeleteAt(_ context.Context, _ *FS, _ place, m *objectMeta) (string, error) {
	if m.deleteAt.IsZero() {
		return "", nil
	}
	return strconv.FormatInt(m.deleteAt.Unix(), 10), nil
}

// setDeleteAt sets when the server deletes the object: Unix seconds or RFC 3339.
func setDeleteAt(_ place, value string) (metaEdit, error) {
	var at time.Time
	if value = strings.TrimSpace(value); value != "" {
		var err error
		if seconds, notSeconds := strconv.ParseInt(value, 10, 64); notSeconds == nil {
			at = time.Unix(seconds, 0)
		} else {
			at, err = time.Parse(time.RFC3339, value)
		}
		if err != nil || !at.After(time.Now()) {
			return nil, syscall.EINVAL
		}
	}
	return func(m *objectMeta) error {
		m.deleteAt = at
		return nil
	}, nil
}

func getPolicy(ctx context.Context, f *FS, p place, _ *objectMeta) (string, error) {
	info, err := f.containerInfo(ctx, p.container)
	return info.Policy, err
}

// getManifest returns what a large object consists of: the segments of a static
// one, in the form in which a manifest is stored, or "container/prefix" of a
// dynamic one. RGW does not give static manifests back.
func getManifest(ctx context.Context, f *FS, p place, m *objectMeta) (string, error) {
	if !m.slo {
		return m.dlo, nil
	}
	segments, err := f.client.Segments(ctx, p.container, p.object, swiftbackend.ObjectInfo{SLO: true, ETag: m.etag})
	if err != nil || len(segments) == 0 {
		return "", err
	}
	type entry struct {
		Path string `json:"path"`
		ETag string `json:"etag"`
		Size int64  `json:"size_bytes"`
	}
	entries := make([]entry, len(segments))
	for i, s := range segments {
		entries[i] = entry{"/" + s.Container + "/" + s.Name, s.ETag, s.Size}
	}
	text, err := json.Marshal(entries)
	return string(text), err
}
