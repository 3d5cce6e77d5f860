package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// umountPatience bounds the wait for the process of a mount that is gone from
// the tree already.
const umountPatience = 30 * time.Second

func umountCommand() *cobra.Command {
	var lazy bool
	c := &cobra.Command{
		Use:   "umount [flags] MOUNTPOINT",
		Short: "Unmount, and wait until the mount's process has ended",
		Args:  exactArgs("MOUNTPOINT"),
		RunE: func(c *cobra.Command, args []string) error {
			return thisHost().umount(c.Context(), args[0], lazy)
		},
	}
	c.Flags().BoolVarP(&lazy, "lazy", "l", false, "detach a busy mount now; it ends when nobody uses it any more")
	return c
}

// umount unmounts the swiftfs on path.
func (h host) umount(ctx context.Context, path string, lazy bool) error {
	clean, err := cleanPath(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	m, err := h.mountAt(clean)
	switch {
	case err != nil:
		return fmt.Errorf("reading the table of mounts: %w", err)
	case m == nil:
		return fmt.Errorf("%s is not mounted", clean)
	case m.FSType != fsType:
		return fmt.Errorf("%s is not a swiftfs mount but %s", clean, m.FSType)
	}
	conn := watch(ctx, m)
	if err := h.unmount(clean, lazy); err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		if errors.Is(err, unix.EBUSY) {
			return say(err, "%s is busy: a program has a file open or its working directory there; `fuser -vm %s` lists it, `swiftfs umount -l %s` detaches the mount all the same", clean, clean, clean)
		}
		if errors.Is(err, unix.EPERM) {
			return say(err, "you may not unmount %s", clean)
		}
		return fmt.Errorf("unmounting %s: %w", clean, err)
	}
	if conn == nil {
		return nil
	}
	if lazy {
		return conn.Close()
	}
	if !awaitEnd(conn, time.Now().Add(umountPatience)) {
		return fmt.Errorf("%s is unmounted, but its process has not ended within %v", clean, umountPatience)
	}
	return nil
}

// unmount takes the mount off path, for root by itself, else with fusermount3.
func (h host) unmount(path string, lazy bool) error {
	if h.euid == 0 {
		return unmountAsRoot(path, lazy)
	}
	program, err := h.fusermount()
	if err != nil {
		return err
	}
	args := []string{"-u"}
	if lazy {
		args = append(args, "-z")
	}
	// The mount must come off also when its process is about to be killed.
	out, err := exec.CommandContext(context.Background(), program, append(args, "--", path)...).CombinedOutput() //nolint:gosec // the path is an argument of its own
	if err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimSpace(string(out)), err)
	}
	return nil
}
