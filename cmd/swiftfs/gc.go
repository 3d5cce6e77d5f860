package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"swiftfs/swiftbackend"
)

// defaultOlderThan is longer than programs keep a file open that they write in
// one go, whatever its size.
const defaultOlderThan = 24 * time.Hour

func gcCommand(env lookupFunc) *cobra.Command {
	opts := defaultOptions()
	remove, olderThan := false, defaultOlderThan
	rows := append([]option{
		{"delete", "delete what is found, instead of listing it", onOff(&remove)},
		{"older-than", "look at uploads only whose latest segment is this old", duration(&olderThan, 0)},
	}, opts.serverTable()...)
	c := &cobra.Command{
		Use:   "gc [flags] SOURCE",
		Short: "Find segments that no large object has, and delete them",
		Long: `Find segments of large objects that no manifest names, and list them, or with
--delete delete them. They are what is left of uploads that were cut off, and of
large objects that were replaced or deleted by programs that do not know of
segments.

SOURCE is as for mount. The segments are those of its account, its container, or
its directory; the manifests that may name them are looked for in all of the
account, so that the user has to be allowed to list all of it.

It is safe to run while the account is in use, with two conditions. A file that is
being written has segments and no manifest yet: such an upload is younger than
--older-than, unless a program keeps a file open that long without writing a
segment. And a deleted file that a program has open still may have segments, which
it loses if they are older than that. Only segments with the names that swiftfs gives are looked at. What
cannot be proven to be left over stays, and is counted.`,
		Example: `  swiftfs gc :                         what is left over in the whole account
  swiftfs gc --delete :photos          delete what is left over of container photos
  swiftfs gc --older-than=168h work:   only what is older than a week`,
		Args: exactArgs("SOURCE"),
		RunE: func(c *cobra.Command, args []string) error {
			src, err := parseSource(args[0])
			if err != nil {
				return usageError(err)
			}
			if err := opts.validate(src); err != nil {
				return usageError(err)
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return gc(ctx, src, opts, env, &collection{w: c.OutOrStdout(), remove: remove, olderThan: olderThan})
		},
	}
	addFlags(c.Flags(), rows)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(rows, err) })
	return c
}

func gc(ctx context.Context, src source, opts *options, env lookupFunc, g *collection) error {
	cfg, err := opts.backendConfig(src, env)
	if err != nil {
		return err
	}
	connecting, cancel := context.WithTimeout(ctx, opts.process.mountTimeout)
	defer cancel()
	if g.client, err = connect(connecting, cfg, false); err != nil {
		return err
	}
	defer g.client.Close()
	if src.container != "" {
		// A container that was deleted may have left segments; a name that is
		// misspelt has not.
		if err := g.known(ctx, src.container); err != nil {
			return explainSource(err, src, cfg)
		}
	}
	o := swiftbackend.OrphanOptions{Container: src.container, Prefix: src.prefix, OlderThan: g.olderThan}
	g.report, err = g.client.Orphans(ctx, o, func(found swiftbackend.Orphans) error { return g.upload(ctx, found) })
	if err != nil {
		return explainSearch(err, cfg)
	}
	return g.summary()
}

// collection is one run of gc.
type collection struct {
	client    *swiftbackend.Client
	w         io.Writer
	remove    bool
	olderThan time.Duration

	uploads int
	total   swiftbackend.Tally
	report  swiftbackend.OrphanReport
}

// known returns an error if there is neither the container nor one of its
// segments.
func (g *collection) known(ctx context.Context, container string) error {
	if err := g.client.CheckContainerName(container); err != nil {
		return err
	}
	_, err := g.client.Container(ctx, container)
	if swiftbackend.KindOf(err) == swiftbackend.KindNotExist {
		if _, err := g.client.Container(ctx, container+swiftbackend.SegmentsSuffix); err == nil {
			return nil
		}
	}
	return err
}

// upload deletes the orphans of one upload, if that was asked for, and tells of
// them.
func (g *collection) upload(ctx context.Context, o swiftbackend.Orphans) error {
	name := printable(o.Object.Container + "/" + o.Object.Object)
	if g.remove {
		if err := g.client.DeleteSegments(ctx, o.Segments); err != nil {
			return say(err, "cannot delete segments of %s: %s", name, firstError(err))
		}
	}
	g.uploads++
	g.total.Segments += int64(len(o.Segments))
	g.total.Bytes += o.Bytes()
	_, err := fmt.Fprintf(g.w, "%10s  %12s  %s, stored %s\n", humanSize(o.Bytes()), plural(int64(len(o.Segments)), "segment"), name,
		humanize.Time(o.Latest))
	return err
}

// summary writes the totals, and what was left alone for which reason.
func (g *collection) summary() error {
	out := &lines{w: g.w}
	switch {
	case g.uploads == 0:
		out.add("nothing is left over")
	case g.remove:
		out.add("deleted %s of %s", tally(g.total), plural(int64(g.uploads), "upload"))
	default:
		out.add("%s of %s would be deleted with --delete", tally(g.total), plural(int64(g.uploads), "upload"))
	}
	r := g.report
	for _, kept := range []struct {
		tally swiftbackend.Tally
		why   string
	}{
		{r.Named, "that large objects have"},
		{r.Young, fmt.Sprintf("of uploads that may be under way: less than %v old", g.olderThan)},
		{r.Foreign, "with names that swiftfs does not give"},
		{r.Doubtful, "that nothing is seen to have, but " + doubts(&r)},
	} {
		if kept.tally.Segments > 0 {
			out.add("kept %s %s", tally(kept.tally), kept.why)
		}
	}
	return out.err
}

// doubts says why segments may have names in manifests that nobody can see.
func doubts(r *swiftbackend.OrphanReport) string {
	var all []string
	if n := len(r.Unreadable); n > 0 {
		first := printable(r.Unreadable[0].Container + "/" + r.Unreadable[0].Object)
		all = append(all, fmt.Sprintf("which may be those of %s%s, whose manifest cannot be read", first, more(n)))
	}
	if n := len(r.Versioned); n > 0 {
		all = append(all, fmt.Sprintf("which may be those of old versions that container %s%s keeps", printable(r.Versioned[0]), more(n)))
	}
	return strings.Join(all, ", and ")
}

func more(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n-1)
}

// explainSearch makes one sentence of an error that ended the search, or the
// deleting.
func explainSearch(err error, cfg swiftbackend.Config) error {
	if e := explainNetwork(err, loginURL(cfg)); e != nil {
		return e
	}
	if errors.As(err, new(*sentence)) {
		return err // about deleting
	}
	if swiftbackend.KindOf(err) == swiftbackend.KindDenied {
		return say(err, "%s has to be allowed to look at all containers of the account, which may have manifests: %s", loginName(cfg.Auth), err)
	}
	return err
}

// firstError is the text of the first of several errors that were joined.
func firstError(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// printable is a name that cannot do harm on a terminal.
func printable(name string) string {
	if q := strconv.Quote(name); q != `"`+name+`"` {
		return q
	}
	return name
}

func tally(t swiftbackend.Tally) string {
	return fmt.Sprintf("%s (%s)", plural(t.Segments, "segment"), humanSize(t.Bytes))
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lines writes lines and keeps the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) add(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}
