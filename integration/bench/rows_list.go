package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sequence yields n names of one form.
func sequence(n int, form string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf(form, i)) {
				return
			}
		}
	}
}

// inDirs yields the names of files in directories, so many in each.
func inDirs(dirs, files int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for d := range dirs {
			for f := range files {
				if !yield(fmt.Sprintf("dir-%04d/file-%04d", d, f)) {
					return
				}
			}
		}
	}
}

// listedSize is the size of the objects of the rows that only list.
const listedSize = 10

// listed is data of small objects under names.
func listed(name string, names iter.Seq[string]) Data {
	return Data{Name: name, Fill: func(ctx context.Context, s *server, container string) error {
		if s.fake != nil {
			s.fake.FillContainer(container, names, listedSize)
			return nil
		}
		var all []string
		for n := range names {
			all = append(all, n)
		}
		return s.account.each(ctx, len(all), func(ctx context.Context, i int) error {
			return s.account.do(ctx, "PUT", container+"/"+all[i], "", []byte(strings.Repeat("x", listedSize)))
		})
	}}
}

const (
	listedObjects = 10_000
	listedDirs    = 500
	million       = 1_000_000
)

func listRows() []Row {
	flat := listed("flat", sequence(listedObjects, "file-%07d"))
	tree := listed("tree", inDirs(listedDirs, listedObjects/listedDirs))
	var rows []Row
	for _, s := range []Setting{near, far} {
		rows = append(rows, longList(s, flat), findIn(s, tree), usageOf(s, tree), statEach(s, flat))
	}
	return append(rows,
		listHead(listed("million-flat", sequence(million, "file-%07d"))),
		findMillion("find-1m-flat", "find of 1,000,000 objects in one directory", listed("million-flat", sequence(million, "file-%07d")), million),
		findMillion("find-1m", "find of 1,000,000 objects in 1,000 directories", listed("million-tree", inDirs(1000, 1000)), million+1000))
}

// rawList lists everything, as one that knows no directories.
func rawList(want int) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		rows, err := r.Raw.list(ctx, r.Container, "")
		return errors.Join(err, wantCount("rows", len(rows), want))
	}
}

func wantCount(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("%d %s, want %d", got, what, want)
	}
	return nil
}

// prints runs a program in the mount and keeps what it prints.
func prints(name string, args ...string) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) (err error) {
		r.Out, err = program(ctx, name, append(args, r.Dir)...)
		return err
	}
}

// printed checks that a text occurs so many times in what the program printed.
func printed(text string, want int) func(context.Context, *Run) error {
	return func(_ context.Context, r *Run) error {
		return wantCount(text+" printed", strings.Count(r.Out, text), want)
	}
}

func longList(s Setting, data Data) Row {
	verify := func(ctx context.Context, r *Run) error {
		for line := range strings.Lines(r.Out) {
			if fields := strings.Fields(line); len(fields) > 5 && fields[4] != strconv.Itoa(listedSize) {
				return fmt.Errorf("ls -l prints %q", line)
			}
		}
		return printed("file-", listedObjects)(ctx, r)
	}
	raw := []Raw{{one, 1, rawList(listedObjects), nil}}
	return Row{Setting: s, Data: data, Steps: []Step{{
		Name: "ls-l", Work: "ls -l of 10,000 objects", Do: prints("ls", "-l"), Verify: verify, Raws: raw,
		Limits: []Limit{requests(2), {Figure: Down, Most: 1.01, Times: []string{one}}, times(2, one)},
	}, {
		Name: "ls-l-warm", Work: "the same again", Do: prints("ls", "-l"), Verify: verify,
		Limits: []Limit{requests(0), down(0)},
	}}}
}

func findIn(s Setting, data Data) Row {
	verify := printed("/file-", listedObjects)
	return Row{Setting: s, Data: data, Steps: []Step{{
		Name: "find", Work: "find of 10,000 objects in 500 directories", Do: prints("find"), Verify: verify,
		Raws:   []Raw{{one, 1, rawList(listedObjects), nil}},
		Limits: []Limit{requests(6), times(3, one)},
	}, {
		Name: "find-warm", Work: "the same again", Do: prints("find"), Verify: verify,
		Limits: []Limit{requests(0), down(0)},
	}}}
}

func usageOf(s Setting, data Data) Row {
	verify := func(_ context.Context, r *Run) error {
		size, _, _ := strings.Cut(r.Out, "\t")
		n, err := strconv.Atoi(size)
		if err == nil && n < listedObjects*listedSize {
			err = fmt.Errorf("du prints %q", r.Out)
		}
		return err
	}
	do := prints("du", "-s", "--apparent-size", "--block-size=1")
	return Row{Setting: s, Data: data, Steps: []Step{{
		Name: "du", Work: "du -s of them", Do: do, Verify: verify,
		Raws:   []Raw{{one, 1, rawList(listedObjects), nil}},
		Limits: []Limit{requests(6), times(3, one)},
	}, {
		Name: "du-warm", Work: "the same again", Do: do, Verify: verify,
		Limits: []Limit{requests(0), down(0)},
	}}}
}

// statEach asks for names that the program knows from elsewhere.
func statEach(s Setting, data Data) Row {
	do := func(ctx context.Context, r *Run) error {
		for name := range sequence(listedObjects, "file-%07d") {
			info, err := os.Lstat(filepath.Join(r.Dir, name))
			if err != nil {
				return err
			}
			if info.Size() != listedSize {
				return fmt.Errorf("%s has %d bytes, want %d", name, info.Size(), listedSize)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	}
	return Row{Setting: s, Data: data, Steps: []Step{{
		Name: "stat", Work: "stat of 10,000 names, one by one, of an unlisted directory", Do: do,
		Raws:   []Raw{{one, 1, rawList(listedObjects), nil}},
		Limits: []Limit{requests(10)},
	}}}
}

func listHead(data Data) Row {
	raw := func(ctx context.Context, r *Run) error {
		rows, err := r.Raw.page(ctx, r.Container, "", "")
		return errors.Join(err, wantCount("rows", len(rows), pageSize))
	}
	do := func(ctx context.Context, r *Run) (err error) {
		r.Out, err = program(ctx, "sh", "-c", `ls -f "$1" | head`, "sh", r.Dir)
		return err
	}
	return Row{Setting: huge, Data: data, Steps: []Step{{
		Name: "ls-f-head", Work: "ls -f | head of 1,000,000 objects", Do: do,
		Verify: func(_ context.Context, r *Run) error { return wantCount("lines", strings.Count(r.Out, "\n"), 10) },
		Raws:   []Raw{{one, 1, raw, nil}},
		Limits: []Limit{requests(1), {Figure: Down, Most: 1.01, Times: []string{one}}, times(1.5, one)},
	}}}
}

func findMillion(name, work string, data Data, lines int) Row {
	verify := func(_ context.Context, r *Run) error { return wantCount("lines", strings.Count(r.Out, "\n"), lines+1) }
	return Row{Setting: huge, Data: data, Rounds: 2, Steps: []Step{{
		Name: name, Work: work, Do: prints("find"), Verify: verify,
		Raws:   []Raw{{one, 1, rawList(million), nil}},
		Limits: []Limit{requests(110)},
	}, {
		Name: name + "-warm", Work: "the same again", Do: prints("find"), Verify: verify,
		Limits: []Limit{requests(0), down(0)},
	}}}
}
