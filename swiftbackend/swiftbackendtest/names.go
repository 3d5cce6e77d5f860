package swiftbackendtest

import (
	"slices"
	"strings"

	"swiftfs/swiftbackend"
)

var nameTests = []test{
	{"every name round-trips", oddNames},
	{"every name is listed in byte order", oddNamesInOrder},
	{"names that no server takes are refused", badNames},
}

// names are odd in every way that servers take.
var names = []string{
	"plain", " ", " leading", "trailing ", "two  blanks", "ü", "u\u0308", "日本語", "🚀", "new\nline", "tab\there", "\x01\x1f\x7f",
	"%41", "%", "%2F", "100%", "?", "#", "a?b#c", "&", "+", "a+b", "=", ";", ",", ":", "@", "!", "$", "*", "(", "[", "{", "|", "~", "^", "`",
	"'", `"`, `\`, `a\b`, "<b>", "dir/", "dir/file", "/", "/lead", "//", "x//y", "x/", ".", "..", "./x", "a/../b", "a/./b", "a/..",
	".hidden", "-dash", strings.Repeat("n", 1024), strings.Repeat("é", 512),
}

func oddNames(f *fixture) {
	f.put("source of copies", "copied", swiftbackend.PutOptions{})
	for _, name := range names {
		f.put(name, "content of "+name, swiftbackend.PutOptions{Meta: map[string]string{"A": "b"}})
	}
	for _, name := range names {
		f.wantContent(name, "content of "+name)
		if err := f.c.Post(f.Context(), f.box, name, swiftbackend.PutOptions{Meta: map[string]string{"A": "c"}}); err != nil {
			f.Error(err)
		}
		f.wantMeta(name, map[string]string{"A": "c"})
		f.copied("source of copies", f.box, name, swiftbackend.CopyOptions{})
		if got := f.head(name).ETag; got != md5Of("copied") {
			f.Errorf("a copy onto %q has the ETag %q", name, got)
		}
	}
	// One by one and many at once.
	half := len(names) / 2
	for _, name := range names[:half] {
		if err := f.c.Delete(f.Context(), f.box, name); err != nil {
			f.Error(err)
		}
	}
	var rest []swiftbackend.Name
	for _, name := range append(slices.Clone(names[half:]), "source of copies") {
		rest = append(rest, swiftbackend.Name{Container: f.box, Object: name})
	}
	if err := f.c.DeleteAll(f.Context(), rest); err != nil {
		f.Error(err)
	}
	if left, _ := f.list(swiftbackend.ListOptions{}); len(left) != 0 {
		f.Errorf("left after deleting all: %q", keys(left))
	}
}

func oddNamesInOrder(f *fixture) {
	f.putAll(names)
	want := slices.Sorted(slices.Values(names))
	if rows, _ := f.list(swiftbackend.ListOptions{}); !slices.Equal(keys(rows), want) {
		f.Errorf("got %q, want %q", keys(rows), want)
	}
	var got []string
	for o := (swiftbackend.ListOptions{Limit: 1}); ; {
		rows, end := f.list(o)
		if end {
			break
		}
		o.Marker = rows[0].Name
		got = append(got, o.Marker)
	}
	if !slices.Equal(got, want) {
		f.Errorf("one by one: got %q, want %q", got, want)
	}
}

func badNames(f *fixture) {
	for _, name := range []string{"\xff", "nul\x00", strings.Repeat("n", 1025)} {
		_, putErr := f.c.Put(f.Context(), f.box, name, content("data"), swiftbackend.PutOptions{})
		f.wantKind(putErr, swiftbackend.KindInvalid)
	}
	if rows, _ := f.list(swiftbackend.ListOptions{}); len(rows) != 0 {
		f.Errorf("stored all the same: %q", keys(rows))
	}
}
