package integration

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// largeContent is that of the large objects below: three segments.
var largeContent = pattern(2500, 7)

// largeObjects stores, as other clients do, objects whose listing rows do not
// show their size, or their bytes: large/static, large/dynamic, large/link and
// large/link-to-static.
func largeObjects(t *testing.T, srv *fakeswift.Server) {
	t.Helper()
	server := logIn(t, fakeAccount(srv))
	srv.PutObject("large", "plain", "", []byte("plain"))
	for i := range 3 {
		part := largeContent[i*1000 : min(i*1000+1000, len(largeContent))]
		srv.PutObject("large_segments", fmt.Sprintf("static/seg/%d", i), "", part)
		srv.PutObject("large_segments", fmt.Sprintf("dynamic/seg/%d", i), "", part)
	}
	srv.PutObject("large_segments", "static/other", "", []byte("not a segment of it"))
	srv.PutObject("large_segments", "dynamic/other", "", []byte("not a segment of it"))
	putSLO(t, server, "large/static", "large_segments", "static/seg/", 3)
	server.want(http.StatusCreated, http.MethodPut, "large/dynamic", "", "X-Object-Manifest", "large_segments/dynamic/seg/")
	server.want(http.StatusCreated, http.MethodPut, "large/link", "", "X-Symlink-Target", "large/plain", "Content-Type", "application/symlink")
	server.want(http.StatusCreated, http.MethodPut, "large/link-to-static", "", "X-Symlink-Target", "large/static")
}

// putSLO stores a manifest of n segments prefix0, prefix1, …
func putSLO(t *testing.T, server *plain, path, container, prefix string, n int) {
	t.Helper()
	var segments []map[string]any
	for i := range n {
		name := fmt.Sprintf("%s%d", prefix, i)
		got := server.want(http.StatusOK, http.MethodGet, container+"/"+name, "")
		sum := md5.Sum([]byte(got.body))
		segments = append(segments, map[string]any{"path": "/" + container + "/" + name, "etag": hex.EncodeToString(sum[:]), "size_bytes": len(got.body)})
	}
	text, err := json.Marshal(segments)
	if err != nil {
		t.Fatal(err)
	}
	server.want(http.StatusCreated, http.MethodPut, path+"?multipart-manifest=put", string(text))
}

func TestRowsThatDoNotShowTheirSizeAreShownAsTheyAre(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	largeObjects(t, srv)
	want := map[string]string{"plain": "plain", "static": string(largeContent), "dynamic": string(largeContent), "link": "plain", "link-to-static": string(largeContent)}
	for _, warm := range []string{"ls -l", "true"} {
		m := mount(t, fakeAccount(srv))
		sh(t, warm+" "+m.path("large"))
		for name, content := range want {
			if got := sh(t, "stat -Lc %s "+m.path("large", name)); got != fmt.Sprintf("%d\n", len(content)) {
				t.Errorf("after %s, stat of %s shows %q, want %d", warm, name, got, len(content))
			}
			if got := sh(t, "cat "+m.path("large", name)); got != content {
				t.Errorf("after %s, cat of %s gives %d bytes, want %d", warm, name, len(got), len(content))
			}
			if got := sh(t, "tail -c +1501 "+m.path("large", name)+" | head -c 100"); got != content[min(1500, len(content)):min(1600, len(content))] {
				t.Errorf("after %s, the middle of %s is wrong", warm, name)
			}
		}
	}
	m := mount(t, fakeAccount(srv))
	requests(t, srv, 2, "ls -l with a row that has to be asked about (the static one shows its size, links have their text's)", func() { sh(t, "ls -l "+m.path("large")) })
}

// "A large object takes its own segments along, and nothing else."
func TestDeletingALargeObjectDeletesItsSegmentsAndNothingElse(t *testing.T) {
	for _, warm := range []string{"ls -l", "true"} {
		srv := startFake(t, fakeswift.Options{})
		largeObjects(t, srv)
		m := mount(t, fakeAccount(srv))
		sh(t, warm+" "+m.path("large"))
		sh(t, "cd "+m.path("large")+"; rm link link-to-static")
		object(t, srv, "large", "static", largeContent)
		object(t, srv, "large", "plain", []byte("plain"))
		sh(t, "cd "+m.path("large")+"; rm static dynamic")
		m.unmount()
		if got := srv.Objects("large"); !slices.Equal(got, []string{"plain"}) {
			t.Errorf("the container has %q", got)
		}
		if got := srv.Objects("large_segments"); !slices.Equal(got, []string{"dynamic/other", "static/other"}) {
			t.Errorf("the segment container has %q", got)
		}
	}
}

// A server that is asked to delete a link together with its segments may take
// the target's for them.
func TestALinkToALargeObjectIsNoLargeObjectOnOpenStackSwift(t *testing.T) {
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	t.Cleanup(func() { emptyContainers(t, server, "links", "links_segments") })
	for _, c := range []string{"links", "links_segments"} {
		server.want(http.StatusCreated, http.MethodPut, c, "")
	}
	for i := range 2 {
		server.want(http.StatusCreated, http.MethodPut, fmt.Sprintf("links_segments/target/%d", i), string(largeContent[i*1000:i*1000+1000]))
	}
	putSLO(t, server, "links/target", "links_segments", "target/", 2)
	for _, link := range []string{"removed", "removed-unseen", "overwritten"} {
		server.want(http.StatusCreated, http.MethodPut, "links/"+link, "", "X-Symlink-Target", "links/target")
	}
	cold := mount(t, a, noLinks, func(c *fs.Config) { c.Container = "links" })
	sh(t, "rm "+cold.path("removed-unseen"))
	m := mount(t, a, noLinks, func(c *fs.Config) { c.Container = "links" })
	if got := sh(t, "cd "+m.dir+"; stat -c '%n %s' *"); got != "overwritten 2000\nremoved 2000\ntarget 2000\n" {
		t.Errorf("the mount shows %s", got)
	}
	sh(t, "cd "+m.dir+"; rm removed; echo new > overwritten")
	m.unmount()
	if got := server.want(http.StatusOK, http.MethodGet, "links/target", ""); got.body != string(largeContent[:2000]) {
		t.Errorf("the target has %d bytes", len(got.body))
	}
	if got := server.want(http.StatusOK, http.MethodGet, "links/overwritten", ""); got.body != "new\n" {
		t.Errorf("the overwritten link has %d bytes", len(got.body))
	}
	if got := server.lines("links"); !slices.Equal(got, []string{"overwritten", "target"}) {
		t.Errorf("the container has %q", got)
	}
}

// "Segments of the old version are deleted after the new version stands."
func TestOverwritingALargeObjectDeletesItsOldSegmentsAfterwards(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
	}{{"by a small file", 10}, {"by an empty file", 0}, {"by another large one", 3<<20 + 10}} {
		t.Run(c.name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.CreateContainer("c")
			m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
			old := pattern(4<<20+5, 1)
			sh(t, "cp "+localFile(t, "old", old)+" "+m.path("c/file"))
			object(t, srv, "c", "file", old)
			before := srv.Objects("c_segments")
			if len(before) != 5 {
				t.Fatalf("segments %q", before)
			}
			data := pattern(c.size, 2)
			srv.Reset()
			sh(t, "cp "+localFile(t, "new", data)+" "+m.path("c/file"))
			m.unmount()
			object(t, srv, "c", "file", data)
			for _, s := range before {
				if slices.Contains(srv.Objects("c_segments"), s) {
					t.Errorf("segment %s of the old version is still there", s)
				}
			}
			if got, want := len(srv.Objects("c_segments")), (c.size+1<<20-1)>>20; c.size > 1<<20 && got != want {
				t.Errorf("%d segments, want %d: %q", got, want, srv.Objects("c_segments"))
			}
			put, deleted := -1, -1
			for i, r := range srv.Requests() {
				switch {
				case r.Method == http.MethodPut && r.Object == "file":
					put = i
				case deleted < 0 && (r.Method == http.MethodDelete || r.Query.Has("bulk-delete")):
					deleted = i
				}
			}
			if put < 0 || deleted < put {
				t.Errorf("the object was put in request %d, the first deletion was request %d", put, deleted)
			}
		})
	}
}

func TestASegmentOfAnotherClientStaysWhenItsObjectIsOverwritten(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	largeObjects(t, srv)
	server := logIn(t, fakeAccount(srv))
	// A manifest of parts that are objects of their own, elsewhere.
	for i := range 2 {
		srv.PutObject("pieces", fmt.Sprintf("piece-%d", i), "", pattern(100, uint64(i)))
	}
	putSLO(t, server, "large/assembled", "pieces", "piece-", 2)
	m := mount(t, fakeAccount(srv))
	sh(t, "printf new > "+m.path("large/assembled"))
	m.unmount()
	object(t, srv, "large", "assembled", []byte("new"))
	if got := srv.Objects("pieces"); len(got) != 2 {
		t.Errorf("the pieces were deleted: %q", got)
	}
}

// "A file up to the segment size is one object. A larger one becomes a large
// object whose segments are uploaded while the program still writes".
func TestFilesOfSizesAroundTheSegmentSize(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	for _, size := range []int{0, 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2 << 20, 2<<20 + 1, 5<<20 - 1} {
		data := pattern(size, uint64(size))
		from := localFile(t, "from", data)
		sh(t, "cp "+from+" "+m.path("c/file")+"; cmp "+from+" "+m.path("c/file"))
		got, h, _ := srv.Object("c", "file")
		if !bytes.Equal(got, data) {
			t.Errorf("of %d bytes, the server has %d", size, len(got))
		}
		if large := h.Get("X-Static-Large-Object") != ""; large != (size > 1<<20) {
			t.Errorf("%d bytes: a large object: %v", size, large)
		}
	}
}
