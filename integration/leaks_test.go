package integration

import (
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// TestNoGoroutineIsLeftAfterUnmounting mounts in this process, does something
// that ends well or badly, unmounts, and looks what is left.
func TestNoGoroutineIsLeftAfterUnmounting(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, srv *fakeswift.Server, m *mounted)
	}{
		{"nothing", func(*testing.T, *fakeswift.Server, *mounted) {}},
		{"files in and out", func(t *testing.T, _ *fakeswift.Server, m *mounted) {
			sh(t, "cd "+m.dir+"; ls -lR > /dev/null; cp c/big c/copy; cat c/copy > /dev/null; mkdir d; rm c/copy; rmdir d")
		}},
		{"errors", func(t *testing.T, srv *fakeswift.Server, m *mounted) {
			srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Level: fakeswift.Object}, Do: fakeswift.Status(http.StatusServiceUnavailable)})
			fails(t, "", "cat "+m.path("c/big"))
			fails(t, "", "cat "+m.path("c/missing"))
			fails(t, "", "mkdir "+m.path("c/dir"))
		}},
		{"failed uploads", func(t *testing.T, srv *fakeswift.Server, m *mounted) {
			sh(t, "ls "+m.path("c"))
			srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodPut}, Do: fakeswift.Status(http.StatusForbidden)})
			from := localFile(t, "from", pattern(5<<20, 1))
			fails(t, "Permission denied", "cp "+from+" "+m.path("c/new"))
			fails(t, "Permission denied", "head -c 1000 "+from+" > "+m.path("c/small"))
		}},
		{"a read abandoned in the middle", func(t *testing.T, _ *fakeswift.Server, m *mounted) {
			sh(t, "head -c 100000 "+m.path("c/big")+" > /dev/null")
		}},
		{"a read killed in the middle", func(t *testing.T, srv *fakeswift.Server, m *mounted) {
			srv.SetBandwidth(1 << 20)
			if r := try(t, "timeout", "-s", "KILL", "0.5", "cat", m.path("c/big")); r.code == 0 {
				t.Error("cat was not killed")
			}
		}},
		{"files open while it is detached", func(t *testing.T, _ *fakeswift.Server, m *mounted) {
			reader := converse(t)
			reader.say("exec 3< " + m.path("c/big") + "; head -c 1000 <&3 > /dev/null")
			w := writeTo(t, m.path("c/new"))
			w.write("something")
			sh(t, "umount -l "+m.dir)
			m.gone = true
			if said := w.close(); said != "" {
				t.Error(said)
			}
			reader.leave()
			m.fs.Wait()
		}},
		{"a writer killed", func(t *testing.T, _ *fakeswift.Server, m *mounted) {
			w := writeTo(t, m.path("c/new"))
			w.write("something")
			if err := w.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = w.close()
		}},
		{"a listing abandoned", func(t *testing.T, _ *fakeswift.Server, m *mounted) {
			sh(t, "ls -U "+m.path("many")+" | head -n 1 > /dev/null")
		}},
		{"a server that says nothing", func(t *testing.T, srv *fakeswift.Server, m *mounted) {
			sh(t, "ls "+m.path("c"))
			srv.Inject(fakeswift.Fault{Do: fakeswift.Stall(t.Context())})
			if r := try(t, "timeout", "0.5", "cat", m.path("c/big")); r.code == 0 {
				t.Error("cat succeeded")
			}
			fails(t, "", "cp /dev/null "+m.path("c/new"))
		}},
	} {
		before := goleak.IgnoreCurrent()
		t.Run(c.name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "big", "", pattern(8<<20, 1))
			srv.FillContainer("many", names(25000, "file-%05d"), 1)
			client := dial(t, fakeAccount(srv), func(c *swiftbackend.Config) { c.Timeout = 2 * time.Second })
			c.do(t, srv, mountClient(t, client, func(c *fs.Config) { c.SegmentSize = 1 << 20 }))
		})
		if err := goleak.Find(before); err != nil {
			t.Errorf("after %s: %v", c.name, err)
		}
	}
}
