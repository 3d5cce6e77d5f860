//go:build rgw

package integration

import (
	"context"
	"sync"
	"testing"

	"swiftfs/integration/rig"
)

// radosGateway returns the Ceph RGW of this package, under the same rules as
// openStackSwift.
func radosGateway(t *testing.T) *rig.Server {
	t.Helper()
	return shared.use(t, startRadosGateway)
}

var startRadosGateway = sync.OnceValues(func() (*rig.Server, error) {
	return shared.keep(rig.StartRGW(context.Background(), rig.RGWOptions{}))
})
