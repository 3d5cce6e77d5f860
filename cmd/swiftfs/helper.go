package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/pflag"
)

const helperUsageLine = "usage: mount.swiftfs SOURCE MOUNTPOINT [-sfnv] [-N namespace] [-t type] [-o options]"

// isHelper reports whether this program was called by mount(8), or by somebody
// in its place.
func isHelper(argv0 string) bool {
	switch filepath.Base(argv0) {
	case "mount.swiftfs", "mount.fuse.swiftfs":
		return true
	}
	return false
}

// helperCall is the command line of a mount helper.
type helperCall struct {
	source, mountpoint string
	opts               *options
	fake               bool // -f: everything but the mount
	help               bool
}

// parseHelper reads the arguments that mount(8) gives to its helpers.
func parseHelper(args []string) (*helperCall, error) {
	call := &helperCall{opts: defaultOptions()}
	w := &words{rows: call.opts.table()}
	flags := pflag.NewFlagSet("mount.swiftfs", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVarP(&w.tolerant, "sloppy", "s", false, "skip unknown options")
	flags.BoolVarP(&call.fake, "fake", "f", false, "do everything but mounting")
	flags.BoolP("no-mtab", "n", false, "accepted: there is no mtab to write")
	flags.BoolP("verbose", "v", false, "accepted")
	flags.BoolVarP(&call.help, "help", "h", false, "print the usage")
	namespace := flags.StringP("namespace", "N", "", "mount in another name space")
	flags.StringP("types", "t", "", "accepted: the type is swiftfs")
	var arguments optionArguments
	flags.VarP(&arguments, "options", "o", "options")
	if err := flags.Parse(args); err != nil {
		return nil, usageError(fmt.Errorf("%w; %s", err, helperUsageLine))
	}
	if call.help {
		return call, nil
	}
	// -s may follow -o.
	for _, a := range arguments {
		if err := w.Set(a); err != nil {
			return nil, usageError(err)
		}
	}
	if *namespace != "" {
		return nil, usageError(errors.New("mounting in another name space (-N) is not possible; use: nsenter --mount=NAMESPACE mount -t swiftfs"))
	}
	if flags.NArg() != 2 {
		return nil, usageError(fmt.Errorf("%d arguments instead of SOURCE and MOUNTPOINT; %s", flags.NArg(), helperUsageLine))
	}
	call.source, call.mountpoint = flags.Arg(0), flags.Arg(1)
	return call, nil
}

// optionArguments collects the arguments of -o as they are.
type optionArguments []string

// String implements pflag.Value.
func (*optionArguments) String() string { return "" }

// Type implements pflag.Value.
func (*optionArguments) Type() string { return "options" }

// Set implements pflag.Value.
func (a *optionArguments) Set(s string) error {
	*a = append(*a, s)
	return nil
}

// runHelper is the program when it is called as a mount helper.
func runHelper(ctx context.Context, argv []string, env lookupFunc, stdout, stderr io.Writer) error {
	call, err := parseHelper(argv[1:])
	if err != nil {
		return err
	}
	if call.help {
		_, err := fmt.Fprintln(stdout, helperUsageLine)
		return err
	}
	r, err := newRequest(call.source, call.mountpoint, call.opts, env, stderr)
	if err != nil || call.fake {
		return err
	}
	return r.run(ctx, argv)
}
