package fs

import (
	"mime"
	"strings"
	"testing"
)

func TestContentTypesFollowTheExtension(t *testing.T) {
	for name, want := range map[string]string{
		"hello.txt": "text/plain", "dir/HELLO.TXT": "text/plain", "a.tar.gz": "application/gzip", "page.html": "text/html",
		"photo.jpeg": "image/jpeg", "noextension": defaultType, "dir.txt/file": defaultType, ".txt": "text/plain", "x.unknown": defaultType, "trailing.": defaultType, "": defaultType,
	} {
		if got := contentType(name); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
}

func TestTheTableOfTypesIsWellFormed(t *testing.T) {
	for ext, typ := range types {
		if ext != strings.ToLower(ext) || strings.Contains(ext, ".") {
			t.Errorf("extension %q would never be found", ext)
		}
		if base, params, err := mime.ParseMediaType(typ); err != nil || base != typ || len(params) > 0 {
			t.Errorf("%s has the type %q: %v", ext, typ, err)
		}
	}
}
