package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parseAgain takes "-again N" from the front of args.
func parseAgain(args []string) (most int, rest []string, err error) {
	if len(args) == 0 || args[0] != "-again" {
		return 0, args, nil
	}
	if len(args) > 1 {
		most, err = strconv.Atoi(args[1])
	}
	if len(args) < 2 || err != nil || most < 0 {
		return 0, nil, errors.New("rig test: -again needs a number: of failed tests that may be run again")
	}
	return most, args[2:], nil
}

// excusable reports whether what failed may have failed because the machine was
// busy with the other tests: at most that many tests did, and each came to its
// end. A data race, a panic, a time-out and what fails outside of a test are
// never excused: they say that something is wrong, however rarely they happen.
func (r *report) excusable(most int) bool {
	return r.broken == 0 && !r.alarm && len(r.failures()) > 0 && len(r.failures()) <= most
}

// failures are the failed tests, without their subtests, as events with
// package and test.
func (r *report) failures() []event {
	tests := map[event]bool{}
	for key := range r.failedTests {
		name, _, _ := strings.Cut(key.Test, "/")
		tests[event{Package: key.Package, Test: name}] = true
	}
	return slices.SortedFunc(maps.Keys(tests), func(a, b event) int {
		return strings.Compare(a.Package+" "+a.Test, b.Package+" "+b.Test)
	})
}

// runAgain runs the tests that failed once more, each alone, and counts those
// that pass now as passed. It says which they were, so that they are looked at.
func runAgain(ctx context.Context, run string, args []string, r *report, stderr io.Writer) error {
	failures := r.failures()
	r.failed, r.failedTests, r.failedIn = 0, map[event]bool{}, map[string]bool{}
	var err error
	for _, f := range failures {
		r.print(fmt.Sprintf("again, alone: %s %s\n", f.Package, f.Test))
		// The last -run counts.
		alone := append(slices.Clone(withoutPackages(args)), "-run", "^"+regexp.QuoteMeta(f.Test)+"$", f.Package)
		if failed := goTestOnce(ctx, run, alone, r, stderr); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		r.print(fmt.Sprintf("UNSTEADY: %s of %s failed among the other tests and passed alone\n", f.Test, f.Package))
	}
	return err
}

// withoutPackages is args, which are flags and then packages, without the latter.
func withoutPackages(args []string) []string {
	for len(args) > 0 {
		last := args[len(args)-1]
		if !strings.HasPrefix(last, "./") && !strings.HasPrefix(last, "swiftfs") {
			break
		}
		args = args[:len(args)-1]
	}
	return args
}
