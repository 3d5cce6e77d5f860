package fs

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// errNoName is what becomes of an object that would have no name after a rename.
var errNoName = syscall.EINVAL

// errNoContainer marks the error of a copy whose target container is missing.
var errNoContainer = errors.New("there is no such container")

func missingTarget(err error) bool { return errors.Is(err, errNoContainer) }

// checkContainers refuses to rename containers that would not be the same after
// it.
func (m *treeMove) checkContainers(ctx context.Context) error {
	f := m.f
	if m.p.object != "" {
		return nil
	}
	if base, ok := strings.CutSuffix(m.p.container, swiftbackend.SegmentsSuffix); ok && base != "" {
		if _, a := f.cache.Lookup(ctx, listing.Dir{}, base); a.State == listing.Found {
			f.log.Warn("a container of segments cannot be renamed: large objects name their segments by it", "container", m.p.container)
			return syscall.EBUSY
		}
	}
	info, err := f.client.Container(ctx, m.p.container)
	if err != nil {
		return err
	}
	if info.Versioned {
		f.log.Warn("a container that keeps old versions cannot be renamed: the deletion of an object brings the version before it back", "container", m.p.container)
		return syscall.EOPNOTSUPP
	}
	return nil
}

// copiedHeaders are the beginnings of the headers that a renamed container keeps:
// metadata, which quotas and keys are in, rights, and the storage policy.
var copiedHeaders = []string{"X-Container-Meta-", "X-Container-Read", "X-Container-Write", "X-Storage-Policy"}

// makeContainer creates the target, with the settings of the source if that is a
// container.
func (m *treeMove) makeContainer(ctx context.Context) error {
	f := m.f
	if len(m.q.container) > f.client.Info().MaxContainerName {
		f.log.Warn("the server takes no container names this long", "name", m.q.container, "most", f.client.Info().MaxContainerName)
		return syscall.ENAMETOOLONG
	}
	header := map[string]string{}
	info, err := f.client.Container(ctx, m.p.container)
	if err != nil {
		return err
	}
	for k := range info.Header {
		for _, begin := range copiedHeaders {
			if strings.HasPrefix(k, begin) && (m.p.object == "" || begin == "X-Storage-Policy") {
				header[k] = info.Header.Get(k)
			}
		}
	}
	if m.replaced != nil {
		delete(header, "X-Storage-Policy") // which a container has for ever
	}
	f.dirs.containers.forget(m.q.container)
	m.made, err = f.client.CreateContainer(ctx, m.q.container, header)
	return err
}

// dropContainer deletes the renamed container under its old name. Objects that
// others have put there since keep it.
func (m *treeMove) dropContainer(ctx context.Context) {
	f := m.f
	err := ignoreGone(f.client.DeleteContainer(ctx, m.p.container))
	f.cache.InvalidateTree(m.p.dir())
	if err != nil {
		f.log.Warn("a renamed container stays under its old name, too, because it could not be deleted", "old", m.p.container, "new", m.q.container, "error", err)
		f.cache.Invalidate(m.fromDir)
		return
	}
	f.cache.Remove(m.fromDir, m.p.container)
	f.dirs.containers.forget(m.p.container)
	f.changed(m.fromDir)
	f.dropSegmentContainer(ctx, m.p.container+swiftbackend.SegmentsSuffix)
}
