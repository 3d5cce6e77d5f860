package bench

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func renameRows() []Row {
	return []Row{renameDir(near), renameDir(far), renameLarge()}
}

const renamedFiles = 200

func renameDir(s Setting) Row {
	before := makeTree("old", renamedFiles, 1, 4*kib)
	after := make([]file, len(before))
	for i, f := range before {
		after[i] = f
		after[i].name = newName(f.name)
	}
	moved := func(ctx context.Context, r *Run) error {
		rows, err := r.Server.account.list(ctx, r.Container, "prefix=old/")
		if err == nil && len(rows) > 0 {
			err = fmt.Errorf("%d objects still have their old names", len(rows))
		}
		return errors.Join(err, checkTree(ctx, r.Server.account, r.Container, after))
	}
	move := func(ctx context.Context, r *Run) error {
		return r.Raw.each(ctx, len(before), func(ctx context.Context, i int) error {
			from, to := r.Container+"/"+before[i].name, r.Container+"/"+after[i].name
			if err := r.Raw.do(ctx, "COPY", from, "", nil, "Destination", to); err != nil {
				return err
			}
			return r.Raw.do(ctx, http.MethodDelete, from, "", nil)
		})
	}
	factor := 0.65
	if s.Link.Latency > 0 {
		factor = 0.2
	}
	data := Data{Name: "rename", Fill: func(ctx context.Context, s *server, container string) error {
		return putTree(ctx, s.account, container, before)
	}}
	return Row{Setting: s, Data: data, Fresh: true, Steps: []Step{{
		Name: "rename-dir", Work: fmt.Sprintf("rename of a directory of %d objects", len(before)),
		Do: func(_ context.Context, r *Run) error {
			return os.Rename(filepath.Join(r.Dir, "old"), filepath.Join(r.Dir, "new"))
		},
		Stored: moved,
		Verify: moved,
		Raws:   []Raw{{one, 1, move, moved}, {"raw-16", 16, move, moved}},
		Limits: []Limit{requests(405), up(0.1), times(factor, one)},
	}}}
}

func newName(name string) string { return "new" + strings.TrimPrefix(name, "old") }

// renameLarge renames a large object, as every client stores one that takes
// segments.
func renameLarge() Row {
	data := Data{Name: "large", Big: true, Fill: func(ctx context.Context, s *server, container string) error {
		return putLarge(ctx, s.account, container, s.local.Big(), 32)
	}}
	moved := func(ctx context.Context, r *Run) error {
		return r.Server.account.compareWhole(ctx, r.Container+"/new", r.Local.Big())
	}
	// As one that knows nothing of segments does it: the server copies the bytes.
	whole := func(ctx context.Context, r *Run) error {
		return errors.Join(
			r.Raw.do(ctx, "COPY", r.bigObject(), "", nil, "Destination", r.Container+"/new"),
			r.Raw.do(ctx, http.MethodDelete, r.bigObject(), "", nil))
	}
	manifest := func(ctx context.Context, r *Run) error {
		return errors.Join(
			r.Raw.do(ctx, "COPY", r.bigObject(), "multipart-manifest=get", nil, "Destination", r.Container+"/new"),
			r.Raw.do(ctx, http.MethodDelete, r.bigObject(), "", nil))
	}
	return Row{Setting: near, Data: data, Fresh: true, Large: true, Steps: []Step{{
		Name: "rename-1g", Work: "rename of a 1 GiB large object",
		Do: func(_ context.Context, r *Run) error { return os.Rename(r.bigPath(), filepath.Join(r.Dir, "new")) },
		Stored: func(ctx context.Context, r *Run) error {
			resp, err := r.Server.account.send(ctx, http.MethodHead, r.Container+"/new", "", nil)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		},
		Verify: func(ctx context.Context, r *Run) error {
			if _, err := os.Lstat(r.bigPath()); !errors.Is(err, iofs.ErrNotExist) {
				return fmt.Errorf("the old name is still there: %w", err)
			}
			return moved(ctx, r)
		},
		Raws:   []Raw{{one, 1, whole, moved}, {"raw-manifest", 1, manifest, moved}},
		Limits: []Limit{requests(5), up(0.1), seconds(0.5)},
	}}}
}
