package fs

import "strings"

// withType returns the content type shown with the attributes of old, which are
// no part of the type that a user sees and sets.
func withType(shown, old string) string {
	_, rest := splitType(shown)
	a, _ := splitType(old)
	return joinType(rest, a)
}

// fileType reports whether an object of a content type is a file even when it is
// empty: a marker's type would make it a directory.
func fileType(contentType string) bool {
	base, _, _ := strings.Cut(contentType, ";")
	major, minor, ok := strings.Cut(strings.ToLower(strings.TrimSpace(base)), "/")
	return ok && major != "" && minor != "" && (minor != "directory" || major != "application" && major != "text")
}
