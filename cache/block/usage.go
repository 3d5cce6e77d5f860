package block

import (
	iofs "io/fs"
	"syscall"
)

// diskUsage returns how many bytes of the disk a file takes.
func diskUsage(info iofs.FileInfo) int64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return sys.Blocks * 512
	}
	return info.Size()
}
