package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

func writeRows() []Row {
	limits := map[string][]Limit{
		near.Name:   {requests(1 + 64 + 2), up(1024.1), times(1.2, one), cpu(2.6)},
		narrow.Name: {up(1024.1), times(1.0/3, one)},
	}
	var rows []Row
	for _, s := range []Setting{near, narrow} {
		row := Row{Setting: s, Data: Data{Name: "write", Big: true}, Fresh: true, Large: true, Steps: []Step{{
			Name: "seq-write", Work: "write 1 GiB and close", Do: copyIn, Stored: bigStored, Verify: bigVerified,
			Raws:   []Raw{{one, 1, putBig, bigVerified}, {"raw-8", 8, putSegments, bigVerified}},
			Limits: limits[s.Name],
		}}}
		if s.Link.Rate > 0 {
			row.Rounds = 2
		} else {
			row.Steps[0].Floor = &Floor{Rule: Relayed}
		}
		rows = append(rows, row)
	}
	return rows
}

// copyIn is how users write large files.
func copyIn(ctx context.Context, r *Run) error {
	from, err := r.Local.BigFile()
	if err != nil {
		return err
	}
	_, err = program(ctx, "cp", from, r.bigPath())
	return err
}

// bigStored asks the server for the size only.
func bigStored(ctx context.Context, r *Run) error {
	resp, err := r.Server.account.send(ctx, http.MethodHead, r.bigObject(), "", nil)
	if err != nil {
		return err
	}
	if got, want := resp.ContentLength, int64(len(r.Local.Big())); got != want {
		err = fmt.Errorf("%d bytes on the server, want %d", got, want)
	}
	_ = resp.Body.Close()
	return err
}

func bigVerified(ctx context.Context, r *Run) error {
	return r.Server.account.compareWhole(ctx, r.bigObject(), r.Local.Big())
}

func putBig(ctx context.Context, r *Run) error {
	return r.Raw.do(ctx, http.MethodPut, r.bigObject(), "", r.Local.Big())
}

// putSegments stores the large object in one segment for each connection, and a
// manifest.
func putSegments(ctx context.Context, r *Run) error {
	return putLarge(ctx, r.Raw, r.Container, r.Local.Big(), r.Raw.conns)
}

// putLarge stores a static large object.
func putLarge(ctx context.Context, a *account, container string, data []byte, segments int) error {
	to := container + "_segments"
	if err := a.do(ctx, http.MethodPut, to, "", nil); err != nil {
		return err
	}
	part := len(data) / segments
	err := a.each(ctx, segments, func(ctx context.Context, i int) error {
		return a.do(ctx, http.MethodPut, fmt.Sprintf("%s/big/%04d", to, i), "", data[i*part:(i+1)*part])
	})
	if err != nil {
		return err
	}
	manifest := make([]map[string]string, segments)
	for i := range manifest {
		manifest[i] = map[string]string{"path": fmt.Sprintf("/%s/big/%04d", to, i)}
	}
	body, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	return a.do(ctx, http.MethodPut, container+"/big", "multipart-manifest=put", body)
}
