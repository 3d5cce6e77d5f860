package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	Date     time.Time         `json:"date"`
	Rounds   int               `json:"rounds"`
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"` // of candidates and servers
	Results  []*Result         `json:"results"`
}

// Result is the outcome of one step.
type Result struct {
	Name     string     `json:"name"` // "untar@20ms"
	Work     string     `json:"work"`
	Setting  string     `json:"setting"`
	Outcomes []*Outcome `json:"outcomes"`
	Verdicts []Verdict  `json:"verdicts"`
	// Floor is how long the work takes at least, in seconds; 0: unknown.
	Floor     float64   `json:"floor,omitempty"`
	FloorRule FloorRule `json:"floorRule,omitempty"`

	limits []Limit
}

// Verdict says whether a target was reached.
type Verdict struct {
	Target string  `json:"target"` // "≤ 70 requests", "≤ 1.15 × raw s"
	Figure Figure  `json:"figure"`
	Most   float64 `json:"most"`
	Got    float64 `json:"got"`
	// Of a target that depends on a candidate without figures there is no
	// telling.
	Unknown bool `json:"unknown,omitempty"`
}

// Missed reports whether the target is known to be missed.
func (v Verdict) Missed() bool {
	// A count may not be over by one; a computed bound has rounding errors.
	return !v.Unknown && v.Got > v.Most*(1+1e-9)
}

// outcome returns that of a candidate, or nil.
func (r *Result) outcome(candidate string) *Outcome {
	i := slices.IndexFunc(r.Outcomes, func(o *Outcome) bool { return o.Candidate == candidate })
	if i < 0 {
		return nil
	}
	return r.Outcomes[i]
}

// get returns the outcome of a candidate of any result, "untar@0ms/swiftfs", or nil.
func (r *Report) get(path string) *Outcome {
	name, candidate, _ := strings.Cut(path, "/")
	for _, result := range r.Results {
		if result.Name == name {
			return result.outcome(candidate)
		}
	}
	return nil
}

// judge computes the floors of all results and compares them with their limits.
func (r *Report) judge() {
	for _, result := range r.Results {
		result.Verdicts, result.Floor = nil, result.floorSeconds()
		own := result.outcome("swiftfs")
		if own == nil {
			continue
		}
		for _, l := range result.limits {
			v := Verdict{Target: l.String(), Figure: l.Figure, Got: own.Median.figure(l.Figure)}
			v.Most = r.bound(result, l)
			if v.Unknown = math.IsInf(v.Most, 1) || own.Failure() != ""; v.Unknown {
				v.Most, v.Got = 0, 0
			}
			result.Verdicts = append(result.Verdicts, v)
		}
	}
}

// bound returns the most that a limit allows, infinity if nobody knows.
func (r *Report) bound(result *Result, l Limit) float64 {
	if len(l.Times) == 0 {
		return l.Most
	}
	least := math.Inf(1)
	for _, of := range l.Times {
		o := result.outcome(of)
		if strings.Contains(of, "/") {
			o = r.get(of)
		}
		if o != nil && o.Failure() == "" {
			least = min(least, o.Median.figure(l.Figure))
		}
	}
	return l.Most * least
}

// String says what the limit is.
func (l Limit) String() string {
	most := fmt.Sprintf("≤ %.3g", l.Most)
	if l.Most >= 1000 {
		most = fmt.Sprintf("≤ %.0f", l.Most)
	}
	if len(l.Times) == 0 {
		return most + " " + string(l.Figure)
	}
	return fmt.Sprintf("%s × %s, %s", most, strings.Join(l.Times, " or "), l.Figure)
}

// bestPeer returns the outcome of the peer with the least of a figure, or nil.
func (r *Result) bestPeer(f Figure) *Outcome {
	var best *Outcome
	for _, o := range r.Outcomes {
		if o.Raw || o.Candidate == "swiftfs" || isGauge(o.Candidate) || o.Failure() != "" {
			continue
		}
		if best == nil || o.Median.figure(f) < best.Median.figure(f) {
			best = o
		}
	}
	return best
}

// fastestRaw returns the outcome of the fastest raw candidate, or nil.
func (r *Result) fastestRaw() *Outcome {
	var best *Outcome
	for _, o := range r.Outcomes {
		if o.Raw && o.Failure() == "" && (best == nil || o.Median.Stored < best.Median.Stored) {
			best = o
		}
	}
	return best
}

// firstRaw returns the outcome of the raw candidate that targets refer to, or nil.
func (r *Result) firstRaw() *Outcome {
	i := slices.IndexFunc(r.Outcomes, func(o *Outcome) bool { return o.Raw && o.Failure() == "" })
	if i < 0 {
		return nil
	}
	return r.Outcomes[i]
}

// Err returns an error if swiftfs failed in a row; to miss a target is none.
func (r *Report) Err() error {
	var errs []error
	for _, result := range r.Results {
		if own := result.outcome("swiftfs"); own != nil && own.Failure() != "" {
			errs = append(errs, fmt.Errorf("%s: swiftfs: %s", result.Name, own.Failure()))
		}
	}
	return errors.Join(errs...)
}
