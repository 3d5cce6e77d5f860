package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func outcome(candidate string, raw bool, samples ...Sample) *Outcome {
	o := &Outcome{Candidate: candidate, Raw: raw}
	for _, s := range samples {
		o.add(s)
	}
	return o
}

func took(seconds float64, requests int) Sample {
	return Sample{Seconds: seconds, Stored: seconds, Requests: requests, Memory: int64(requests) * mib}
}

// testReport has one result that reaches its targets and one that does not.
func testReport() *Report {
	r := &Report{Rounds: 3, Machine: Machine{Cores: 2, Processor: "a <processor>"}, Versions: map[string]string{"go": "1"}}
	r.Results = []*Result{{
		Name: "good@0ms", Work: "good work", Setting: "OpenStack Swift",
		limits: []Limit{requests(10), times(2, "raw", "raw-8")},
		Outcomes: []*Outcome{
			outcome("raw", true, took(1, 1)), outcome("raw-8", true, took(0.8, 8)),
			outcome("swiftfs", false, took(1.5, 9), took(1.4, 10), took(9, 11)),
			outcome("rclone", false, took(2, 12)),
			outcome("s3fs", false, Sample{Failure: "it <hangs>\nfor ever"}),
		},
	}, {
		Name: "bad@0ms", Work: "bad work", Setting: "OpenStack Swift", FloorRule: Relayed,
		limits: []Limit{requests(10), times(0.5, "good@0ms/swiftfs"), times(1, "absent")},
		Outcomes: []*Outcome{
			outcome("raw", true, took(1, 1)),
			outcome("swiftfs", false, took(3, 11)),
			outcome("relay", false, took(1.25, 0)),
			outcome("rclone", false, took(2, 0)),
		},
	}}
	r.judge()
	return r
}

func TestTheMedianIsOfGoodSamplesOnly(t *testing.T) {
	o := outcome("x", false, took(3, 30), took(1, 10), took(2, 20))
	if o.Median.Seconds != 2 || o.Median.Requests != 20 || o.Median.Memory != 30*mib {
		t.Errorf("median of three: %+v, want 2 s, 20 requests and the most memory", o.Median)
	}
	o.add(took(4, 40))
	if o.Median.Seconds != 2.5 || o.Median.Requests != 25 {
		t.Errorf("median of four: %+v, want 2.5 s and 25 requests", o.Median)
	}
	o.add(Sample{Seconds: 100, Failure: "broken"})
	if o.Median.Seconds != 2.5 || o.Failure() != "broken" {
		t.Errorf("with a failure: %+v, %q", o.Median, o.Failure())
	}
}

func TestTargetsAreJudged(t *testing.T) {
	r := testReport()
	for i, want := range [][]string{{"met", "met"}, {"missed", "missed", "unknown"}} {
		for j, v := range r.Results[i].Verdicts {
			got := "met"
			if v.Unknown {
				got = "unknown"
			} else if v.Missed() {
				got = "missed"
			}
			if got != want[j] {
				t.Errorf("%s, %s: %s (%v of %v), want %s", r.Results[i].Name, v.Target, got, v.Got, v.Most, want[j])
			}
		}
	}
	// 2 × the faster of two.
	if got := r.Results[0].Verdicts[1].Most; got != 1.6 {
		t.Errorf("the bound is %v, want 1.6", got)
	}
	if got := r.Results[1].marks(); !strings.Contains(got, "≤ 10 requests: 11") || !strings.Contains(got, "rclone is faster; rclone needs 0 requests") {
		t.Errorf("marks: %q", got)
	} else if !strings.Contains(got, "s: 3 (floor 1.25)") {
		t.Errorf("marks: %q, want the floor, which is above the target", got)
	}
	if got := r.Results[0].marks(); got != "" {
		t.Errorf("marks of a good result: %q", got)
	}
}

func TestFloorsCombineMemoryWithPlainHTTP(t *testing.T) {
	busy := func(seconds, busy float64) Sample { return Sample{Seconds: seconds, Stored: seconds, Busy: busy} }
	broken := outcome("memory", false, Sample{Stored: 1, Failure: "broken"})
	for name, c := range map[string]struct {
		rule   FloorRule
		raws   []*Outcome
		memory *Outcome
		want   float64
	}{
		"alone":                    {Alone, []*Outcome{outcome("page cache", true, busy(5, 5))}, outcome("memory", false, busy(0.5, 1)), 0.5},
		"one request each":         {Relayed, []*Outcome{outcome("raw", true, busy(4, 5))}, outcome("relay", false, busy(4.5, 6)), 4.5},
		"memory is no relay":       {Relayed, []*Outcome{outcome("raw", true, busy(4, 5))}, outcome("memory", false, busy(0.5, 1)), 0},
		"processors, of the best":  {ByProcessors, []*Outcome{outcome("raw", true, busy(4, 9)), outcome("raw-8", true, busy(2, 4))}, outcome("memory", false, busy(0.5, 1)), 2.5},
		"processors that are idle": {ByProcessors, []*Outcome{outcome("raw", true, busy(4, 5))}, outcome("memory", false, busy(0.5, 1)), 4.8},
		"processors, without raw":  {ByProcessors, nil, outcome("memory", false, busy(0.5, 1)), 0},
		"memory failed":            {ByProcessors, []*Outcome{outcome("raw", true, busy(4, 5))}, broken, 0},
		"no rule":                  {"", []*Outcome{outcome("raw", true, busy(4, 5))}, outcome("memory", false, busy(0.5, 1)), 0},
	} {
		r := &Result{FloorRule: c.rule, Outcomes: append(c.raws, c.memory)}
		if got := r.floorSeconds(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheTimeLimitFollowsPlainHTTP(t *testing.T) {
	for name, c := range map[string]struct {
		outcomes []*Outcome
		want     time.Duration
	}{
		"none":             {nil, 30 * time.Second},
		"fast":             {[]*Outcome{outcome("raw", true, took(7, 1))}, 30 * time.Second},
		"of this round":    {[]*Outcome{outcome("raw", true, took(10, 1), took(25, 1))}, 100 * time.Second},
		"over one":         {[]*Outcome{outcome("raw", true, took(10, 1)), outcome("raw-8", true, took(20, 1))}, 40 * time.Second},
		"the slowest":      {[]*Outcome{outcome("raw-8", true, took(10, 1)), outcome("raw-16", true, took(20, 1))}, 80 * time.Second},
		"not of a failure": {[]*Outcome{outcome("raw", true, Sample{Stored: 50, Failure: "broken"})}, 30 * time.Second},
		"not of a mount":   {[]*Outcome{outcome("swiftfs", false, took(50, 1))}, 30 * time.Second},
	} {
		if got := (&Result{Outcomes: c.outcomes}).timeLimit(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheTableHasALineForEachCandidate(t *testing.T) {
	var b bytes.Buffer
	if err := testReport().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"good@0ms", "raw-8", "✗ it <hangs>", "✗ ≤ 10 requests: 11"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if got := strings.Count(b.String(), "\n"); got != 10 {
		t.Errorf("%d lines, want 10:\n%s", got, b.String())
	}
}

func TestTheReportsAreWritten(t *testing.T) {
	dir := t.TempDir()
	if err := testReport().WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| good@0ms | good work | 10 | 0 | 0 | 1.50 | 1.50, 1.88 | 0.75 | 0.00 | 0.00 | 11 |  |",
		"| work | raw | swiftfs | rclone | s3fs | relay |",
		"✗ ≤ 10 requests: 11",
		"| bad@0ms | 0.75 | 1.25 | one request each | 3.00 | 2.40 |",
		"2 of 5 targets were missed, 1 could not",
		"- good@0ms, s3fs: it <hangs>\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("RESULTS.md has no %q:\n%s", want, text)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || len(back.Results) != 2 || len(back.Results[0].Outcomes) != 5 {
		t.Errorf("results.json: %v, %+v", err, back)
	}
}

func TestTheChartIsWellFormedAndHasAMarkForEachFigure(t *testing.T) {
	picture, err := testReport().SVG()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(picture))
	titles := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "title" {
			titles++
		}
	}
	// Of good: raw-8 and two mounts in time, two mounts in requests; of bad: two in
	// each.
	if titles != 9 {
		t.Errorf("%d marks, want 9:\n%s", titles, picture)
	}
	if bytes.Contains(picture, []byte("NaN")) || bytes.Contains(picture, []byte("Inf")) {
		t.Errorf("a mark is nowhere:\n%s", picture)
	}
}
