package swiftbackendtest

import (
	"errors"
	iofs "io/fs"
	"strings"

	"swiftfs/swiftbackend"
)

var objectTests = []test{
	{"an object comes back as it was put", objectComesBack},
	{"an empty object comes back empty", emptyObject},
	{"an object of many reads comes back", bigObject},
	{"a range is exactly the bytes asked for", objectRanges},
	{"a range past the end is refused", rangePastEnd},
	{"a pinned version is read or nothing", pinnedVersion},
	{"a wrong checksum is refused and the old object stays", wrongChecksum},
	{"a missing object is an error of fs.ErrNotExist", objectIsMissing},
	{"a deleted object is gone", deletedObject},
	{"an exclusive PUT of what exists", exclusivePut},
	{"an object larger than the server takes is refused unsent", tooLarge},
	{"a user who may only read changes nothing", readOnlyUser},
}

func objectComesBack(f *fixture) {
	const data = "the content of the object"
	put := f.put("object", data, swiftbackend.PutOptions{ContentType: "text/plain"})
	if put.ETag != md5Of(data) || put.Size != int64(len(data)) || put.Modified.IsZero() {
		f.Errorf("PUT tells ETag %q, size %d, date %v", put.ETag, put.Size, put.Modified)
	}
	head := f.head("object")
	got := f.wantContent("object", data)
	for what, info := range map[string]swiftbackend.ObjectInfo{"HEAD": head, "GET": got} {
		if info.ETag != md5Of(data) || info.Size != int64(len(data)) || info.ContentType != "text/plain" || info.Large() {
			f.Errorf("%s tells %+v", what, info)
		}
	}
	if !head.Modified.Equal(got.Modified) || head.Modified.IsZero() {
		f.Errorf("HEAD has the date %v, GET %v", head.Modified, got.Modified)
	}
}

func emptyObject(f *fixture) {
	f.put("object", "", swiftbackend.PutOptions{})
	if info := f.wantContent("object", ""); info.Size != 0 || info.ETag != md5Of("") {
		f.Errorf("GET tells %+v", info)
	}
	if r := f.row("object"); r.Bytes != 0 || r.Hash != md5Of("") {
		f.Errorf("listed as %+v", r)
	}
	_, _, err := f.read(f.box, "object", swiftbackend.GetOptions{Length: 10})
	f.wantKind(err, swiftbackend.KindRange)
}

// bigObject is above the size from which a body waits for 100 Continue.
func bigObject(f *fixture) {
	data := strings.Repeat("0123456789abcdef", 6<<20/16)
	f.put("object", data, swiftbackend.PutOptions{})
	f.wantContent("object", data)
}

func objectRanges(f *fixture) {
	const data = "0123456789"
	f.put("object", data, swiftbackend.PutOptions{})
	for _, r := range []struct {
		offset, length int64
		want           string
	}{
		{0, 1, "0"}, {0, 10, data}, {0, 100, data}, {0, -1, data}, {3, 4, "3456"}, {9, 1, "9"}, {9, 100, "9"}, {4, -1, "456789"},
	} {
		got, info, err := f.read(f.box, "object", swiftbackend.GetOptions{Offset: r.offset, Length: r.length})
		if err != nil || got != r.want {
			f.Errorf("%d bytes from %d: got %q, %v, want %q", r.length, r.offset, got, err, r.want)
		}
		if info.Size != int64(len(data)) || info.ETag != md5Of(data) {
			f.Errorf("%d bytes from %d: GET tells size %d, ETag %q of the object", r.length, r.offset, info.Size, info.ETag)
		}
	}
}

func rangePastEnd(f *fixture) {
	f.put("object", "0123456789", swiftbackend.PutOptions{})
	for _, o := range []swiftbackend.GetOptions{{Offset: 10, Length: 1}, {Offset: 100, Length: -1}} {
		_, _, err := f.read(f.box, "object", o)
		f.wantKind(err, swiftbackend.KindRange)
	}
}

func pinnedVersion(f *fixture) {
	old := f.put("object", "the old bytes", swiftbackend.PutOptions{})
	pinned := swiftbackend.GetOptions{Offset: 4, Length: 3, IfMatch: old.ETag}
	if got, _, err := f.read(f.box, "object", pinned); err != nil || got != "old" {
		f.Errorf("got %q, %v, want the pinned version", got, err)
	}
	f.put("object", "the new bytes", swiftbackend.PutOptions{})
	_, _, err := f.read(f.box, "object", pinned)
	f.wantKind(err, swiftbackend.KindChanged)
	if err := f.c.Delete(f.Context(), f.box, "object"); err != nil {
		f.Fatal(err)
	}
	_, _, err = f.read(f.box, "object", pinned)
	f.wantKind(err, swiftbackend.KindNotExist)
}

func wrongChecksum(f *fixture) {
	f.put("object", "the old bytes", swiftbackend.PutOptions{})
	wrong := content("the new bytes")
	wrong.MD5 = md5Of("other bytes")
	_, err := f.c.Put(f.Context(), f.box, "object", wrong, swiftbackend.PutOptions{})
	f.wantKind(err, swiftbackend.KindChecksum)
	f.wantContent("object", "the old bytes")
	_, err = f.c.Put(f.Context(), f.box, "fresh", wrong, swiftbackend.PutOptions{})
	f.wantKind(err, swiftbackend.KindChecksum)
	f.wantGone(f.box, "fresh")
}

func objectIsMissing(f *fixture) {
	_, headErr := f.c.Head(f.Context(), f.box, "missing")
	_, _, getErr := f.read(f.box, "missing", whole)
	_, copyErr := f.c.Copy(f.Context(), f.box, "missing", f.box, "copy", swiftbackend.CopyOptions{})
	for what, err := range map[string]error{
		"HEAD": headErr, "GET": getErr, "COPY": copyErr,
		"POST": f.c.Post(f.Context(), f.box, "missing", swiftbackend.PutOptions{}), "DELETE": f.c.Delete(f.Context(), f.box, "missing"),
	} {
		var e *swiftbackend.Error
		if !errors.Is(err, iofs.ErrNotExist) || !errors.As(err, &e) || e.Path != f.box+"/missing" || e.Status != 404 {
			f.Errorf("%s: got %v, want an fs.ErrNotExist with path and status", what, err)
		}
	}
}

func deletedObject(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{})
	if err := f.c.Delete(f.Context(), f.box, "object"); err != nil {
		f.Fatal(err)
	}
	f.wantGone(f.box, "object")
	if rows, end := f.list(swiftbackend.ListOptions{}); len(rows) != 0 || !end {
		f.Errorf("listed: %v, end %v", rows, end)
	}
}

func exclusivePut(f *fixture) {
	exclusive := swiftbackend.PutOptions{IfNoneMatch: true}
	if _, err := f.c.Put(f.Context(), f.box, "object", content("old"), exclusive); err != nil {
		f.Fatal(err)
	}
	_, err := f.c.Put(f.Context(), f.box, "object", content("new"), exclusive)
	if f.can.Objects.IfNoneMatch {
		f.wantKind(err, swiftbackend.KindExist)
		if !errors.Is(err, iofs.ErrExist) {
			f.Errorf("got %v, want an fs.ErrExist", err)
		}
		f.wantContent("object", "old")
		return
	}
	if err != nil {
		f.Error(err)
	}
	f.wantContent("object", "new")
}

func tooLarge(f *fixture) {
	huge := swiftbackend.Content{Size: f.c.Info().MaxFileSize + 1}
	_, err := f.c.Put(f.Context(), f.box, "object", huge, swiftbackend.PutOptions{})
	f.wantKind(err, swiftbackend.KindTooLarge)
}

func readOnlyUser(f *fixture) {
	if f.target.DialReader == nil {
		return // the server knows no such user
	}
	f.put("object", "data", swiftbackend.PutOptions{})
	if err := f.c.PostContainer(f.Context(), f.box, map[string]string{"X-Container-Read": f.target.ReaderACL}); err != nil {
		f.Fatal(err)
	}
	owner := f.c
	f.c = f.target.DialReader(f.T)
	defer func() { f.c = owner }()
	f.wantContent("object", "data")
	_, putErr := f.c.Put(f.Context(), f.box, "object", content("other"), swiftbackend.PutOptions{})
	_, createErr := f.c.CreateContainer(f.Context(), f.box+"-more", nil)
	for what, err := range map[string]error{
		"PUT": putErr, "PUT container": createErr,
		"DELETE": f.c.Delete(f.Context(), f.box, "object"), "POST": f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{}),
	} {
		if swiftbackend.KindOf(err) != swiftbackend.KindDenied || !errors.Is(err, iofs.ErrPermission) {
			f.Errorf("%s: got %v, want an fs.ErrPermission", what, err)
		}
	}
	f.wantContent("object", "data")
}

// expiredTokensAreRenewed works on while tokens end, requests with bodies
// included.
func expiredTokensAreRenewed(f *fixture) {
	if f.target.Expire == nil {
		f.Fatal("the target does not say how tokens end")
	}
	data := strings.Repeat("0123456789abcdef", 5<<20/16)
	f.put("before", "data", swiftbackend.PutOptions{})
	for _, step := range []func(){
		func() { f.put("small", "data", swiftbackend.PutOptions{}) },
		func() { f.put("big", data, swiftbackend.PutOptions{}) },
		func() { f.wantContent("before", "data") },
		func() { f.list(swiftbackend.ListOptions{}) },
	} {
		f.target.Expire(f.T)
		step()
	}
	f.wantContent("small", "data")
	f.wantContent("big", data)
}
