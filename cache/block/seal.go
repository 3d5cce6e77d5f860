package block

import (
	"os"

	"github.com/cespare/xxhash/v2"
)

// state returns a number that stands for a data file as it is in this boot, before
// anybody changes it again; or 0, if the system does not tell.
func (s *Store) state(data *os.File) uint64 {
	file := fileState(data)
	if s.boot == "" || file == "" {
		return 0
	}
	return xxhash.Sum64String(s.boot + " " + file)
}

// lookLocked finds out whether others have changed the data file. This process has
// not, since state.
func (e *entry) lookLocked() {
	if e.data != nil && e.store.state(e.data) != e.state {
		e.doubtful = true
	}
}

// rightLocked reports whether all that the map tells of the data file is known to be
// right.
func (e *entry) rightLocked() bool {
	e.lookLocked()
	return !e.doubtful && e.uncheckedLocked() < 0
}

// sealLocked ends the map in a seal, unless it has one that is right.
func (e *entry) sealLocked() {
	if e.sealed || e.state == 0 {
		return
	}
	_, _ = e.index.WriteAt(encodeSeal(e.name, e.sum.Sum64(), e.state), e.next) // without, the next process checks
}
