//go:build rgw

package integration

import "testing"

func TestRGWMetadataAreExtendedAttributes(t *testing.T) {
	attributeTable(t, serverAccount(radosGateway(t)), "attributes")
}
