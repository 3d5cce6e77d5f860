package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"swiftfs/integration/rig"
)

// TestMain gives the tests a temporary directory of their own, in which every
// mount of theirs is. Afterwards it stops the servers that the tests shared; a
// mount that is left is taken away and fails the run.
func TestMain(m *testing.M) {
	if path := os.Getenv(lockVariable); path != "" {
		os.Exit(holdLock(path)) // another process of a test of locks
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	tmp, err := ownTempDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	go func() {
		<-interrupt
		fmt.Fprintln(os.Stderr, errors.Join(errors.New("interrupted"), cleanUp(tmp)))
		os.Exit(1)
	}()
	code := m.Run()
	if err := cleanUp(tmp); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// ownTempDir makes the directory that os.TempDir and testing.T.TempDir use from
// now on, in this process and those that it starts.
func ownTempDir() (string, error) {
	tmp, err := os.MkdirTemp("", "swiftfs-tests-")
	if err != nil {
		return "", err
	}
	// As the kernel names it in its table of mounts.
	if tmp, err = filepath.EvalSymlinks(tmp); err != nil {
		return "", err
	}
	// Other users may pass through, as they may through /tmp.
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	return tmp, os.Setenv("TMPDIR", tmp)
}

func cleanUp(tmp string) error {
	return errors.Join(shared.stop(), detachLeftMounts(tmp), os.RemoveAll(tmp))
}

// detachLeftMounts detaches the mounts of swiftfs below dir and returns an error
// that names them.
func detachLeftMounts(dir string) error {
	mounts, err := rig.Mounts()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range mounts {
		if !strings.HasPrefix(m, dir+string(filepath.Separator)) {
			continue // somebody else's
		}
		errs = append(errs, fmt.Errorf("still mounted after the tests: %s", m),
			exec.CommandContext(context.Background(), "umount", "-l", m).Run())
	}
	return errors.Join(errs...)
}
