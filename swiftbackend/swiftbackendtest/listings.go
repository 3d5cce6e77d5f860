package swiftbackendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"swiftfs/swiftbackend"
)

var listingTests = []test{
	{"a row has what HEAD has", rowsHaveWhatHeadHas},
	{"a listing shows a change at once", listingsAreCurrent},
	{"prefix, delimiter and markers choose rows", listingParameters},
	{"pages follow one another without gap or repetition", pages},
	{"names that begin with a slash are in listings by slash", leadingSlashes},
	{"a page of everything ends the listing", manyObjects},
	{"an error of the caller ends the listing", yieldErrors},
}

func rowsHaveWhatHeadHas(f *fixture) {
	f.put("object", "data", swiftbackend.PutOptions{ContentType: "text/plain"})
	head, row := f.head("object"), f.row("object")
	if row.Bytes != 4 || row.Hash != head.ETag || row.ContentType != "text/plain" || row.SymlinkPath != "" || row.SLOETag != "" {
		f.Errorf("listed as %+v, HEAD tells %+v", row, head)
	}
	if d := head.Modified.Sub(row.Modified).Abs(); d >= f.can.Containers.DatePrecision {
		f.Errorf("listed with the date %v, HEAD has %v", row.Modified, head.Modified)
	}
	if age := time.Since(row.Modified); age < -2*time.Second || age > time.Minute {
		f.Errorf("the object was just made and is listed as of %v", row.Modified)
	}
	if row.Modified.Truncate(time.Second).Equal(row.Modified) {
		// One in a thousand dates (RGW) is whole by chance: look at another.
		f.put("object", "data", swiftbackend.PutOptions{})
		if m := f.row("object").Modified; m.Truncate(time.Second).Equal(m) {
			f.Errorf("the dates of listings are whole seconds: %v", m)
		}
	}
}

func listingsAreCurrent(f *fixture) {
	for i := range 10 {
		data := strings.Repeat("x", i)
		f.put("object", data, swiftbackend.PutOptions{})
		if r := f.row("object"); r.Bytes != int64(i) || r.Hash != md5Of(data) {
			f.Errorf("after PUT %d: %+v", i, r)
		}
	}
	if err := f.c.Delete(f.Context(), f.box, "object"); err != nil {
		f.Fatal(err)
	}
	if rows, _ := f.list(swiftbackend.ListOptions{}); len(rows) != 0 {
		f.Errorf("after DELETE: %v", rows)
	}
}

func listingParameters(f *fixture) {
	f.putAll([]string{"a", "a/1", "a/2", "a/b/3", "a//4", "b.txt", "b/5", "c", "ä/6", "~"})
	after := "b.txt b/ c ~ ä/"
	if f.can.Containers.RepeatsSubdir {
		after = "a/ " + after
	}
	for _, q := range []struct {
		o    swiftbackend.ListOptions
		want string
	}{
		{swiftbackend.ListOptions{}, "a a//4 a/1 a/2 a/b/3 b.txt b/5 c ~ ä/6"},
		{swiftbackend.ListOptions{Prefix: "a/"}, "a//4 a/1 a/2 a/b/3"},
		{swiftbackend.ListOptions{Prefix: "none"}, ""},
		{swiftbackend.ListOptions{Delimiter: "/"}, "a a/ b.txt b/ c ~ ä/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "a"}, "a a/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "a/"}, "a// a/1 a/2 a/b/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "ä/"}, "ä/6"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "b", EndMarker: "b0", Limit: 16}, "b.txt b/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "a/", EndMarker: "a/10", Limit: 16}, "a// a/1"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "ä", EndMarker: "ä0", Limit: 16}, "ä/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "a/3", EndMarker: "a/30", Limit: 16}, ""},
		{swiftbackend.ListOptions{Marker: "a/2"}, "a/b/3 b.txt b/5 c ~ ä/6"},
		{swiftbackend.ListOptions{Marker: "a/1", EndMarker: "c"}, "a/2 a/b/3 b.txt b/5"},
		{swiftbackend.ListOptions{Prefix: "a/", Marker: "a/b.\U0010FFFF"}, "a/b/3"},
		{swiftbackend.ListOptions{Marker: "a.\U0010FFFF"}, "a//4 a/1 a/2 a/b/3 b.txt b/5 c ~ ä/6"},
		{swiftbackend.ListOptions{Delimiter: "/", Marker: "a/1"}, after},
		{swiftbackend.ListOptions{Delimiter: "/", Marker: "a/"}, "b.txt b/ c ~ ä/"},
		{swiftbackend.ListOptions{Delimiter: "/", Marker: "b/"}, "c ~ ä/"},
	} {
		rows, end := f.list(q.o)
		if got := strings.Join(keys(rows), " "); got != q.want || !end {
			f.Errorf("%+v: got %q, end %v, want %q", q.o, got, end, q.want)
		}
		for _, r := range rows {
			if isDir := r.Subdir != ""; isDir != (q.o.Delimiter != "" && strings.HasSuffix(r.Key(), "/")) || isDir && r.Name != "" {
				f.Errorf("%+v: row %+v", q.o, r)
			}
		}
	}
}

// pages walks with every page length, each page beginning after the last row of
// the one before, be it an object or a subdir.
func pages(f *fixture) {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("file-%02d", i), fmt.Sprintf("dir-%02d/a", i), fmt.Sprintf("dir-%02d/b", i))
	}
	f.putAll(names)
	for _, delimiter := range []string{"", "/"} {
		all, _ := f.list(swiftbackend.ListOptions{Delimiter: delimiter})
		want := keys(all)
		if n := map[string]int{"": 30, "/": 20}[delimiter]; len(want) != n {
			f.Errorf("delimiter %q: %d rows, want %d", delimiter, len(want), n)
		}
		for _, length := range []int{1, 3, 7, 10, 29, 50} {
			var got []string
			o := swiftbackend.ListOptions{Delimiter: delimiter, Limit: length}
			for {
				rows, end := f.list(o)
				got = append(got, keys(rows)...)
				if len(rows) > length || end != (len(rows) < length) {
					f.Fatalf("a page of %d has %d rows, end %v", length, len(rows), end)
				}
				if end {
					break
				}
				o.Marker = got[len(got)-1]
			}
			if !slices.Equal(got, want) {
				f.Errorf("delimiter %q, pages of %d: got %q, want %q", delimiter, length, got, want)
			}
		}
	}
}

// manyObjects has more objects than RGW gives to any explicit limit.
func leadingSlashes(f *fixture) {
	f.putAll([]string{"/a", "//b", "/c/d", "!", "!/e", "0", "f/g"})
	for _, q := range []struct {
		o    swiftbackend.ListOptions
		want string
	}{
		{swiftbackend.ListOptions{Delimiter: "/"}, "! !/ / 0 f/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "/"}, "// /a /c/"},
		{swiftbackend.ListOptions{Delimiter: "/", Prefix: "//"}, "//b"},
		{swiftbackend.ListOptions{Delimiter: "/", Marker: "/"}, "0 f/"},
		{swiftbackend.ListOptions{Delimiter: "/", EndMarker: "/"}, "! !/"},
		{swiftbackend.ListOptions{Delimiter: "/", EndMarker: "0"}, "! !/ /"},
	} {
		if rows, _ := f.list(q.o); strings.Join(keys(rows), " ") != q.want {
			f.Errorf("%+v: %q, want %q", q.o, strings.Join(keys(rows), " "), q.want)
		}
	}
	for _, length := range []int{1, 2, 3, 4, 5, 6} {
		var got []string
		o := swiftbackend.ListOptions{Delimiter: "/", Limit: length}
		for end := false; !end && len(got) < 10; {
			var rows []swiftbackend.ObjectRow
			rows, end = f.list(o)
			if got = append(got, keys(rows)...); len(got) > 0 {
				o.Marker = got[len(got)-1]
			}
		}
		if strings.Join(got, " ") != "! !/ / 0 f/" {
			f.Errorf("in pages of %d: %q", length, got)
		}
	}
}

func manyObjects(f *fixture) {
	want := make([]string, 1100)
	for i := range want {
		want[i] = fmt.Sprintf("object-%04d", i)
	}
	f.putAll(want)
	rows, end := f.list(swiftbackend.ListOptions{})
	if got := keys(rows); !slices.Equal(got, want) || !end {
		f.Errorf("%d rows, end %v, want the %d objects in order", len(got), end, len(want))
	}
}

func yieldErrors(f *fixture) {
	f.putAll([]string{"a", "b", "c"})
	stop := errors.New("enough")
	n := 0
	end, err := f.c.ListObjects(f.Context(), f.box, swiftbackend.ListOptions{}, func(swiftbackend.ObjectRow) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 2 || end {
		f.Errorf("got %v after %d rows, end %v, want the caller's error after 2", err, n, end)
	}
}
