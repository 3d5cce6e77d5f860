//go:build !linux

package fs

// readOnlyMountFlags are for direct mounts, which only Linux has.
const readOnlyMountFlags = 0

// raiseReadAhead leaves the kernel's reading ahead as it is.
func raiseReadAhead(string) error { return nil }
