package rig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"swiftfs/integration/rig"
)

func TestSystemdRunsUnitsAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	box, err := rig.StartSystemd(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Stop(); err != nil {
			t.Error(err)
		}
	})
	// A user other than root has a shell, a unit has a journal, and /rig is dir.
	out, err := box.Run(t.Context(), "sh", "-ec", `
		cat > /etc/systemd/system/hello.service <<-X
			[Service]
			Type=oneshot
			User=nobody
			ExecStart=sh -c "echo hello from \$\$(id -un)"
		X
		systemctl daemon-reload
		systemctl start hello.service
		journalctl --sync
		journalctl -o cat -u hello.service > /rig/out
		ls -l /dev/fuse`)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "/dev/fuse") {
		t.Errorf("no /dev/fuse inside: %s", out)
	}
	if got := read(t, filepath.Join(dir, "out")); !strings.Contains(got, "hello from nobody") {
		t.Errorf("the unit's journal: %s", got)
	}
	if out, err := box.Run(t.Context(), "systemctl", "start", "nothing.service"); err == nil || !strings.Contains(out, "nothing.service") {
		t.Errorf("start of a missing unit: %v, %q", err, out)
	}
	if err := box.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/etc/systemd/system/hello.service"); !os.IsNotExist(err) {
		t.Errorf("a unit got out of the box: %v", err)
	}
	// Other tests mount meanwhile; the box is all in its directory.
	if got := read(t, "/proc/self/mounts"); strings.Contains(got, dir) {
		t.Errorf("something of the box is still mounted:\n%s", got)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
