package fs

import (
	"slices"
	"strings"
)

// attrParameters are the parameters of a content type in which this mount keeps
// attributes of a file. They are no part of the type that a user sees and sets.
var attrParameters = []string{"mtime", "mode", "uid", "gid"}

// separateType returns a content type without the parameters that hold attributes,
// and these, each with the ";" before it.
func separateType(contentType string) (shown, attrs string) {
	parts := splitParameters(contentType)
	shown = strings.TrimSpace(parts[0])
	for _, part := range parts[1:] {
		name, _, _ := strings.Cut(part, "=")
		if slices.Contains(attrParameters, strings.ToLower(strings.TrimSpace(name))) {
			attrs += "; " + strings.TrimSpace(part)
		} else {
			shown += ";" + part
		}
	}
	return shown, attrs
}

// splitParameters cuts a content type at each ";" that is not within quotes.
func splitParameters(contentType string) []string {
	var parts []string
	quoted, escaped, begin := false, false, 0
	for i := range len(contentType) {
		switch c := contentType[i]; {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			parts, begin = append(parts, contentType[begin:i]), i+1
		}
	}
	return append(parts, contentType[begin:])
}

// withType returns the content type shown with the attributes of old.
func withType(shown, old string) string {
	shown, _ = separateType(shown)
	_, attrs := separateType(old)
	return shown + attrs
}

// fileType reports whether an object of a content type is a file even when it is
// empty: a marker's type would make it a directory.
func fileType(contentType string) bool {
	base, _, _ := strings.Cut(contentType, ";")
	major, minor, ok := strings.Cut(strings.ToLower(strings.TrimSpace(base)), "/")
	return ok && major != "" && minor != "" && (minor != "directory" || major != "application" && major != "text")
}
