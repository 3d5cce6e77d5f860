//go:build rgw

package integration

import (
	"testing"
	"time"

	"swiftfs/swiftbackend/swiftbackendtest"
)

// contractOutliveTokens returns when every token that radosGateway has given out
// so far has expired: its tokens are signed, not stored, so that none can be
// taken back.
func contractOutliveTokens(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(radosGatewayTokenLife + time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

func TestRGWContract(t *testing.T) {
	srv := radosGateway(t)
	swiftbackendtest.Run(t, swiftbackendtest.Target{
		Dial:   contractDial(serverAccount(srv)),
		Expire: contractOutliveTokens,
		Capabilities: swiftbackendtest.Capabilities{
			Server: "Ceph RGW 16.", SLO: true, BulkDelete: true,
			Containers: swiftbackendtest.ContainerCapabilities{MaxName: 255, DatePrecision: time.Millisecond},
			Objects:    swiftbackendtest.ObjectCapabilities{CutsTypesAtCommas: true, DefaultType: "binary/octet-stream"},
		},
	})
}
