package fs

import (
	"sync"
	"time"

	"swiftfs/cache/listing"
)

// sizeMemory remembers what a HEAD told about rows whose listing does not show
// the object's true size and ETag: a dynamic large object lists as 0 bytes, a
// static one on RGW with the size of its manifest. A version is asked for once.
// It holds two generations of at most sizeGeneration rows; what the older one
// has and nobody asks for is forgotten.
type sizeMemory struct {
	mu sync.Mutex // guards the following
	// young takes new rows, old the ones before them.
	young, old map[rowVersion]resolvedRow
}

const sizeGeneration = 32768

// rowVersion identifies one version of an object as a listing shows it.
type rowVersion struct {
	container string
	object    string
	hash      string
	modified  time.Time
}

// resolvedRow is believed until a time, or for ever if that is zero.
type resolvedRow struct {
	row   listing.Row
	until time.Time
}

func (r *resolvedRow) believed() bool { return r.until.IsZero() || time.Now().Before(r.until) }

func newSizeMemory() *sizeMemory { return &sizeMemory{young: map[rowVersion]resolvedRow{}} }

func (m *sizeMemory) get(container string, r *listing.Row) (listing.Row, bool) {
	k := rowVersion{container, r.Name, r.ETag, r.Modified}
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.young[k]
	if !ok {
		if known, ok = m.old[k]; ok {
			m.putLocked(k, known)
		}
	}
	return known.row, ok && known.believed()
}

// put remembers what a listed row is in truth.
func (m *sizeMemory) put(container string, listed *listing.Row, resolved listing.Row, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putLocked(rowVersion{container, listed.Name, listed.ETag, listed.Modified}, resolvedRow{resolved, until})
}

func (m *sizeMemory) putLocked(k rowVersion, r resolvedRow) {
	if len(m.young) >= sizeGeneration {
		m.old, m.young = m.young, map[rowVersion]resolvedRow{}
	}
	m.young[k] = r
}
