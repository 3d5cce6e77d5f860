package main

import (
	"os"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
)

func TestWhoeverWatchesAMountSeesItsProcessEnd(t *testing.T) {
	// Numbers that no mount has.
	m := &mountinfo.Info{Major: -1, Minor: -os.Getpid()}
	if conn := watch(t.Context(), m); conn != nil {
		t.Fatal("there is something to watch before the mount")
	}
	p, err := announce(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	conn := watch(t.Context(), m)
	if conn == nil {
		t.Fatal("the mount's process was not found")
	}
	if awaitEnd(conn, time.Now()) {
		t.Error("the end is seen while the process runs")
	}
	conn = watch(t.Context(), m)
	p.stop()
	// The end of the process closes what it holds.
	p.mu.Lock()
	held := p.conns
	p.mu.Unlock()
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if !awaitEnd(conn, time.Now().Add(time.Minute)) {
		t.Error("the end is not seen")
	}
}
