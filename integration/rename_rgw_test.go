//go:build rgw

package integration

import "testing"

func TestRenamesOnRadosGateway(t *testing.T) {
	renameTable(t, serverAccount(radosGateway(t)), "")
}
