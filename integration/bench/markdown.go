package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
)

//go:embed results.md.tmpl
var resultsTemplate string

// markdown is what the template of RESULTS.md sees.
type markdown struct {
	*Report

	Programs []string
	Results  []markdownResult
	Missed   []string
	Targets  int
	Unknown  int
	Settings []*markdownSetting
	Floors   []markdownFloor
	Failures []string
}

// markdownFloor is a line of what the machine allows.
type markdownFloor struct {
	Name, Target, Floor, Own, Ratio string
	Rule                            FloorRule
}

// markdownResult is the line of a result.
type markdownResult struct {
	Name, Work, Own, Missed string
}

// markdownSetting is the table of all candidates in one setting.
type markdownSetting struct {
	Name       string
	Candidates []string
	Rows       []markdownRow
}

// markdownRow is one line of it.
type markdownRow struct {
	Name  string
	Cells []string
}

// Markdown returns the text of RESULTS.md.
func (r *Report) Markdown() ([]byte, error) {
	m := markdown{Report: r}
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		m.Programs = append(m.Programs, name+" "+r.Versions[name])
	}
	for _, result := range r.Results {
		m.Results = append(m.Results, result.markdownLine())
		for _, v := range result.Verdicts {
			m.Targets++
			if v.Unknown {
				m.Unknown++
			} else if v.Missed() {
				m.Missed = append(m.Missed, v.Target)
			}
		}
		m.add(result)
		m.addFloor(result)
	}
	m.finish()
	t, err := template.New("results").Parse(resultsTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, m)
	return b.Bytes(), err
}

// markdownLine is what swiftfs has shown in a result.
func (r *Result) markdownLine() markdownResult {
	line := markdownResult{Name: r.Name, Work: r.Work, Missed: strings.TrimPrefix(r.marks(), "✗ ")}
	if line.Missed != "" {
		line.Missed = "✗ " + line.Missed
	}
	own := r.outcome("swiftfs")
	if own == nil || own.Failure() != "" {
		line.Own = strings.Repeat(" | ", 8)
		return line
	}
	raw := ratio(own, r.firstRaw())
	if fastest := r.fastestRaw(); fastest != r.firstRaw() {
		raw += ", " + ratio(own, fastest)
	}
	s := own.Median
	line.Own = fmt.Sprintf("%d | %s | %s | %s | %s | %s | %.2f | %.2f | %d", s.Requests, mibText(s.Up), mibText(s.Down),
		secondsText(s), raw, ratio(own, r.bestPeer(Seconds)), s.Busy, s.CPU, s.Memory/mib)
	return line
}

// addFloor adds a result to what the machine allows, if its floor is known.
func (m *markdown) addFloor(r *Result) {
	own, v := r.outcome("swiftfs"), r.secondsVerdict()
	if r.Floor == 0 || own == nil || own.Failure() != "" {
		return
	}
	line := markdownFloor{
		Name: r.Name, Floor: secondsOf(r.Floor), Rule: r.FloorRule,
		Own: secondsOf(own.Median.Stored), Ratio: fmt.Sprintf("%.2f", own.Median.Stored/r.Floor),
	}
	if v != nil {
		line.Target = secondsOf(v.Most)
	}
	m.Floors = append(m.Floors, line)
}

// add adds a result to the table of its setting.
func (m *markdown) add(r *Result) {
	i := slices.IndexFunc(m.Settings, func(s *markdownSetting) bool { return s.Name == r.Setting })
	if i < 0 {
		i = len(m.Settings)
		m.Settings = append(m.Settings, &markdownSetting{Name: r.Setting})
	}
	s := m.Settings[i]
	name, _, _ := strings.Cut(r.Name, "@")
	row := markdownRow{Name: name}
	// The plain HTTP of a row, whatever its number of connections, is one column.
	var raws []string
	for _, o := range r.Outcomes {
		if o.Raw {
			raws = append(raws, strings.TrimPrefix(o.Candidate+" ", "raw ")+cell(o))
		} else if !slices.Contains(s.Candidates, o.Candidate) {
			s.Candidates = append(s.Candidates, o.Candidate)
		}
		if f := o.Failure(); f != "" {
			m.Failures = append(m.Failures, fmt.Sprintf("%s, %s: %s", r.Name, o.Candidate, firstLine(f)))
		}
	}
	row.Cells = append(row.Cells, strings.Join(raws, "<br>"))
	for _, c := range s.Candidates {
		text := ""
		if o := r.outcome(c); o != nil {
			text = cell(o)
		}
		row.Cells = append(row.Cells, text)
	}
	s.Rows = append(s.Rows, row)
}

// finish makes the rows of a table equally long.
func (m *markdown) finish() {
	for _, s := range m.Settings {
		s.Candidates = slices.Insert(s.Candidates, 0, "raw")
		for i := range s.Rows {
			for len(s.Rows[i].Cells) < len(s.Candidates) {
				s.Rows[i].Cells = append(s.Rows[i].Cells, "")
			}
		}
	}
}

// cell is an outcome in the table of all candidates.
func cell(o *Outcome) string {
	f := o.Failure()
	if limit, ok := strings.CutPrefix(f, notDone); ok {
		return "✗ >" + limit
	} else if f != "" {
		return "✗"
	}
	s := o.Median
	text := fmt.Sprintf("%d / %s / %s / %s / %.2f", s.Requests, mibText(s.Up), mibText(s.Down), secondsText(s), s.Busy)
	if !o.Raw {
		text += fmt.Sprintf(" / %.2f / %d", s.CPU, s.Memory/mib)
	}
	return text
}
