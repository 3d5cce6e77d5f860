package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages; packages are built with it.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages into a directory",
		Hidden: true,
		Args:   exactArgs("DIRECTORY"),
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			// The date comes from SOURCE_DATE_EPOCH where that is set, so that
			// packages are reproducible.
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "8", Source: "swiftfs " + buildVersion(), Manual: "swiftfs"}, args[0])
		},
	}
}
