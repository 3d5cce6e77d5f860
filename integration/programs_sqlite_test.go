package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

const sqliteTable = "CREATE TABLE entries(id INTEGER PRIMARY KEY, writer INT, content BLOB);"

// sqliteJob lets two processes write to one database at once, and checks it
// after a remount and as other clients get it.
func sqliteJob(t *testing.T, s site, journal string) {
	const transactions = 20
	sqlite(t, s.path("test.db"), "PRAGMA journal_mode="+journal+";"+sqliteTable)
	script := func(writer int) string {
		// -bail: a transaction that fails must not go unnoticed.
		insert := fmt.Sprintf("BEGIN IMMEDIATE; INSERT INTO entries(writer, content) VALUES(%d, randomblob(3000)); COMMIT;\n", writer)
		return localFile(t, "script.sql", []byte(".timeout 60000\n"+strings.Repeat(insert, transactions)))
	}
	one, two := script(1), script(2)
	sh(t, fmt.Sprintf("sqlite3 -bail %[1]s < %[2]s & other=$!; sqlite3 -bail %[1]s < %[3]s; wait $other", s.path("test.db"), one, two))
	check := func(db string) {
		t.Helper()
		got := sqlite(t, db, "PRAGMA integrity_check; SELECT writer, count(*), sum(length(content)) FROM entries GROUP BY writer;")
		if want := fmt.Sprintf("ok\n1|%d|%d\n2|%[1]d|%[2]d\n", transactions, transactions*3000); got != want {
			t.Errorf("the database has\n%swant\n%s", got, want)
		}
	}
	check(s.path("test.db"))
	sqlite(t, s.path("test.db"), "BEGIN; DELETE FROM entries WHERE id % 2; ROLLBACK;")
	check(s.path("test.db"))
	s.remount(t)
	check(s.path("test.db"))
	wantGone(t, s, "test.db-wal")
	wantGone(t, s, "test.db-journal")
	copied, _, _ := s.stored(t, "test.db")
	check(localFile(t, "copied.db", copied))
}

// sqlite runs statements on a database.
func sqlite(t *testing.T, db, statements string) string {
	t.Helper()
	return run(t, "sqlite3", "-bail", "-cmd", ".timeout 60000", db, statements)
}

// sqliteKillJob kills a writer whose transaction has reached the database file
// already, which leaves a journal that the next one rolls back.
func sqliteKillJob(t *testing.T, s site) {
	db := s.path("test.db")
	sqlite(t, db, sqliteTable+"INSERT INTO entries(writer, content) VALUES(1, zeroblob(100000));")
	// With hardly a cache, changed pages are written before the commit.
	killInTransaction(t, db, "PRAGMA cache_size=1;\nBEGIN;\nUPDATE entries SET content=randomblob(100000);\n"+
		"INSERT INTO entries(writer, content) VALUES(2, randomblob(200000));\n")
	run(t, "ls", db+"-journal")
	s.remount(t)
	db = s.path("test.db")
	got := sqlite(t, db, "PRAGMA integrity_check; SELECT writer, content=zeroblob(100000) FROM entries;")
	if want := "ok\n1|1\n"; got != want {
		t.Errorf("after the recovery the database has\n%swant\n%s", got, want)
	}
	sqlite(t, db, "INSERT INTO entries(writer) VALUES(3);")
	s.remount(t)
	copied, _, _ := s.stored(t, "test.db")
	if got := sqlite(t, localFile(t, "copied.db", copied), "PRAGMA integrity_check; SELECT count(*) FROM entries;"); got != "ok\n2\n" {
		t.Errorf("other clients get a database with\n%swant 2 entries", got)
	}
	wantGone(t, s, filepath.Base(db)+"-journal")
}

// TestADatabaseSurvivesTheEndOfItsMount kills the process that serves a mount
// while sqlite writes there: every transaction that was committed is in the
// database that the next mount shows.
func TestADatabaseSurvivesTheEndOfItsMount(t *testing.T) {
	for _, journal := range []string{"delete", "wal"} {
		t.Run(journal, func(t *testing.T) {
			a := fakeAccount(startFake(t, fakeswift.Options{}))
			logIn(t, a).want(http.StatusCreated, http.MethodPut, "crash", "")
			d := mountForeground(t, a, ":crash")
			// FULL: a commit is one when the disk has it, in both modes.
			sqlite(t, d.path("test.db"), "PRAGMA journal_mode="+journal+";"+sqliteTable)
			committed := writeUntilKilled(t, d, "PRAGMA synchronous=FULL;\n")
			d.detach()

			d = mountForeground(t, a, ":crash")
			got := sqlite(t, d.path("test.db"), "PRAGMA integrity_check; SELECT count(*) >= "+fmt.Sprint(committed)+" FROM entries;")
			if got != "ok\n1\n" {
				t.Errorf("after %d commits the database has\n%s", committed, got)
			}
		})
	}
}

// writeUntilKilled commits transactions to a database on a mount, kills the
// mount's process after some, and returns how many were committed for sure.
func writeUntilKilled(t *testing.T, d *daemon, first string) int {
	t.Helper()
	const before, all = 10, 10_000
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sqlite3", "-bail", d.path("test.db"))
	cmd.Stdin = strings.NewReader(first + strings.Repeat("INSERT INTO entries(content) VALUES(randomblob(5000));\n.print committed\n", all))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	committed := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if committed++; committed == before {
			if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || committed < before || committed == all {
		t.Errorf("sqlite ended with %v after %d commits", err, committed)
	}
	return committed
}

// killInTransaction runs statements that begin a transaction, and kills sqlite
// when they have run.
func killInTransaction(t *testing.T, db, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sqlite3", "-bail", db)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, statements+".print done\n"); err != nil {
		t.Error(err)
	}
	word, err := bufio.NewReader(out).ReadString('\n')
	if word != "done\n" {
		t.Errorf("sqlite says %q, %v", word, err)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("sqlite ended by itself")
	}
}
