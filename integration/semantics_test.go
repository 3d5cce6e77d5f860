package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend/fakeswift"
)

// Each test quotes the paragraph of fs/SEMANTICS.md that it proves.

// shortTTL makes what others do visible after a moment.
func shortTTL(c *fs.Config) { c.CacheTTL = 100 * time.Millisecond }

// eventually runs a line of shell until it prints want, for what others' changes
// and deletions in the background need a moment for.
func eventually(t *testing.T, line, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		r := try(t, "sh", "-c", line)
		if r.out == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s prints %q for 20 s, want %q", line, r.out, want)
		}
	}
}

// conversation is a shell that does something with an open file, one line of
// its input after the other.
type conversation struct {
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	errors *logBuffer
	cmd    *exec.Cmd
}

func converse(t *testing.T) *conversation {
	t.Helper()
	c := &conversation{t: t, errors: new(logBuffer), cmd: exec.CommandContext(t.Context(), "sh")}
	c.cmd.Env = append(os.Environ(), "LC_ALL=C")
	c.cmd.Stderr = c.errors
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.leave)
	return c
}

// say has the shell carry out a line, and returns when it has.
func (c *conversation) say(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, "%s\necho done\n", line); err != nil {
		c.t.Fatal(err)
	}
	if got, err := c.out.ReadString('\n'); got != "done\n" {
		c.t.Fatalf("%s: %q, %v\n%s", line, got, err, c.errors)
	}
}

// leave ends the shell, which closes its files.
func (c *conversation) leave() {
	_ = c.in.Close()
	_, _ = io.Copy(io.Discard, c.out)
	_ = c.cmd.Wait()
}

// writer is a program that keeps a file open and writes to it.
type writer struct {
	t    *testing.T
	path string
	in   io.WriteCloser
	cmd  *exec.Cmd
	size int
	log  *logBuffer
}

// writeTo opens a file as a program that then waits for what to write.
func writeTo(t *testing.T, path string) *writer {
	t.Helper()
	w := &writer{t: t, path: path, log: new(logBuffer)}
	w.cmd = exec.CommandContext(t.Context(), "sh", "-c", `exec cat > "$1"`, "sh", path)
	w.cmd.Env = append(os.Environ(), "LC_ALL=C")
	w.cmd.Stderr = w.log
	in, err := w.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.in = in
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.in.Close(); _ = w.cmd.Wait() })
	eventually(t, "test -e "+path+" && echo there", "there\n")
	return w
}

// write has the program write, and returns when the mount shows that it has.
func (w *writer) write(text string) {
	w.t.Helper()
	w.size += len(text)
	w.writeUnseen(text)
	eventually(w.t, "stat -c %s "+w.path, fmt.Sprintf("%d\n", w.size))
}

// writeUnseen has the program write to a file that has no name any more.
func (w *writer) writeUnseen(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.in, text); err != nil {
		w.t.Fatal(err)
	}
}

// close closes the file and returns what the program says about it, "" for
// success.
func (w *writer) close() string {
	_ = w.in.Close()
	if err := w.cmd.Wait(); err != nil {
		return w.log.String() + err.Error()
	}
	return ""
}

// "Never a mix. An open file is one version of an object. A read returns bytes
// of that version, or ESTALE when the server no longer has it; never bytes of
// two versions, never zeros in place of an error, never less than asked for
// before the end of the file. A file opened later is the newer version."
func TestAnOpenFileIsOneVersion(t *testing.T) {
	const size = 24 << 20
	srv := startFake(t, fakeswift.Options{})
	old, replacement := pattern(size, 1), pattern(size, 2)
	change := map[string]func(){
		"replaced":           func() { srv.PutObject("c", "file", "", replacement) },
		"replaced by less":   func() { srv.PutObject("c", "file", "", replacement[:1000]) },
		"deleted":            func() { srv.RemoveObject("c", "file") },
		"deleted and put up": func() { srv.RemoveObject("c", "file"); srv.PutObject("c", "file", "", replacement) },
	}
	for name, do := range change {
		t.Run(name, func(t *testing.T) {
			srv.PutObject("c", "file", "", old)
			m := mount(t, fakeAccount(srv), shortTTL, func(c *fs.Config) { c.ReadAhead = 1 << 20 })
			part := t.TempDir() + "/part"
			reader := converse(t)
			reader.say("exec 3< " + m.path("c/file"))
			reader.say("dd bs=64k count=50 iflag=fullblock status=none <&3 > " + part)
			do()
			now, _, there := srv.Object("c", "file")
			if there {
				// Another program sees the new version, whole, through the same name.
				eventually(t, "cmp -s "+m.path("c/file")+" "+localFile(t, "now", now)+" && echo same", "same\n")
			} else {
				eventually(t, "ls "+m.path("c"), "")
			}
			reader.say("cat <&3 >> " + part)
			reader.leave()
			got, err := os.ReadFile(part)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(old, got) {
				t.Errorf("the reader got %d bytes that are not those of the version it opened", len(got))
			}
			stale := strings.Contains(reader.errors.String(), "Stale file handle")
			if whole := len(got) == len(old); whole == stale {
				t.Errorf("the reader got %d bytes of %d, and the error %q", len(got), len(old), reader.errors)
			}
		})
	}
}

// "Your own writes are visible at once in this mount, whatever the server's
// listings say."
func TestOwnWritesAreVisibleAtOnceWhateverListingsSay(t *testing.T) {
	for name, ttl := range map[string]func(*fs.Config){
		"long TTL": func(*fs.Config) {}, "short TTL": func(c *fs.Config) { c.CacheTTL = time.Millisecond }, "no TTL": func(c *fs.Config) { c.CacheTTL = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, fakeswift.Options{})
			srv.PutObject("c", "old", "", []byte("old"))
			srv.PutObject("c", "dir/a", "", []byte("a"))
			srv.PutObject("c", "dir/b", "", []byte("b"))
			srv.CreateContainer("gone")
			m := mount(t, fakeAccount(srv), ttl)
			srv.LagListings(true)
			for _, step := range []struct{ do, show, want string }{
				{"printf hello > c/new", "ls c; cat c/new; stat -c %s c/new", "dir\nnew\nold\nhello5\n"},
				{"printf longer > c/old", "cat c/old; stat -c %s c/old", "longer6\n"},
				{"rm c/new", "ls c; test -e c/new || echo gone", "dir\nold\ngone\n"},
				{"printf again > c/new", "ls c; cat c/new", "dir\nnew\nold\nagain"},
				{"rm c/old", "ls c", "dir\nnew\n"},
				{"mkdir c/dir/sub", "ls c/dir", "a\nb\nsub\n"},
				{"printf x > c/dir/sub/x", "ls c/dir/sub; find c/dir | sort", "x\nc/dir\nc/dir/a\nc/dir/b\nc/dir/sub\nc/dir/sub/x\n"},
				{"rm c/dir/sub/x; rmdir c/dir/sub", "ls c/dir; test -e c/dir/sub || echo gone", "a\nb\ngone\n"},
				{"rm -r c/dir", "ls c; test -e c/dir || echo gone", "new\ngone\n"},
				{"mkdir c2; printf y > c2/y", "ls; ls c2", "c\nc2\ngone\ny\n"},
				{"rm c2/y; rmdir gone", "ls; ls c2", "c\nc2\n"},
			} {
				sh(t, "cd "+m.dir+"; "+step.do)
				for range 2 {
					if got := sh(t, "cd "+m.dir+"; "+step.show); got != step.want {
						t.Errorf("after %q, %q prints %q, want %q", step.do, step.show, got, step.want)
					}
				}
			}
			// And when the listings have caught up.
			srv.LagListings(false)
			if got := sh(t, "cd "+m.dir+"; find . | sort"); got != ".\n./c\n./c/new\n./c2\n" {
				t.Errorf("in the end find prints %q", got)
			}
		})
	}
}

// "A file that is being written has the size written so far, and the bytes, for
// every handle of this mount."
func TestAFileBeingWrittenShowsItsSizeAndCanBeRead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	w := writeTo(t, m.path("c/file"))
	w.write("hello")
	if got := sh(t, "cd "+m.path("c")+"; ls; stat -c %s file"); got != "file\n5\n" {
		t.Errorf("while it is written: %q", got)
	}
	if got := sh(t, "cat "+m.path("c/file")); got != "hello" {
		t.Errorf("a reader beside the writer gets %q", got)
	}
	w.write(" world")
	if got := sh(t, "cat "+m.path("c/file")); got != "hello world" {
		t.Errorf("the reader then gets %q", got)
	}
	if said := w.close(); said != "" {
		t.Error(said)
	}
	object(t, srv, "c", "file", []byte("hello world"))
}

// "Others' changes are visible after at most cache-ttl".
func TestChangesOfOthersAreVisibleAfterTheTTL(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("one"))
	srv.PutObject("c", "dir/x", "", []byte("x"))
	m := mount(t, fakeAccount(srv), shortTTL)
	in := "cd " + m.dir + "; "
	if got := sh(t, in+"ls c; cat c/file"); got != "dir\nfile\none" {
		t.Errorf("at first: %q", got)
	}
	srv.PutObject("c", "new", "", []byte("new"))
	eventually(t, in+"ls c", "dir\nfile\nnew\n")
	srv.PutObject("c", "file", "", []byte("another"))
	eventually(t, in+"stat -c %s c/file", "7\n")
	eventually(t, in+"cat c/file", "another")
	srv.PutObject("c", "file", "", []byte("ANOTHER")) // the same size
	eventually(t, in+"cat c/file", "ANOTHER")
	srv.RemoveObject("c", "new")
	eventually(t, in+"ls c", "dir\nfile\n")
	srv.RemoveObject("c", "dir/x")
	eventually(t, in+"ls c", "file\n")
	srv.PutObject("c", "file/below", "", []byte("b"))
	eventually(t, in+"ls c c/file", "c:\nfile\nfile%file%\n\nc/file:\nbelow\n")
	srv.CreateContainer("d")
	eventually(t, in+"ls", "c\nd\n")
}

// "Listing reads. Looking at a tree sends no request but GET and HEAD."
func TestLookingAtATreeSendsNothingButGetAndHead(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	strangeNames(srv)
	markersOfEveryKind(srv)
	largeObjects(t, srv)
	m := mount(t, fakeAccount(srv), shortTTL)
	wantUnchanged(t, srv, func() {
		sh(t, "cd "+m.dir+"; find; ls -lR; du -a; df .; find -type f -exec cat {} + > /dev/null; find -size +1k; test ! -e c/missing; tar c . > /dev/null")
	})
}

// "Several handles of a file see each other's writes."
func TestSeveralWritersOfAFileSeeEachOther(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv))
	w := writeTo(t, m.path("c/file"))
	w.write("first")
	sh(t, "printf ' second' >> "+m.path("c/file"))
	object(t, srv, "c", "file", []byte("first second"))
	sh(t, "printf F | dd of="+m.path("c/file")+" bs=1 conv=notrunc status=none; truncate -s 8 "+m.path("c/file"))
	object(t, srv, "c", "file", []byte("First se"))
	w.write("FIFTH")
	if got := sh(t, "cat "+m.path("c/file")); got != "FirstFIFTH" {
		t.Errorf("a reader gets %q", got)
	}
	if said := w.close(); said != "" {
		t.Error(said)
	}
	object(t, srv, "c", "file", []byte("FirstFIFTH"))
}

// "Files are written from beginning to end. A file is created or truncated and
// then written in order; a gap reads as zeros; the first 16 MiB may be overwritten
// as long as the file is not larger."
func TestProgramsThatWriteInOrderWork(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.CreateContainer("c")
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	big := pattern(3<<20+12345, 5)
	sparse := slices.Concat(make([]byte, 2<<20), []byte("middle"), make([]byte, 3<<20), []byte("end"))
	tail := slices.Concat([]byte("head"), make([]byte, 1<<21))
	local := t.TempDir()
	for name, data := range map[string][]byte{"big": big, "sparse": sparse, "tail": tail} {
		if err := os.WriteFile(local+"/"+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		line string
		want []byte
	}{
		{"(echo a; echo b; env printf c) > f", []byte("a\nb\nc")},
		{"> f", nil},
		{": > f; cat big big > f", nil}, // want below
		{"printf x > f; printf y > f", []byte("y")},
		{"printf abc > one; printf def > two; cat one two > f", []byte("abcdef")},
		{"touch new-and-empty; cp new-and-empty f", nil},
		{"dd if=L/big of=f bs=100000 status=none", big},
		{"dd if=L/big of=f bs=1M oflag=direct,dsync status=none", big},
		{"dd if=L/big of=f bs=1000 status=none conv=fsync", big},
		{"cp L/big f", big},
		{"cp --sparse=always L/sparse f", sparse},
		{"cp --sparse=always L/tail f", tail},
		{"dd if=L/tail of=f bs=4k conv=sparse status=none", tail},
		{"truncate -s 3000000 f2; rm -f f; cp f2 f", make([]byte, 3000000)},
		{"rm f; truncate -s 5 f", make([]byte, 5)},
		{"tee f < L/big > /dev/null", big},
		{"split -b 1500000 L/big part.; cat part.* > f", big},
		{"tar cf t.tar -C L big; tar xOf t.tar big > f", big},
		{"gzip -c L/big > f.gz; gunzip -c f.gz > f", big},
		{"sort L/lines > f", []byte("a\nb\n")},
	} {
		if err := os.WriteFile(local+"/lines", []byte("b\na\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		line := strings.ReplaceAll(c.line, "L/", local+"/")
		line = strings.ReplaceAll(line, "-C L ", "-C "+local+" ")
		if strings.HasPrefix(c.line, ": >") {
			line, c.want = strings.ReplaceAll(line, " big", " "+local+"/big"), slices.Concat(big, big)
		}
		r := try(t, "sh", "-ec", "cd "+m.path("c")+"; "+line)
		if r.code != 0 {
			t.Errorf("%s: exit status %d, %s", c.line, r.code, r.out)
			continue
		}
		got, _, ok := srv.Object("c", "f")
		if !ok || !bytes.Equal(got, c.want) {
			t.Errorf("%s: the server has %d bytes (%v), want %d", c.line, len(got), ok, len(c.want))
		}
		if r := try(t, "cmp", m.path("c/f"), localFile(t, "want", c.want)); r.code != 0 {
			t.Errorf("%s: the mount shows something else: %s", c.line, r.out)
		}
	}
}

// "A file that is unlinked while it is open can be read and written until its last
// close, and what is written then is stored nowhere."
func TestUnlinkedOpenFiles(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	data := pattern(100000, 1)
	srv.PutObject("c", "read", "", data)
	m := mount(t, fakeAccount(srv))
	// One file is unlinked before it is stored for the first time, one after.
	w := writeTo(t, m.path("c/written"))
	w.write("data")
	c := converse(t)
	part := t.TempDir() + "/part"
	c.say("exec 3> " + m.path("c/stored") + "; printf data >&3")
	object(t, srv, "c", "stored", []byte("data"))
	c.say("exec 4< " + m.path("c/read") + "; dd bs=1000 count=1 status=none <&4 > " + part)
	sh(t, "cd "+m.path("c")+"; rm written stored read")
	w.writeUnseen("more")
	if said := w.close(); said != "" {
		t.Error(said)
	}
	c.say("printf more >&3; exec 3>&-")
	c.say("cat <&4 >> " + part)
	if got := srv.Objects("c"); len(got) != 0 {
		t.Errorf("the server has %q", got)
	}
	if got := sh(t, "ls "+m.path("c")); got != "" {
		t.Errorf("ls shows %q", got)
	}
	got, err := os.ReadFile(part)
	if err != nil || !bytes.Equal(data, got) {
		t.Errorf("the reader got %d bytes, not those of the file; %v, %q", len(got), err, c.errors)
	}
	// The name is free.
	sh(t, "printf new > "+m.path("c/written"))
	object(t, srv, "c", "written", []byte("new"))
}

// "Never less than before. An object that is overwritten stays as it was, for
// every client, until the new content is complete on the server."
func TestTheOldObjectStaysUntilTheNewOneIsComplete(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	old := pattern(3<<20, 1)
	srv.PutObject("c", "file", "", old)
	m := mount(t, fakeAccount(srv), func(c *fs.Config) { c.SegmentSize = 1 << 20 })
	replacement := pattern(5<<20, 2)
	var looked atomic.Int32
	srv.Inject(fakeswift.Fault{Match: func(r *http.Request) bool {
		if r.Method == http.MethodPut {
			looked.Add(1)
			if now, _, _ := srv.Object("c", "file"); !bytes.Equal(now, old) {
				t.Errorf("before %s the old object is gone", r.URL.Path)
			}
		}
		return false
	}, Do: fakeswift.Status(http.StatusTeapot)})
	sh(t, "cp "+localFile(t, "new", replacement)+" "+m.path("c/file"))
	object(t, srv, "c", "file", replacement)
	if n := looked.Load(); n < 6 {
		t.Errorf("%d PUTs, want 5 segments and a manifest", n)
	}
}

// "Dates are those of the server: an object's last modification."
func TestDatesAreThoseOfTheServer(t *testing.T) {
	srv := startFake(t, fakeswift.Options{Now: func() time.Time { return time.Unix(1_700_000_000, 123_456_000) }})
	srv.PutObject("c", "file", "", []byte("x"))
	row := logIn(t, fakeAccount(srv)).do(http.MethodGet, "c?format=json", "").body
	_, date, _ := strings.Cut(row, `"last_modified": "2023-11-14T22:13:2`)
	want, err := strconv.ParseFloat("170000000"+strings.SplitN(date, `"`, 2)[0], 64)
	if err != nil {
		t.Fatalf("%s: %v", row, err)
	}
	m := mount(t, fakeAccount(srv))
	if got := sh(t, "ls "+m.path("c")+"; stat -c %.6Y "+m.path("c/file")); got != "file\n"+fmt.Sprintf("%.6f\n", want) {
		t.Errorf("stat shows %q", got)
	}
}

// A file system without a big directory in it is a toy: 25,000 entries are
// three pages of a listing.
func TestADirectoryOfManyPagesIsShownWholeWhileItChanges(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(25000, "file-%05d"), 3)
	d := mountBinary(t, fakeAccount(srv), ":c")
	if got := strings.Count(sh(t, "ls -U "+d.dir), "file-"); got != 25000 {
		t.Errorf("ls shows %d names", got)
	}
	dir, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	seen := map[string]int{}
	for i := 0; ; i++ {
		batch, err := dir.Readdirnames(500)
		for _, n := range batch {
			seen[n]++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		// Files come and go before and behind the place where the listing is.
		if i%5 == 0 {
			sh(t, fmt.Sprintf("cd %[1]s; printf x > a-%05[2]d; printf x > file-%05[2]d-new; printf x > z-%05[2]d; rm file-%05[3]d", d.dir, i*500, 24999-i))
		}
	}
	removed := map[string]bool{}
	for i := 0; i < 50; i += 5 {
		removed[fmt.Sprintf("file-%05d", 24999-i)] = true
	}
	for n := range names(25000, "file-%05d") {
		if seen[n] != 1 && !removed[n] {
			t.Fatalf("%s was shown %d times", n, seen[n])
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("%s was shown %d times", n, times)
		}
	}
}

// rewinddir, telldir and seekdir are what programs as rm -r and Samba do.
func TestADirectoryCanBeReadFromAnywhereAgain(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.FillContainer("c", names(1200, "file-%05d"), 3)
	d := mountBinary(t, fakeAccount(srv), ":c")
	dir, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	all := direntsFrom(t, dir, 0)
	if len(all) != 1202 {
		t.Fatalf("%d entries, want 1,200 and the dots", len(all))
	}
	for _, from := range []int{0, 1, 2, 3, 700, 1201, 1200, 5} {
		var offset int64
		if from > 0 {
			offset = all[from-1].next
		}
		if got := direntsFrom(t, dir, offset); !slices.Equal(got, all[from:]) {
			t.Errorf("from entry %d there are %d entries, want %d", from, len(got), len(all)-from)
		}
	}
	sh(t, "printf x > "+d.path("aaa"))
	if got := direntsFrom(t, dir, 0); len(got) != 1203 || got[2].name != "aaa" {
		t.Errorf("after rewinding, a new file is not shown: %d entries", len(got))
	}
}

// "Success means stored": a file that could not be unlinked is stored as if
// nobody had tried.
func TestAFileThatCannotBeUnlinkedIsStored(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "file", "", []byte("old"))
	m := mount(t, fakeAccount(srv))
	w := writeTo(t, m.path("c/file"))
	w.write("new")
	refusal := srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: http.MethodDelete}, Do: fakeswift.Status(http.StatusForbidden)})
	fails(t, "Permission denied", "rm "+m.path("c/file"))
	refusal.Remove()
	w.write(" content")
	if said := w.close(); said != "" {
		t.Error(said)
	}
	object(t, srv, "c", "file", []byte("new content"))
}
