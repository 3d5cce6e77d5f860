package fakeswift

import (
	"path"
	"regexp"
	"strings"
)

// defaultContentType is the type of objects whose name says nothing.
const defaultContentType = "application/octet-stream"

// typesByExtension is what a PUT without Content-Type is given. It is a fixed table, not the machine's, so that
// tests see the same everywhere.
var typesByExtension = map[string]string{
	".avi": "video/x-msvideo", ".bin": "application/octet-stream", ".bmp": "image/bmp", ".bz2": "application/x-bzip2",
	".c": "text/x-csrc", ".css": "text/css", ".csv": "text/csv", ".doc": "application/msword",
	".epub": "application/epub+zip", ".gif": "image/gif", ".h": "text/x-chdr", ".htm": "text/html",
	".html": "text/html", ".ico": "image/vnd.microsoft.icon", ".jar": "application/java-archive",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "application/javascript", ".json": "application/json",
	".mkv": "video/x-matroska", ".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4",
	".ogg": "audio/ogg", ".pdf": "application/pdf", ".png": "image/png", ".ps": "application/postscript",
	".py": "text/x-python", ".rtf": "application/rtf", ".sh": "application/x-sh", ".svg": "image/svg+xml",
	".tar": "application/x-tar", ".tif": "image/tiff", ".tiff": "image/tiff", ".txt": "text/plain",
	".wav": "audio/x-wav", ".webm": "video/webm", ".webp": "image/webp", ".xhtml": "application/xhtml+xml",
	".xml": "application/xml", ".xz": "application/x-xz", ".zip": "application/zip",
}

func guessContentType(name string) string {
	return firstOf(typesByExtension[strings.ToLower(path.Ext(name))], defaultContentType)
}

// parameter is Swift's own pattern for one parameter of a content type; what it does not match is skipped.
var parameter = func() *regexp.Regexp {
	const token = `[^()<>@,;:"/\[\]?={}\x00-\x20\x7f]+`
	return regexp.MustCompile(`\s*;\s*(` + token + `)\s*(?:=\s*(` + token + `|"(?:[^"\\]|\\.)*"))?`)
}()

// parameters splits a content type into its type and its name=value parameters.
func parameters(contentType string) (base string, params [][2]string) {
	base, rest, found := strings.Cut(contentType, ";")
	if !found {
		return base, nil
	}
	for _, m := range parameter.FindAllStringSubmatch(";"+rest, -1) {
		params = append(params, [2]string{m[1], m[2]})
	}
	return base, params
}

// listedContentType is the form in which listings show a content type: parsed and put together again, without
// spaces and empty parameters.
func listedContentType(contentType string) string {
	base, params := parameters(contentType)
	if params == nil {
		return base
	}
	var b strings.Builder
	b.WriteString(base)
	for _, p := range params {
		b.WriteString(";" + p[0] + "=" + p[1])
	}
	return b.String()
}

// hasSwiftBytes reports the parameter that Swift reserves for itself.
func hasSwiftBytes(contentType string) bool {
	_, params := parameters(contentType)
	for _, p := range params {
		if p[0] == "swift_bytes" {
			return true
		}
	}
	return false
}
