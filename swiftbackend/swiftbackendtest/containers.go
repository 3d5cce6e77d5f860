package swiftbackendtest

import (
	"errors"
	iofs "io/fs"
	"net/http"
	"reflect"
	"strings"

	"swiftfs/swiftbackend"
)

var containerTests = []test{
	{"a container that exists is not created again", containerIsCreatedOnce},
	{"a container is deleted only when it is empty", containerIsDeletedOnlyEmpty},
	{"a missing container is an error of fs.ErrNotExist", containerIsMissing},
	{"container names that the server takes", containerNames},
	{"container names that no server takes are refused unsent", badContainerNames},
	{"a container's counts are right at once", containerCounts},
	{"a listing tells of the container what a HEAD does", containerHeaders},
	{"a full quota refuses the object", containerQuota},
}

var accountTests = []test{
	{"the account's listing has the container", accountListsContainer},
	{"the account's listing comes in pages", accountPages},
	{"the account's totals are told", accountTotals},
}

func containerHeaders(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{})
	err := f.c.PostContainer(f.Context(), f.box, map[string]string{
		"X-Container-Meta-Colour": "green", "X-Container-Meta-Quota-Bytes": "100000", "X-Container-Meta-Quota-Count": "1000",
		"X-Container-Read": ".r:*", "X-Versions-Location": f.box + swiftbackend.SegmentsSuffix,
	})
	if err != nil {
		f.Fatal(err)
	}
	defer func() {
		if err := f.c.PostContainer(f.Context(), f.box, map[string]string{"X-Remove-Versions-Location": "x"}); err != nil {
			f.Error(err)
		}
	}()
	head, err := f.c.Container(f.Context(), f.box)
	if err != nil {
		f.Fatal(err)
	}
	var listed swiftbackend.ContainerInfo
	o := swiftbackend.ListOptions{Header: func(h http.Header) { listed = swiftbackend.ContainerOf(h) }}
	if _, err := f.c.ListObjects(f.Context(), f.box, o, func(swiftbackend.ObjectRow) error { return nil }); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"X-Container-Meta-Colour", "X-Container-Read", "X-Versions-Location"} {
		if got, want := listed.Header.Get(name), head.Header.Get(name); got != want || name == "X-Container-Meta-Colour" && got != "green" {
			f.Errorf("%s: listing: %q, HEAD: %q", name, got, want)
		}
	}
	listed.Header, head.Header = nil, nil
	listed.Modified = head.Modified // which a listing of RGW does not tell
	if !reflect.DeepEqual(listed, head) {
		f.Errorf("listing: %+v, HEAD: %+v", listed, head)
	}
}

func containerIsCreatedOnce(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{})
	created, err := f.c.CreateContainer(f.Context(), f.box, nil)
	if err != nil || created {
		f.Errorf("created %v, %v, want that it exists already", created, err)
	}
	f.wantContent("object", "data")
}

func containerIsDeletedOnlyEmpty(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{})
	f.wantKind(f.c.DeleteContainer(f.Context(), f.box), swiftbackend.KindNotEmpty)
	f.wantContent("object", "data")
	if err := f.c.Delete(f.Context(), f.box, "object"); err != nil {
		f.Fatal(err)
	}
	if err := f.c.DeleteContainer(f.Context(), f.box); err != nil {
		f.Error(err)
	}
	_, err := f.c.Container(f.Context(), f.box)
	f.wantKind(err, swiftbackend.KindNotExist)
	f.wantKind(f.c.DeleteContainer(f.Context(), f.box), swiftbackend.KindNotExist)
}

func containerIsMissing(f *fixture) {
	missing := f.box + "-missing"
	_, headErr := f.c.Container(f.Context(), missing)
	_, listErr := f.c.ListObjects(f.Context(), missing, swiftbackend.ListOptions{}, func(swiftbackend.ObjectRow) error { return nil })
	_, putErr := f.c.Put(f.Context(), missing, "object", content("data"), swiftbackend.PutOptions{})
	for what, err := range map[string]error{
		"HEAD": headErr, "list": listErr, "PUT object": putErr, "POST": f.c.PostContainer(f.Context(), missing, nil),
		"DELETE": f.c.DeleteContainer(f.Context(), missing),
	} {
		if !errors.Is(err, iofs.ErrNotExist) {
			f.Errorf("%s: got %v, want an fs.ErrNotExist", what, err)
		}
		var e *swiftbackend.Error
		if !errors.As(err, &e) || e.Status != 404 || !strings.HasPrefix(e.Path, missing) {
			f.Errorf("%s: got %#v, want the path and status 404", what, err)
		}
	}
}

func containerNames(f *fixture) {
	most := f.can.Containers.MaxName
	try := func(suffix string, ok bool) {
		f.Helper()
		name := suffix
		if len(suffix) > 2 {
			name = f.box + suffix
			name = name[:min(len(name), max(most, len(suffix)))]
		}
		created, err := f.c.CreateContainer(f.Context(), name, nil)
		if !ok {
			f.wantKind(err, swiftbackend.KindInvalid)
			return
		}
		if err != nil || !created {
			f.Errorf("container %q: created %v, %v", name, created, err)
			return
		}
		if _, err := f.c.Container(f.Context(), name); err != nil {
			f.Error(err)
		}
		if err := f.c.DeleteContainer(f.Context(), name); err != nil {
			f.Error(err)
		}
	}
	for _, suffix := range []string{"A_B", " a b ", "-grüße-🚀", "line\nbreak", "%41", "?a=b#c&d+e;f", `'"<>\`, strings.Repeat("x", most)} {
		try(suffix, true)
	}
	try(strings.Repeat("x", most+1), false)
	for _, short := range []string{"q", ".q", "-q", ".."} {
		try(short, f.can.Containers.AnyName)
	}
}

func badContainerNames(f *fixture) {
	for _, name := range []string{"", "a/b", "/", strings.Repeat("x", f.can.Containers.MaxName+1)} {
		f.wantKind(f.c.CheckContainerName(name), swiftbackend.KindInvalid)
		_, err := f.c.CreateContainer(f.Context(), name, nil)
		f.wantKind(err, swiftbackend.KindInvalid)
		f.wantKind(f.c.DeleteContainer(f.Context(), name), swiftbackend.KindInvalid)
	}
}

func (f *fixture) wantCounts(objects, bytes int64) {
	f.Helper()
	info, err := f.c.Container(f.Context(), f.box)
	if err != nil {
		f.Fatal(err)
	}
	if info.Objects != objects || info.Bytes != bytes {
		f.Errorf("container has %d objects, %d bytes, want %d, %d", info.Objects, info.Bytes, objects, bytes)
	}
}

func containerCounts(f *fixture) {
	f.wantCounts(0, 0)
	f.put("a", "12345", swiftbackend.PutOptions{})
	f.put("b", "123", swiftbackend.PutOptions{})
	f.wantCounts(2, 8)
	f.put("a", "1", swiftbackend.PutOptions{})
	f.wantCounts(2, 4)
	if err := f.c.Delete(f.Context(), f.box, "b"); err != nil {
		f.Fatal(err)
	}
	f.wantCounts(1, 1)
}

func containerQuota(f *fixture) {
	if err := f.c.PostContainer(f.Context(), f.box, map[string]string{"X-Container-Meta-Quota-Bytes": "10"}); err != nil {
		f.Fatal(err)
	}
	info, err := f.c.Container(f.Context(), f.box)
	if err != nil {
		f.Fatal(err)
	}
	want := int64(0)
	if f.can.Containers.ShowsQuota {
		want = 10
	}
	if info.QuotaBytes != want {
		f.Errorf("quota: got %d, want %d", info.QuotaBytes, want)
	}
	_, err = f.c.Put(f.Context(), f.box, "object", content("more than ten bytes"), swiftbackend.PutOptions{})
	f.wantKind(err, swiftbackend.KindQuota)
	f.wantGone(f.box, "object")
}

func accountListsContainer(f *fixture) {
	var found []swiftbackend.ContainerRow
	_, err := f.c.ListContainers(f.Context(), swiftbackend.ListOptions{Prefix: f.box}, func(r swiftbackend.ContainerRow) error {
		found = append(found, r)
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	if len(found) != 1 || found[0].Name != f.box {
		f.Fatalf("got %v, want the one container %q", found, f.box)
	}
	if has := !found[0].Modified.IsZero(); has != f.can.Containers.Dates {
		f.Errorf("the row has the date %v; a date is expected: %v", found[0].Modified, f.can.Containers.Dates)
	}
}

func accountPages(f *fixture) {
	want := []string{f.box}
	for _, suffix := range []string{"-1", "-2", "-3", "-4"} {
		name := f.box + suffix
		if _, err := f.c.CreateContainer(f.Context(), name, nil); err != nil {
			f.Fatal(err)
		}
		want = append(want, name)
	}
	defer func() {
		for _, name := range want[1:] {
			if err := f.c.DeleteContainer(f.Context(), name); err != nil {
				f.Error(err)
			}
		}
	}()
	// Behind the first of them come the others, then those of other tests.
	got := want[:1:1]
	o := swiftbackend.ListOptions{Marker: f.box, Limit: 2}
	for page := range 2 {
		end, err := f.c.ListContainers(f.Context(), o, func(r swiftbackend.ContainerRow) error {
			got = append(got, r.Name)
			o.Marker = r.Name
			return nil
		})
		if err != nil || end {
			f.Fatalf("page %d: end %v, %v", page, end, err)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.Errorf("got %q, want %q", got, want)
	}
	o.Limit = 0
	for end := false; !end; {
		var err error
		last := o.Marker
		end, err = f.c.ListContainers(f.Context(), o, func(r swiftbackend.ContainerRow) error {
			if r.Name <= last {
				f.Errorf("%q is listed after %q", r.Name, last)
			}
			last, o.Marker = r.Name, r.Name
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
	}
}

func accountTotals(f *fixture) {
	info, err := f.c.Account(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	// The totals lag on OpenStack Swift, so that only their presence is sure.
	for _, key := range []string{"X-Account-Container-Count", "X-Account-Object-Count", "X-Account-Bytes-Used"} {
		if info.Header.Get(key) == "" {
			f.Errorf("no %s among %v", key, info.Header)
		}
	}
}
