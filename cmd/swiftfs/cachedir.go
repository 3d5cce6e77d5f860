package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"swiftfs/cache"
)

// leastCache is what editing a file takes from the cache directory at once.
const leastCache = 1 << 20

// openCache opens the cache directory. That is done before mounting, so that the
// command fails and not the first program that edits a file. It returns nil for
// a mount that needs none.
func (o *options) openCache(mountpoint string) (*cache.Dir, error) {
	d := o.data
	if d.cacheDir == "" && d.cacheSize == 0 && o.access.readOnly {
		return nil, nil
	}
	open, advice := cache.OpenTemporary, "; name another directory with the option cache-dir"
	if d.cacheDir != "" {
		open, advice = func(limit int64) (*cache.Dir, error) { return cache.Open(d.cacheDir, limit) }, ""
	}
	dir, err := open(d.cacheSize)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, advice)
	}
	if isBelow(dir.Path(), mountpoint) {
		_ = dir.Close()
		return nil, usageError(fmt.Errorf("cache directory %s is below the mount point, where the mount would wait for itself%s", dir.Path(), advice))
	}
	return dir, nil
}

// isBelow reports whether path is the directory dir, which is free of symbolic
// links, or anything in it.
func isBelow(path, dir string) bool {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return strings.HasPrefix(filepath.Clean(path)+"/", strings.TrimSuffix(dir, "/")+"/")
}
