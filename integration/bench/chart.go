package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"math"
	"slices"
	"text/template"
)

//go:embed chart.svg.tmpl
var chartTemplate string

// The chart has one line for each result and two panels with a logarithmic axis:
// time as a multiple of raw, and requests. A candidate is a mark in its colour and
// shape; the lengths are in the SVG's own units.
const (
	chartLabels = 150 // width of the names
	chartPanel  = 400 // width of a panel
	chartGap    = 50
	chartTop    = 90
	chartLine   = 20
)

// style is how a candidate looks. The colours are told apart by all eyes.
type style struct {
	candidate, color, shape string
}

var styles = []style{
	{"rclone", "#E69F00", "square"},
	{"rclone-tuned", "#D55E00", "diamond"},
	{"s3fs", "#009E73", "triangle"},
	{"swiftfs", "#0072B2", "circle"}, // last, on top of others
}

// rawStyle is that of plain HTTP over many connections; over one it is the 1 of
// the axis.
var rawStyle = style{"raw, many connections", "#888", "stroke"}

func styleOf(o *Outcome) style {
	if o.Raw {
		return rawStyle
	}
	i := slices.IndexFunc(styles, func(s style) bool { return s.candidate == o.Candidate })
	if i < 0 {
		return rawStyle
	}
	return styles[i]
}

// mark draws a shape around a point.
func (s style) mark(x, y float64) string {
	switch s.shape {
	case "square":
		return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="8" height="8"/>`, x-4, y-4)
	case "diamond":
		return fmt.Sprintf(`<path d="M%.1f %.1fl5 -5 5 5 -5 5z"/>`, x-5, y)
	case "triangle":
		return fmt.Sprintf(`<path d="M%.1f %.1fl5 -9 5 9z"/>`, x-5, y+4)
	case "circle":
		return fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="6"/>`, x, y)
	}
	return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="2" height="14"/>`, x-1, y-7)
}

// axis is a logarithmic one, from a power of ten to another.
type axis struct {
	x, width float64
	from, to float64 // exponents
}

// newAxis returns an axis for values; none may be 0.
func newAxis(x float64, values []float64) axis {
	a := axis{x: x, width: chartPanel}
	if len(values) == 0 {
		return axis{x: x, width: chartPanel, to: 1}
	}
	a.from = math.Floor(math.Log10(slices.Min(values)))
	a.to = math.Ceil(math.Log10(slices.Max(values)))
	a.to = max(a.to, a.from+1)
	return a
}

func (a axis) at(value float64) float64 {
	return a.x + a.width*(math.Log10(value)-a.from)/(a.to-a.from)
}

type (
	chart struct {
		Width, Height, Left, Right float64
		Legend                     []chartLegend
		Panels                     []chartPanelView
		Rows                       []chartRow
		Dots                       []chartDot
	}
	chartLegend struct {
		Color, Mark, Text string
		TextX, TextY      float64
	}
	chartPanelView struct {
		Title     string
		X, TitleY float64
		Ticks     []chartTick
	}
	chartTick struct {
		X, Top, Bottom, TextY float64
		Text, Color           string
	}
	chartRow struct {
		Name            string
		Y, TextX, TextY float64
	}
	chartDot struct {
		Color, Title, Mark string
	}
)

// charted is a result in the chart.
type charted struct {
	*Result

	raw *Outcome
}

// SVG returns the chart.
func (r *Report) SVG() ([]byte, error) {
	var rows []charted
	var ratios, counts []float64
	for _, result := range r.Results {
		if own := result.outcome("swiftfs"); own == nil || own.Failure() != "" {
			continue
		}
		c := charted{result, result.firstRaw()}
		for _, o := range charting(result.Outcomes) {
			if c.raw != nil {
				ratios = append(ratios, c.ratio(o))
			}
			counts = append(counts, count(o))
		}
		rows = append(rows, c)
	}
	c := chart{Width: chartLabels + 2*chartPanel + 2*chartGap, Left: chartLabels}
	c.Right = c.Width - chartGap
	bottom := chartTop + float64(len(rows))*chartLine
	c.Height = bottom + 30
	timeAxis := newAxis(chartLabels, ratios)
	countAxis := newAxis(chartLabels+chartPanel+chartGap, counts)
	c.panel("Time, as a multiple of plain HTTP", timeAxis, bottom, func(p int) string { return "×" + power(p) })
	c.panel("Requests", countAxis, bottom, func(p int) string {
		if p < 0 {
			return "0"
		}
		return power(p)
	})
	for i, row := range rows {
		y := chartTop + (float64(i)+0.5)*chartLine
		c.Rows = append(c.Rows, chartRow{html.EscapeString(row.Name), y, chartLabels - 10, y + 4})
		for _, o := range inDrawingOrder(row.Outcomes) {
			if row.raw != nil && o != row.raw {
				c.dot(row, o, timeAxis.at(row.ratio(o)), y, fmt.Sprintf("%.2f × %s", row.ratio(o), row.raw.Candidate))
			}
			if !o.Raw {
				c.dot(row, o, countAxis.at(count(o)), y, fmt.Sprintf("%d requests", o.Median.Requests))
			}
		}
	}
	c.legend()
	t, err := template.New("chart").Parse(chartTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, c)
	return b.Bytes(), err
}

// ratio is the time as a multiple of raw's. Nothing takes no time at all.
func (c charted) ratio(o *Outcome) float64 {
	const least = 1e-6
	return max(o.Median.Stored, least) / max(c.raw.Median.Stored, least)
}

// count is the number of requests, for an axis that has no 0.
func count(o *Outcome) float64 { return max(float64(o.Median.Requests), 0.1) }

// power is 10 to the power of p.
func power(p int) string {
	if p < 0 {
		return fmt.Sprintf("%.*f", -p, math.Pow10(p))
	}
	return fmt.Sprintf("%.0f", math.Pow10(p))
}

// charting returns the outcomes that have figures and compete.
func charting(outcomes []*Outcome) []*Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o *Outcome) bool { return o.Failure() != "" || isGauge(o.Candidate) })
}

// inDrawingOrder returns them with those last that are drawn on top.
func inDrawingOrder(outcomes []*Outcome) []*Outcome {
	good := charting(outcomes)
	slices.SortStableFunc(good, func(a, b *Outcome) int {
		return slices.Index(styles, styleOf(a)) - slices.Index(styles, styleOf(b))
	})
	return good
}

func (c *chart) dot(row charted, o *Outcome, x, y float64, what string) {
	s := styleOf(o)
	c.Dots = append(c.Dots, chartDot{s.color, html.EscapeString(fmt.Sprintf("%s, %s: %s", row.Name, o.Candidate, what)), s.mark(x, y)})
}

func (c *chart) panel(title string, a axis, bottom float64, text func(int) string) {
	p := chartPanelView{Title: title, X: a.x, TitleY: chartTop - 25}
	for e := int(a.from); e <= int(a.to); e++ {
		color := "#ddd"
		if e == 0 && len(c.Panels) == 0 {
			color = "#555" // raw
		}
		p.Ticks = append(p.Ticks, chartTick{a.at(math.Pow10(e)), chartTop, bottom, chartTop - 6, text(e), color})
	}
	c.Panels = append(c.Panels, p)
}

func (c *chart) legend() {
	x := float64(chartLabels)
	for _, s := range append(slices.Clone(styles), rawStyle) {
		c.Legend = append(c.Legend, chartLegend{s.color, s.mark(x+6, 26), s.candidate, x + 18, 30})
		x += 40 + 8*float64(len(s.candidate))
	}
}
