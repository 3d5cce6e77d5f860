//go:build rgw

package rig_test

import (
	"strings"
	"testing"

	"swiftfs/integration/rig"
)

func TestRGWStoresObjectsAndCountsRequests(t *testing.T) {
	s, err := rig.StartRGW(t.Context(), rig.RGWOptions{MaxSegments: 17})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	if can := info(t, s); !strings.Contains(can, `"max_manifest_segments":17`) {
		t.Errorf("/info does not have the limit of segments: %s", can)
	}
	a := login(t, s)
	if err := s.Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.want(t, "PUT", "/box", "", 201, "")
	a.want(t, "PUT", "/box/a%20b", "hello", 201, "")
	a.want(t, "GET", "/box/a%20b", "", 200, "hello")
	got, err := s.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[1] != (rig.Request{Method: "PUT", Path: "/swift/v1/box/a%20b", Status: 201, UserAgent: "Go-http-client/1.1"}) {
		t.Errorf("requests: %v", got)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, s.AuthURL)
}
