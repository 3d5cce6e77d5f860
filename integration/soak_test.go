//go:build soak

package integration

import (
	"context"
	"testing"

	"swiftfs/integration/rig"
	"swiftfs/swiftbackend/fakeswift"
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

// TestLookingAtAMillionFilesNeedsLittleMemory has programs ask for the attributes of
// every file, so that the kernel gets an inode of each.
func TestLookingAtAMillionFilesNeedsLittleMemory(t *testing.T) {
	for _, dirs := range []int{1, 1000, 20_000} {
		srv := startFake(t, fakeswift.Options{})
		srv.FillContainer("c", inDirectories(dirs, 1_000_000/dirs), 7)
		walkMemory(t, srv, "du -s . | cut -f 1", "500000", 110)
		walkMemory(t, srv, "ls -lR . | grep -c file-", "1000000", 110)
	}
}
