package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// quietTime without a request is the end of what a step has caused.
	quietTime = 150 * time.Millisecond
	// graceTime is from the end of a step's time until its mount is broken.
	graceTime = 3 * time.Second
)

// runMount mounts and does all steps of a row.
func (r *runner) runMount(ctx context.Context, row *Row, run *Run, proxy *Proxy, c *contestant) ([]Sample, error) {
	spec := mountSpec{
		root: proxy.URL, user: run.Server.user, key: run.Server.key, container: run.Container,
		dir: filepath.Join(run.Scratch, "mnt"), scratch: filepath.Join(run.Scratch, "cache"),
	}
	switch c.name {
	case r.Memory.Name, r.Relay.Name:
		var err error
		if spec.flags, err = row.Data.memoryFlags(r.local); err != nil {
			return nil, err
		}
	case r.Swiftfs.Name:
		spec.flags = append(spec.flags, row.Flags...)
		if row.Remount != nil {
			spec.flags = append(spec.flags, "--cache-dir", spec.scratch)
		}
	}
	if err := errors.Join(os.Mkdir(spec.dir, 0o700), os.Mkdir(spec.scratch, 0o700)); err != nil {
		return nil, err
	}
	run.Dir = spec.dir
	if row.Remount != nil {
		if err := r.remount(ctx, row, run, c, spec); err != nil {
			return failed(len(row.Steps), err), ctx.Err()
		}
	}
	m, err := startMount(ctx, *c.mount, spec)
	if err != nil {
		return failed(len(row.Steps), err), ctx.Err()
	}
	if err := r.touch(row); err != nil {
		return nil, errors.Join(err, m.stop(ctx))
	}
	var samples []Sample
	for i := range row.Steps {
		step := row.Steps[i]
		if c.mount.Serverless {
			step.Stored, step.Verify = nil, step.Floor.Verify
		}
		s := m.step(ctx, &step, c.results[i].timeLimit(), run, proxy)
		samples = append(samples, s)
		if s.Failure != "" {
			// What follows builds on it.
			samples = append(samples, failed(len(row.Steps)-i-1, errors.New("the step before failed"))...)
			break
		}
	}
	if err := m.stop(ctx); err != nil {
		last := &samples[len(samples)-1]
		last.fail(errors.Join(errors.New(last.Failure), err))
	}
	return samples, ctx.Err()
}

// remount lets a mount of its own prepare, and unmounts it.
func (r *runner) remount(ctx context.Context, row *Row, run *Run, c *contestant, spec mountSpec) error {
	m, err := startMount(ctx, *c.mount, spec)
	if err != nil {
		return err
	}
	return errors.Join(m.guarded(ctx, c.results[0].timeLimit(), func(ctx context.Context) error { return row.Remount(ctx, run) }), m.stop(ctx))
}

// failed returns n samples without figures.
func failed(n int, err error) []Sample {
	samples := make([]Sample, n)
	for i := range samples {
		samples[i].fail(err)
	}
	return samples
}

// fail notes why the sample is no good; nil is no reason.
func (s *Sample) fail(err error) {
	if err != nil {
		s.Failure = err.Error()
	}
}

// count takes the figures of a proxy.
func (s *Sample) count(p *Proxy) {
	t := p.Traffic()
	s.Requests, s.Up, s.Down, s.Kinds = t.Requests, t.Up, t.Down, t.Kinds
}

// busySince notes how long the processors were busy since they had been so for
// before.
func (s *Sample) busySince(before float64) error {
	now, err := busySeconds()
	s.Busy = now - before
	return err
}

// step does and measures one step, each part of which may take limit.
func (m *mount) step(ctx context.Context, step *Step, limit time.Duration, run *Run, proxy *Proxy) (s Sample) {
	if step.Before != nil {
		if err := m.guarded(ctx, limit, func(ctx context.Context) error { return step.Before(ctx, run) }); err != nil {
			s.fail(fmt.Errorf("before: %w", err))
			return s
		}
	}
	if err := proxy.Quiet(ctx, quietTime); err != nil {
		s.fail(err)
		return s
	}
	proxy.Reset()
	before, err := m.usage()
	busy, busyErr := busySeconds()
	if err := errors.Join(err, busyErr); err != nil {
		s.fail(err)
		return s
	}
	start := time.Now()
	err = m.guarded(ctx, limit, func(ctx context.Context) error { return step.Do(ctx, run) })
	s.Seconds = time.Since(start).Seconds()
	s.Stored = s.Seconds
	if err == nil && step.Stored != nil {
		err = awaitStored(ctx, step, limit, run, start, &s)
	}
	busyErr = s.busySince(busy)
	if quietErr := proxy.Quiet(ctx, quietTime); err == nil {
		err = quietErr
	}
	s.count(proxy)
	if after, usageErr := m.usage(); usageErr == nil {
		s.CPU, s.Memory = after.cpu-before.cpu, after.memory
	} else if err == nil {
		err = fmt.Errorf("%w; the end of its log:\n%s", usageErr, m.log)
	}
	if err == nil && step.Verify != nil {
		err = m.guarded(ctx, limit, func(ctx context.Context) error { return step.Verify(ctx, run) })
	}
	if err == nil {
		err = errors.Join(busyErr, proxy.Err())
	}
	s.fail(err)
	return s
}

// awaitStored notes when the server has what was written.
func awaitStored(ctx context.Context, step *Step, limit time.Duration, run *Run, start time.Time, s *Sample) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := step.Stored(ctx, run)
		if err == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("not stored: %w", err)
		}
		s.Stored = time.Since(start).Seconds()
	}
}

const (
	// patience is how many times as long as plain HTTP a mount may take: a peer that
	// needs three times as long has figures, for those that ask for each of 10,000
	// names nobody has to wait.
	patience = 4
	// leastPatience is for work that takes plain HTTP no time.
	leastPatience = 30 * time.Second
)

// timeLimit returns how long a mount may take in this round, for the work as well
// as for what it still has to store then. It is measured against raw over one
// connection, which has had its turn, or the slowest raw where there is none.
func (r *Result) timeLimit() time.Duration {
	slowest := 0.0
	for _, o := range r.Outcomes {
		if !o.Raw || o.Failure() != "" {
			continue
		}
		last := o.Samples[len(o.Samples)-1].Stored
		if o.Candidate == one {
			slowest = last
			break
		}
		slowest = max(slowest, last)
	}
	return max(leastPatience, time.Duration(patience*slowest*float64(time.Second)))
}

// notDone begins the failure of a step that took too long.
const notDone = "not done after"

// guarded runs f, which uses the mount, for limit at most. Plain system calls
// know no contexts: if f does not end by itself, the mount is broken under it.
func (m *mount) guarded(ctx context.Context, limit time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s %v", notDone, limit.Round(time.Second)))
	defer cancel()
	var err error // of f, valid when done is closed
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = f(ctx)
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(graceTime)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		_ = unix.Kill(m.pid, unix.SIGKILL) // it has not been waited for if it still runs f
		<-done
	}
	return context.Cause(ctx)
}
