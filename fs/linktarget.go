package fs

import (
	"crypto/md5" //nolint:gosec // Swift's ETag is an MD5
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"swiftfs/cache/listing"
	"swiftfs/swiftbackend"
)

// A symbolic link that this mount makes is an object whose content is the
// target's text. The content is the one place without limits: metadata values
// end at 256 bytes on OpenStack Swift, and targets have up to 4,095. It also
// gives the link its right size in every listing, and an ETag that is the text's
// checksum. Two copies of the text spare requests and serve other clients:
//
//	Content-Type: application/link;target=..%2Fx   what listings show, so that
//	                                               readlink costs no request
//	X-Object-Meta-Symlink-Target: ../x             what svfs wrote and read
//
// The copy in the type is believed if the object's ETag is its checksum. A text
// that is too long for the type has its checksum there (target-md5), which says
// that the content is a target; that is then read, once a version.
//
// rclone keeps a link as the text of a file, whose name it makes longer by
// .rclonelink. Such an object is a link under its whole name. A file that this mount
// stores under such a name has another type (contenttype.go), and stays a file.
//
// A native link (X-Symlink-Target) has no content. The text that a program gave
// it is in its type alone; one made by another client has none, and its text is
// the path of what it points to, relative to the link.
const (
	linkType       = "application/link"
	nativeLinkType = "application/symlink"
	// targetParameter is of both types.
	targetParameter = "target"
	// targetMD5Parameter stands for it where the text is too long.
	targetMD5Parameter = "target-md5"
	// rcloneSuffix ends the names of rclone's links.
	rcloneSuffix = ".rclonelink"
	// linkMeta is svfs's place for the text, after X-Object-Meta-.
	linkMeta = "Symlink-Target"

	// maxTarget is the longest target that system calls take.
	maxTarget = 4095
	// maxTargetParameter keeps types well below the 4 KiB that OpenStack Swift
	// has for all metadata of an object on ext4, and pages of listings small.
	maxTargetParameter = 1000
)

// isLink reports whether a file is shown as a symbolic link.
func (f *FS) isLink(r *listing.Row) bool {
	if f.cfg.Symlinks == SymlinksNone || r.Subdir || r.Local {
		return false
	}
	return r.SymlinkPath != "" || r.LinkText != "" || contentIsTarget(r)
}

// contentIsTarget reports whether an object's content is the text of a link.
func contentIsTarget(r *listing.Row) bool {
	switch {
	case r.Size == 0 || r.Size > maxTarget:
		return false
	case strings.HasSuffix(r.Name, rcloneSuffix) && baseType(r.ContentType) == defaultType:
		return true
	case baseType(r.ContentType) != linkType:
		return false
	}
	if _, ok := checkedTarget(r); ok {
		return true
	}
	sum, ok := typeParameter(r.ContentType, targetMD5Parameter)
	return ok && sum == r.ETag
}

// checkedTarget returns the text in the type of a link, if it is that of the
// link's content.
func checkedTarget(r *listing.Row) (text string, ok bool) {
	text, ok = targetInType(r.ContentType)
	return text, ok && int64(len(text)) == r.Size && md5Hex(text) == r.ETag
}

// linkText returns the target of a link in d, as far as its row tells it.
func (f *FS) linkText(d listing.Dir, r *listing.Row) (text string, known bool) {
	if r.SymlinkPath == "" {
		if r.LinkText != "" {
			return r.LinkText, true
		}
		return checkedTarget(r)
	}
	if text, ok := targetInType(r.ContentType); ok {
		return text, true
	}
	return f.nativeText(d, r.SymlinkPath), true
}

// linkSize is the length of a link's target.
func (f *FS) linkSize(d listing.Dir, r *listing.Row) int64 {
	if text, ok := f.linkText(d, r); ok {
		return int64(len(text))
	}
	return r.Size
}

// svfsTarget returns what the metadata of an empty object of a link's type say
// that it points to.
func svfsTarget(o *swiftbackend.ObjectInfo) string {
	if o.Size > 0 || baseType(o.ContentType) != linkType {
		return ""
	}
	return o.Meta[linkMeta]
}

// typeWithTarget is the content type of a link; ok is false if only the text's
// checksum found room in it.
func typeWithTarget(base, text string) (contentType string, ok bool) {
	if e := encodeTarget(text); len(e) <= maxTargetParameter {
		return base + ";" + targetParameter + "=" + e, true
	}
	return base + ";" + targetMD5Parameter + "=" + md5Hex(text), false
}

func targetInType(contentType string) (string, bool) {
	e, ok := typeParameter(contentType, targetParameter)
	if !ok {
		return "", false
	}
	text, err := url.PathUnescape(e)
	return text, err == nil && text != ""
}

// encodeTarget percent-encodes all bytes that mean something in a header:
// OpenStack Swift ends a parameter's value at a slash, RGW a header at a comma.
func encodeTarget(text string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// baseType is a content type without its parameters.
func baseType(contentType string) string {
	base, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(base))
}

// typeParameter returns the value of a parameter that has neither quotes nor
// semicolons in it.
func typeParameter(contentType, name string) (value string, ok bool) {
	_, rest, _ := strings.Cut(contentType, ";")
	for p := range strings.SplitSeq(rest, ";") {
		if k, v, found := strings.Cut(p, "="); found && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}

// headerSafe reports whether a text arrives as it is as the value of a header.
func headerSafe(text string, longest int) bool {
	return len(text) <= longest && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		strings.IndexFunc(text, unicode.IsControl) < 0
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}
