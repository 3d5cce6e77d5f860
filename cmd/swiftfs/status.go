package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

func statusCommand(env lookupFunc) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "status [flags] [PATH]",
		Short: "Tell what mounts are there, and what they have not stored yet",
		Long: `Tell of the mount that PATH is in, or of all mounts of the user (of all users,
for root): its source, since when it is mounted, the memory and the cache
directory it uses, and the files with content that the server does not have,
with the error of the last attempt to store it.

It asks the process of the mount and not the file system, and works also when
the server does not answer. The exit status is 1 if a mount does not answer, or
if PATH is in none.`,
		Args: atMostOne("PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), controlPatience)
			defer cancel()
			show := showStatus
			if asJSON {
				show = func(w io.Writer, m *mountStatus) error { return json.NewEncoder(w).Encode(m) }
			}
			first := true
			err := eachTarget(args, env, func(t *target) error {
				var m mountStatus
				if err := t.talk(ctx, http.MethodGet, "status", &m); err != nil {
					return err
				}
				if !first && !asJSON {
					_, _ = fmt.Fprintln(c.OutOrStdout())
				}
				first = false
				return show(c.OutOrStdout(), &m)
			})
			if err == nil && first && !asJSON {
				_, err = fmt.Fprintln(c.OutOrStdout(), "no swiftfs is mounted")
			}
			return err
		},
	}
	f := c.Flags().VarPF(onOff(&asJSON), "json", "", "print one line of JSON for each mount")
	f.NoOptDefVal = "true"
	return c
}

// eachTarget does something for the mount of the one argument, or for all; an
// error does not keep it from the others.
func eachTarget(args []string, env lookupFunc, do func(*target) error) error {
	h := thisHost()
	if len(args) == 1 {
		t, err := h.targetAt(args[0], env)
		if err != nil {
			return err
		}
		return do(t)
	}
	all, err := h.targets(env)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range all {
		if t.socket == "" {
			errs = append(errs, t.find(env))
		}
		if t.socket == "" {
			continue
		}
		err := do(t)
		if t.mount == nil && errors.Is(err, syscall.ECONNREFUSED) {
			continue // what a process that died has left; the next mount removes it
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func showStatus(w io.Writer, m *mountStatus) error {
	out := &table{w: w}
	out.row("mount", "%s on %s", printable(m.Source), printable(m.Mountpoint))
	out.row("since", "%s (%s), process %d, swiftfs %s", m.Since.Format(time.DateTime), humanize.Time(m.Since), m.PID, m.Version)
	out.row("memory", "%s, of it at most %s for data", humanSize(m.Memory), humanSize(m.MemoryLimit))
	switch {
	case m.CacheDir == "":
		out.row("cache", "none")
	case m.CacheLimit == 0:
		out.row("cache", "%s in %s", humanSize(m.CacheUsed), printable(m.CacheDir))
	default:
		out.row("cache", "%s of %s in %s", humanSize(m.CacheUsed), humanSize(m.CacheLimit), printable(m.CacheDir))
	}
	if len(m.Pending) == 0 {
		out.row("pending", "nothing: all that was written is at the server")
	}
	for _, p := range m.Pending {
		note := ""
		if p.Attempts > 0 {
			note = fmt.Sprintf(", %s failed: %s", plural(int64(p.Attempts), "attempt"), p.Err)
		}
		out.row("pending", "%s, %s, %s%s", printable(p.Path), humanSize(p.Bytes), humanize.Time(p.Since), note)
	}
	return out.err
}

func flushCommand(env lookupFunc) *cobra.Command {
	return &cobra.Command{
		Use:   "flush [PATH]",
		Short: "Store what is not at the server yet, and wait for it",
		Long: `Store what the file or directory PATH has, or all mounts of the user have, that is
not at the server yet, and wait for it. The exit status is 0 once the server has
all of it. A file that a program is writing at the moment is stored as far as it
is written, as fsync does.`,
		Args: atMostOne("PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return eachTarget(args, env, func(t *target) error { return t.order(ctx, "flush") })
		},
	}
}

func refreshCommand(env lookupFunc) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh [PATH]",
		Short: "Forget what is known of files and directories, and look again",
		Long: `Forget what is known of the file or directory PATH and of all below it, or of
all mounts of the user: the next look shows what the server has, and not what it
had up to cache-ttl ago. Files that are open stay at the version they were opened
at.`,
		Args: atMostOne("PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return eachTarget(args, env, func(t *target) error { return t.order(ctx, "refresh") })
		},
	}
}

// order has the mount's process do something with the target's path.
func (t *target) order(ctx context.Context, what string) error {
	var a outcome
	if err := t.talk(ctx, http.MethodPost, what+"?path="+url.QueryEscape(t.path), &a); err != nil {
		return err
	}
	if a.Error != "" {
		return fmt.Errorf("%s: %s", t.name(), a.Error)
	}
	return nil
}
