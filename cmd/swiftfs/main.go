package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.LookupEnv, os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it returns the exit status.
func run(ctx context.Context, argv []string, env lookupFunc, stdin io.Reader, stdout, stderr io.Writer) int {
	var err error
	status := commandStatus
	if isHelper(argv[0]) {
		status = helperStatus
		err = runHelper(ctx, argv, env, stdout, stderr)
	} else {
		root := rootCommand(env, argv)
		root.SetArgs(argv[1:])
		root.SetIn(stdin)
		root.SetOut(stdout)
		root.SetErr(stderr)
		err = root.ExecuteContext(ctx)
	}
	if err != nil && !errors.Is(err, errReported) {
		_, _ = fmt.Fprintf(stderr, "%s: %s\n", filepath.Base(argv[0]), err)
	}
	return status(err)
}

func rootCommand(env lookupFunc, argv []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "swiftfs",
		Short: "Mount OpenStack Swift object storage as a directory tree",
		Long: `Swiftfs mounts an OpenStack Swift account (or Ceph RGW by its Swift API) as a
directory tree: containers are directories, objects are files.

Exit status: 0 done, 1 not done, 2 the command line makes no sense. Called as
mount.swiftfs, it has the exit status and options of a mount(8) helper.`,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true, // a sentence says more than a page of flags
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	root.AddCommand(mountCommand(env, argv), umountCommand(), checkCommand(env), gcCommand(env), statusCommand(env), flushCommand(env), refreshCommand(env), demoCommand(), versionCommand(), manCommand())
	return root
}

// unknownCommand complains about a first argument that is no subcommand.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	if near := nearest(args[0], names); near != "" {
		return usageError(fmt.Errorf("unknown command %q; did you mean %q?", args[0], near))
	}
	return usageError(fmt.Errorf("unknown command %q; `swiftfs --help` lists the commands", args[0]))
}
