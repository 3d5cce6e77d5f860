package fs

import (
	"path"
	"strings"
)

// defaultType is the content type of a file whose extension says nothing.
const defaultType = "application/octet-stream"

// directoryType is the content type of a directory's marker.
const directoryType = "application/directory"

// contentType returns the content type of a file by the extension of its name.
// The table is our own, because the one that package mime reads differs from
// machine to machine, and two mounts would store two types for one file.
func contentType(name string) string {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	if t, ok := types[ext]; ok {
		return t
	}
	return defaultType
}

var types = map[string]string{
	"txt": "text/plain", "text": "text/plain", "log": "text/plain", "conf": "text/plain", "ini": "text/plain",
	"md": "text/markdown", "csv": "text/csv", "tsv": "text/tab-separated-values", "html": "text/html", "htm": "text/html",
	"css": "text/css", "js": "text/javascript", "mjs": "text/javascript", "xml": "application/xml", "json": "application/json",
	"yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml", "ics": "text/calendar", "vcf": "text/vcard",
	"c": "text/x-csrc", "h": "text/x-chdr", "cpp": "text/x-c++src", "py": "text/x-python", "sh": "application/x-sh",
	"pdf": "application/pdf", "ps": "application/postscript", "rtf": "application/rtf", "epub": "application/epub+zip",
	"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"odt":  "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
	"odp": "application/vnd.oasis.opendocument.presentation",
	"zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "bz2": "application/x-bzip2",
	"xz": "application/x-xz", "zst": "application/zstd", "7z": "application/x-7z-compressed", "tar": "application/x-tar",
	"jar": "application/java-archive", "deb": "application/vnd.debian.binary-package", "rpm": "application/x-rpm",
	"iso": "application/x-iso9660-image", "sql": "application/sql", "wasm": "application/wasm", "parquet": "application/vnd.apache.parquet",
	"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "svg": "image/svg+xml",
	"bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "ico": "image/vnd.microsoft.icon", "avif": "image/avif", "heic": "image/heic",
	"mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "opus": "audio/opus", "flac": "audio/flac", "wav": "audio/wav",
	"mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "mkv": "video/matroska", "mov": "video/quicktime", "avi": "video/x-msvideo",
	"mpg": "video/mpeg", "mpeg": "video/mpeg", "ttf": "font/ttf", "otf": "font/otf", "woff": "font/woff", "woff2": "font/woff2",
	"eml": "message/rfc822", "rclonelink": "text/plain",
}
