package fs

import (
	"time"

	"swiftfs/cache/listing"
)

// sizeMemory remembers what a HEAD told about rows whose listing does not show
// the object's true size and ETag, or not its attributes: a dynamic large object
// lists as 0 bytes, a static one on RGW with the size of its manifest. A version
// is asked for once.
type sizeMemory struct {
	rows *recent[rowVersion, resolvedRow]
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

func newSizeMemory() *sizeMemory {
	return &sizeMemory{newRecent[rowVersion, resolvedRow](sizeGeneration)}
}

func (m *sizeMemory) get(container string, r *listing.Row) (listing.Row, bool) {
	known, ok := m.rows.get(rowVersion{container, r.Name, r.ETag, r.Modified})
	return known.row, ok && known.believed()
}

// put remembers what a listed row is in truth.
func (m *sizeMemory) put(container string, listed *listing.Row, resolved listing.Row, until time.Time) {
	m.rows.put(rowVersion{container, listed.Name, listed.ETag, listed.Modified}, resolvedRow{resolved, until})
}
