//go:build linux

package integration

import (
	"testing"

	"golang.org/x/sys/unix"

	"swiftfs/integration/model"
)

// TestSequencesThatTheModelTestFound does what the model test once found to
// differ, in its shortest form.
func TestSequencesThatTheModelTestFound(t *testing.T) {
	for name, ops := range map[string]model.Ops{
		"the date of a file that was emptied while it was empty on the local disk": {
			{Kind: model.Open, H: 2, Path: "a", Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, Mode: 0o644},
			{Kind: model.Fsync, H: 2},
			{Kind: model.Fallocate, H: 2, Flags: unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE, Len: 1},
			{Kind: model.Open, H: 3, Path: "a", Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, Mode: 0o600},
			{Kind: model.Utimes, Path: "a"},
			{Kind: model.Stat, Path: "a"},
		},
		"rmdir of a directory whose own file another client deleted": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Open, H: 1, Path: "d/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.ForeignDelete, Path: "d/f"},
			{Kind: model.Rmdir, Path: "d"},
		},
		"a file that was empty, is changed, and is overwritten by an empty one": {
			{Kind: model.Mkdir, Path: "a", Mode: 0o700},
			{Kind: model.Open, H: 6, Path: "a/a", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Remount},
			{Kind: model.Truncate, Path: "a/a", Len: 1},
			{Kind: model.ForeignPut, Path: "a/a", Fill: 631},
			{Kind: model.Stat, Path: "a/a"},
		},
		"write at the beginning of a stream that has a whole number of segments": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_WRONLY | unix.O_CREAT, Mode: 0o644},
			{Kind: model.Write, H: 1, Len: 1 << 20},
			{Kind: model.Pwrite, H: 1, Len: 1},
		},
		"the mode of a directory from which something was removed": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o700},
			{Kind: model.Remount},
			{Kind: model.Mkdir, Path: "d/e", Mode: 0o700},
			{Kind: model.Rmdir, Path: "d/e"},
			{Kind: model.Stat, Path: "d"},
		},
		"the mode of a directory that was renamed over another": {
			{Kind: model.Mkdir, Path: "a", Mode: 0o755},
			{Kind: model.Mkdir, Path: "b", Mode: 0o744},
			{Kind: model.Rename, Path: "a", To: "b"},
			{Kind: model.Stat, Path: "b"},
		},
		"an attribute of a directory that was renamed": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Setxattr, Path: "d", To: "user.Mixed-Case", Fill: 1, Len: 3},
			{Kind: model.Rename, Path: "d", To: "e"},
			{Kind: model.Getxattr, Path: "e", To: "user.Mixed-Case"},
		},
		"a date is set after space was reserved that changes nothing": {
			{Kind: model.Open, H: 3, Path: "f", Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o400},
			{Kind: model.Open, H: 5, Path: "f", Flags: unix.O_RDWR},
			{Kind: model.Fsync, H: 5},
			{Kind: model.Fallocate, H: 5, Flags: unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_ZERO_RANGE, Len: 1},
			{Kind: model.Utimes, Path: "f"},
			{Kind: model.Fstat, H: 3},
		},
		"a directory with a large file that another client has replaced is renamed": {
			{Kind: model.Mkdir, Path: "a", Mode: 0o755},
			{Kind: model.Open, H: 1, Path: "a/b", Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o640},
			{Kind: model.Ftruncate, H: 1, Len: 1<<20 + 1},
			{Kind: model.Close, H: 1},
			{Kind: model.ForeignPut, Path: "a/b", Fill: 665},
			{Kind: model.Rename, Path: "a", To: "c"},
			{Kind: model.Stat, Path: "c/b"},
		},
		"setting the date of a file whose directory was renamed": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o700},
			{Kind: model.Open, H: 1, Path: "d/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "d", To: "e"},
			{Kind: model.Utimes, Path: "e/f", Off: 1},
		},
		"a large file that was renamed is replaced by a small one": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o644},
			{Kind: model.Pwrite, H: 1, Off: 1 << 20, Len: 1, Fill: 3},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "f", To: "g"},
			{Kind: model.Open, H: 1, Path: "g", Flags: unix.O_WRONLY | unix.O_TRUNC},
			{Kind: model.Write, H: 1, Len: 1, Fill: 4},
			{Kind: model.Close, H: 1},
			{Kind: model.Remount},
		},
		"the segments of a file that is cut to a plain object": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o644},
			{Kind: model.Pwrite, H: 1, Off: 1 << 20, Len: 1},
			{Kind: model.Fsync, H: 1},
			{Kind: model.Ftruncate, H: 1, Len: 1},
			{Kind: model.Remount},
		},
		"the segments of a renamed file that is overwritten": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_WRONLY | unix.O_CREAT, Mode: 0o644},
			{Kind: model.Write, H: 1, Len: 2 << 20},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "f", To: "g"},
			{Kind: model.Truncate, Path: "g"},
			{Kind: model.Remount},
		},
		"the attributes of a renamed directory": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Setxattr, Path: "d", To: "user.a", Len: 3},
			{Kind: model.Rename, Path: "d", To: "e"},
			{Kind: model.Getxattr, Path: "e", To: "user.a"},
		},
		"rename over a directory whose own file another client deleted": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Mkdir, Path: "e", Mode: 0o755},
			{Kind: model.Open, H: 1, Path: "d/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.ForeignDelete, Path: "d/f"},
			{Kind: model.Rename, Path: "e", To: "d"},
		},
		"the attributes of a directory that was renamed and from which something was removed": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Rename, Path: "d", To: "e"},
			{Kind: model.Setxattr, Path: "e", To: "user.a", Len: 3},
			{Kind: model.Mkdir, Path: "e/f", Mode: 0o755},
			{Kind: model.Rmdir, Path: "e/f"},
			{Kind: model.Readdir},
			{Kind: model.Getxattr, Path: "e", To: "user.a"},
		},
		"chmod of a file whose directory was renamed": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Open, H: 1, Path: "d/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "d", To: "e"},
			{Kind: model.Chmod, Path: "e/f", Mode: 0o600},
		},
		"rename over a directory with a file like that in the renamed one": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Mkdir, Path: "e", Mode: 0o755},
			{Kind: model.Open, H: 1, Path: "d/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Open, H: 1, Path: "e/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "d", To: "e"},
		},
		"rename over a directory with a file like a directory in the renamed one": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o700},
			{Kind: model.Mkdir, Path: "d/f", Mode: 0o700},
			{Kind: model.Mkdir, Path: "e", Mode: 0o700},
			{Kind: model.Open, H: 1, Path: "e/f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Rename, Path: "d", To: "e"},
		},
		"the attributes of a file that is overwritten and renamed": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_CREAT, Mode: 0o644},
			{Kind: model.Close, H: 1},
			{Kind: model.Setxattr, Path: "f", To: "user.a", Len: 3},
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_RDWR | unix.O_TRUNC},
			{Kind: model.Rename, Path: "f", To: "g"},
			{Kind: model.Write, H: 1, Len: 1},
			{Kind: model.Remount},
		},
		"the mode of a file that was written and is cut to what is stored": {
			{Kind: model.Open, H: 1, Path: "f", Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o400},
			{Kind: model.Ftruncate, H: 1, Len: 1},
			{Kind: model.Fallocate, H: 1, Len: 1},
			{Kind: model.Ftruncate, H: 1},
			{Kind: model.Fsync, H: 1},
			{Kind: model.Pwrite, H: 1, Len: 1},
			{Kind: model.Chmod, Path: "f", Mode: 0o644},
			{Kind: model.Ftruncate, H: 1},
			{Kind: model.Remount},
		},
		"the mode of a directory that was renamed over one without a mode": {
			{Kind: model.Mkdir, Path: "d", Mode: 0o755},
			{Kind: model.Mkdir, Path: "e", Mode: 0o740},
			{Kind: model.Mkdir, Path: "e/f", Mode: 0o740},
			{Kind: model.Rename, Path: "e", To: "d"},
			{Kind: model.Readdir},
			{Kind: model.Stat, Path: "d"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &modelRun{t: t, server: fakeContainer(t), features: featuresOf(1)}
			if f := r.run(model.Replay(ops)); f != nil {
				t.Error(f)
			}
		})
	}
}
