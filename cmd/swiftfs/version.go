package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the packager: go build -ldflags "-X main.version=1.2.3".
var version string

// buildVersion is the version as far as known.
func buildVersion() string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "devel"
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of swiftfs and of what it is built with",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), versionText())
			return err
		},
	}
}

func versionText() string {
	commit, fuse, toolchain := "unknown", "unknown", "unknown"
	if b, ok := debug.ReadBuildInfo(); ok {
		toolchain = b.GoVersion
		modified := ""
		for _, s := range b.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					modified = " (with changes)"
				}
			}
		}
		commit += modified
		for _, d := range b.Deps {
			if d.Path == "github.com/hanwen/go-fuse/v2" {
				fuse = d.Version
			}
		}
	}
	return fmt.Sprintf("swiftfs %s\ncommit  %s\ngo      %s\ngo-fuse %s\n", buildVersion(), commit, toolchain, fuse)
}
