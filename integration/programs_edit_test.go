package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// sedJob edits in place, by a new file that is renamed over the old one.
func sedJob(t *testing.T, s site) {
	shIn(t, s.path(), "seq 1 5 > numbers.txt; chmod 640 numbers.txt; cp numbers.txt kept.txt; sed -i s/3/three/ numbers.txt; perl -pi.bak -e 's/5/five/' numbers.txt")
	const want = "1\n2\nthree\n4\nfive\n"
	wantContent(t, s.path("numbers.txt"), want)
	wantContent(t, s.path("numbers.txt.bak"), "1\n2\nthree\n4\n5\n")
	s.remount(t)
	wantContent(t, s.path("numbers.txt"), want)
	if got := shIn(t, s.path(), "stat -c %a numbers.txt; ls"); got != "640\nkept.txt\nnumbers.txt\nnumbers.txt.bak\n" {
		t.Errorf("mode and directory after sed -i and perl -i: %q", got)
	}
	wantStored(t, s, "numbers.txt", []byte(want))
	wantType(t, s, "numbers.txt", "text/plain")
	wantStored(t, s, "kept.txt", []byte("1\n2\n3\n4\n5\n"))
}

// editorJob saves a file in the ways that editors have.
func editorJob(t *testing.T, s site) {
	saves := []struct{ name, lines string }{
		{"new file renamed over the old one", "echo new > .f.tmp; sync .f.tmp; mv .f.tmp f"},
		{"old file renamed to a backup", "mv f f~; echo new > f; sync f; rm f~"},
		{"old file copied to a backup", "cp -p f f~; echo new > f; rm f~"},
		{"truncated and written", "printf '' > f; echo new > f"},
		{"written over and cut", "printf 'new\\n' | dd of=f conv=notrunc status=none; truncate -s 4 f"},
		{"deleted and written", "rm f; echo new > f"},
	}
	for i, save := range saves {
		dir := fmt.Sprint("dir", i)
		shIn(t, s.path(), "mkdir "+dir+"; cd "+dir+"; echo 'the old content' > f\n"+save.lines)
		if got := shIn(t, s.path(dir), "ls -A; cat f"); got != "f\nnew\n" {
			t.Errorf("%s: the directory and the file are %q", save.name, got)
		}
	}
	s.remount(t)
	for i, save := range saves {
		dir := fmt.Sprint("dir", i)
		if got := shIn(t, s.path(dir), "ls -A; cat f"); got != "f\nnew\n" {
			t.Errorf("%s: after a remount, the directory and the file are %q", save.name, got)
		}
		wantStored(t, s, dir+"/f", []byte("new\n"))
	}
}

// vimJob edits with vim itself, with its swap file and each of its ways to
// write.
func vimJob(t *testing.T, s site) {
	var want strings.Builder
	want.WriteString("start\n")
	shIn(t, s.path(), "echo start > notes.txt; chmod 600 notes.txt")
	for _, backup := range []string{"yes", "no", "auto"} {
		shIn(t, s.path(), "export HOME=/nonexistent TERM=dumb\nvim.tiny -u NONE -N -es -c 'set directory=. writebackup backup backupdir=. backupskip= backupcopy="+
			backup+"' -c '$t$' -c '$s/.*/"+backup+"/' -c wq notes.txt </dev/null")
		want.WriteString(backup + "\n")
		wantContent(t, s.path("notes.txt"), want.String())
	}
	s.remount(t)
	if got := shIn(t, s.path(), "ls -A; stat -c %a notes.txt"); got != "notes.txt\nnotes.txt~\n600\n" {
		t.Errorf("vim leaves %q", got)
	}
	wantStored(t, s, "notes.txt", []byte(want.String()))
	wantType(t, s, "notes.txt", "text/plain")
}

// patchJob changes a file of several segments where it is.
func patchJob(t *testing.T, s site) {
	const size = 3*siteSegment + 1000
	data := pattern(size, 7)
	patch := pattern(100_000, 8)
	from, change := localFile(t, "from", data), localFile(t, "change", patch)
	sh(t, "cp "+from+" "+s.path("large.bin"))
	check := func(what string, want []byte) {
		t.Helper()
		sum := fmt.Sprintf("%x", sha256.Sum256(want))
		if got := sh(t, "sha256sum < "+s.path("large.bin")); !strings.HasPrefix(got, sum) {
			t.Errorf("%s: the file reads wrong", what)
		}
		s.remount(t)
		if got := sh(t, "sha256sum < "+s.path("large.bin")); !strings.HasPrefix(got, sum) {
			t.Errorf("%s: the file reads wrong after a remount", what)
		}
		wantStored(t, s, "large.bin", want)
	}
	sh(t, "dd if="+change+" of="+s.path("large.bin")+" bs=1000 seek=8345 conv=notrunc status=none")
	copy(data[8_345_000:], patch)
	check("dd in the middle", data)
	sh(t, "cat "+change+" >> "+s.path("large.bin"))
	data = append(data, patch...)
	check("an append", data)
	sh(t, "truncate -s 9000001 "+s.path("large.bin"))
	data = data[:9_000_001]
	check("truncate down", data)
	sh(t, "truncate -s +3000000 "+s.path("large.bin"))
	data = append(data, make([]byte, 3_000_000)...)
	check("truncate up", data)
	sh(t, "fallocate -l 13000000 "+s.path("large.bin")+"; fallocate -n -l 33000000 "+s.path("large.bin"))
	data = append(data, make([]byte, 999_999)...)
	check("fallocate", data)
}

// python is Debian's own interpreter; another python3 may be first in PATH.
const python = "/usr/bin/python3 -c "

// mmapJob changes a file through shared memory.
func mmapJob(t *testing.T, s site) {
	want := pattern(300_000, 9)
	sh(t, "cp "+localFile(t, "from", want)+" "+s.path("mapped"))
	sh(t, python+quoted(`
import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    m[4090:4100] = b"0123456789"
    m.flush()
    m[-3:] = b"end"
    m.close()
`)+" "+s.path("mapped"))
	copy(want[4090:], "0123456789")
	copy(want[len(want)-3:], "end")
	sh(t, "cmp "+s.path("mapped")+" "+localFile(t, "want", want))
	s.remount(t)
	sh(t, "cmp "+s.path("mapped")+" "+localFile(t, "want", want))
	wantStored(t, s, "mapped", want)
}

// copyRangeJob copies a file as cp does, and parts of it with the system call
// that cp uses.
func copyRangeJob(t *testing.T, s site) {
	data := pattern(9_000_000, 10)
	sh(t, "cp "+localFile(t, "from", data)+" "+s.path("one.bin"))
	sh(t, "cp "+s.path("one.bin")+" "+s.path("two.bin")+"; cp --reflink=auto "+s.path("one.bin")+" "+s.path("three.bin"))
	sh(t, python+quoted(`
import os, sys
source, target = (os.open(p, os.O_RDWR) for p in sys.argv[1:])
left = 3000000
while left:
    left -= os.copy_file_range(source, target, left, 3000001 + 3000000 - left, 1000002 + 3000000 - left)
os.close(target)
`)+" "+s.path("one.bin")+" "+s.path("three.bin"))
	parts := bytes.Clone(data)
	copy(parts[1_000_002:], data[3_000_001:6_000_001])
	check := func() {
		t.Helper()
		sh(t, "cmp "+s.path("one.bin")+" "+s.path("two.bin"))
		sh(t, "cmp "+s.path("three.bin")+" "+localFile(t, "parts", parts))
	}
	check()
	s.remount(t)
	check()
	// Each is a file of its own.
	sh(t, "rm "+s.path("one.bin"))
	wantStored(t, s, "two.bin", data)
	wantStored(t, s, "three.bin", parts)
}
