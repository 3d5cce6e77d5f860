package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// longNames are objects with a part of their name that no entry can have as it
// is, each with the beginning of the path it is shown at.
var longNames = map[string]string{
	"deep/" + strings.Repeat("a", 256):                       "deep/a",
	"deep/" + strings.Repeat("a", 256) + "b":                 "deep/a", // differs after the 255th byte
	"deep/" + strings.Repeat("é", 200):                       "deep/é",
	"deep/" + strings.Repeat("d", 300) + "/in/file":          "deep/d",
	"deep/" + strings.Repeat("d", 300) + "/" + "other":       "deep/d",
	"deep/" + strings.Repeat("d", 300):                       "deep/d", // beside the directory
	"deep/" + strings.Repeat("n", 250) + "%file%":            "deep/n", // no room for its escape
	"deep/" + strings.Repeat("😀", 100) + "/" + "%empty%/%41": "deep/😀",
	strings.Repeat("x", 1024):                                "x",
	"slashes/" + strings.Repeat("y/", 507) + "z":             "slashes/y/y/",
}

// namesTable stores an object of every name in a container, by another client,
// and checks from the mount and from the server that each of them is reachable
// by itself alone.
func namesTable(t *testing.T, a account, container string) {
	t.Helper()
	server := logIn(t, a)
	server.want(http.StatusCreated, http.MethodPut, container, "")
	t.Cleanup(func() { removeEverything(t, a, container) })
	all := slices.Concat(slices.Collect(maps.Keys(strange)), slices.Collect(maps.Keys(longNames)))
	eachInParallel(len(all), func(i int) { server.do(http.MethodPut, container+"/"+all[i]+"?", "this is "+all[i]) })
	m := mount(t, a, func(c *fs.Config) { c.Container = container })
	shown := everyFile(t, m, len(all))
	for name, path := range strange {
		if shown[name] != path {
			t.Errorf("the object %q is shown as %q, want %q", name, shown[name], path)
		}
	}
	for name, begin := range longNames {
		if !strings.HasPrefix(shown[name], begin) {
			t.Errorf("the object %q is shown as %q, want it to begin with %q", name, shown[name], begin)
		}
	}
	cold := mount(t, a, func(c *fs.Config) { c.Container = container })
	to := t.TempDir()
	for name, path := range shown {
		run(t, "cp", "--", filepath.Join(cold.dir, path), filepath.Join(to, "copy"))
		if got, err := os.ReadFile(filepath.Join(to, "copy")); err != nil || string(got) != "this is "+name {
			t.Errorf("cp of %q gives %q, %v, want the object %q", path, got, err, name)
		}
	}
	removalsHarmNothingElse(t, cold, container, shown)
}

// everyFile reads every file of a mount, all of which say what their object's
// name is, and returns their paths by it.
func everyFile(t *testing.T, m *mounted, want int) map[string]string {
	t.Helper()
	run(t, "ls", "-laR", m.dir)
	shown := map[string]string{}
	paths := strings.Split(strings.TrimSuffix(sh(t, "cd "+m.dir+"; find . -type f -printf '%P\\0'"), "\x00"), "\x00")
	for _, p := range paths {
		content, err := os.ReadFile(m.dir + "/" + p)
		name, ok := strings.CutPrefix(string(content), "this is ")
		if err != nil || !ok || shown[name] != "" {
			t.Errorf("%q has %q, %v; %q shows the same", p, content, err, shown[name])
		}
		shown[name] = p
	}
	if len(paths) != want {
		t.Errorf("find shows %d files, want %d", len(paths), want)
	}
	return shown
}

// removalsHarmNothingElse removes the directories of the mount one after the
// other, and then the files that are left, and checks at the server what each
// removal took away.
func removalsHarmNothingElse(t *testing.T, m *mounted, container string, shown map[string]string) {
	t.Helper()
	left := objectNames(t, m.account, container)
	if len(left) != len(shown) {
		t.Fatalf("the server has %d objects, the mount %d", len(left), len(shown))
	}
	remove := func(path string) {
		t.Helper()
		run(t, "rm", "-r", "--", m.dir+"/"+path)
		left = slices.DeleteFunc(left, func(name string) bool {
			return shown[name] == path || strings.HasPrefix(shown[name], path+"/")
		})
		if got := objectNames(t, m.account, container); !slices.Equal(got, left) {
			t.Fatalf("after rm -r %q the server has\n%q\nwant\n%q", path, got, left)
		}
	}
	fails(t, "not empty", "rmdir "+m.path("deep"))
	for _, path := range []string{"a/%empty%", "d/%dotdot%", "%dot%", "esc", shown["slashes/"+strings.Repeat("y/", 507)+"z"]} {
		remove(path)
	}
	for _, name := range slices.Sorted(maps.Keys(longNames)) {
		if slices.Contains(left, name) {
			remove(shown[name])
		}
	}
	run(t, "find", m.dir, "-mindepth", "1", "-delete")
	if got := objectNames(t, m.account, container); len(got) != 0 {
		t.Errorf("after find -delete the server has\n%q", got)
	}
}

// objectNames lists a container as the server has it, whatever the names are.
func objectNames(t *testing.T, a account, container string) []string {
	t.Helper()
	server := logIn(t, a) // whose token may have ended meanwhile
	var rows []struct{ Name string }
	if err := json.Unmarshal([]byte(server.want(http.StatusOK, http.MethodGet, container+"?format=json", "").body), &rows); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, r := range rows {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

// removeEverything deletes a container with objects of any names.
func removeEverything(t *testing.T, a account, container string) {
	t.Helper()
	server := logIn(t, a)
	for _, name := range objectNames(t, a, container) {
		server.do(http.MethodDelete, container+"/"+name+"?", "")
	}
	server.do(http.MethodDelete, container, "")
}

// "Every object is reachable."
func TestNames(t *testing.T) {
	namesTable(t, fakeAccount(startFake(t, fakeswift.Options{})), "names")
}

func TestNamesOnOpenStackSwift(t *testing.T) {
	namesTable(t, serverAccount(openStackSwift(t)), "names")
}

// A container's name of 256 bytes is one more than an entry has.
func TestTheLongestContainerNameIsReachable(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	name := strings.Repeat("c", 256)
	srv.PutObject(name, "file", "", []byte("content"))
	srv.CreateContainer(strings.Repeat("c", 255))
	for _, first := range []string{"ls", "true"} {
		m := mount(t, fakeAccount(srv))
		sh(t, first+" "+m.dir)
		if got := sh(t, "cat "+m.dir+"/*%long-*%/file"); got != "content" {
			t.Errorf("the mount shows %q", got)
		}
		fails(t, "not empty", "rmdir "+m.dir+"/*%long-*%")
		m.unmount()
	}
	m := mount(t, fakeAccount(srv))
	entry := strings.TrimSpace(sh(t, "basename "+m.dir+"/*%long-*%"))
	cold := mount(t, fakeAccount(srv))
	requests(t, srv, 2, "stat of the entry alone, for its name and its attributes", func() { sh(t, "stat "+cold.path(entry)) })
	sh(t, "rm -r "+cold.path(entry))
	if got := srv.Containers(); len(got) != 1 {
		t.Errorf("the server has %q", got)
	}
}

// rm -r asks of each directory whether it is empty. What is in them it is told by
// listings of the tree, the first directory and the second.
func TestRemovingATreeCostsOneRequestAFile(t *testing.T) {
	const directories, files = 20, 50
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", func(yield func(string) bool) {
		for d := range directories {
			for i := range files {
				if !yield(fmt.Sprintf("tree/dir-%02d/file-%02d", d, i)) {
					return
				}
			}
		}
	}, 4096)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.Container = "c" })
	sh(t, "ls "+m.dir)
	requests(t, srv, directories*files+(directories+1)+3, "rm -r of a tree", func() { sh(t, "rm -r "+m.path("tree")) })
	if got := srv.Objects("c"); len(got) != 0 {
		t.Errorf("the server has %q", got)
	}
}
