package fs

import (
	"sync"

	"swiftfs/cache"
)

// stages is where staged drafts have their local files: the mount's cache
// directory, or a temporary one that is made when the first file needs it.
type stages struct {
	mu sync.Mutex // guards the following
	// dir is nil before it is needed.
	dir *cache.Dir
	// own says that dir is closed with the mount.
	own bool
}

func (s *stages) open() (*cache.Dir, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != nil {
		return s.dir, nil
	}
	dir, err := cache.OpenTemporary(0)
	if err != nil {
		return nil, err
	}
	s.dir, s.own = dir, true
	return dir, nil
}

func (s *stages) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.own {
		return nil
	}
	s.own = false
	return s.dir.Close()
}
