package fs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNamesAreEscapedAsDocumented(t *testing.T) {
	for _, c := range []struct {
		part string
		form form
		name string
	}{
		{"plain", formPlain, "plain"},
		{"", formPlain, "%empty%"},
		{".", formPlain, "%dot%"},
		{"..", formPlain, "%dotdot%"},
		{"...", formPlain, "..."},
		{"x", formFile, "x%file%"},
		{"", formFile, "%empty%%file%"},
		{"..", formFile, "%dotdot%%file%"},
		{"", formData, "%data%"},
		{"%empty%", formPlain, "%empty%%lit%"},
		{"%data%", formPlain, "%data%%lit%"},
		{"x%file%", formPlain, "x%file%%lit%"},
		{"x%file%", formFile, "x%file%%lit%%file%"},
		{"%dot%%lit%", formPlain, "%dot%%lit%%lit%"},
		{"x%lit%", formPlain, "x%lit%"},
		{"100%", formPlain, "100%"},
	} {
		if got, ok := encodeName(c.part, c.form); !ok || got != c.name {
			t.Errorf("encodeName(%q, %d) is %q, %v; want %q", c.part, c.form, got, ok, c.name)
		}
		if part, f := decodeName(c.name); part != c.part || f != c.form {
			t.Errorf("decodeName(%q) is %q, %d; want %q, %d", c.name, part, f, c.part, c.form)
		}
	}
}

func TestLongPartsHaveAnEntryOfTheirOwn(t *testing.T) {
	shown := map[string]string{}
	for _, part := range []string{
		strings.Repeat("n", 256), strings.Repeat("n", 257), strings.Repeat("n", 1024), strings.Repeat("é", 128), strings.Repeat("😀", 64),
		"a" + strings.Repeat("😀", 64), strings.Repeat("n", 249) + "%file%", strings.Repeat("n", 250) + "%file%",
		longEntry(strings.Repeat("n", 300), formPlain), strings.Repeat("n", 252),
	} {
		for _, form := range []form{formPlain, formFile} {
			name, ok := encodeName(part, form)
			if !ok || len(name) > maxName || !utf8.ValidString(name) || shown[name] != "" || creatable(name) && name != part {
				t.Errorf("%q is shown as %q of %d bytes, as is %q", part, name, len(name), shown[name])
			}
			shown[name] = part
			head, _, f, long := cutLong(name)
			if long && (f != form || !strings.HasPrefix(part, head)) {
				t.Errorf("%q is shown as %q", part, name)
			}
			if back, f := decodeName(name); !long && (back != part || f != form) {
				t.Errorf("%q is shown as %q, which is %q", part, name, back)
			}
		}
	}
	if _, ok := encodeName("a\x00b", formPlain); ok {
		t.Error("a name with a NUL has an entry")
	}
}

func TestOnlyPlainNamesCanBeCreated(t *testing.T) {
	for name, want := range map[string]bool{
		"x": true, "100%": true, "x%lit%": true, "%file": true,
		"%empty%": false, "%dot%": false, "%data%": false, "x%file%": false, "%data%%lit%": false, "%file%": false, "a%long-0123456789abcdef0123456789abcdef%": false, "a%long-0%": true,
	} {
		if got := creatable(name); got != want {
			t.Errorf("creatable(%q) is %v", name, got)
		}
	}
}

func FuzzNamesRoundTrip(f *testing.F) {
	for _, s := range []string{"", ".", "..", "x", "%empty%", "x%file%", "%dot%%lit%", "%lit%%file%%lit%", "%data%%file%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "/\x00") {
			return
		}
		// Every part comes back from its entry, and no two forms share one.
		for _, form := range []form{formPlain, formFile} {
			name, ok := encodeName(s, form)
			if !ok {
				continue
			}
			if _, _, f, long := cutLong(name); long {
				if f != form || len(name) > maxName {
					t.Errorf("part %q, form %d, is the entry %q", s, form, name)
				}
				continue
			}
			if part, got := decodeName(name); part != s || got != form {
				t.Errorf("part %q, form %d, is the entry %q, which is part %q, form %d", s, form, name, part, got)
			}
			if name == "" || name == "." || name == ".." {
				t.Errorf("part %q is the entry %q", s, name)
			}
		}
		// What may be created is shown under the very name.
		if creatable(s) && s != "" && s != "." && s != ".." && len(s) <= maxName {
			if name, ok := encodeName(s, formPlain); !ok || name != s {
				t.Errorf("%q can be created and is shown as %q", s, name)
			}
		}
	})
}
