package integration

import (
	"path/filepath"
	"strings"
	"testing"
)

// gitHome is what the git of a job starts with: nothing of the machine's
// configuration, and no process left behind in a directory that is unmounted.
func gitHome(t *testing.T) string {
	t.Helper()
	config := localFile(t, "gitconfig", []byte(`[user]
	name = A Programmer
	email = programmer@example.org
[init]
	defaultBranch = main
[gc]
	autoDetach = false
[safe]
	directory = *
`))
	return "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=" + quoted(config) + "\n"
}

// gitJob clones a repository, works in the clone, and asks git whether
// everything is sound, before and after a remount.
func gitJob(t *testing.T, s site) {
	git := gitHome(t)
	origin := filepath.Join(t.TempDir(), "origin")
	sh(t, git+"git init -q "+origin+"; cd "+origin+`
		mkdir -p docs src/deep
		for commit in 1 2 3 4 5; do
			seq $commit 2000 > src/numbers; echo "commit $commit" > docs/readme.md; seq $commit > src/deep/$commit.txt
			git add -A; git commit -qm "commit $commit"
		done`)
	sound := func() {
		t.Helper()
		shIn(t, s.path("clone"), git+"git fsck --full --strict")
		if got := shIn(t, s.path("clone"), git+"git status --porcelain"); got != "" {
			t.Errorf("git status:\n%s", got)
		}
		if got := shIn(t, s.path("clone"), git+"git log --oneline | wc -l"); strings.TrimSpace(got) != "8" {
			t.Errorf("git log has %s commits, want 8", got)
		}
	}
	shIn(t, s.path(), git+"git clone -q file://"+origin+" clone")
	shIn(t, s.path("clone"), git+`
		echo changed >> docs/readme.md; git commit -qam "on main"
		git checkout -q -b topic HEAD~1; echo topic > src/topic.txt; git add .; git commit -qm "on topic"
		git checkout -q main; git merge -q --no-ff -m merged topic; git branch -d topic`)
	sound()
	shIn(t, s.path("clone"), git+"git gc -q --prune=now")
	sound()
	s.remount(t)
	sound()

	again := filepath.Join(t.TempDir(), "again")
	sh(t, git+"git clone -q file://"+s.path("clone")+" "+again)
	sh(t, "diff -r --exclude .git "+s.path("clone")+" "+again)
	wantStored(t, s, "clone/.git/HEAD", []byte("ref: refs/heads/main\n"))
	wantStored(t, s, "clone/docs/readme.md", []byte("commit 5\nchanged\n"))
	wantType(t, s, "clone/src/topic.txt", "text/plain")
}
