//go:build soak

package integration

import (
	"context"
	"testing"

	"swiftfs/integration/rig"
)

// TestTenGibibytes needs some ten minutes, and the space of one copy on the
// disk. Its Swift is one that has its data there and not in memory.
func TestTenGibibytes(t *testing.T) {
	srv, err := rig.StartSwift(context.Background(), rig.SwiftOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Stop(); err != nil {
			t.Error(err)
		}
	})
	largeFileJob(t, serverAccount(srv), 10<<30)
}
