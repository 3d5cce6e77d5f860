package bench

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// treeRows are about many small files.
func treeRows() []Row {
	var rows []Row
	for _, s := range []Setting{near, far} {
		rows = append(rows, untar(s, 1), untar(s, 8), copyOut(s), removeAll(s))
	}
	return rows
}

const (
	smallFiles = 1000
	smallDirs  = 20
)

// smallTree is what the rows of small files read and write.
func smallTree() []file { return makeTree("tree", smallFiles, smallDirs, 4*kib) }

func (r *Run) treePath() string { return filepath.Join(r.Dir, "tree") }

// untar unpacks a tree from so many archives at once.
func untar(s Setting, archives int) Row {
	tree := smallTree()
	n := len(tree)
	verify := func(ctx context.Context, r *Run) error { return checkTree(ctx, r.Server.account, r.Container, tree) }
	put := func(ctx context.Context, r *Run) error { return putTree(ctx, r.Raw, r.Container, tree) }
	step := Step{
		Name: "untar",
		Work: fmt.Sprintf("tar x of %d × 4 KiB in %d directories, dates kept", n, smallDirs),
		Do: func(ctx context.Context, r *Run) error {
			paths, err := r.Local.Archives(tree, archives)
			if err != nil {
				return err
			}
			return together(ctx, archives, func(ctx context.Context, i int) error {
				_, err := program(ctx, "tar", "-xf", paths[i], "-C", r.Dir)
				return err
			})
		},
		Stored: verify,
		Verify: func(ctx context.Context, r *Run) error {
			return errors.Join(verify(ctx, r), checkDates(r.Dir, tree))
		},
		Raws: []Raw{{one, 1, put, verify}, {"raw-16", 16, put, verify}},
		// A marker for each of 21 directories, and the date of each.
		Limits: []Limit{requests(float64(n) + 45), times(1.15, one)},
	}
	if s.Link.Latency == 0 {
		step.Floor = &Floor{Rule: Relayed}
	}
	if archives > 1 {
		step.Name = fmt.Sprintf("untar-%d", archives)
		step.Work = fmt.Sprintf("%d tars at once, of the same files", archives)
		factor := 1.0 / 2
		if s.Link.Latency > 0 {
			factor = 1.0 / 5
		}
		step.Raws = step.Raws[1:]
		// Each archive has the directories of its files, which may be in two.
		step.Limits = []Limit{requests(float64(n) + 45 + 16), times(factor, "untar@"+s.Name+"/swiftfs")}
	}
	return Row{Setting: s, Data: Data{Name: "untar"}, Fresh: true, Steps: []Step{step}}
}

// checkDates compares the dates of files as the mount shows them.
func checkDates(dir string, tree []file) error {
	for _, f := range tree {
		info, err := os.Stat(filepath.Join(dir, f.name))
		if err != nil {
			return err
		}
		if !info.ModTime().Equal(treeTime) {
			return fmt.Errorf("%s has the date %v, want %v", f.name, info.ModTime().UTC(), treeTime)
		}
	}
	return nil
}

// checkContents compares the bytes of files as a mount, or a copy of it, has them.
func checkContents(dir string, tree []file) error {
	for _, f := range tree {
		if err := compareFile(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

func treeData(use string) Data {
	tree := smallTree()
	return Data{Name: fmt.Sprintf("%s-%d", use, len(tree)), InMemory: memoryTree, Fill: func(ctx context.Context, s *server, container string) error {
		return putTree(ctx, s.account, container, tree)
	}}
}

func copyOut(s Setting) Row {
	tree := smallTree()
	n := len(tree)
	get := func(ctx context.Context, r *Run) error {
		return r.Raw.each(ctx, n, func(ctx context.Context, i int) error {
			return r.Raw.compareWhole(ctx, r.Container+"/"+tree[i].name, tree[i].data)
		})
	}
	factor := 0.75
	if s.Link.Latency > 0 {
		factor = 0.2
	}
	copied := func(_ context.Context, r *Run) error { return checkContents(filepath.Join(r.Scratch, "out"), tree) }
	step := Step{
		Name: "cp-r-out", Work: fmt.Sprintf("cp -r of %d × 4 KiB out", n),
		Do: func(ctx context.Context, r *Run) error {
			out := filepath.Join(r.Scratch, "out")
			if err := os.Mkdir(out, 0o700); err != nil {
				return err
			}
			_, err := program(ctx, "cp", "-r", r.treePath(), out)
			return err
		},
		Verify: copied,
		Raws:   []Raw{{one, 1, get, nil}, {"raw-16", 16, get, nil}},
		Limits: []Limit{requests(float64(n) + 5), times(factor, one)},
	}
	if s.Link.Latency == 0 {
		step.Floor = &Floor{Rule: ByProcessors, Verify: copied}
	}
	return Row{Setting: s, Data: treeData("copy"), Steps: []Step{step}}
}

func removeAll(s Setting) Row {
	tree := smallTree()
	n := len(tree)
	gone := func(ctx context.Context, r *Run) error {
		rows, err := r.Server.account.list(ctx, r.Container, "")
		if err == nil && len(rows) > 0 {
			err = fmt.Errorf("%d objects are left, the first is %s", len(rows), rows[0].Name)
		}
		return err
	}
	remove := func(ctx context.Context, r *Run) error {
		return r.Raw.each(ctx, n, func(ctx context.Context, i int) error {
			return r.Raw.do(ctx, http.MethodDelete, r.Container+"/"+tree[i].name, "", nil)
		})
	}
	step := Step{
		Name: "rm-rf", Work: "rm -rf of them",
		Do: func(ctx context.Context, r *Run) error {
			_, err := program(ctx, "rm", "-rf", r.treePath())
			return err
		},
		Stored: gone,
		Verify: func(ctx context.Context, r *Run) error {
			if _, err := os.Lstat(r.treePath()); !errors.Is(err, iofs.ErrNotExist) {
				return fmt.Errorf("the directory is still there: %w", err)
			}
			return gone(ctx, r)
		},
		Raws:   []Raw{{one, 1, remove, gone}, {"raw-16", 16, remove, gone}},
		Limits: []Limit{requests(float64(n) + 25), times(1.1, one)},
	}
	if s.Link.Latency == 0 {
		step.Floor = &Floor{Rule: Relayed}
	}
	return Row{Setting: s, Data: treeData("remove"), Fresh: true, Steps: []Step{step}}
}
