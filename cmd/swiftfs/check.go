package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"swiftfs/swiftbackend"
)

const (
	// checkRequests are timed; five show whether the first was an exception.
	checkRequests = 5
	// clockTolerance is the difference above which dates of files and the
	// lives of tokens and certificates begin to look wrong.
	clockTolerance = time.Minute
)

func checkCommand(env lookupFunc) *cobra.Command {
	opts := defaultOptions()
	rows := opts.serverTable()
	c := &cobra.Command{
		Use:   "check [flags] [SOURCE]",
		Short: "Connect, and tell what the server can do and how fast it answers",
		Long: `Connect as mount would, and tell what the server can do and how fast it answers.
What is wrong is said in one sentence, and the exit status is 1.`,
		Args: atMostOne("SOURCE"),
		RunE: func(c *cobra.Command, args []string) error {
			text := ":"
			if len(args) == 1 {
				text = args[0]
			}
			src, err := parseSource(text)
			if err != nil {
				return usageError(err)
			}
			if err := opts.validate(src); err != nil {
				return usageError(err)
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return check(ctx, src, opts, env, c.OutOrStdout())
		},
	}
	addFlags(c.Flags(), rows)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(rows, err) })
	return c
}

// check connects to src and writes what it finds to w.
func check(ctx context.Context, src source, opts *options, env lookupFunc, w io.Writer) error {
	cfg, err := opts.backendConfig(src, env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, opts.process.mountTimeout)
	defer cancel()
	out := &table{w: w}
	out.row("login", "%s %s", loginURL(cfg), loginName(cfg.Auth))
	client, err := connect(ctx, cfg, false)
	if err != nil {
		return err
	}
	defer client.Close()
	storage, err := client.StorageURL(ctx)
	if err != nil {
		return explainLogin(err, cfg)
	}
	out.row("storage", "%s", storage.Host)
	times, header, err := probe(ctx, client, src, out)
	if err != nil {
		return explainSource(err, src, cfg)
	}
	describe(client.Info(), out)
	slices.Sort(times)
	out.row("request", "median %v, fastest %v, slowest %v of %d", rounded(times[len(times)/2]), rounded(times[0]), rounded(times[len(times)-1]), len(times))
	if out.err != nil {
		return out.err
	}
	return checkClock(header, time.Now())
}

// probe asks for the account or container several times. It returns how long
// each request took and the last answer's headers.
func probe(ctx context.Context, client *swiftbackend.Client, src source, out *table) (times []time.Duration, header http.Header, err error) {
	if src.container != "" {
		if err := client.CheckContainerName(src.container); err != nil {
			return nil, nil, err
		}
	}
	for i := range checkRequests {
		start := time.Now()
		what, line := "account", ""
		if src.container == "" {
			a, e := client.Account(ctx)
			line = fmt.Sprintf("%d containers, %d objects, %s", a.Containers, a.Objects, humanSize(a.Bytes))
			header, err = a.Header, e
		} else {
			c, e := client.Container(ctx, src.container)
			what, line = "container", fmt.Sprintf("%s: %d objects, %s", src.container, c.Objects, humanSize(c.Bytes))
			header, err = c.Header, e
		}
		if err != nil {
			return nil, nil, err
		}
		times = append(times, time.Since(start))
		if i == 0 {
			out.row(what, "%s", line)
		}
	}
	return times, header, nil
}

// describe writes what the server says about itself.
func describe(info swiftbackend.Info, out *table) {
	server := info.Server
	if !info.Known {
		server += " (it has no /info; what follows is assumed)"
	}
	out.row("server", "%s", server)
	var can []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			can = append(can, fmt.Sprintf(format, args...))
		}
	}
	add(info.SLO, "static large objects of %d segments", info.MaxSLOSegments)
	add(info.DLO, "dynamic large objects")
	add(info.BulkDelete, "bulk delete of %d", info.MaxBulkDeletes)
	add(info.Symlink, "symlinks")
	if len(can) == 0 {
		can = []string{"nothing beyond plain objects"}
	}
	out.row("can do", "%s", strings.Join(can, ", "))
	out.row("limits", "object %s, object name %d bytes, container name %d bytes, %d rows a listing",
		humanSize(info.MaxFileSize), info.MaxObjectName, info.MaxContainerName, info.ListingLimit)
}

// checkClock compares this machine's clock with the Date of an answer.
func checkClock(h http.Header, now time.Time) error {
	server, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return nil //nolint:nilerr // a server that does not tell the time is fine
	}
	diff := now.Sub(server).Round(time.Second)
	switch {
	case diff > clockTolerance:
		return fmt.Errorf("the clock of this machine is %v ahead of the server's; dates, tokens and certificates depend on it", diff)
	case diff < -clockTolerance:
		return fmt.Errorf("the clock of this machine is %v behind the server's; dates, tokens and certificates depend on it", -diff)
	}
	return nil
}

// table writes rows of two columns and keeps the first error.
type table struct {
	w   io.Writer
	err error
}

func (t *table) row(name, format string, args ...any) {
	_, err := fmt.Fprintf(t.w, "%-10s %s\n", name, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	t.err = errors.Join(t.err, err)
}

func humanSize(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// rounded keeps three digits or so of a duration.
func rounded(d time.Duration) time.Duration {
	if d > 100*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
