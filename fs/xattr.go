package fs

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"swiftfs/swiftbackend"
)

// Extended attributes, in the order in which a name is looked at:
//
//	user.swift.*    what the server keeps about an object or a container
//	                (xattr_object.go, xattr_container.go): asked for by name and
//	                not listed, so that a copy of a file's attributes does not
//	                carry the ETag of another file along
//	user.*          metadata (xattr_meta.go)
//	others          refused without a request, as not supported: the kernel asks for
//	                security.capability with every write, and ls for the ACL of each
//	                file until it is told that there are none here
const (
	userNamespace  = "user."
	swiftNamespace = "swift." // within userNamespace
)

// attributed has extended attributes: a file, a directory or a container. Names
// are without "user.". Errors that are an errno are the caller's own doing.
type attributed interface {
	String() string // its place, for the log
	getAttr(ctx context.Context, name string) (string, error)
	listAttrs(ctx context.Context) ([]string, error)
	// setAttr sets or, with a value of nil, removes an attribute.
	setAttr(ctx context.Context, name string, value *string, mode setMode) error
}

// setMode says whether an attribute must not or must have been there before.
type setMode uint32

// The flags of setxattr(2).
const (
	setCreate  setMode = 1
	setReplace setMode = 2
)

// check returns what setxattr(2) says of an attribute that existed, or not.
func (m setMode) check(existed bool) error {
	switch {
	case m&setCreate != 0 && existed:
		return syscall.EEXIST
	case m&setReplace != 0 && !existed:
		return errNoAttr
	}
	return nil
}

// maxAttr is the longest value and the longest list that the kernel lets
// through.
const maxAttr = 64 << 10

// errNoAttr says that there is no attribute of this name.
const errNoAttr = syscall.Errno(fuse.ENOATTR)

// getxattr implements fusefs.NodeGetxattrer for a.
func (f *FS) getxattr(ctx context.Context, a attributed, attr string, dest []byte) (uint32, syscall.Errno) {
	name, ok := strings.CutPrefix(attr, userNamespace)
	if !ok {
		return 0, syscall.EOPNOTSUPP
	}
	value, err := a.getAttr(ctx, name)
	if err != nil {
		return 0, f.failAttr("getxattr", a, attr, err)
	}
	return answer(dest, value)
}

// listxattr implements fusefs.NodeListxattrer for a.
func (f *FS) listxattr(ctx context.Context, a attributed, dest []byte) (uint32, syscall.Errno) {
	names, err := a.listAttrs(ctx)
	if err != nil {
		return 0, f.failAttr("listxattr", a, "", err)
	}
	var list strings.Builder
	for _, name := range names {
		list.WriteString(userNamespace + name + "\x00")
	}
	return answer(dest, list.String())
}

// answer fills the caller's buffer; one without room asks for the size.
func answer(dest []byte, value string) (uint32, syscall.Errno) {
	switch {
	case len(value) > maxAttr:
		return 0, syscall.E2BIG
	case len(value) > len(dest):
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}

// setxattr implements fusefs.NodeSetxattrer for a.
func (f *FS) setxattr(ctx context.Context, a attributed, attr string, data []byte, flags uint32) syscall.Errno {
	const longestName = 255
	name, ok := strings.CutPrefix(attr, userNamespace)
	switch {
	case !ok:
		return syscall.EOPNOTSUPP
	case name == "":
		return syscall.EINVAL
	case len(attr) > longestName:
		return syscall.ERANGE
	case len(data) > maxAttr:
		return syscall.E2BIG
	}
	if errno := f.writable(); errno != 0 {
		return errno
	}
	value := string(data)
	return f.failAttr("setxattr", a, attr, a.setAttr(ctx, name, &value, setMode(flags)))
}

// removexattr implements fusefs.NodeRemovexattrer for a.
func (f *FS) removexattr(ctx context.Context, a attributed, attr string) syscall.Errno {
	name, ok := strings.CutPrefix(attr, userNamespace)
	if !ok {
		return syscall.EOPNOTSUPP
	}
	if errno := f.writable(); errno != 0 {
		return errno
	}
	return f.failAttr("removexattr", a, attr, a.setAttr(ctx, name, nil, setReplace))
}

// failAttr logs what is worth a line: that the server takes no more metadata, or
// no such value, and what the server says.
func (f *FS) failAttr(op string, a attributed, attr string, err error) syscall.Errno {
	_, request := errors.AsType[*swiftbackend.Error](err) // may have the errno of a connection below it
	errno, own := errors.AsType[syscall.Errno](err)
	switch {
	case request || !own:
		return f.fail(op, a.String()+" "+attr, err)
	case errno == syscall.ENOSPC:
		i := f.client.Info()
		f.log.Warn("the server takes no more metadata here", "path", a, "attribute", attr, "bytes", i.MaxMetaTotal, "headers", i.MaxMetaCount)
	case errno == syscall.EINVAL:
		f.log.Warn("the attribute cannot have this value", "path", a, "attribute", attr)
	}
	return errno
}

// setUserAttr returns the edit that setAttr is for an attribute in metadata,
// which mode is checked by.
func (f *FS) setUserAttr(name string, value *string, mode setMode) metaEdit {
	limits := f.client.Info()
	return func(m *objectMeta) (err error) {
		a := newAttributes(m.meta, reservedObjectHeader)
		_, existed := a.get(name)
		if err := mode.check(existed); err != nil {
			return err
		}
		if value == nil {
			a.remove(name)
		} else {
			a.set(name, *value, &limits)
		}
		m.meta, err = a.meta(&limits)
		return err
	}
}

// reservedObjectHeader reports the metadata of objects in which this mount and
// other tools keep a file's ordinary attributes, and the names of those that may
// have the same segments.
func reservedObjectHeader(header string) bool {
	switch header {
	case "Mtime", "Mode", "Uid", "Gid", "Symlink-Target":
		return true
	}
	return swiftbackend.IsOtherName(header)
}
