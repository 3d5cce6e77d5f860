package swiftbackend_test

import (
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
	"swiftfs/swiftbackend/swiftbackendtest"
)

// fakeCapabilities are those of OpenStack Swift, which fakeswift is faithful to.
func fakeCapabilities() swiftbackendtest.Capabilities {
	return swiftbackendtest.Capabilities{
		Server: "OpenStack Swift", SLO: true, BulkDelete: true, Symlinks: true,
		Containers: swiftbackendtest.ContainerCapabilities{
			AnyName: true, MaxName: 256, Dates: true, ShowsQuota: true, RepeatsSubdir: true, DatePrecision: 10 * time.Microsecond,
		},
		Objects: swiftbackendtest.ObjectCapabilities{
			IfNoneMatch: true, PostDropsHeaders: true, TrimsTypes: true, FreshCopyKeepsType: true,
			DefaultType: "application/octet-stream", DefaultListedType: "application/octet-stream",
		},
		Large: swiftbackendtest.LargeCapabilities{ManifestReadable: true, ListedSize: true, ChecksSegmentETags: true, Ranges: true, CopyJoins: true},
	}
}

func runContract(t *testing.T, opts fakeswift.Options, can swiftbackendtest.Capabilities) {
	t.Helper()
	srv := startFake(t, opts)
	swiftbackendtest.Run(t, swiftbackendtest.Target{
		Dial: func(t *testing.T) *swiftbackend.Client { return dial(t, srv) },
		DialReader: func(t *testing.T) *swiftbackend.Client {
			return dial(t, srv, func(c *swiftbackend.Config) {
				c.Auth.User, c.Auth.Key = fakeswift.ReaderUser, fakeswift.ReaderKey
			})
		},
		Expire:       func(*testing.T) { srv.ExpireTokens() },
		Capabilities: can,
	})
}

func TestContract(t *testing.T) { runContract(t, fakeswift.Options{}, fakeCapabilities()) }

func TestContractOnAServerWithoutMiddlewares(t *testing.T) {
	can := fakeCapabilities()
	can.SLO, can.BulkDelete, can.Symlinks = false, false, false
	runContract(t, fakeswift.Options{Without: []string{"slo", "bulk_delete", "symlink"}, ListingCap: 1000, Dir: t.TempDir()}, can)
}

func TestContractOnAServerWithTheAddressesOfRGW(t *testing.T) {
	runContract(t, fakeswift.Options{RGWStyle: true}, fakeCapabilities())
}
