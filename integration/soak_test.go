//go:build soak

package integration

import (
	"context"
	"fmt"
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
	const million = 1_000_000
	for _, test := range []struct{ dirs, du int }{
		{1, 110},
		{1000, 110},
		// In a directory of more than 10,000 entries du goes by inode numbers (fts
		// sorts by them to spare disks), which no listing has: what comes next is
		// anywhere in the tree, and costs a request unless it is in memory.
		{20_000, 20_110},
	} {
		t.Run(fmt.Sprintf("%d directories", test.dirs), func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.FillContainer("c", inDirectories(test.dirs, million/test.dirs), 7)
			walkMemory(t, srv, "du -s . | cut -f 1", "500000", test.du)
			walkMemory(t, srv, "ls -lR . | grep -c file-", "1000000", 110)
		})
	}
}
