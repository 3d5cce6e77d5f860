package bench

import (
	"cmp"
	"slices"
)

// Sample is what one run of a step cost.
type Sample struct {
	Seconds  float64        `json:"seconds"`          // until the work returned
	Stored   float64        `json:"stored"`           // until the server had the data; never less
	Requests int            `json:"requests"`         // through the proxy
	Up       int64          `json:"up"`               // bytes
	Down     int64          `json:"down"`             // bytes
	Busy     float64        `json:"busy,omitempty"`   // seconds of all processors, until it was stored; 0: unknown
	CPU      float64        `json:"cpu,omitempty"`    // seconds of the mount's process
	Memory   int64          `json:"memory,omitempty"` // bytes, the most since the mount
	Kinds    map[string]int `json:"kinds,omitempty"`  // requests by kind
	Failure  string         `json:"failure,omitempty"`
}

// Outcome is what a candidate has shown in a step.
type Outcome struct {
	Candidate string   `json:"candidate"`
	Raw       bool     `json:"raw"` // plain HTTP
	Median    Sample   `json:"median"`
	Samples   []Sample `json:"samples"`
}

// Failure returns why there are no figures, or "".
func (o *Outcome) Failure() string {
	for _, s := range o.Samples {
		if s.Failure != "" {
			return s.Failure
		}
	}
	if len(o.Samples) == 0 {
		return "did not run"
	}
	return ""
}

// add adds a sample and computes the median anew, of each figure by itself; of
// memory the most, of kinds the last.
func (o *Outcome) add(s Sample) {
	o.Samples = append(o.Samples, s)
	good := slices.DeleteFunc(slices.Clone(o.Samples), func(s Sample) bool { return s.Failure != "" })
	if len(good) == 0 {
		return
	}
	o.Median = Sample{
		Seconds:  medianOf(good, func(s Sample) float64 { return s.Seconds }),
		Stored:   medianOf(good, func(s Sample) float64 { return s.Stored }),
		Requests: medianOf(good, func(s Sample) int { return s.Requests }),
		Up:       medianOf(good, func(s Sample) int64 { return s.Up }),
		Down:     medianOf(good, func(s Sample) int64 { return s.Down }),
		Busy:     medianOf(good, func(s Sample) float64 { return s.Busy }),
		CPU:      medianOf(good, func(s Sample) float64 { return s.CPU }),
		Kinds:    good[len(good)-1].Kinds,
		Memory:   slices.MaxFunc(good, func(a, b Sample) int { return cmp.Compare(a.Memory, b.Memory) }).Memory,
	}
}

// medianOf returns the median of a figure, the mean of the middle two if their
// number is even.
func medianOf[N int | int64 | float64](samples []Sample, figure func(Sample) N) N {
	all := make([]N, len(samples))
	for i, s := range samples {
		all[i] = figure(s)
	}
	slices.Sort(all)
	middle := len(all) / 2
	if len(all)%2 == 1 {
		return all[middle]
	}
	return (all[middle-1] + all[middle]) / 2
}

// moved is the bytes in both directions.
func (s *Sample) moved() int64 { return s.Up + s.Down }

// figure returns one figure in the unit of limits.
func (s *Sample) figure(f Figure) float64 {
	switch f {
	case Requests:
		return float64(s.Requests)
	case Up:
		return float64(s.Up) / mib
	case Down:
		return float64(s.Down) / mib
	case Seconds:
		return s.Stored
	case CPU:
		return s.CPU
	case Memory:
		return float64(s.Memory) / mib
	}
	return 0
}
