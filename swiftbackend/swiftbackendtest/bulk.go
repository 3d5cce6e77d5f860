package swiftbackendtest

import (
	"errors"
	"fmt"
	"strings"

	"swiftfs/swiftbackend"
)

var bulkTests = []test{
	{"deleting many objects, some of them missing", deleteMany},
	{"deleting many objects tells what it could not delete", deleteManyWithErrors},
	{"symbolic links in the listing", symlinks},
}

func deleteMany(f *fixture) {
	var objects []string
	var all []swiftbackend.Name
	for i := range 50 {
		n := fmt.Sprintf("object %02d?", i)
		all = append(all, swiftbackend.Name{Container: f.box, Object: n})
		if i%5 != 0 {
			objects = append(objects, n)
		}
	}
	f.putAll(append(objects, "stays"))
	for range 2 { // the second time all are missing
		if err := f.c.DeleteAll(f.Context(), all); err != nil {
			f.Error(err)
		}
		if rows, _ := f.list(swiftbackend.ListOptions{}); strings.Join(keys(rows), " ") != "stays" {
			f.Errorf("left: %q", keys(rows))
		}
	}
	if err := f.c.DeleteAll(f.Context(), nil); err != nil {
		f.Errorf("deleting nothing: %v", err)
	}
}

// deleteManyWithErrors deletes a container that has objects among objects.
func deleteManyWithErrors(f *fixture) {
	other := f.newContainer()
	f.putIn(other, "object", "data", swiftbackend.PutOptions{})
	f.putAll([]string{"a", "b"})
	err := f.c.DeleteAll(f.Context(), []swiftbackend.Name{{Container: f.box, Object: "a"}, {Container: other}, {Container: f.box, Object: "b"}})
	var e *swiftbackend.Error
	if !errors.As(err, &e) || e.Kind != swiftbackend.KindNotEmpty || e.Path != other {
		f.Errorf("got %v, want that %q is not empty", err, other)
	}
	f.wantContentIn(other, "object", "data")
	if rows, _ := f.list(swiftbackend.ListOptions{}); len(rows) != 0 {
		f.Errorf("left: %q", keys(rows))
	}
}

func symlinks(f *fixture) {
	f.put("target", "data", swiftbackend.PutOptions{})
	f.put("link", "", swiftbackend.PutOptions{Header: map[string]string{"X-Symlink-Target": f.box + "/target"}})
	path := f.row("link").SymlinkPath
	if !f.can.Symlinks {
		if path != "" {
			f.Errorf("listed with the target %q", path)
		}
		f.wantContent("link", "")
		return
	}
	if !strings.HasSuffix(path, "/"+f.box+"/target") || !strings.HasPrefix(path, "/v1/") {
		f.Errorf("listed with the target %q", path)
	}
	f.wantContent("link", "data")
	if got := f.row("target").SymlinkPath; got != "" {
		f.Errorf("a plain object is listed with the target %q", got)
	}
}
