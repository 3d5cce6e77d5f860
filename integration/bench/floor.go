package bench

import (
	"context"
	"fmt"
)

// Floor says how memory or relay takes part in a step, and how the report makes of its
// figures the time that a mount would need on this machine that costs nothing of its
// own.
type Floor struct {
	Rule FloorRule
	// Verify checks, in the mount of memory alone, what Do did; nil where Do compares.
	Verify func(ctx context.Context, r *Run) error
}

// FloorRule is one of the ways to combine.
type FloorRule string

// The rules.
const (
	// Relayed is for programs that wait for each file or piece, and for mounts that
	// cannot foresee the next. It is the time of relay.
	Relayed FloorRule = "one request each"
	// ByProcessors is for work of which any part can be done beside any other. It is the
	// time of the fastest raw, lengthened by as much as memory adds to what keeps the
	// processors busy: raw over many connections shows how much of their time this
	// server and its clients can make use of.
	ByProcessors FloorRule = "by processors"
	// Alone is for work that needs no server: the time of memory.
	Alone FloorRule = "memory alone"
)

// gauge is the name of the candidate that takes part.
func (f FloorRule) gauge() string {
	if f == Relayed {
		return relayName
	}
	return memoryName
}

// floorSeconds returns the floor of a result, or 0 if nobody knows. It is in the time of its candidates, whose server has what they wrote.
func (r *Result) floorSeconds() float64 {
	gauge := r.outcome(r.FloorRule.gauge())
	if gauge == nil || gauge.Failure() != "" {
		return 0
	}
	switch r.FloorRule {
	case Alone, Relayed:
		return gauge.Median.Stored
	case ByProcessors:
		switch raw := r.fastestRaw(); {
		case raw == nil:
		case raw.Median.Busy == 0: // less than the kernel counts
			return raw.Median.Stored
		default:
			return raw.Median.Stored * (1 + gauge.Median.Busy/raw.Median.Busy)
		}
	}
	return 0
}

// floorText is the floor as text, if a target is below it.
func (r *Result) floorText(v Verdict) string {
	if v.Figure != Seconds || r.Floor <= v.Most {
		return ""
	}
	return fmt.Sprintf(" (floor %s)", numberText(r.Floor))
}

// secondsVerdict returns what was judged about the time, or nil.
func (r *Result) secondsVerdict() *Verdict {
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; v.Figure == Seconds && !v.Unknown {
			return v
		}
	}
	return nil
}
