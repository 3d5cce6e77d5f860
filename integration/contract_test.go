package integration

import (
	"testing"
	"time"

	"swiftfs/integration/rig"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/swiftbackendtest"
)

// contractDial returns what a contract's target dials with.
func contractDial(a account) func(*testing.T) *swiftbackend.Client {
	return func(t *testing.T) *swiftbackend.Client {
		t.Helper()
		return dial(t, a)
	}
}

// contractForgetTokens makes a Swift forget its tokens, which live in memcached
// only.
func contractForgetTokens(srv *rig.Server) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := srv.Down("memcached"); err != nil {
			t.Fatal(err)
		}
		if err := srv.Up(t.Context(), "memcached"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContractOnOpenStackSwift(t *testing.T) {
	srv := openStackSwift(t)
	swiftbackendtest.Run(t, swiftbackendtest.Target{
		Dial: contractDial(serverAccount(srv)),
		// test:tester3 has no rights but those that a container gives it.
		DialReader: contractDial(account{srv.AuthURL, "test:tester3", "testing3"}),
		ReaderACL:  "test:tester3",
		Expire:     contractForgetTokens(srv),
		Capabilities: swiftbackendtest.Capabilities{
			Server: "OpenStack Swift 2.", SLO: true, BulkDelete: true, Symlinks: true,
			Containers: swiftbackendtest.ContainerCapabilities{
				AnyName: true, MaxName: 256, Dates: true, ShowsQuota: true, RepeatsSubdir: true, DatePrecision: 10 * time.Microsecond,
			},
			Objects: swiftbackendtest.ObjectCapabilities{
				IfNoneMatch: true, PostDropsHeaders: true, TrimsTypes: true, FreshCopyKeepsType: true,
				DefaultType: "application/octet-stream", DefaultListedType: "application/octet-stream",
			},
			Large: swiftbackendtest.LargeCapabilities{ManifestReadable: true, ListedSize: true, ChecksSegmentETags: true, Ranges: true, CopyJoins: true},
		},
	})
}
