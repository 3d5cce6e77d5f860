// Command rig starts the servers that swiftfs is tested against, installs the
// packages they need, and runs the tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"swiftfs/integration/rig"
)

const usage = `Usage:
  rig install [SET]...   install the Debian packages of swift, rgw, systemd, tools,
                         peers (without a set: of swift and tools); needs root
  rig swift [FLAGS]      run OpenStack Swift until interrupted
  rig rgw [FLAGS]        run Ceph's RADOS Gateway until interrupted
  rig test [-again N] [ARGUMENT]...
                         run "go test" with these arguments: print what failed and
                         a count, and fail if a process or a mount is left behind;
                         if no more than N tests failed, those that pass alone
                         are named and excused, unless it was a race or a panic

"rig swift -h" and "rig rgw -h" list the flags. The servers print the environment
that swiftfs, rclone and the swift command line need.
`

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = io.WriteString(stderr, usage)
		return exitUsage
	}
	var err error
	switch name, args := args[0], args[1:]; name {
	case "install":
		err = install(ctx, args, stdout)
	case "swift":
		err = runSwift(ctx, args, stdout, stderr)
	case "rgw":
		err = runRGW(ctx, args, stdout, stderr)
	case "test":
		err = goTest(ctx, args, stdout, stderr)
	case "help", "-h", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		_, _ = fmt.Fprintf(stderr, "rig: no command %q\n\n%s", name, usage)
		return exitUsage
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	}
	_, _ = fmt.Fprintln(stderr, "rig:", err)
	return exitFailed
}

// errUsage is an error that the flag package has already reported.
var errUsage = errors.New("wrong usage")

func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if f.NArg() > 0 {
		_, _ = fmt.Fprintf(f.Output(), "rig: unexpected %q\n", f.Arg(0))
		return errUsage
	}
	return nil
}

func install(ctx context.Context, sets []string, stdout io.Writer) error {
	if len(sets) == 0 {
		sets = []string{"swift", "tools"}
	}
	packages, err := rig.Install(ctx, sets...)
	if err == nil && len(packages) > 0 {
		_, err = fmt.Fprintln(stdout, "installed:", strings.Join(packages, " "))
	}
	return err
}

func runSwift(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var opts rig.SwiftOptions
	f := flag.NewFlagSet("rig swift", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&opts.Dir, "dir", "", "keep everything in this `directory` (default: a temporary one)")
	f.DurationVar(&opts.TokenLife, "token-life", 0, "how long a token is valid (default 24h)")
	f.Int64Var(&opts.MaxFileSize, "max-file-size", 0, "largest object of one PUT, in `bytes` (default 5 GiB + 2)")
	f.IntVar(&opts.ListingLimit, "listing-limit", 0, "length of a listing page (default 10000)")
	f.IntVar(&opts.MaxSegments, "max-segments", 0, "segments of a static large object (default 1000)")
	f.BoolVar(&opts.S3API, "s3api", false, "offer the S3 API as well")
	f.Func("without", "leave out these middlewares, `slo,bulk,...`", func(v string) error {
		opts.Without = append(opts.Without, strings.Split(v, ",")...)
		return nil
	})
	if err := parse(f, args); err != nil {
		return err
	}
	s, err := rig.StartSwift(ctx, opts)
	if err != nil {
		return err
	}
	return serve(ctx, s, stdout)
}

func runRGW(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var opts rig.RGWOptions
	f := flag.NewFlagSet("rig rgw", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&opts.Dir, "dir", "", "keep everything in this `directory`, which must be empty (default: a temporary one)")
	f.DurationVar(&opts.TokenLife, "token-life", 0, "how long a token is valid (default 24h)")
	f.Int64Var(&opts.MaxPutSize, "max-put-size", 0, "largest object of one PUT, in `bytes` (default 5 GiB)")
	f.IntVar(&opts.MaxSegments, "max-segments", 0, "segments of a static large object (default 1000)")
	f.BoolVar(&opts.AccountInURL, "account-in-url", false, "storage URLs end in the account's name")
	if err := parse(f, args); err != nil {
		return err
	}
	s, err := rig.StartRGW(ctx, opts)
	if err != nil {
		return err
	}
	return serve(ctx, s, stdout)
}

// serve prints how to reach s, and stops it when ctx ends.
func serve(ctx context.Context, s *rig.Server, stdout io.Writer) error {
	_, err := fmt.Fprintf(stdout, "export %s\n# %s\n# log: %s\n# Ctrl-C ends it.\n",
		strings.Join(s.Env(), " "), s.InfoURL, s.Log())
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, s.Stop())
}
