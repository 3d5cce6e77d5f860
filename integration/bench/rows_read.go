package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// bigData is one object of 1 GiB, in a container of its own.
var bigData = Data{Name: "big", Big: true, InMemory: memoryBig, Fill: func(ctx context.Context, s *server, container string) error {
	if s.fake != nil {
		s.fake.PutObject(container, "big", "", s.local.Big())
		return nil
	}
	return s.account.do(ctx, "PUT", container+"/big", "", s.local.Big())
}}

func (r *Run) bigPath() string   { return filepath.Join(r.Dir, "big") }
func (r *Run) bigObject() string { return r.Container + "/big" }

func readBig(_ context.Context, r *Run) error { return compareFile(r.bigPath(), r.Local.Big()) }

// rawRead reads the large object in ranges of equal length, one for each
// connection.
func rawRead(ctx context.Context, r *Run) error {
	n := r.Raw.conns
	if n == 1 {
		return r.Raw.compareWhole(ctx, r.bigObject(), r.Local.Big())
	}
	part := len(r.Local.Big()) / n
	return r.Raw.each(ctx, n, func(ctx context.Context, i int) error {
		return r.Raw.compare(ctx, r.bigObject(), r.Local.Big(), i*part, part)
	})
}

// listRoot is what a user has done who knows what is there.
func listRoot(ctx context.Context, r *Run) error {
	_, err := program(ctx, "ls", r.Dir)
	return err
}

func readRows() []Row {
	rows := []Row{firstByte(near), firstByteListed(), firstByte(far), sequential(), sequentialNarrow(), afterTTL(), cached()}
	for _, s := range []Setting{near, far} {
		rows = append(rows, random(s, 200, 4*kib, 1), random(s, 200, 4*kib, 16), random(s, 50, mib, 1))
	}
	return append(rows, manyOpen())
}

func firstByte(s Setting) Row {
	const length = 4 * kib
	do := func(_ context.Context, r *Run) (err error) {
		f, err := os.Open(r.bigPath())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return compareAt(f, r.Local.Big(), 0, length)
	}
	raw := Raw{one, 1, func(ctx context.Context, r *Run) error {
		return r.Raw.compare(ctx, r.bigObject(), r.Local.Big(), 0, length)
	}, nil}
	return Row{Setting: s, Data: bigData, Steps: []Step{{
		Name: "first-byte", Work: "open + first 4 KiB of a 1 GiB object", Do: do, Raws: []Raw{raw},
		Limits: []Limit{requests(2), down(0.25), times(2, one)},
	}}}
}

// firstByteListed is the same where the directory is known, as it is to a user who
// looks for the file.
func firstByteListed() Row {
	row := firstByte(near)
	step := &row.Steps[0]
	step.Name, step.Work = "first-byte-listed", "the same, after ls of its directory"
	step.Before = listRoot
	step.Limits = []Limit{requests(1), down(0.25), times(2, one)}
	return row
}

func sequential() Row {
	raws := []Raw{{one, 1, rawRead, nil}, {"raw-8", 8, rawRead, nil}}
	return Row{Setting: near, Data: bigData, Steps: []Step{{
		Name: "seq-read", Work: "read 1 GiB in order", Do: readBig, Raws: raws,
		Limits: []Limit{requests(70), down(1024.5), times(1.15, one, "raw-8"), cpu(1.0)},
		Floor:  &Floor{Rule: ByProcessors},
	}, {
		Name: "seq-read-warm", Work: "read it again", Do: readBig,
		Raws:   []Raw{{pageCache, 1, readLocal, nil}},
		Limits: []Limit{requests(0), down(0), times(1.25, pageCache)},
		Floor:  &Floor{Rule: Alone},
	}}}
}

// pageCache names the reading of a local file, which a warm mount can equal.
const pageCache = "page cache"

func readLocal(_ context.Context, r *Run) error {
	path, err := r.Local.BigFile()
	if err != nil {
		return err
	}
	return compareFile(path, r.Local.Big())
}

func sequentialNarrow() Row {
	return Row{Setting: narrow, Data: bigData, Rounds: 2, Steps: []Step{{
		Name: "seq-read", Work: "read 1 GiB in order", Do: readBig,
		Raws:   []Raw{{one, 1, rawRead, nil}, {"raw-8", 8, rawRead, nil}},
		Limits: []Limit{down(1024.5), times(1.0/6, one)},
	}}}
}

// afterTTL reads again when what is known has to be asked for again.
func afterTTL() Row {
	const ttl = time.Second
	return Row{Setting: near, Data: bigData, Alone: true, Flags: []string{"--cache-ttl", ttl.String()}, Steps: []Step{{
		Name: "seq-read-ttl", Work: "read it again after cache-ttl", Do: readBig,
		Before: func(ctx context.Context, r *Run) error {
			return errors.Join(readBig(ctx, r), pause(ctx, ttl+ttl/2))
		},
		Raws:   []Raw{{pageCache, 1, readLocal, nil}},
		Limits: []Limit{requests(1), down(0.1), times(1.25, pageCache)},
		Floor:  &Floor{Rule: Alone},
	}}}
}

// cached reads a file that an earlier mount has left in its cache on disk.
func cached() Row {
	return Row{
		Setting: near, Data: bigData, Alone: true, Remount: readBig, Flags: []string{"--cache-size", "4GiB", "--read-only"},
		Steps: []Step{{
			Name: "cached-read", Work: "read 1 GiB that the disk cache has, after a remount (read-only: the kernel reads it)", Do: readBig,
			Raws:   []Raw{{pageCache, 1, readLocal, nil}},
			Limits: []Limit{requests(2), down(0.1), times(1.25, pageCache)},
		}},
	}
}

// random reads pieces at places that no reader can foresee.
func random(s Setting, n, length, readers int) Row {
	places := func(size int) []int {
		rng := rand.New(rand.NewPCG(7, 7))
		at := make([]int, n)
		for i := range at {
			at[i] = rng.IntN((size-length)/length) * length
		}
		return at
	}
	do := func(ctx context.Context, r *Run) (err error) {
		f, err := os.Open(r.bigPath())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		at := places(len(r.Local.Big()))
		return together(ctx, readers, func(_ context.Context, reader int) error {
			for i := reader; i < n; i += readers {
				if err := compareAt(f, r.Local.Big(), at[i], length); err != nil {
					return err
				}
			}
			return nil
		})
	}
	raw := one
	if readers > 1 {
		raw = fmt.Sprintf("raw-%d", readers)
	}
	step := Step{
		Name: "rand-4k", Work: fmt.Sprintf("%d random %d KiB reads of 1 GiB", n, length/kib), Do: do,
		Raws: []Raw{{raw, readers, func(ctx context.Context, r *Run) error {
			at := places(len(r.Local.Big()))
			return r.Raw.each(ctx, n, func(ctx context.Context, i int) error {
				return r.Raw.compare(ctx, r.bigObject(), r.Local.Big(), at[i], length)
			})
		}, nil}},
		Limits: []Limit{requests(202), down(4), times(1.3, raw)},
	}
	if length == mib {
		step.Name, step.Limits = "rand-1m", []Limit{requests(55), down(60), times(1.3, raw)}
		if s.Link.Latency == 0 {
			step.Floor = &Floor{Rule: Relayed}
		}
	}
	if readers > 1 {
		step.Name = fmt.Sprintf("%s-%d", step.Name, readers)
		step.Work += fmt.Sprintf(" by %d readers", readers)
	}
	return Row{Setting: s, Data: bigData, Steps: []Step{step}}
}

// manyOpen reads a thousand files side by side.
func manyOpen() Row {
	const files, size = 1000, mib
	data := Data{Name: "open", Fill: func(_ context.Context, s *server, container string) error {
		s.fake.FillContainer(container, sequence(files, "file-%04d"), size)
		return nil
	}}
	return Row{Setting: huge, Data: data, Alone: true, Steps: []Step{{
		Name: "open-1000", Work: "read 1,000 open files of 1 MiB in turn, 64 KiB each", Do: readInTurn(files, size),
		Limits: []Limit{down(1.05 * files * size / mib)},
	}}}
}

// readInTurn opens all files of a directory and reads a piece of each in turn.
func readInTurn(files, size int) func(context.Context, *Run) error {
	return func(_ context.Context, r *Run) (err error) {
		want := bytes.Repeat([]byte{'x'}, size)
		var open []*os.File
		defer func() {
			for _, f := range open {
				err = errors.Join(err, f.Close())
			}
		}()
		for name := range sequence(files, "file-%04d") {
			f, err := os.Open(filepath.Join(r.Dir, name))
			if err != nil {
				return err
			}
			open = append(open, f)
		}
		const piece = 64 * kib
		for at := 0; at < size; at += piece {
			for _, f := range open {
				if err := compareAt(f, want, at, piece); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
