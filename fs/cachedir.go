package fs

import (
	"sync"

	"swiftfs/cache"
)

// localSpace is where a mount keeps files that are being edited: the directory
// of its Config, which is the caller's, or a temporary one of its own, made for
// the first file that needs it.
type localSpace struct {
	mu sync.Mutex // guards the following
	// dir is the directory, or nil: nobody has needed one.
	dir *cache.Dir
	// own says that dir is not the caller's.
	own bool
}

// cacheDir returns the directory, which stays usable until the mount is gone.
func (f *FS) cacheDir() (*cache.Dir, error) {
	f.space.mu.Lock()
	defer f.space.mu.Unlock()
	if f.space.dir != nil {
		return f.space.dir, nil
	}
	dir, err := cache.OpenTemporary(0)
	if err != nil {
		return nil, err
	}
	f.space.dir, f.space.own = dir, true
	return dir, nil
}

// current returns the directory, or nil when there is none yet.
func (s *localSpace) current() *cache.Dir {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dir
}

// close gives up what the mount opened itself.
func (s *localSpace) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.own {
		return nil
	}
	s.own = false
	return s.dir.Close()
}
