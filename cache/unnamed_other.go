//go:build !linux

package cache

import "os"

// createUnnamed creates a file in dir that has no name any more.
func createUnnamed(dir string) (*os.File, error) { return createNamed(dir) }
