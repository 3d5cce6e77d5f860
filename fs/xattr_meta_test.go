package fs

import (
	"errors"
	"maps"
	"strings"
	"syscall"
	"testing"

	"swiftfs/swiftbackend"
)

func testLimits() *swiftbackend.Info {
	return &swiftbackend.Info{MaxMetaCount: 90, MaxMetaName: 128, MaxMetaValue: 256, MaxMetaTotal: 4096}
}

func TestAttributesThatAHeaderHoldsAreAHeader(t *testing.T) {
	for name, value := range map[string]string{
		"color": "red", "orig-filename": "a b.txt", "2": `%41 "q", \ ;=`, "title": "Größe … Å",
	} {
		a := newAttributes(nil, reservedObjectHeader)
		a.set(name, value, testLimits())
		meta, err := a.meta(testLimits())
		if err != nil || len(meta) != 1 {
			t.Fatalf("%s: %v, %v", name, meta, err)
		}
		for h, v := range meta {
			if strings.ToLower(h) != name || v != value {
				t.Errorf("%s=%q is header %s: %q", name, value, h, v)
			}
		}
	}
}

func TestEveryAttributeComesBackAsItWas(t *testing.T) {
	all := string(pattern(300, 1))
	for name, value := range map[string]string{
		"color": "red", "Color": "green", "COLOR": "", "under_score": "1", "under-score": "2", "xdg.origin.url": "https://example.org/?a=b&c=d:e",
		"mtime": "not the file's", "Mtime": "nor this", "xattrs-0": "x", "-lead": "1", "trail-": "1", " ": " ", "=&:%": "=&:%",
		"not\xffutf-8": "not\xffutf-8", "blank": " x", "binary": all, "newline": "a\nb", "nul": "\x00", strings.Repeat("n", 250): "long",
		"long": strings.Repeat("long", 200),
	} {
		a := newAttributes(map[string]string{"Other": "kept", "Mtime": "1.5"}, reservedObjectHeader)
		a.set(name, value, testLimits())
		meta, err := a.meta(testLimits())
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		for h, v := range meta {
			if len(v) > 256 || len(h) > 128 || !plainValue(v) {
				t.Errorf("%q: the server would not take %s: %q", name, h, v)
			}
		}
		if meta["Other"] != "kept" || meta["Mtime"] != "1.5" {
			t.Errorf("%q: what was there is now %v", name, meta)
		}
		back := newAttributes(meta, reservedObjectHeader)
		if got, ok := back.get(name); !ok || got != value {
			t.Errorf("%q comes back as %q (%v), want %q", name, got, ok, value)
		}
		if names := back.names(); len(names) != 2 {
			t.Errorf("%q: the attributes are %q", name, names)
		}
		back.remove(name)
		if after, err := back.meta(testLimits()); err != nil || !maps.Equal(after, map[string]string{"Other": "kept", "Mtime": "1.5"}) {
			t.Errorf("%q: removing it leaves %v, %v", name, after, err)
		}
	}
}

func TestHeadersOfOthersStayAsTheyAre(t *testing.T) {
	before := map[string]string{"Foo.bar": "dot", "Xattrs-1": "no first piece", "Empty": "", "Mode": "0644"}
	a := newAttributes(before, reservedObjectHeader)
	if v, ok := a.get("foo.bar"); !ok || v != "dot" {
		t.Errorf("user.foo.bar is %q, %v", v, ok)
	}
	if _, ok := a.get("mode"); ok {
		t.Error("the mode is shown as an attribute")
	}
	a.set("new", "1", testLimits())
	a.remove("new")
	if after, err := a.meta(testLimits()); err != nil || !maps.Equal(before, after) {
		t.Errorf("%v has become %v, %v", before, after, err)
	}
	broken := newAttributes(map[string]string{"Xattrs-0": "no form"}, reservedObjectHeader)
	if v, _ := broken.get("xattrs-0"); v != "no form" {
		t.Errorf("what is not packed is %q", v)
	}
	both := newAttributes(map[string]string{"Xattrs-0": "color=old&Color=x", "Color": "new"}, reservedObjectHeader)
	if v, _ := both.get("color"); v != "new" || len(both.names()) != 2 {
		t.Errorf("beside a packed one, the header of another client is %q; all: %q", v, both.names())
	}
}

func TestMoreThanTheServerTakesIsNoSpace(t *testing.T) {
	a := newAttributes(nil, reservedObjectHeader)
	a.set("large", string(pattern(4096, 1)), testLimits())
	if _, err := a.meta(testLimits()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("4 KiB: %v", err)
	}
	many := newAttributes(nil, reservedObjectHeader)
	for i := range 91 {
		many.set(strings.Repeat("n", i+1), "1", &swiftbackend.Info{MaxMetaName: 128, MaxMetaValue: 256})
	}
	if _, err := many.meta(testLimits()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("91 headers: %v", err)
	}
}

func TestATypeIsShownWithoutTheAttributesInIt(t *testing.T) {
	for _, c := range []struct{ stored, shown, attrs string }{
		{"text/plain", "text/plain", ""},
		{"text/plain; mtime=1.5; charset=utf-8;MODE=0640", "text/plain; charset=utf-8", "; mtime=1.500000000; mode=0640"},
		{`text/plain; name="a;mtime=1\";uid=2"; gid=3`, `text/plain; name="a;mtime=1\";uid=2"`, "; gid=3"},
	} {
		if _, shown := splitType(c.stored); shown != c.shown {
			t.Errorf("%s: shown %q", c.stored, shown)
		}
		if got := withType("image/png; mtime=9", c.stored); got != "image/png"+c.attrs {
			t.Errorf("another type makes %s %q", c.stored, got)
		}
	}
	for contentType, want := range map[string]bool{
		"text/plain": true, "text/x-directory": true, "application/directory": false, "Text/Directory; a=b": false, "text": false, "/x": false,
	} {
		if got := fileType(contentType); got != want {
			t.Errorf("%s is a file's type: %v", contentType, got)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("Color=red&empty=&hash:3q2-7w")
	f.Add("=&:%&")
	f.Fuzz(func(t *testing.T, text string) {
		attrs, err := unpack(text)
		if err != nil {
			return
		}
		again, err := unpack(pack(attrs))
		if err != nil || !maps.Equal(attrs, again) {
			t.Errorf("%q is %q, and packed again %q, %v", text, attrs, again, err)
		}
	})
}
