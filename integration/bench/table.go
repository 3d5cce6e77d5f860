package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// sampleLine is a sample in one line.
func sampleLine(s Sample) string {
	line := ""
	if s.Failure != "" {
		line = "✗ " + firstLine(s.Failure) + "  "
	}
	if s.Seconds == 0 {
		return line
	}
	line += fmt.Sprintf("%6d req  %s MiB up  %s MiB down  %s s", s.Requests, mibText(s.Up), mibText(s.Down), secondsText(s))
	line += fmt.Sprintf("  busy %.2f s", s.Busy)
	if s.Memory > 0 {
		line += fmt.Sprintf("  CPU %.2f s  %d MiB", s.CPU, s.Memory/mib)
		for _, kind := range slices.Sorted(maps.Keys(s.Kinds)) {
			line += fmt.Sprintf("  %d %s", s.Kinds[kind], kind)
		}
	}
	return line
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// mibText is bytes as MiB.
func mibText(n int64) string {
	f := float64(n) / mib
	switch {
	case n == 0:
		return "0"
	case f < 0.095:
		return fmt.Sprintf("%.2f", f)
	case f < 9.95:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

// secondsText is the time of a sample, and that of storing if it is another.
func secondsText(s Sample) string {
	text := secondsOf(s.Seconds)
	if s.Stored > s.Seconds {
		text += " → " + secondsOf(s.Stored)
	}
	return text
}

func secondsOf(s float64) string {
	switch {
	case s < 0.0995:
		return fmt.Sprintf("%.3f", s)
	case s < 9.95:
		return fmt.Sprintf("%.2f", s)
	}
	return fmt.Sprintf("%.1f", s)
}

// numberText is a figure of a verdict.
func numberText(f float64) string {
	switch {
	case f == float64(int64(f)):
		return fmt.Sprintf("%.0f", f)
	case f < 1:
		return fmt.Sprintf("%.3f", f)
	case f < 100:
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

// ratio is a quotient as text; nothing if there is none.
func ratio(a, b *Outcome) string {
	if a == nil || b == nil || a.Failure() != "" || b.Failure() != "" || b.Median.Stored == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a.Median.Stored/b.Median.Stored)
}

// marks are what is wrong with a result, in a few words.
func (r *Result) marks() string {
	var marks []string
	for _, v := range r.Verdicts {
		if v.Missed() {
			marks = append(marks, fmt.Sprintf("%s: %s%s", v.Target, numberText(v.Got), r.floorText(v)))
		}
	}
	switch own := r.outcome("swiftfs"); {
	case own == nil:
	case own.Failure() != "":
		marks = append(marks, firstLine(own.Failure()))
	default:
		if peer := r.bestPeer(Seconds); peer != nil && peer.Median.Stored < own.Median.Stored {
			marks = append(marks, peer.Candidate+" is faster")
		}
		// Fetching everything at once needs few requests, and is no better for it.
		peer := r.bestPeer(Requests)
		if peer != nil && peer.Median.Requests < own.Median.Requests && peer.Median.moved() <= 2*own.Median.moved()+mib {
			marks = append(marks, fmt.Sprintf("%s needs %d requests", peer.Candidate, peer.Median.Requests))
		}
	}
	if len(marks) == 0 {
		return ""
	}
	return "✗ " + strings.Join(marks, "; ")
}

// WriteTable writes the medians for a terminal: one line a candidate.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "work\tcandidate\trequests\tMiB up\tMiB down\tseconds\t× raw\tbusy s\tCPU s\tMiB\t")
	for _, result := range r.Results {
		if !slices.ContainsFunc(result.Outcomes, func(o *Outcome) bool { return len(o.Samples) > 0 }) {
			continue // interrupted
		}
		raw := result.firstRaw()
		for i, o := range result.Outcomes {
			name := ""
			if i == 0 {
				name = result.Name
			}
			if f := o.Failure(); f != "" {
				_, _ = fmt.Fprintf(t, "%s\t%s\t✗ %s\n", name, o.Candidate, firstLine(f))
				continue
			}
			m := o.Median
			process := "\t\t"
			if !o.Raw {
				process = fmt.Sprintf("%.2f\t%d\t", m.CPU, m.Memory/mib)
			}
			note := ""
			switch {
			case o.Candidate == "swiftfs":
				note = result.marks()
			case isGauge(o.Candidate) && result.Floor > 0:
				note = fmt.Sprintf("floor %s s, %s", secondsOf(result.Floor), result.FloorRule)
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%.2f\t%s%s\n", name, o.Candidate, m.Requests,
				mibText(m.Up), mibText(m.Down), secondsText(m), ratio(o, raw), m.Busy, process, note)
		}
	}
	return t.Flush()
}
