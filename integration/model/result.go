//go:build linux

package model

import (
	"crypto/md5"
	"fmt"
	"strings"
	"syscall"
)

// Result is what an operation returned.
type Result struct {
	Skipped bool // nothing is open in the slot
	Errno   syscall.Errno
	N       int64    // bytes written or copied, or an offset
	Data    []byte   // what was read
	Names   []string // of a directory or of attributes, in order
	Stat    *Attr
}

// Attr is what stat tells of a file and all file systems can agree on.
type Attr struct {
	Type  uint32 // S_IFREG, S_IFDIR, S_IFLNK
	Mode  uint32
	Size  int64 // 0 of directories
	Mtime int64 // nanoseconds
}

// String returns the result for a report.
func (r Result) String() string {
	if r.Skipped {
		return "skipped"
	}
	if r.Errno != 0 {
		return fmt.Sprintf("errno %d (%v)", int(r.Errno), r.Errno)
	}
	parts := []string{fmt.Sprintf("success, n=%d", r.N)}
	if r.Data != nil {
		parts = append(parts, describe(r.Data))
	}
	if r.Names != nil {
		parts = append(parts, fmt.Sprintf("%q", r.Names))
	}
	if r.Stat != nil {
		parts = append(parts, fmt.Sprintf("%+v", *r.Stat))
	}
	return strings.Join(parts, ", ")
}

// describe returns data that may be long for a report.
func describe(data []byte) string {
	if len(data) <= 24 {
		return fmt.Sprintf("%d bytes %x", len(data), data)
	}
	return fmt.Sprintf("%d bytes %x… (md5 %x)", len(data), data[:16], md5.Sum(data))
}

// firstDifference says where two contents part.
func firstDifference(want, got []byte) string {
	n := min(len(want), len(got))
	for i := range n {
		if want[i] != got[i] {
			same := i + 1
			for same < n && want[same] != got[same] {
				same++
			}
			return fmt.Sprintf("they differ from byte %d to about %d: want %x, got %x", i, same,
				want[i:min(i+16, len(want))], got[i:min(i+16, len(got))])
		}
	}
	return fmt.Sprintf("the same for %d bytes, then the longer one goes on", n)
}
