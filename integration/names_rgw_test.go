//go:build rgw

package integration

import (
	"net/http"
	"testing"
)

func TestRGWNames(t *testing.T) {
	namesTable(t, serverAccount(radosGateway(t)), "names")
}

func TestRGWLinks(t *testing.T) {
	a := serverAccount(radosGateway(t))
	server := logIn(t, a)
	t.Cleanup(func() { emptyContainers(t, logIn(t, a), "l-text", "l-programs") })
	server.want(http.StatusCreated, http.MethodPut, "l-text", "")
	linksOfAnyText(t, a, "l-text")
	programsWorkWithLinks(t, a, "l-programs")
}
