//go:build rgw

package integration

import "testing"

func TestRsyncFindsNothingToDoAfterARemountOnRadosGateway(t *testing.T) {
	rsyncTable(t, serverAccount(radosGateway(t)), "rsync-attrs")
}
