//go:build rgw

package integration

import (
	"net/http"
	"testing"
)

func TestRsyncFindsNothingToDoAfterARemountOnRadosGateway(t *testing.T) {
	rsyncTable(t, serverAccount(radosGateway(t)), "rsync-attrs")
}

// RGW lists of a content type what is behind its last comma.
func TestAttributesStandBehindAnyCommaOnRadosGateway(t *testing.T) {
	a := serverAccount(radosGateway(t))
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, "attrs-comma", "")
	server.want(http.StatusCreated, http.MethodPut, "attrs-comma/file", "x", "Content-Type", `a/b; x="1,2"`)
	sh(t, "chmod 600 "+mount(t, a).path("attrs-comma/file"))
	m := mount(t, a)
	sh(t, "ls -l "+m.path("attrs-comma"))
	wantStat(t, "%a", m.path("attrs-comma/file"), "600")
	got := server.want(http.StatusOK, http.MethodHead, "attrs-comma/file", "").header.Get("Content-Type")
	if want := `a/b; x="1,2"; mtime=`; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("the type is %q, want it to begin with %q", got, want)
	}
	sh(t, "rm "+m.path("attrs-comma/file")+"; rmdir "+m.path("attrs-comma"))
}
