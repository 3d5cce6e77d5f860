package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makeTree makes a tree with what tools like to lose: modes, dates to the
// nanosecond, owners, symbolic links, empty files and directories, odd names,
// and a file so large that it is stored in segments.
func makeTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	lines := `
		mkdir -p a/b 'with space' empty
		printf hello > a/hello.txt; chmod 600 a/hello.txt
		seq 1 20000 > a/b/numbers.csv; chmod 640 a/b/numbers.csv
		: > a/zero
		printf '#!/bin/sh\n' > run.sh; chmod 755 run.sh
		printf named > 'with space/naïve ☕ 100%41.txt'
		head -c 9000000 /dev/urandom > large.bin
		ln -s a/hello.txt link; ln -s nowhere dangling; ln -s ../hello.txt a/b/up
		chmod 750 a; chmod 700 'with space'
	`
	if os.Geteuid() == 0 {
		lines += "chown 1234:2345 a/zero a/b\n"
	}
	// Last, and the deepest first, because all the rest changes dates.
	lines += `
		n=0
		find . -depth | sort | while read -r f; do n=$((n+1)); touch -h -d "2001-02-03 04:05:$((10+n)).1234567$((10+n))" "$f"; done
	`
	sh(t, "mkdir "+dir+"; cd "+dir+lines)
	return dir
}

// describe lists a tree: types, modes, owners, dates, sizes of files, targets
// of links.
func describe(t *testing.T, dir string) string {
	t.Helper()
	const common = `%P %y %m %U:%G %T@`
	return shIn(t, dir, `find . -mindepth 1 \( -type f -printf '`+common+` %s\n' \) -o \( -type l -printf '`+common+
		` %l\n' \) -o -printf '`+common+`\n' | sort`)
}

// sameTree checks that two trees look the same and hold the same.
func sameTree(t *testing.T, got, want string) {
	t.Helper()
	if g, w := describe(t, got), describe(t, want); g != w {
		t.Errorf("the tree is\n%swant\n%s", g, w)
	}
	run(t, "diff", "-r", "--no-dereference", got, want)
}

// storedTree checks some files of a copy of the tree as other clients get them.
func storedTree(t *testing.T, s site, dir string) {
	t.Helper()
	wantStored(t, s, dir+"/a/hello.txt", []byte("hello"))
	wantType(t, s, dir+"/a/hello.txt", "text/plain")
	wantStored(t, s, dir+"/a/zero", nil)
	wantStored(t, s, dir+"/with space/naïve ☕ 100%41.txt", []byte("named"))
	wantType(t, s, dir+"/a/b/numbers.csv", "text/csv")
}

// rsyncJob synchronises a tree twice and once more after a remount: only the
// first time is there anything to do.
func rsyncJob(t *testing.T, s site) {
	tree := makeTree(t)
	sync := func(options string) string {
		t.Helper()
		return sh(t, "rsync -a --itemize-changes "+options+" "+tree+"/ "+s.path("copy"))
	}
	if got := sync(""); strings.Count(got, "\n") < 12 {
		t.Errorf("the first rsync transfers\n%s", got)
	}
	idle := func(when, options string) {
		t.Helper()
		if got := sync(options); got != "" {
			t.Errorf("rsync %s finds to do:\n%s", when, got)
		}
	}
	idle("at once again", "")
	s.remount(t)
	idle("after a remount", "")
	idle("by checksum", "--checksum")
	sameTree(t, s.path("copy"), tree)
	storedTree(t, s, "copy")

	sh(t, "cd "+tree+"; echo more >> a/hello.txt; rm run.sh")
	got := sync("--delete --omit-dir-times")
	if !strings.Contains(got, "*deleting   run.sh\n") || !strings.Contains(got, ">f.st...... a/hello.txt\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("after one change and one deletion rsync does\n%s", got)
	}
	wantStored(t, s, "copy/a/hello.txt", []byte("hellomore\n"))
	wantGone(t, s, "copy/run.sh")
}

// copyTreeJob copies a tree with cp -a, in, within and out again.
func copyTreeJob(t *testing.T, s site) {
	tree := makeTree(t)
	sh(t, "cp -a "+tree+" "+s.path("in"))
	sameTree(t, s.path("in"), tree)
	sh(t, "cp -a "+s.path("in")+" "+s.path("within"))
	sameTree(t, s.path("within"), tree)
	s.remount(t)
	sameTree(t, s.path("in"), tree)
	sameTree(t, s.path("within"), tree)
	out := filepath.Join(t.TempDir(), "out")
	sh(t, "cp -a "+s.path("within")+" "+out)
	sameTree(t, out, tree)
	storedTree(t, s, "in")
	storedTree(t, s, "within")
	sh(t, "rm -r "+s.path("in"))
	wantGone(t, s, "in/a/hello.txt")
	sameTree(t, s.path("within"), tree)
}

// tarJob extracts an archive and makes one of what it has extracted.
func tarJob(t *testing.T, s site) {
	tree := makeTree(t)
	sh(t, "mkdir "+s.path("x")+"; tar --format=posix -C "+tree+" -cf - . | tar -C "+s.path("x")+" -xpf -")
	sameTree(t, s.path("x"), tree)
	sh(t, "tar --format=posix -C "+s.path("x")+" -czf "+s.path("x.tar.gz")+" .")
	s.remount(t)
	sameTree(t, s.path("x"), tree)
	back := t.TempDir()
	sh(t, "tar -C "+back+" -xpzf "+s.path("x.tar.gz"))
	sameTree(t, back, tree)
	sh(t, "tar -C "+tree+" -df "+s.path("x.tar.gz"))
	storedTree(t, s, "x")
}

// zipJob unpacks a zip file, and makes and changes one in place.
func zipJob(t *testing.T, s site) {
	tree := makeTree(t)
	from := filepath.Join(t.TempDir(), "from.zip")
	sh(t, "cd "+tree+"; zip -qry "+from+" .")
	sh(t, "unzip -q "+from+" -d "+s.path("x"))
	run(t, "diff", "-r", "--no-dereference", s.path("x"), tree)
	shIn(t, s.path(), "(cd x; zip -qry ../new.zip .); echo added > added; zip -q new.zip added; zip -qd new.zip large.bin; unzip -tq new.zip")
	s.remount(t)
	run(t, "diff", "-r", "--no-dereference", s.path("x"), tree)
	back := t.TempDir()
	shIn(t, s.path(), "unzip -q new.zip -d "+back+"; cmp "+back+"/added added; rm "+back+"/added; cp -a x/large.bin "+back)
	run(t, "diff", "-r", "--no-dereference", back, tree)
	storedTree(t, s, "x")
}

// moveJob renames directories with everything in them.
func moveJob(t *testing.T, s site) {
	tree := makeTree(t)
	sh(t, "cp -a "+tree+" "+s.path("d"))
	shIn(t, s.path(), "mkdir other; echo here > other/file; mv d moved; mv moved other; mkdir vacant; mv -T other vacant")
	sameTree(t, s.path("vacant", "moved"), tree)
	shIn(t, s.path(), "test ! -e d -a ! -e moved -a ! -e other")
	s.remount(t)
	sameTree(t, s.path("vacant", "moved"), tree)
	shIn(t, s.path(), "test ! -e d -a ! -e moved -a ! -e other")
	storedTree(t, s, "vacant/moved")
	wantStored(t, s, "vacant/file", []byte("here\n"))
	wantGone(t, s, "d/a/hello.txt")
	wantGone(t, s, "other/file")

	sh(t, "mkdir "+s.path("new"))
	fails(t, "not empty", "mv -T "+s.path("new")+" "+s.path("vacant"))
	fails(t, "subdirectory of itself", "mv "+s.path("vacant")+" "+s.path("vacant", "moved"))
	fails(t, "non-directory", "mv -T "+s.path("vacant")+" "+s.path("vacant", "file"))
	sameTree(t, s.path("vacant", "moved"), tree)
}

// linkJob makes links, follows them, and deletes them without harm to what they
// point at.
func linkJob(t *testing.T, s site) {
	shIn(t, s.path(), `
		mkdir dir; echo content > dir/file
		ln -s dir/file to-file; ln -s dir to-dir; ln -s nowhere dangling; ln -s ../to-file dir/chain; ln -s /etc/hostname absolute
		ln -sfn dir/file to-dir2; ln -sfn dir to-dir2`)
	check := func() {
		t.Helper()
		got := shIn(t, s.path(), "readlink to-file to-dir to-dir2 dangling dir/chain absolute; cat to-file to-dir/file dir/chain to-dir2/file")
		want := "dir/file\ndir\ndir\nnowhere\n../to-file\n/etc/hostname\n" + strings.Repeat("content\n", 4)
		if got != want {
			t.Errorf("the links are\n%swant\n%s", got, want)
		}
		fails(t, "No such file", "cat "+s.path("dangling"))
	}
	check()
	s.remount(t)
	check()
	shIn(t, s.path(), "echo more >> to-file; cp -P to-file copied; rm to-file; mv to-dir renamed; rm -r dangling dir/chain")
	wantStored(t, s, "dir/file", []byte("content\nmore\n"))
	if got := shIn(t, s.path(), "readlink copied renamed; ls renamed"); got != "dir/file\ndir\nfile\n" {
		t.Errorf("after copying and renaming links: %q", got)
	}
}
