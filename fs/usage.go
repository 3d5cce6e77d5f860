package fs

import (
	"context"
	"sync"
	"time"

	"swiftfs/swiftbackend"
)

// usage is what the account or a container holds and may hold.
type usage struct {
	bytes, objects         int64
	quotaBytes, quotaCount int64 // 0: no quota, or none that the server tells of
}

// usageMemory remembers the usage of the account and of its containers. Programs
// ask for it all the time and can do with old numbers: the server is asked once
// in a TTL, nobody waits long for it, and while it does not answer the numbers
// stay what they were.
type usageMemory struct {
	mu    sync.Mutex              // guards the following
	known map[string]*usageRecord // by container, the account's under ""
}

// mostUsages is how many containers are remembered; with more, all are
// forgotten.
const mostUsages = 4096

type usageRecord struct {
	usage     usage
	container swiftbackend.ContainerInfo // of a container
	known     bool                       // usage and container are what the server said
	asked     time.Time                  // when the last request began that counts
	stale     bool                       // something was changed since
	retry     time.Time                  // after a failure: when to ask again
	// asking is closed when the request under way has ended; nil when there is
	// none.
	asking chan struct{}
	began  time.Time // of the request under way
}

// fresh reports whether r was asked for less than ttl ago.
func (r *usageRecord) fresh(ttl time.Duration) bool {
	return r.known && !r.stale && time.Since(r.asked) < ttl
}

func (m *usageMemory) recordLocked(name string) *usageRecord {
	if m.known == nil || len(m.known) > mostUsages {
		m.known = map[string]*usageRecord{}
	}
	if m.known[name] == nil {
		m.known[name] = &usageRecord{}
	}
	return m.known[name]
}

// container returns what was learnt about a container less than ttl ago.
func (m *usageMemory) container(name string, ttl time.Duration) (swiftbackend.ContainerInfo, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.known[name]
	if r == nil || !r.fresh(ttl) {
		return swiftbackend.ContainerInfo{}, false
	}
	return r.container, true
}

// noteContainer remembers what a request for a container told that began at a
// time.
func (m *usageMemory) noteContainer(name string, info swiftbackend.ContainerInfo, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.recordLocked(name)
	if began.Before(r.asked) {
		return
	}
	r.usage = usage{bytes: info.Bytes, objects: info.Objects, quotaBytes: info.QuotaBytes, quotaCount: info.QuotaCount}
	r.container, r.known, r.asked, r.stale = info, true, began, false
}

func (m *usageMemory) noteAccount(info swiftbackend.AccountInfo, began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.recordLocked("")
	r.usage = usage{bytes: info.Bytes, objects: info.Objects, quotaBytes: info.QuotaBytes}
	r.known, r.asked = true, began
}

// changed makes the next question about a container one to the server: what
// this mount has set is to be seen at once. A request that is under way counts no
// more.
func (m *usageMemory) changed(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.recordLocked(name)
	r.stale, r.asked = true, time.Now()
}

// usagePatience is how long somebody waits for numbers that are not known, or
// are old.
const usagePatience = 500 * time.Millisecond

// usages returns the usage of the account or containers named, as far as it is
// known, after having asked for what is old.
func (f *FS) usages(ctx context.Context, names ...string) map[string]usage {
	patient, cancel := context.WithTimeout(ctx, usagePatience)
	defer cancel()
	var pending []<-chan struct{}
	for _, name := range names {
		// What has not come within the patience of others is not waited for.
		if asking, began := f.refreshUsage(name); asking != nil && time.Since(began) < usagePatience {
			pending = append(pending, asking)
		}
	}
	for _, asking := range pending {
		select {
		case <-asking:
		case <-patient.Done():
		}
	}
	known := map[string]usage{}
	f.usage.mu.Lock()
	defer f.usage.mu.Unlock()
	for _, name := range names {
		if r := f.usage.known[name]; r != nil && r.known {
			known[name] = r.usage
		}
	}
	return known
}

// leastUsageTTL keeps a mount without a cache from asking all the time.
const leastUsageTTL = time.Second

// refreshUsage asks the server in the background if the numbers are old. The
// channel is nil when nothing is under way.
func (f *FS) refreshUsage(name string) (asking <-chan struct{}, began time.Time) {
	now := time.Now()
	ttl := max(f.cfg.CacheTTL, leastUsageTTL)
	f.usage.mu.Lock()
	defer f.usage.mu.Unlock()
	r := f.usage.recordLocked(name)
	switch {
	case r.asking != nil:
		return r.asking, r.began
	case r.fresh(ttl) || now.Before(r.retry):
		return nil, now
	}
	done := make(chan struct{})
	r.asking, r.began = done, now
	f.wg.Go(func() {
		err := f.askUsage(name, now)
		f.usage.mu.Lock()
		defer f.usage.mu.Unlock()
		if r.asking = nil; err != nil {
			r.retry = time.Now().Add(ttl)
		}
		close(done)
	})
	return done, now
}

func (f *FS) askUsage(name string, began time.Time) error {
	if name == "" {
		info, err := f.client.Account(f.ctx)
		if err != nil {
			// A user with rights to some containers only may not see the account.
			f.log.Debug("the account's usage is not known", "error", err)
			return err
		}
		f.usage.noteAccount(info, began)
		return nil
	}
	info, err := f.client.Container(f.ctx, name)
	if err != nil {
		f.log.Debug("the container's usage is not known", "container", name, "error", err)
		return err
	}
	f.usage.noteContainer(name, info, began)
	return nil
}

// quotaLeft returns how many bytes the quotas of a container and of the account
// let a program add, as far as they are known; known is false where there is no
// quota. A count quota that is used up leaves nothing. It costs two requests in
// a TTL and waits for them for half a second at most.
func (f *FS) quotaLeft(ctx context.Context, container string) (bytes int64, known bool) {
	s := spaceOf(f.usages(ctx, "", container), container)
	if s.files.quota && s.files.left() == 0 {
		return 0, true
	}
	return s.bytes.left(), s.bytes.quota
}
