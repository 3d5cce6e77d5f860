package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"swiftfs/fs"
)

// Where the tests change the big file: an append, and a patch in its middle
// that keeps to no boundary of segments.
const (
	appended = 1 << 20
	patched  = 4096
	patchAt  = 125_000 * patched
	// aboutASegment is a segment and what belongs to it: also what is sent twice
	// when a connection breaks.
	aboutASegment = 20 << 20
	// littleElse is room for manifests, listings and the answers of COPY.
	littleElse = 256 << 10
)

// TestEditsCostWhatTheyChange counts the bytes that edits of a large object
// move between the mount and OpenStack Swift: of one that the mount wrote, and
// of one that another client wrote in one piece.
func TestEditsCostWhatTheyChange(t *testing.T) {
	direct := serverAccount(openStackSwift(t))
	wire, counted := countTraffic(t, direct)
	server := logIn(t, direct)
	server.want(http.StatusCreated, http.MethodPut, "edits", "")
	t.Cleanup(func() { emptyContainers(t, server, "edits", "edits_segments") })
	e := &edits{t: t, wire: wire, server: server}

	from := filepath.Join(t.TempDir(), "from")
	writeRandom(t, from, bigFile)
	sh(t, curl(server)+" -T "+from+" -H 'Expect:' "+server.storage+"/edits/foreign")
	m := mount(t, counted, func(c *fs.Config) { c.Container = "edits" })
	e.cost("cp of a file into the mount", bigFile+aboutASegment, 0, func() { sh(t, "cp "+from+" "+m.path("own")) })
	if err := os.Remove(from); err != nil { // early, for the disk's sake
		t.Fatal(err)
	}
	for _, name := range []string{"own", "foreign"} {
		t.Run(name, func(t *testing.T) {
			e.t = t
			e.edit(m.path(name))
			sh(t, "rm "+m.path(name))
		})
	}
}

// edits are changes of big files whose traffic is measured.
type edits struct {
	t      *testing.T
	wire   *traffic
	server *plain
}

// edit changes, renames and copies the file at path and checks the results at
// the server. What it leaves is the copy, under the file's first name.
func (e *edits) edit(path string) {
	t := e.t
	more, patch := pattern(appended, 3), pattern(patched, 4)
	moreFile, patchFile := localFile(t, "more", more), localFile(t, "patch", patch)
	e.cost("appending 1 MiB", aboutASegment, 0, func() { sh(t, "cat "+moreFile+" >> "+path) })
	e.cost("overwriting 4 KiB", aboutASegment, aboutASegment, func() {
		sh(t, fmt.Sprintf("dd if=%s of=%s bs=%d seek=%d conv=notrunc status=none", patchFile, path, patched, patchAt/patched))
	})
	e.cost("renaming", 0, 0, func() { sh(t, "mv "+path+" "+path+".renamed") })
	e.cost("copying", 0, 0, func() { sh(t, "cp "+path+".renamed "+path) })

	sum := editedSum(t, more, patch)
	name := filepath.Base(path)
	for _, object := range []string{name, name + ".renamed"} {
		if got := sh(t, curl(e.server)+" "+e.server.storage+"/edits/"+object+" | sha256sum"); !strings.HasPrefix(got, sum) {
			t.Errorf("%s has wrong bytes", object)
		}
	}
	sh(t, fmt.Sprintf("dd if=%s.renamed bs=%d skip=%d count=1 status=none | cmp - %s", path, patched, patchAt/patched, patchFile))
	sh(t, "rm "+path+".renamed")
	// Neither needs the other.
	if got := sh(t, "tail -c 1000000 "+path+" | sha256sum"); !strings.HasPrefix(got, fmt.Sprintf("%x", sha256.Sum256(more[len(more)-1_000_000:]))) {
		t.Error("the copy has wrong bytes once the file it was made of is deleted")
	}
}

// cost checks the most content of objects that f may send and fetch.
func (e *edits) cost(what string, mostSent, mostFetched int64, f func()) {
	e.t.Helper()
	sent, fetched, other := e.wire.during(f)
	e.t.Logf("%s: %d bytes sent, %d fetched, %d of metadata", what, sent, fetched, other)
	if sent > mostSent || fetched > mostFetched || other > littleElse {
		e.t.Errorf("%s: %d bytes sent, %d fetched, %d of metadata; want at most %d, %d and %d",
			what, sent, fetched, other, mostSent, mostFetched, littleElse)
	}
}

// editedSum is the checksum of the big file with the changes of edit.
func editedSum(t *testing.T, more, patch []byte) string {
	t.Helper()
	source := rand.NewChaCha8(randomSeed)
	sum := sha256.New()
	copyN := func(to io.Writer, n int64) {
		if _, err := io.CopyN(to, source, n); err != nil {
			t.Fatal(err)
		}
	}
	copyN(sum, patchAt)
	copyN(io.Discard, patched)
	if _, err := io.Copy(sum, bytes.NewReader(patch)); err != nil {
		t.Fatal(err)
	}
	copyN(sum, bigFile-patchAt-patched)
	if _, err := io.Copy(sum, bytes.NewReader(more)); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}
