package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// dfBytes returns the size and the free space that df shows.
func dfBytes(t *testing.T, dir string) string {
	t.Helper()
	return strings.Join(strings.Fields(sh(t, "df -B1 --output=size,avail "+dir+" | tail -n1")), " ")
}

// quotaTable sets quotas and looks at them through fresh mounts.
func quotaTable(t *testing.T, a account, container string) {
	server := logIn(t, a)
	server.do(http.MethodPut, container, "")
	t.Cleanup(func() { emptyContainers(t, server, container) })
	server.want(http.StatusCreated, http.MethodPut, container+"/file", string(pattern(1<<20, 1)))
	inContainer := func(c *fs.Config) { c.Container = container }
	const tib = 1 << 40
	if got := dfBytes(t, mount(t, a, inContainer).dir); got != fmt.Sprintf("%d %d", 1024*tib, 1024*tib-1<<20) {
		t.Errorf("without a quota df shows %s", got)
	}
	if got := strings.TrimSpace(sh(t, "df --output=ipcent "+mount(t, a, inContainer).dir+" | tail -n1")); got != "1%" {
		t.Errorf("without a quota df -i shows %s used", got)
	}
	server.want(http.StatusNoContent, http.MethodPost, container, "", "X-Container-Meta-Quota-Bytes", "10485760", "X-Container-Meta-Quota-Count", "100")
	m := mount(t, a, inContainer)
	if got := dfBytes(t, m.dir); got != "10485760 9437184" {
		t.Errorf("with a quota of 10 MiB and 1 MiB used, df shows %s", got)
	}
	if got := strings.Join(strings.Fields(sh(t, "df --output=itotal,iavail "+m.dir+" | tail -n1")), " "); got != "100 99" {
		t.Errorf("with a quota of 100 objects, df -i shows %s", got)
	}
	sh(t, "setfattr -n user.swift.quota_bytes -v 20971520 "+m.dir)
	if got := dfBytes(t, m.dir); got != "20971520 19922944" {
		t.Errorf("after the quota was set to 20 MiB, df shows %s", got)
	}
	sh(t, "setfattr -x user.swift.quota_bytes "+m.dir)
	if got := dfBytes(t, m.dir); got != fmt.Sprintf("%d %d", 1024*tib, 1024*tib-1<<20) {
		t.Errorf("after the quota was removed, df shows %s", got)
	}
}

// "The size is the quota of the account or of the mounted container, whichever
// leaves less; without one 1 PiB, of which is used what the server says."
func TestSpaceIsWhatQuotasLeave(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	quotaTable(t, fakeAccount(srv), "quotas")
	server := logIn(t, fakeAccount(srv))
	srv.PutObject("c", "file", "", pattern(1<<20, 1))
	server.want(http.StatusNoContent, http.MethodPost, "c", "", "X-Container-Meta-Quota-Bytes", "10485760")
	server.want(http.StatusNoContent, http.MethodPost, "", "", "X-Account-Meta-Quota-Bytes", "3145728")
	for name, root := range map[string]func(*fs.Config){"account": func(*fs.Config) {}, "container": func(c *fs.Config) { c.Container = "c" }} {
		m := mount(t, fakeAccount(srv), root)
		requests(t, srv, 0, "df of the "+name, func() {
			if got := dfBytes(t, m.dir); got != "3145728 1048576" {
				t.Errorf("with an account's quota of 3 MiB, df of the %s shows %s", name, got)
			}
		})
	}
}

func TestSpaceIsWhatQuotasLeaveOnOpenStackSwift(t *testing.T) {
	quotaTable(t, serverAccount(openStackSwift(t)), "quotas")
}

// "df is answered within half a second, with the last known numbers if the
// server does not answer."
func TestSpaceIsShownWhenTheServerDoesNotAnswer(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", pattern(1<<20, 1))
	logIn(t, fakeAccount(srv)).want(http.StatusNoContent, http.MethodPost, "", "", "X-Account-Meta-Quota-Bytes", "4194304")
	m := mount(t, fakeAccount(srv), shortTTL)
	fault := srv.Inject(fakeswift.Fault{Do: fakeswift.Stall(t.Context())})
	for deadline := time.Now().Add(20 * time.Second); fault.Hits() == 0; {
		begin := time.Now()
		if got := dfBytes(t, m.dir); got != "4194304 3145728" {
			t.Fatalf("df shows %s", got)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Fatalf("df took %v", took)
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody asked the server")
		}
	}
	begin := time.Now()
	for range 10 {
		if got := dfBytes(t, m.dir); got != "4194304 3145728" {
			t.Errorf("df shows %s", got)
		}
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("ten times df took %v while the server does not answer", took)
	}
	fault.Remove()
}
