package fs

import (
	"maps"
	"testing"
	"time"

	"swiftfs/cache/listing"
)

func TestAttributesAreParametersOfTheContentType(t *testing.T) {
	all := attrs{
		set: hasMtime | hasMode | hasUID | hasGID, mtime: time.Unix(1700000000, 123456789), mode: 0o640, uid: 1000, gid: 4294967295,
	}
	for _, tt := range []struct {
		contentType string
		want        attrs
		rest        string
	}{
		{"", attrs{}, ""},
		{"text/plain", attrs{}, "text/plain"},
		{"text/plain; charset=utf-8", attrs{}, "text/plain; charset=utf-8"},
		{"text/plain; mtime=1700000000.123456789; mode=0640; uid=1000; gid=4294967295", all, "text/plain"},
		// As OpenStack Swift lists it.
		{"text/plain;mtime=1700000000.123456789;mode=0640;uid=1000;gid=4294967295", all, "text/plain"},
		{"text/plain;charset=utf-8;MODE=0640 ; b=c", attrs{set: hasMode, mode: 0o640}, "text/plain;charset=utf-8; b=c"},
		{`a/b; x="; mode=0600"; mode=0640`, attrs{set: hasMode, mode: 0o640}, `a/b; x="; mode=0600"`},
		{`a/b; x="\"; mode=0600"`, attrs{}, `a/b; x="\"; mode=0600"`},
		// As RGW lists a type with a comma in it.
		{`b"; mode=0640`, attrs{set: hasMode, mode: 0o640}, `b"`},
		{"a/b; mode=rw; uid=-1; mtime=yesterday; gid=4294967296", attrs{}, "a/b; mode=rw; uid=-1; mtime=yesterday; gid=4294967296"},
		{"a/b; mode=0640; mode=0600", attrs{set: hasMode, mode: 0o640}, "a/b"},
		{"a/b;", attrs{}, "a/b;"},
		{"a/b; mode=100640", attrs{set: hasMode, mode: 0o640}, "a/b"},
	} {
		got, rest := splitType(tt.contentType)
		if !got.equal(tt.want) || rest != tt.rest {
			t.Errorf("%q: got %+v and %q, want %+v and %q", tt.contentType, got, rest, tt.want, tt.rest)
		}
		if again, rest := splitType(joinType(rest, got)); !again.equal(got) || rest != tt.rest {
			t.Errorf("%q: written and read again %+v and %q", tt.contentType, again, rest)
		}
	}
	const want = `text/plain; charset="a,b"; mtime=1700000000.123456789; mode=0640; uid=1000; gid=4294967295`
	if got := joinType(`text/plain; charset="a,b"`, all); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAttributesAreMetadataToo(t *testing.T) {
	a := attrs{set: hasMtime | hasMode | hasUID, mtime: time.Unix(-1, 500000000), mode: 0o1777, uid: 7}
	want := map[string]string{"Mtime": "-0.500000000", "Mode": "1777", "Uid": "7", "Colour": "red"}
	got := a.withMeta(map[string]string{"Colour": "red", "Gid": "8", "Mode": "0600"})
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if back := metaAttrs(got); !back.equal(a) {
		t.Errorf("read again: %+v, want %+v", back, a)
	}
}

func TestDatesOfOtherToolsAreRead(t *testing.T) {
	for s, want := range map[string]time.Time{
		"1700000000.123456":      time.Unix(1700000000, 123456000), // swift
		"1700000000":             time.Unix(1700000000, 0),
		"1700000000.1234567899":  time.Unix(1700000000, 123456789),
		"-1.25":                  time.Unix(-2, 750000000),
		"0.000000000":            time.Unix(0, 0),
		"-62135596800.000000000": time.Unix(-62135596800, 0),
	} {
		if got, ok := parseTime(s); !ok || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "x", "1.x", ".5", "1.-5", "--1", "1e9", "+1"} {
		if got, ok := parseTime(s); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	for _, at := range []time.Time{time.Unix(0, 1), time.Unix(-1, 1), time.Unix(-5, 0), time.Unix(1<<40, 999999999)} {
		if got, ok := parseTime(formatTime(at)); !ok || !got.Equal(at) {
			t.Errorf("%v is written as %s and read as %v", at, formatTime(at), got)
		}
	}
}

func TestOnlyWhatDiffersFromTheMountsDefaultsIsStored(t *testing.T) {
	usual := attrs{set: hasMode | hasUID | hasGID, mode: 0o644, uid: 1, gid: 2}
	given := attrs{set: hasMode | hasUID | hasGID, mode: 0o644, uid: 3, gid: 2}
	if got := given.beyond(usual); !got.equal(attrs{set: hasUID, uid: 3}) {
		t.Errorf("got %+v", got)
	}
	if got := given.beyond(usual).over(usual); !got.equal(given) {
		t.Errorf("shown as %+v, want %+v", got, given)
	}
}

func FuzzContentTypesSurviveAttributes(f *testing.F) {
	f.Add(`text/plain; mode=0640; charset="a;b"`)
	f.Add(`;mode=1;`)
	f.Fuzz(func(t *testing.T, contentType string) {
		_, rest := splitType(contentType)
		a := attrs{set: hasMode | hasMtime, mode: 0o600, mtime: time.Unix(1, 2)}
		got, again := splitType(joinType(rest, a))
		if !got.equal(a) || again != rest {
			t.Errorf("%q: %q with attributes gives %+v and %q", contentType, rest, got, again)
		}
	})
}

func TestWithoutAttributesNoneAreRead(t *testing.T) {
	row := listing.Row{ContentType: "a/b; mode=0600"}
	f := &FS{cfg: Config{Attrs: AttrsNone}}
	if got := f.attrsOf(&row); got.set != 0 {
		t.Errorf("got %+v", got)
	}
}
