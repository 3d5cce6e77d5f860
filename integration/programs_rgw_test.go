//go:build rgw

package integration

import "testing"

func TestRGWPrograms(t *testing.T) {
	a := serverAccount(radosGateway(t))
	runPrograms(t, func(t *testing.T, name string) site { return newMountSite(t, a, name) })
}
