package block

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"swiftfs/cache"
)

const (
	// window is the longest extent: what a read that needs a byte of it may have to
	// check first, and what is lost with a damaged byte.
	window = 1 << 20
	// mostVersions bounds what the Store remembers of versions that nobody has open,
	// 200 bytes each.
	mostVersions = 1 << 16
	// mostExtents bounds what all open versions remember together, 40 bytes each:
	// 256 GiB that were read in order.
	mostExtents = 1 << 18
	// rest is how long nothing is written after the disk refused something.
	rest = time.Minute
	// mapSuffix ends the names of maps.
	mapSuffix = ".map"
)

// Key says which version of which object.
type Key struct {
	Account, Container, Object string
	ETag                       string
	Size                       int64
}

func (k Key) name() name {
	h := sha256.New()
	for _, s := range []string{k.Account, k.Container, k.Object, k.ETag} {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s)))) // a hash takes everything
		_, _ = h.Write([]byte(s))
	}
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(k.Size))) //nolint:gosec // sizes are not negative
	return name(h.Sum(nil))
}

// Store is the versions in a cache directory. It is safe for concurrent use.
type Store struct {
	dir  *cache.Dir
	path string
	log  *slog.Logger
	boot string // see bootID

	// mu guards the following, and the fields of entries that say so.
	mu      sync.Mutex
	entries map[name]*entry
	lru     *list.List // of *entry; most recently used first
	resting time.Time  // until when nothing is written

	extents atomic.Int64 // of all open entries
}

// NewStore returns the store of a directory, with what an earlier one has left
// there. It takes space of the directory that others have no use for, and gives it
// back when they do.
func NewStore(dir *cache.Dir, log *slog.Logger) (*Store, error) {
	path, err := dir.Blocks()
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, path: path, log: log, boot: bootID(), entries: map[name]*entry{}, lru: list.New()}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("cannot read cache directory %s: %w", dir.Path(), err)
	}
	dir.SetEvictor(s.evict)
	return s, nil
}

// found is a file that load finds.
type found struct {
	name
	used   int64
	at     time.Time
	data   bool
	mapped bool
}

// load finds the versions that are there, without looking into them. What is half
// a version, or beyond the limits, is removed.
func (s *Store) load() error {
	all, err := s.scan()
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b *found) int { return b.at.Compare(a.at) })
	for _, f := range all {
		e := &entry{store: s, name: f.name, reserved: f.used}
		if !f.data || !f.mapped || len(s.entries) >= mostVersions || s.dir.ReserveSpare(f.used) != nil {
			e.unlink()
			continue
		}
		s.entries[f.name] = e
		e.elem = s.lru.PushBack(e)
	}
	return nil
}

func (s *Store) scan() ([]*found, error) {
	files, err := os.ReadDir(s.path)
	if err != nil {
		return nil, err
	}
	var all []*found
	known := map[name]*found{}
	for _, file := range files {
		base, mapped := strings.CutSuffix(file.Name(), mapSuffix)
		info, err := file.Info()
		raw, bad := hex.DecodeString(base)
		if err != nil || bad != nil || len(raw) != len(name{}) || !info.Mode().IsRegular() {
			continue // nothing of ours
		}
		f := known[name(raw)]
		if f == nil {
			f = &found{name: name(raw)}
			known[f.name] = f
			all = append(all, f)
		}
		f.used += pages(diskUsage(info))
		if mapped {
			f.mapped, f.at = true, info.ModTime()
		} else {
			f.data = true
		}
	}
	return all, nil
}

// Close ends the store; what is on disk stays for the next one. Nobody opens or reads
// any more. Versions that were not closed, of files whose end the kernel did not tell us,
// find nothing from now on.
func (s *Store) Close() {
	s.dir.SetEvictor(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.refs > 0 {
			e.shut()
		}
		e.elem = nil // the files are the next store's
		s.dir.Release(e.reserved)
		e.reserved = 0
	}
	clear(s.entries)
	s.lru.Init()
}

// evict gives back at least n bytes of the directory's space, if there are as many
// that nobody pins, and returns how many.
func (s *Store) evict(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	freed := s.evictLocked(n, func(e *entry) bool { return e.refs == 0 })
	if freed < n {
		freed += s.evictLocked(n-freed, func(e *entry) bool { return e.pins == 0 })
	}
	return freed
}

// evictLocked removes versions that match, the least recently used first.
func (s *Store) evictLocked(n int64, match func(*entry) bool) (freed int64) {
	for at := s.lru.Back(); at != nil && freed < n; {
		before := at.Prev()
		if e, ok := at.Value.(*entry); ok && match(e) {
			freed += s.removeLocked(e)
		}
		at = before
	}
	return freed
}

// removeLocked removes a version that nobody pins, and returns the space of it. Who
// has it open finds nothing there any more.
func (s *Store) removeLocked(e *entry) int64 {
	e.empty()
	e.unlink()
	s.lru.Remove(e.elem)
	e.elem = nil
	delete(s.entries, e.name)
	freed := e.reserved
	e.reserved = 0
	s.dir.Release(freed)
	return freed
}

// reserve takes space for more of e, and room for an extent, at the expense of
// versions that nobody has open. The first of a version takes the page of its map, too,
// which goes with the version.
func (s *Store) reserve(e *entry, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.elem == nil || s.extents.Load() >= mostExtents || time.Now().Before(s.resting) {
		return false
	}
	if e.reserved == 0 {
		n += page
	}
	for s.dir.ReserveSpare(n) != nil {
		if s.evictLocked(n, func(o *entry) bool { return o != e && o.refs == 0 }) == 0 {
			return false
		}
	}
	e.reserved += n
	return true
}

// Has reports whether there is anything of a version.
func (s *Store) Has(k Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries[k.name()] != nil
}

// use returns the entry of a version, which is open from now on.
func (s *Store) use(k Key) *entry {
	n := k.name()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[n]
	if e == nil {
		if len(s.entries) >= mostVersions {
			s.evictLocked(1, func(o *entry) bool { return o.refs == 0 })
		}
		e = &entry{store: s, name: n}
		s.entries[n] = e
		e.elem = s.lru.PushFront(e)
	}
	e.refs++
	s.lru.MoveToFront(e.elem)
	return e
}

// leave ends one use of e.
func (s *Store) leave(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.refs--
	if e.refs > 0 {
		return
	}
	if !e.shut() && e.elem != nil {
		s.removeLocked(e)
	}
}

// release gives back space of e.
func (s *Store) release(e *entry, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, e.reserved) // all of it is back when e was removed
	e.reserved -= n
	s.dir.Release(n)
}

// pause stops the writing for a while, for a reason.
func (s *Store) pause(err error) {
	s.mu.Lock()
	was := s.resting
	s.resting = time.Now().Add(rest)
	s.mu.Unlock()
	if time.Now().After(was) {
		s.log.Warn("the cache directory takes no more data for now; reading goes on without it", "error", err)
	}
}

// file returns the path of a file of e.
func (e *entry) file(suffix string) string {
	return filepath.Join(e.store.path, hex.EncodeToString(e.name[:])+suffix)
}

// unlink removes the files of e. The map goes last: without its data it is half a
// version, which the next store removes, too.
func (e *entry) unlink() {
	err := errors.Join(removeFile(e.file("")), removeFile(e.file(mapSuffix)))
	if err != nil {
		e.store.log.Warn("a file of the cache directory could not be removed", "error", err)
	}
}

func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
