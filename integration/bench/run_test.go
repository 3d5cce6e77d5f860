package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// built is where TestMain has swiftfs built.
var built string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == MemoryCommand {
		if err := ServeMemory(context.Background(), os.Args[2:], os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func runTests(m *testing.M) (_ int, err error) {
	dir, err := os.MkdirTemp("", "bench-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	built = filepath.Join(dir, "swiftfs")
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", built, "swiftfs/cmd/swiftfs").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building swiftfs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// inFake is the setting of tests.
var inFake = Setting{Name: "test", Fake: true}

func options(t *testing.T, rows ...Row) Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Swiftfs: Swiftfs(built, ""), Memory: MemoryMount(self), Relay: RelayMount(self), Rows: rows, Rounds: 2, Size: mib, Scratch: t.TempDir(), Progress: io.Discard,
	}
	t.Cleanup(func() {
		if mounts, err := MountsBelow(o.Scratch); err != nil || len(mounts) > 0 {
			t.Errorf("still mounted: %q, %v", mounts, err)
		}
	})
	return o
}

func TestARowIsRunVerifiedAndCounted(t *testing.T) {
	report, err := Execute(t.Context(), options(t, firstByte(inFake), untar(inFake, 1), copyOut(inFake)))
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"first-byte@test/raw": 1, "untar@test/raw-16": 1000, "cp-r-out@test/raw": 1000} {
		o := report.get(path)
		if o == nil || len(o.Samples) != 2 || o.Median.Requests != want {
			t.Errorf("%s: %+v, want two samples with %d requests", path, o, want)
		}
	}
	o := report.get("untar@test/swiftfs")
	if o == nil || o.Median.Requests < 1000 || o.Median.Up != 4000*kib || o.Median.Memory < mib || o.Median.Busy <= o.Median.CPU/2 {
		t.Errorf("untar: %+v, want at least 1000 requests, 4000 KiB up, some memory and a busy machine", o)
	}
}

func TestEachRowOfMemoryAndRelayHasAFloor(t *testing.T) {
	rows := []Row{
		sequential(), random(near, 50, mib, 1), writeRows()[0],
		untar(near, 1), untar(near, 8), copyOut(near), removeAll(near),
	}
	for i := range rows {
		rows[i].Setting = inFake
	}
	o := options(t, rows...)
	o.Rounds, o.Size = 1, 4*mib
	report, err := Execute(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		gauge := r.FloorRule.gauge()
		o := r.outcome(gauge)
		if o == nil || o.Failure() != "" || (o.Median.Requests > 0) != (gauge == relayName) || r.Floor <= 0 {
			t.Errorf("%s: floor %v, %s: %+v; want a floor, and requests of relay alone", r.Name, r.Floor, gauge, o)
		}
	}
	if len(report.Results) != 8 {
		t.Errorf("%d results, want 8", len(report.Results))
	}
}

func TestMemoryTakesOnlyTheBytesItKnows(t *testing.T) {
	report, err := Execute(t.Context(), options(t, Row{
		Setting: inFake, Data: Data{Name: "other", Big: true}, Fresh: true, Steps: []Step{{
			Name: "write", Floor: &Floor{Rule: ByProcessors},
			Do: func(_ context.Context, r *Run) error { return os.WriteFile(r.bigPath(), randomBytes(mib, 9), 0o600) },
		}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := report.get("write@test/memory").Failure(); !strings.Contains(got, "input/output error") {
		t.Errorf("%q, want an input/output error", got)
	}
	if report.Results[0].Floor != 0 {
		t.Error("there is a floor of what failed")
	}
}

func TestARowThatReadsSomethingElseHasNoFigures(t *testing.T) {
	row := firstByte(inFake)
	row.Data = Data{Name: "other", Fill: func(_ context.Context, s *server, container string) error {
		s.fake.PutObject(container, "big", "", randomBytes(mib, 9))
		return nil
	}}
	report, err := Execute(t.Context(), options(t, row))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range report.Results[0].Outcomes {
		if !strings.Contains(o.Failure(), errDiffers.Error()) || len(o.Samples) != 1 {
			t.Errorf("%s: %q after %d samples, want one that says what is wrong", o.Candidate, o.Failure(), len(o.Samples))
		}
	}
	if report.Err() == nil {
		t.Error("the failure of swiftfs is no error")
	}
}

func TestAnInterruptedRunLeavesNothingMounted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	row := firstByte(inFake)
	row.Steps[0].Raws = nil
	row.Steps[0].Do = func(ctx context.Context, _ *Run) error {
		cancel()
		return pause(ctx, time.Minute)
	}
	if _, err := Execute(ctx, options(t, row)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}
