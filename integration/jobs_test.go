package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// jobTable does through a mount what Swift users do by script, and checks each
// step from the server's side. prefix keeps its containers apart from others.
func jobTable(t *testing.T, a account, prefix string) {
	server := logIn(t, a)
	m := mount(t, a)
	mine := prefix + "my-new-container"
	t.Cleanup(func() {
		for _, o := range server.lines(mine) {
			server.do(http.MethodDelete, mine+"/"+o, "")
		}
		server.do(http.MethodDelete, mine, "")
	})
	steps := []struct {
		name string
		do   func(t *testing.T)
	}{
		{"create a container", func(t *testing.T) {
			sh(t, "mkdir "+m.path(mine))
			server.want(http.StatusNoContent, http.MethodHead, mine, "")
		}},
		{"list the containers", func(t *testing.T) {
			shown := strings.Fields(sh(t, "ls "+m.dir))
			if owned := server.lines(""); !slices.Equal(shown, owned) {
				t.Errorf("ls shows %q, the server has %q", shown, owned)
			}
		}},
		{"create an object from a file", func(t *testing.T) {
			from := localFile(t, "my_hello.txt", []byte("Hello World!"))
			sh(t, "cp "+from+" "+m.path(mine, "hello.txt"))
			got := server.want(http.StatusOK, http.MethodGet, mine+"/hello.txt", "")
			if got.body != "Hello World!" || got.header.Get("Content-Type") != "text/plain" {
				t.Errorf("the server has %q of type %q", got.body, got.header.Get("Content-Type"))
			}
		}},
		{"list a container's content", func(step *testing.T) { m = listContent(t, step, server, m, mine) }},
		{"download an object", func(t *testing.T) {
			to := t.TempDir() + "/my_hello.txt"
			sh(t, "cp "+m.path(mine, "hello.txt")+" "+to)
			if got := sh(t, "cat "+to); got != "Hello World!" {
				t.Errorf("downloaded %q", got)
			}
		}},
		{"delete an object", func(t *testing.T) {
			sh(t, "rm "+m.path(mine, "goodbye.txt"))
			server.want(http.StatusNotFound, http.MethodHead, mine+"/goodbye.txt", "")
		}},
		{"a container with objects is not deleted", func(t *testing.T) {
			fails(t, "not empty", "rmdir "+m.path(mine))
			server.want(http.StatusOK, http.MethodHead, mine+"/hello.txt", "")
		}},
		{"delete a container", func(t *testing.T) {
			sh(t, "rm -r "+m.path(mine)+"/*; rmdir "+m.path(mine))
			server.want(http.StatusNotFound, http.MethodHead, mine, "")
		}},
	}
	for _, s := range steps {
		if !t.Run(s.name, s.do) {
			return
		}
	}
}

// listContent compares ls -l with the server's own listing: names, sizes and
// dates. It adds objects behind the mount's back and returns a new mount, of
// the same test, that has seen them.
func listContent(parent, t *testing.T, server *plain, m *mounted, container string) *mounted {
	server.want(http.StatusCreated, http.MethodPut, container+"/goodbye.txt", "Goodbye", "Content-Type", "text/plain")
	server.want(http.StatusCreated, http.MethodPut, container+"/photos/2024/sea.jpg", "not a picture")
	fresh := mount(parent, m.account)
	shown := sh(t, "ls -l --time-style=full-iso "+fresh.path(container))
	var rows []struct {
		Name         string `json:"name"`
		Subdir       string `json:"subdir"`
		Bytes        int64  `json:"bytes"`
		LastModified string `json:"last_modified"`
	}
	if err := json.Unmarshal([]byte(server.do(http.MethodGet, container+"?format=json&delimiter=/", "").body), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 {
		t.Fatalf("the server lists %d rows, want 3", len(rows))
	}
	for _, r := range rows {
		if r.Subdir != "" {
			if !strings.Contains(shown, " "+strings.TrimSuffix(r.Subdir, "/")+"\n") {
				t.Errorf("ls -l does not show directory %s:\n%s", r.Subdir, shown)
			}
			continue
		}
		at, err := time.Parse("2006-01-02T15:04:05.999999999", strings.TrimSuffix(r.LastModified, "Z"))
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(" %d %s +0000 %s\n", r.Bytes, at.Format("2006-01-02 15:04:05.000000000"), r.Name)
		if !strings.Contains(shown, want) {
			t.Errorf("ls -l does not show %q:\n%s", want, shown)
		}
	}
	return fresh
}

func TestJobsOnFakeswift(t *testing.T) {
	jobTable(t, fakeAccount(startFake(t, fakeswift.Options{})), "")
}

func TestJobsOnFakeswiftInTheStyleOfRGW(t *testing.T) {
	srv := startFake(t, fakeswift.Options{RGWStyle: true, ListingCap: 1000})
	for _, path := range []string{"/auth", "/auth/", "/auth/v1.0", "/auth/1.0"} {
		t.Run(path, func(t *testing.T) {
			jobTable(t, account{srv.URL() + path, fakeswift.DefaultUser, fakeswift.DefaultKey}, "")
		})
	}
}

func TestJobsOnOpenStackSwift(t *testing.T) {
	srv := openStackSwift(t)
	jobTable(t, account{srv.AuthURL, srv.User, srv.Key}, "jobs-")
}
