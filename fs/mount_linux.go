package fs

import "syscall"

// readOnlyMountFlags are the flags of a direct mount that is read-only; the
// first two are what fusermount sets too.
const readOnlyMountFlags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_RDONLY
