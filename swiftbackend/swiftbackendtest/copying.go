package swiftbackendtest

import (
	"swiftfs/swiftbackend"
)

var copyTests = []test{
	{"a copy has the bytes, the type and the metadata", copyKeepsAll},
	{"a copy goes to another container", copyAcrossContainers},
	{"a copy onto itself changes type and metadata", copyOntoItself},
	{"a fresh copy leaves the metadata behind", freshCopy},
	{"a copy to a missing container is refused", copyToMissingContainer},
	{"an exclusive copy is refused unsent", exclusiveCopy},
}

func (f *fixture) copied(from, toContainer, to string, o swiftbackend.CopyOptions) {
	f.Helper()
	if _, err := f.c.Copy(f.Context(), f.box, from, toContainer, to, o); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) putSource() {
	f.Helper()
	f.put("a source", "data", swiftbackend.PutOptions{ContentType: typeWithParameters, Meta: map[string]string{"Mode": "0640"}})
}

func copyKeepsAll(f *fixture) {
	f.putSource()
	f.put("the/copy", "what is overwritten", swiftbackend.PutOptions{})
	f.copied("a source", f.box, "the/copy", swiftbackend.CopyOptions{})
	if got := f.wantContent("the/copy", "data"); got.ContentType != typeWithParameters || got.ETag != md5Of("data") {
		f.Errorf("the copy has type %q, ETag %q", got.ContentType, got.ETag)
	}
	f.wantMeta("the/copy", map[string]string{"Mode": "0640"})
	f.wantContent("a source", "data")
	if r := f.row("the/copy"); r.Bytes != 4 || r.Hash != md5Of("data") || r.ContentType != f.listedType(typeWithParameters) {
		f.Errorf("listed as %+v", r)
	}
}

func copyAcrossContainers(f *fixture) {
	f.putSource()
	other := f.newContainer()
	f.copied("a source", other, "copy", swiftbackend.CopyOptions{PutOptions: swiftbackend.PutOptions{Meta: map[string]string{"Uid": "7"}}})
	f.wantContentIn(other, "copy", "data")
	f.box = other
	f.wantMeta("copy", map[string]string{"Mode": "0640", "Uid": "7"})
}

func copyOntoItself(f *fixture) {
	f.putSource()
	f.copied("a source", f.box, "a source", swiftbackend.CopyOptions{PutOptions: swiftbackend.PutOptions{
		ContentType: "text/html", Meta: map[string]string{"Mode": "0600"},
	}})
	if got := f.wantContent("a source", "data"); got.ContentType != "text/html" {
		f.Errorf("type: got %q", got.ContentType)
	}
	f.wantMeta("a source", map[string]string{"Mode": "0600"})
}

func freshCopy(f *fixture) {
	f.putSource()
	f.copied("a source", f.box, "copy", swiftbackend.CopyOptions{Fresh: true, PutOptions: swiftbackend.PutOptions{Meta: map[string]string{"Uid": "7"}}})
	want := typeWithParameters
	if !f.can.Objects.FreshCopyKeepsType {
		want = f.can.Objects.DefaultType
	}
	if got := f.wantContent("copy", "data").ContentType; got != want {
		f.Errorf("type: got %q, want %q", got, want)
	}
	f.wantMeta("copy", map[string]string{"Uid": "7"})
}

func copyToMissingContainer(f *fixture) {
	f.putSource()
	_, err := f.c.Copy(f.Context(), f.box, "a source", f.box+"-missing", "copy", swiftbackend.CopyOptions{})
	f.wantKind(err, swiftbackend.KindNotExist)
}

func exclusiveCopy(f *fixture) {
	f.putSource()
	_, err := f.c.Copy(f.Context(), f.box, "a source", f.box, "copy", swiftbackend.CopyOptions{PutOptions: swiftbackend.PutOptions{IfNoneMatch: true}})
	f.wantKind(err, swiftbackend.KindUnsupported)
	f.wantGone(f.box, "copy")
}
