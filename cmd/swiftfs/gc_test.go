package main

import (
	"bytes"
	"testing"
	"time"

	"swiftfs/swiftbackend"
)

func TestTheSummaryOfGCSaysWhyThingsStay(t *testing.T) {
	var out bytes.Buffer
	g := collection{w: &out, olderThan: time.Hour, report: swiftbackend.OrphanReport{
		Named: swiftbackend.Tally{Segments: 1, Bytes: 1 << 20}, Foreign: swiftbackend.Tally{Segments: 2, Bytes: 3},
		Doubtful:   swiftbackend.Tally{Segments: 3, Bytes: 4},
		Unreadable: []swiftbackend.Name{{Container: "c", Object: "new\nline"}, {Container: "c", Object: "b"}}, Versioned: []string{"v"},
	}}
	if err := g.summary(); err != nil {
		t.Fatal(err)
	}
	const want = `nothing is left over
kept 1 segment (1.0 MiB) that large objects have
kept 2 segments (3 B) with names that swiftfs does not give
kept 3 segments (4 B) that nothing is seen to have, but which may be those of "c/new\nline" (and 1 more), whose manifest cannot be read, and which may be those of old versions that container v keeps
`
	if out.String() != want {
		t.Errorf("got %s\nwant %s", out.String(), want)
	}
}
