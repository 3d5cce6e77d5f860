package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is a line of go test -json (see go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// report turns the events of go test into what a reader needs: a line for each
// package, and the output of the tests that failed.
type report struct {
	out     io.Writer
	outputs map[event]*strings.Builder // keyed by package and test

	passed, failed, skipped int
	broken                  int // packages that failed without a test that did
	failedIn                map[string]bool
	failedTests             map[event]bool // keyed by package and test
	alarm                   bool           // something said that it must not be excused
}

func newReport(out io.Writer) *report {
	return &report{
		out: out, outputs: map[event]*strings.Builder{},
		failedIn: map[string]bool{}, failedTests: map[event]bool{},
	}
}

// read consumes events until the end. What is not an event is passed on: it is
// what the go command says of itself.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				r.print(line)
			} else {
				r.handle(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the events of go test: %w", err)
		}
	}
}

func (r *report) handle(e event) {
	key := event{Package: e.Package, Test: e.Test}
	if isAlarm(e.Output) {
		r.alarm = true
	}
	switch {
	case e.Action == "build-output":
		r.print(e.Output)
	case e.Action == "output" && e.Test == "":
		if !isNoise(e.Output) {
			r.print(e.Output)
		}
	case e.Action == "output":
		if r.outputs[key] == nil {
			r.outputs[key] = &strings.Builder{}
		}
		r.outputs[key].WriteString(e.Output)
	case e.Test == "":
		r.endPackage(e)
	case e.Action == "pass":
		r.passed++
		delete(r.outputs, key)
	case e.Action == "fail":
		r.failed++
		r.failedIn[e.Package] = true
		r.failedTests[key] = true
		r.flush(key)
	case e.Action == "skip":
		r.skipped++
		r.flush(key)
	}
}

// isNoise reports whether a line of a package is repeated by its last line, or
// by the count.
func isNoise(line string) bool {
	return line == "PASS\n" || line == "FAIL\n"
}

// isAlarm reports whether a line comes from the race detector, or from a panic,
// which ends the tests of its package before their time.
func isAlarm(line string) bool {
	return strings.Contains(line, "WARNING: DATA RACE") || strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// endPackage prints what tests said that did not come to an end, as after a
// panic or a timeout.
func (r *report) endPackage(e event) {
	if e.Action != "fail" {
		return
	}
	for key := range r.outputs {
		if key.Package == e.Package {
			r.flush(key)
		}
	}
	if !r.failedIn[e.Package] {
		r.broken++
	}
}

func (r *report) flush(key event) {
	if b := r.outputs[key]; b != nil {
		r.print(b.String())
	}
	delete(r.outputs, key)
}

// print writes text as is; a failure to write shows in the summary.
func (r *report) print(text string) { _, _ = io.WriteString(r.out, text) }

// summary prints the count, as the last line.
func (r *report) summary() error {
	line := fmt.Sprintf("%d passed, %d failed, %d skipped", r.passed, r.failed, r.skipped)
	if r.broken > 0 {
		line += fmt.Sprintf(", %d packages failed otherwise", r.broken)
	}
	_, err := fmt.Fprintln(r.out, line)
	return err
}
