package fs

import (
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

func TestSpaceIsWhatTheTightestQuotaLeaves(t *testing.T) {
	for _, c := range []struct {
		what            string
		account, inside usage
		limit, left     int64
		quota           bool
	}{
		{"no quota", usage{bytes: 9}, usage{bytes: 5}, statfsBytes, statfsBytes - 5, false},
		{"more than is shown", usage{}, usage{bytes: statfsBytes}, 2 * statfsBytes, statfsBytes, false},
		{"account", usage{bytes: 90, quotaBytes: 100}, usage{bytes: 5}, 100, 10, true},
		{"container", usage{bytes: 20, quotaBytes: 100}, usage{bytes: 5, quotaBytes: 50}, 50, 45, true},
		{"smaller, but less used", usage{bytes: 90, quotaBytes: 100}, usage{bytes: 5, quotaBytes: 50}, 100, 10, true},
		{"used up and more", usage{bytes: 120, quotaBytes: 100}, usage{}, 100, 0, true},
	} {
		s := spaceOf(map[string]usage{"": c.account, "c": c.inside}, "c").bytes
		if s.limit != c.limit || s.left() != c.left || s.quota != c.quota {
			t.Errorf("%s: %d of %d left (quota %v), want %d of %d (%v)", c.what, s.left(), s.limit, s.quota, c.left, c.limit, c.quota)
		}
	}
}

func TestAQuotaTellsHowMuchMayBeWritten(t *testing.T) {
	f, srv := newTestFS(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", pattern(1000, 1))
	if left, known := f.quotaLeft(t.Context(), "c"); known {
		t.Errorf("without a quota %d bytes are left", left)
	}
	set := func(header, value string) {
		t.Helper()
		if err := f.client.PostContainer(t.Context(), "c", map[string]string{header: value}); err != nil {
			t.Fatal(err)
		}
		f.usage.changed("c")
	}
	set("X-Container-Meta-Quota-Bytes", "5000")
	srv.Reset()
	for range 3 {
		if left, known := f.quotaLeft(t.Context(), "c"); !known || left != 4000 {
			t.Errorf("with a quota of 5000 bytes, %d are left (%v)", left, known)
		}
	}
	if n := srv.Total(); n != 1 {
		t.Errorf("%d requests after the quota was changed, want 1", n)
	}
	set("X-Container-Meta-Quota-Count", "1")
	if left, known := f.quotaLeft(t.Context(), "c"); !known || left != 0 {
		t.Errorf("with a quota of 1 object that is used up, %d bytes are left (%v)", left, known)
	}
}

func TestAnAnswerFromBeforeAChangeCountsNoMore(t *testing.T) {
	var m usageMemory
	began := time.Now()
	m.noteContainer("c", swiftbackend.ContainerInfo{QuotaBytes: 1}, began)
	m.changed("c")
	m.noteContainer("c", swiftbackend.ContainerInfo{QuotaBytes: 2}, began)
	if info, ok := m.container("c", time.Hour); ok {
		t.Errorf("the quota is still %d", info.QuotaBytes)
	}
	m.noteContainer("c", swiftbackend.ContainerInfo{QuotaBytes: 3}, time.Now())
	if info, ok := m.container("c", time.Hour); !ok || info.QuotaBytes != 3 {
		t.Errorf("the quota is %d (%v), want the new one", info.QuotaBytes, ok)
	}
}
