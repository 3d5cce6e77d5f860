package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// TestAMillionObjectsAreListedInLittleMemory is promise 9 for listings.
func TestAMillionObjectsAreListedInLittleMemory(t *testing.T) {
	const million = 1_000_000
	for _, dirs := range []int{1, 1000} {
		t.Run(fmt.Sprintf("%d directories", dirs), func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.FillContainer("c", inDirectories(dirs, million/dirs), 7)
			m := mountBinary(t, fakeAccount(srv), ":c", "--cache-ttl=1h")
			command := "find " + m.path("tree") + " | wc -l"
			start := time.Now()
			atMost(t, srv, 110, command, func() {
				got, err := strconv.Atoi(strings.TrimSpace(sh(t, command)))
				if want := million + dirs + 1; err != nil || got != want {
					t.Errorf("find shows %d names, want %d", got, want)
				}
			})
			t.Log(time.Since(start))
			fromKernel(t, srv, command)
			checkWalkMemory(t, m, command)
		})
	}
}

// fromKernel checks that a command which was run before costs no request, because the
// kernel has all names. It may drop some when it wants their memory, so it gets
// another chance.
func fromKernel(t *testing.T, srv *fakeswift.Server, command string) {
	t.Helper()
	for try := 1; ; try++ {
		srv.Reset()
		start := time.Now()
		sh(t, command)
		switch got := srv.Total(); {
		case got == 0:
			t.Logf("%s again: no request, %v", command, time.Since(start))
			return
		case try == 5:
			t.Errorf("%s again: %d requests, want none", command, got)
			return
		}
	}
}
