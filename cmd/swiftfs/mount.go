package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
)

func mountCommand(env lookupFunc, argv []string) *cobra.Command {
	opts := defaultOptions()
	rows := opts.table()
	c := &cobra.Command{
		Use:   "mount [flags] SOURCE MOUNTPOINT",
		Short: "Mount an account, a container or a directory of one",
		Long: `Mount an account, a container or a directory of one, and return when it works.

SOURCE is [CLOUD]:[CONTAINER[/PREFIX]]. CLOUD is an entry of clouds.yaml; without
it the account is that of the option credentials, else of the variables ST_AUTH,
ST_USER and ST_KEY, or OS_AUTH_URL and its companions.

The mount is served by a process in the background, which logs to syslog or the
journal, until it is unmounted. All options can be given as mount(8) takes them,
too: -o cache_ttl=5s,ro. A comma within a value is written \, there.`,
		Example: `  swiftfs mount : /mnt                 the whole account
  swiftfs mount :photos/2024 /mnt      one directory of container photos
  swiftfs mount work: /mnt             the account of cloud "work" in clouds.yaml`,
		Args: exactArgs("SOURCE", "MOUNTPOINT"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := newRequest(args[0], args[1], opts, env, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return r.run(c.Context(), argv)
		},
	}
	addFlags(c.Flags(), rows)
	c.Flags().VarP(&words{rows: rows}, "options", "o", "options in the form of mount(8)")
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(rows, err) })
	return c
}

// newRequest checks what can be checked without touching anything.
func newRequest(sourceText, mountpoint string, opts *options, env lookupFunc, stderr io.Writer) (*request, error) {
	src, err := parseSource(sourceText)
	if err != nil {
		return nil, usageError(err)
	}
	opts.rationalize()
	if err := opts.validate(src); err != nil {
		return nil, usageError(err)
	}
	return &request{src: src, mountpoint: mountpoint, opts: opts, env: env, host: thisHost(), stderr: stderr}, nil
}

// errReported stands for an error that another process has told the user.
var errReported = errors.New("reported")

// run mounts as the options say: in this process, or by a second one with the
// same arguments.
func (r *request) run(ctx context.Context, argv []string) error {
	pipe := statusPipe()
	if pipe == nil && !r.opts.process.foreground {
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return spawn(ctx, argv, r.opts.process.mountTimeout, r.stderr)
	}
	hardenProcess(r.opts.data.memoryLimit)
	// Registered before the work begins, so that no signal falls between
	// starting and serving.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP)
	starting, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	s, err := r.start(starting)
	stop()
	if err != nil {
		if pipe == nil {
			return err
		}
		if reportErr := report(pipe, verdict{Error: err.Error(), Class: classOf(err)}); reportErr != nil {
			return err
		}
		return &failure{classOf(err), errReported}
	}
	if pipe != nil {
		detachFromCaller()
		if err := report(pipe, verdict{Mounted: true, Warnings: s.warnings}); err != nil {
			s.logs.fs.Warn("whoever asked for the mount did not wait for it", "error", err)
		}
	} else {
		s.systemd = true
	}
	s.notify(daemon.SdNotifyReady)
	return s.wait(signals)
}

// atMostOne accepts the named argument, or none.
func atMostOne(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return exactArgs(name)(c, args)
	}
}

// exactArgs requires the named arguments.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError(fmt.Errorf("%s is missing; usage: %s", names[len(args)], c.UseLine()))
		}
		if len(args) > len(names) {
			return usageError(fmt.Errorf("%q is one argument too many; usage: %s", args[len(names)], c.UseLine()))
		}
		return nil
	}
}
