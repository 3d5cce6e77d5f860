package swiftbackend_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// BenchmarkListing decodes a page as OpenStack Swift sends it. The server does
// nothing but send it.
func BenchmarkListing(b *testing.B) {
	srv, err := fakeswift.Start(fakeswift.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	cfg := swiftbackend.DefaultConfig()
	cfg.Auth = swiftbackend.Auth{URL: srv.AuthURL(), User: fakeswift.DefaultUser, Key: fakeswift.DefaultKey, Version: 1}
	client, err := swiftbackend.Dial(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)

	const rows = 10_000
	var page strings.Builder
	for i := range rows {
		separator := ", "
		if i == 0 {
			separator = "["
		}
		fmt.Fprintf(&page, `%s{"bytes": 4096, "hash": "620f0b67a91f7f74151bc5be745b7110", "name": "dir-%04d/file-%07d", `+
			`"content_type": "application/octet-stream", "last_modified": "2026-11-23T02:20:53.%06d"}`, separator, i/20, i, i)
	}
	page.WriteString("]")
	srv.Inject(fakeswift.Fault{
		Kind: fakeswift.Kind{Method: http.MethodGet, Level: fakeswift.Container},
		Do: func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = io.WriteString(w, page.String())
		},
	})
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		_, err := client.ListObjects(b.Context(), "c", swiftbackend.ListOptions{}, func(swiftbackend.ObjectRow) error {
			n++
			return nil
		})
		if err != nil || n != rows {
			b.Fatalf("%d rows, %v", n, err)
		}
	}
}
