package fs

import (
	"strings"
	"testing"
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

func TestNamesThatNoEntryCanHave(t *testing.T) {
	for part, want := range map[string]bool{
		strings.Repeat("n", 255): true, strings.Repeat("n", 256): false, "a\x00b": false,
		strings.Repeat("n", 249) + "%file%": false, // no room for its escape
	} {
		if _, ok := encodeName(part, formPlain); ok != want {
			t.Errorf("a part of %d bytes can be an entry: %v, want %v", len(part), ok, want)
		}
	}
}

func TestOnlyPlainNamesCanBeCreated(t *testing.T) {
	for name, want := range map[string]bool{
		"x": true, "100%": true, "x%lit%": true, "%file": true,
		"%empty%": false, "%dot%": false, "%data%": false, "x%file%": false, "%data%%lit%": false, "%file%": false,
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
