package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what to run.
type Options struct {
	Swiftfs  Candidate
	Memory   Candidate // from MemoryMount
	Relay    Candidate // from RelayMount
	Peers    []Candidate
	Rows     []Row
	Rounds   int
	Size     int    // of the large file, in bytes
	Scratch  string // an empty directory
	Progress io.Writer
}

// runner runs rows.
type runner struct {
	Options

	local   *Local
	servers map[bool]*server // by whether it is the fake one
	runs    int
	report  *Report
}

// Execute runs rows and returns what came of it. Nothing of it is left running or
// mounted, also when ctx is cancelled; then it returns an error with what there is
// so far. A row whose data cannot be prepared is an error as well, and the others
// go on. The failure of a candidate is part of the report.
func Execute(ctx context.Context, o Options) (_ *Report, err error) {
	r := &runner{
		Options: o,
		local:   &Local{dir: o.Scratch, size: o.Size},
		servers: map[bool]*server{},
		report:  &Report{Date: time.Now().UTC().Truncate(time.Second), Rounds: o.Rounds},
	}
	defer func() {
		for _, s := range r.servers {
			err = errors.Join(err, s.close())
		}
	}()
	if r.report.Machine, err = thisMachine(); err != nil {
		return nil, err
	}
	swift := slices.ContainsFunc(o.Rows, func(r Row) bool { return !r.Setting.Fake })
	if r.report.Versions, err = versions(ctx, append([]Candidate{o.Swiftfs}, o.Peers...), swift); err != nil {
		return nil, err
	}
	for i := range o.Rows {
		rowErr := r.row(ctx, &o.Rows[i])
		r.report.judge()
		if ctx.Err() != nil {
			return r.report, rowErr
		}
		if rowErr != nil {
			rowErr = fmt.Errorf("%s: %w", o.Rows[i].Names()[0], rowErr)
			_, _ = fmt.Fprintln(o.Progress, "✗", rowErr)
			err = errors.Join(err, rowErr)
		}
	}
	return r.report, err
}

// server returns the running server of a setting.
func (r *runner) server(ctx context.Context, s Setting) (*server, error) {
	if running := r.servers[s.Fake]; running != nil {
		return running, nil
	}
	started, err := startServer(ctx, s.Fake)
	if err != nil {
		return nil, err
	}
	started.local = r.local
	r.servers[s.Fake] = started
	return started, nil
}

// contestant is a candidate for a row: a mount, which does all steps, or raw for
// one step.
type contestant struct {
	name     string
	mount    *Candidate
	raw      *Raw
	results  []*Result  // those that it has a part in
	outcomes []*Outcome // its part in each
	peer     bool
	retired  bool // it is too slow, or failed: no more rounds
}

// contestants returns who takes part in a row, each in turn: raw first, and adds
// the results that they will fill.
func (r *runner) contestants(row *Row) []*contestant {
	var all []*contestant
	results := make([]*Result, len(row.Steps))
	for i, step := range row.Steps {
		results[i] = &Result{
			Name: row.Names()[i], Work: step.Work, Setting: row.Setting.explain(),
			limits: append(step.Limits, memoryLimit),
		}
		if step.Floor != nil {
			results[i].FloorRule = step.Floor.Rule
		}
		for j := range step.Raws {
			o := &Outcome{Candidate: step.Raws[j].Name, Raw: true}
			results[i].Outcomes = append(results[i].Outcomes, o)
			all = append(all, &contestant{name: step.Raws[j].Name, raw: &step.Raws[j], results: results[i : i+1], outcomes: []*Outcome{o}})
		}
	}
	mounts := []Candidate{r.Swiftfs}
	if floor := row.Steps[0].Floor; floor != nil {
		gauge := r.Memory
		if floor.Rule.gauge() == relayName {
			gauge = r.Relay
		}
		mounts = append(mounts, gauge)
	}
	if !row.Alone {
		mounts = append(mounts, r.Peers...)
	}
	for i := range mounts {
		m := &mounts[i]
		if m.S3 && row.Setting.Fake {
			continue // fakeswift speaks Swift only
		}
		c := &contestant{name: m.Name, mount: m, results: results, peer: i > 0 && !isGauge(m.Name)}
		for _, result := range results {
			o := &Outcome{Candidate: m.Name}
			result.Outcomes = append(result.Outcomes, o)
			c.outcomes = append(c.outcomes, o)
		}
		all = append(all, c)
	}
	r.report.Results = append(r.report.Results, results...)
	return all
}

// slowPeer is the time of a step after which a peer gets no more rounds.
const slowPeer = 20

func (r *runner) row(ctx context.Context, row *Row) error {
	rounds := r.Rounds
	if row.Rounds > 0 {
		rounds = min(rounds, row.Rounds)
	}
	if row.Data.Big {
		// What is made once is no part of the first run.
		if _, err := r.local.BigFile(); err != nil {
			return err
		}
	}
	contestants := r.contestants(row)
	for round := range rounds {
		for _, c := range contestants {
			if c.retired {
				continue
			}
			samples, err := r.run(ctx, row, c)
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			for i, s := range samples {
				s.Failure = r.withoutPaths(s.Failure)
				c.outcomes[i].add(s)
				c.retired = c.retired || s.Failure != "" || c.peer && s.Stored > slowPeer
				_, _ = fmt.Fprintf(r.Progress, "%d %-18s %-13s %s\n", round+1, c.results[i].Name, c.name, sampleLine(s))
			}
		}
	}
	return nil
}

// withoutPaths takes the directories of this run out of a message.
func (r *runner) withoutPaths(message string) string {
	return strings.ReplaceAll(message, filepath.Join(r.Scratch, fmt.Sprintf("run-%d", r.runs))+"/", "")
}

// run lets one contestant do a row once.
func (r *runner) run(ctx context.Context, row *Row, c *contestant) (samples []Sample, err error) {
	server, err := r.server(ctx, row.Setting)
	if err != nil {
		return nil, err
	}
	container := ""
	if c.mount == nil || !c.mount.Serverless {
		if container, err = server.container(ctx, row); err != nil {
			return nil, err
		}
	}
	r.runs++
	run := &Run{Container: container, Server: server, Local: r.local}
	run.Scratch = filepath.Join(r.Scratch, fmt.Sprintf("run-%d", r.runs))
	if err := os.Mkdir(run.Scratch, 0o700); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(run.Scratch)) }()
	proxy, err := StartProxy(ctx, server.root, row.Setting.Link)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	if row.Large && row.Fresh && container != "" {
		defer func() { err = errors.Join(err, server.discard(context.WithoutCancel(ctx), container)) }()
	}
	if c.raw != nil {
		s, err := r.runRaw(ctx, row, run, proxy, c.raw)
		return []Sample{s}, err
	}
	return r.runMount(ctx, row, run, proxy, c)
}

// touch makes memory ready for the large file, if the row has it.
func (r *runner) touch(row *Row) error {
	if !row.Data.Big {
		return nil
	}
	return touchMemory(2 * r.local.size)
}

func (r *runner) runRaw(ctx context.Context, row *Row, run *Run, proxy *Proxy, raw *Raw) (Sample, error) {
	var err error
	if run.Raw, err = logIn(ctx, proxy.URL, run.Server.user, run.Server.key, raw.Conns); err != nil {
		return Sample{}, err
	}
	defer run.Raw.close()
	if err := r.touch(row); err != nil {
		return Sample{}, err
	}
	proxy.Reset()
	busy, err := busySeconds()
	if err != nil {
		return Sample{}, err
	}
	start := time.Now()
	err = raw.Do(ctx, run)
	s := Sample{Seconds: time.Since(start).Seconds()}
	s.Stored = s.Seconds
	busyErr := s.busySince(busy)
	s.count(proxy)
	if err == nil && raw.Verify != nil {
		err = raw.Verify(ctx, run)
	}
	s.fail(errors.Join(err, busyErr, proxy.Err()))
	return s, nil
}
