//go:build !linux

package fs

import "os"

// canPass is false: only Linux reads for us.
func (*FS) canPass() bool { return false }

func (*FS) registerBacking(*os.File) (int32, bool) { return 0, false }

func (*FS) unregisterBacking(int32) {}
