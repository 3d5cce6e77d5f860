package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unsteady is a package whose TestFirst fails when it is run for the first time.
const unsteady = `package unsteady

import (
	"os"
	"testing"
)

func TestFirst(t *testing.T) {
	if _, err := os.Stat("ran"); err != nil {
		_ = os.WriteFile("ran", nil, 0o600)
		t.Fatal("not yet")
	}
}

func TestSecond(t *testing.T) {}
`

// runTests runs the tests of a package with that source, and returns what was printed.
func runTests(t *testing.T, source string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module swiftfs.example\n\ngo 1.25\n", "unsteady_test.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out strings.Builder
	err := goTest(t.Context(), append(args, "-count=1", "./..."), &out, &out)
	return out.String(), err
}

func TestATestThatPassesAloneIsNamedAndExcused(t *testing.T) {
	out, err := runTests(t, unsteady, "-again", "1")
	if err != nil {
		t.Errorf("failed: %v", err)
	}
	for _, want := range []string{
		"not yet",
		"UNSTEADY: TestFirst of swiftfs.example failed among the other tests and passed alone\n",
		"\n2 passed, 0 failed, 0 skipped\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestAFailureIsNotExcused(t *testing.T) {
	const bad = "package unsteady\n\nimport \"testing\"\n\n"
	for name, c := range map[string]struct {
		source string
		args   []string
		want   string
	}{
		"without -again":               {unsteady, nil, "1 passed, 1 failed, 0 skipped\n"},
		"of more tests than are borne": {unsteady, []string{"-again", "0"}, "1 passed, 1 failed, 0 skipped\n"},
		"that happens alone too": {
			bad + "func TestBad(t *testing.T) { t.Fatal(\"bad\") }\n",
			[]string{"-again", "1"}, "\n0 passed, 1 failed, 0 skipped\n",
		},
		"that is a panic": {
			strings.Replace(unsteady, `t.Fatal("not yet")`, `panic("not yet")`, 1),
			[]string{"-again", "1"}, "1 failed, 0 skipped\n",
		},
		"of the package": {
			bad + "func TestGood(t *testing.T) {}\n\nfunc TestMain(m *testing.M) { m.Run(); panic(\"leak\") }\n",
			[]string{"-again", "1"}, "failed otherwise\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runTests(t, c.source, c.args...)
			if err == nil {
				t.Errorf("it was excused:\n%s", out)
			}
			if !strings.HasSuffix(out, c.want) || strings.Contains(out, "UNSTEADY") {
				t.Errorf("no %q at the end of:\n%s", c.want, out)
			}
		})
	}
}

func TestAgainNeedsANumber(t *testing.T) {
	for _, args := range [][]string{{"-again"}, {"-again", "many"}, {"-again", "-1"}} {
		if _, _, err := parseAgain(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	most, rest, err := parseAgain([]string{"-again", "3", "-race", "./..."})
	if err != nil || most != 3 || strings.Join(rest, " ") != "-race ./..." {
		t.Errorf("got %d, %q, %v", most, rest, err)
	}
}
