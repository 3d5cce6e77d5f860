//go:build !linux

package fs

// readOnlyMountFlags are for direct mounts, which only Linux has.
const readOnlyMountFlags = 0
