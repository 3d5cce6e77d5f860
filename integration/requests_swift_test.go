package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"swiftfs/fs"
)

// TestRequestCountsOnOpenStackSwift sees on a real server's access log what the
// tests on fakeswift assert.
func TestRequestCountsOnOpenStackSwift(t *testing.T) {
	const objects, container = 999, "requests"
	srv := openStackSwift(t)
	a := account{srv.AuthURL, srv.User, srv.Key}
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, container, "")
	name := func(i int) string { return fmt.Sprintf("%s/file-%04d", container, i) }
	eachInParallel(objects, func(i int) { server.do(http.MethodPut, name(i), "content") })
	t.Cleanup(func() {
		eachInParallel(objects, func(i int) { server.do(http.MethodDelete, name(i), "") })
		server.do(http.MethodDelete, container+"/new", "")
		server.do(http.MethodDelete, container, "")
	})
	m := mount(t, a, func(c *fs.Config) { c.Container = container })
	from := localFile(t, "new", pattern(4096, 1))
	for _, step := range []struct {
		want    int
		command string
	}{
		{0, "ls -l " + m.dir + " | grep -c file-"},
		{0, "ls -l " + m.dir},
		{0, "find " + m.dir},
		{1, "cat " + m.path("file-0007")},
		{1, "cp " + from + " " + m.path("new")},
		{0, "stat " + m.path("new")},
	} {
		if err := srv.Mark(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := sh(t, step.command)
		if strings.HasSuffix(step.command, "-c file-") && strings.TrimSpace(out) != fmt.Sprint(objects) {
			t.Errorf("ls -l shows %s names, want %d", out, objects)
		}
		got, err := srv.Requests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != step.want {
			t.Errorf("%s: %d requests, want %d: %v", step.command, len(got), step.want, got)
		}
	}
}

// eachInParallel calls do for 0 to n-1, a few at a time.
func eachInParallel(n int, do func(i int)) {
	const workers = 8
	inParallel(workers, func(w int) {
		for i := w; i < n; i += workers {
			do(i)
		}
	})
}

// TestWalkOnOpenStackSwift sees on the access log that a tree is listed as one,
// and that what is shown is what there is.
func TestWalkOnOpenStackSwift(t *testing.T) {
	const dirs, files, container = 40, 25, "walk"
	srv := openStackSwift(t)
	a := account{srv.AuthURL, srv.User, srv.Key}
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, container, "")
	name := func(i int) string { return fmt.Sprintf("%s/dir-%02d/file-%02d", container, i/files, i%files) }
	eachInParallel(dirs*files, func(i int) { server.do(http.MethodPut, name(i), "content") })
	t.Cleanup(func() {
		eachInParallel(dirs*files, func(i int) { server.do(http.MethodDelete, name(i), "") })
		server.do(http.MethodDelete, container, "")
	})
	m := mount(t, a, func(c *fs.Config) { c.Container = container })
	for _, step := range []struct {
		want    int
		command string
	}{
		{2, "find " + m.dir + " -type f -size 7c | wc -l"}, // a directory, and all others: the mount has listed the root
		{0, "du -s " + m.dir},
	} {
		if err := srv.Mark(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := sh(t, step.command)
		if strings.HasPrefix(step.command, "find") && strings.TrimSpace(out) != fmt.Sprint(dirs*files) {
			t.Errorf("find shows %s files, want %d", out, dirs*files)
		}
		got, err := srv.Requests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != step.want {
			t.Errorf("%s: %d requests, want %d: %v", step.command, len(got), step.want, got)
		}
	}
}
