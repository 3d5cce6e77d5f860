package swiftbackendtest

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"swiftfs/swiftbackend"
)

var metadataTests = []test{
	{"a content type keeps its parameters in HEAD and listing", contentTypeParameters},
	{"a content type is listed anew after POST", contentTypeAfterPost},
	{"an object without a content type gets the server's", defaultContentType},
	{"metadata comes back and POST replaces all of it", metadataIsReplaced},
	{"POST and the headers it does not name", postAndOtherHeaders},
	{"an update keeps what it does not change", updateKeepsTheRest},
	{"an update sets the date to go away, and takes it away", updateDeleteAt},
	{"an update of an object that is not there, or that its caller gives up", updateRefused},
	{"metadata beyond the limits is refused", metadataLimits},
	{"an object with a date to go away has gone after it", deleteAt},
}

const typeWithParameters = "text/plain; mtime=1700000000.123456789; mode=0640"

// listedType is how a content type is listed.
func (f *fixture) listedType(sent string) string {
	if f.can.Objects.CutsTypesAtCommas {
		sent = sent[strings.LastIndex(sent, ",")+1:]
	}
	if f.can.Objects.TrimsTypes {
		sent = strings.ReplaceAll(sent, "; ", ";")
	}
	return sent
}

func contentTypeParameters(f *fixture) {
	for _, sent := range []string{
		"text/plain", typeWithParameters, "text/html;charset=utf-8;mtime=1.5", `application/x-thing; name="a; b, c"; Upper=CASE`,
	} {
		f.put("object", "data", swiftbackend.PutOptions{ContentType: sent})
		if got := f.head("object").ContentType; got != sent {
			f.Errorf("HEAD: got %q, want %q", got, sent)
		}
		want, got := f.listedType(sent), f.row("object").ContentType
		if strings.Contains(sent, `"`) {
			// Blanks within quotes: some servers drop them, no caller uses them.
			want, got = strings.ReplaceAll(want, " ", ""), strings.ReplaceAll(got, " ", "")
		}
		if got != want {
			f.Errorf("listed: got %q, want %q", got, want)
		}
	}
}

func contentTypeAfterPost(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{ContentType: "text/plain"})
	if err := f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{ContentType: typeWithParameters}); err != nil {
		f.Fatal(err)
	}
	if got, want := f.row("object").ContentType, f.listedType(typeWithParameters); got != want {
		f.Errorf("listed: got %q, want %q", got, want)
	}
	if err := f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{}); err != nil {
		f.Fatal(err)
	}
	if got := f.head("object").ContentType; got != typeWithParameters {
		f.Errorf("after a POST without a type: got %q, want %q", got, typeWithParameters)
	}
	f.wantContent("object", "data")
}

func defaultContentType(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{})
	if got, want := f.head("object").ContentType, f.can.Objects.DefaultType; got != want {
		f.Errorf("HEAD: got %q, want %q", got, want)
	}
	if got, want := f.row("object").ContentType, f.can.Objects.DefaultListedType; got != want {
		f.Errorf("listed: got %q, want %q", got, want)
	}
}

func (f *fixture) wantMeta(name string, want map[string]string) {
	f.Helper()
	got := f.head(name).Meta
	maps.DeleteFunc(got, func(k, _ string) bool { return swiftbackend.IsOtherName(k) })
	for k, v := range want {
		if got[k] != v {
			f.Errorf("%s: metadata %s: got %q, want %q", name, k, got[k], v)
		}
	}
	if len(got) != len(want) {
		f.Errorf("%s: metadata %v, want %v", name, got, want)
	}
}

func metadataIsReplaced(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{Meta: map[string]string{"Mtime": "1700000000.123456789", "Mode": "0640"}})
	f.wantMeta("object", map[string]string{"Mtime": "1700000000.123456789", "Mode": "0640"})
	if err := f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{Meta: map[string]string{"Uid": "1000"}}); err != nil {
		f.Fatal(err)
	}
	f.wantMeta("object", map[string]string{"Uid": "1000"})
	f.put("object", "other", swiftbackend.PutOptions{})
	f.wantMeta("object", nil)
	f.wantContent("object", "other")
}

func postAndOtherHeaders(f *fixture) {
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	f.put("object", "data", swiftbackend.PutOptions{DeleteAt: at, Header: map[string]string{"Content-Encoding": "x-thing"}})
	before := f.head("object").Header
	if before.Get("X-Delete-At") == "" || before.Get("Content-Encoding") != "x-thing" {
		f.Fatalf("HEAD after PUT: %v", before)
	}
	if err := f.c.Post(f.Context(), f.box, "object", swiftbackend.PutOptions{Meta: map[string]string{"A": "b"}}); err != nil {
		f.Fatal(err)
	}
	after := f.head("object").Header
	for _, key := range []string{"X-Delete-At", "Content-Encoding"} {
		if dropped := after.Get(key) == ""; dropped != f.can.Objects.PostDropsHeaders {
			f.Errorf("after POST %s is %q; dropped is expected: %v", key, after.Get(key), f.can.Objects.PostDropsHeaders)
		}
	}
}

// addB is an update that adds one item of metadata and changes the type.
func addB(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
	o.Meta["B"] = "2"
	return swiftbackend.Change{ContentType: typeWithParameters, Meta: o.Meta}, nil
}

func updateKeepsTheRest(f *fixture) {
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	f.put("object", "data", swiftbackend.PutOptions{
		DeleteAt: at, Meta: map[string]string{"A": "1"},
		Header: map[string]string{"Content-Encoding": "x-thing", "Content-Disposition": "attachment; filename=x"},
	})
	before := f.head("object").Header
	info, err := f.c.Update(f.Context(), f.box, "object", addB)
	if err != nil {
		f.Fatal(err)
	}
	if age := time.Since(info.Modified); age > time.Minute || age < -time.Minute || info.ETag != md5Of("data") {
		f.Errorf("the update tells %+v", info)
	}
	f.wantMeta("object", map[string]string{"A": "1", "B": "2"})
	after := f.head("object")
	for _, key := range []string{"X-Delete-At", "Content-Encoding", "Content-Disposition", "Etag"} {
		if got, want := after.Header.Get(key), before.Get(key); got != want || want == "" {
			f.Errorf("%s: %q before, %q after", key, want, got)
		}
	}
	if after.ContentType != typeWithParameters {
		f.Errorf("content type %q", after.ContentType)
	}
	if _, err := f.c.Update(f.Context(), f.box, "object", func(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		return swiftbackend.Change{Meta: nil}, nil
	}); err != nil {
		f.Fatal(err)
	}
	f.wantMeta("object", nil)
	if got := f.head("object").ContentType; got != typeWithParameters {
		f.Errorf("an update without a type makes it %q", got)
	}
}

func updateDeleteAt(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{Meta: map[string]string{"A": "1"}})
	for _, at := range []time.Time{time.Now().Add(time.Hour), time.Now().Add(2 * time.Hour), {}} {
		if _, err := f.c.Update(f.Context(), f.box, "object", func(o swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
			return swiftbackend.Change{Meta: o.Meta, DeleteAt: &at}, nil
		}); err != nil {
			f.Fatal(err)
		}
		want := ""
		if !at.IsZero() {
			want = strconv.FormatInt(at.Unix(), 10)
		}
		if got := f.head("object").Header.Get("X-Delete-At"); got != want {
			f.Errorf("the object goes away at %q, want %q", got, want)
		}
		f.wantMeta("object", map[string]string{"A": "1"})
	}
}

func updateRefused(f *fixture) {
	_, err := f.c.Update(f.Context(), f.box, "missing", addB)
	f.wantKind(err, swiftbackend.KindNotExist)
	f.put("object", "data", swiftbackend.PutOptions{})
	given := errors.New("given up")
	_, err = f.c.Update(f.Context(), f.box, "object", func(swiftbackend.ObjectInfo) (swiftbackend.Change, error) {
		return swiftbackend.Change{}, given
	})
	if !errors.Is(err, given) {
		f.Errorf("got %v, want the caller's error", err)
	}
	f.wantMeta("object", nil)
}

func metadataLimits(f *fixture) {
	info := f.c.Info()
	name, value := strings.Repeat("N", info.MaxMetaName), strings.Repeat("v", info.MaxMetaValue)
	name = "N" + strings.ToLower(name[1:])
	f.put("object", "data", swiftbackend.PutOptions{Meta: map[string]string{name: "1", "Value": value}})
	f.wantMeta("object", map[string]string{name: "1", "Value": value})
	for _, meta := range []map[string]string{
		{name + "n": "1"}, {"Value": strings.Repeat("v", 60000)},
	} {
		_, err := f.c.Put(f.Context(), f.box, "refused", content("data"), swiftbackend.PutOptions{Meta: meta})
		f.wantKind(err, swiftbackend.KindInvalid)
	}
	f.wantGone(f.box, "refused")
}

func deleteAt(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{Header: map[string]string{"X-Delete-After": "1"}})
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for gone := false; !gone; {
		_, err := f.c.Head(f.Context(), f.box, "object")
		if gone = err != nil; gone {
			f.wantKind(err, swiftbackend.KindNotExist)
			continue
		}
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatal("the object is still there, 10 s after it was to go in 1 s")
		}
	}
	// It is listed until the server sweeps, and cannot be deleted; a PUT makes a
	// new object of it.
	f.put("object", "new", swiftbackend.PutOptions{})
	f.wantContent("object", "new")
}
