//go:build rgw

package integration

import (
	"context"
	"sync"
	"testing"
	"time"

	"swiftfs/integration/rig"
)

// radosGatewayTokenLife is so short that tokens end in the middle of tests. RGW
// does not tell how long they live.
const radosGatewayTokenLife = 5 * time.Second

// radosGateway returns the Ceph RGW of this package, under the same rules as
// openStackSwift.
func radosGateway(t *testing.T) *rig.Server {
	t.Helper()
	return shared.use(t, startRadosGateway)
}

var startRadosGateway = sync.OnceValues(func() (*rig.Server, error) {
	return shared.keep(rig.StartRGW(context.Background(), rig.RGWOptions{TokenLife: radosGatewayTokenLife}))
})
