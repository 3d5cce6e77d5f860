package swiftbackend_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine outlives the clients and servers of the tests.
func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait for a pause between two requests to pass, so that
	// many of them run on one processor.
	if err := flag.Set("test.parallel", "32"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
