//go:build !linux

package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/moby/sys/mountinfo"
)

// presence exists on Linux only; elsewhere `swiftfs umount` does not wait for
// the mount's process.
type presence struct{}

func announce(context.Context, *mountinfo.Info) (*presence, error) {
	return nil, errors.ErrUnsupported
}

func (*presence) stop() {}

func watch(context.Context, *mountinfo.Info) net.Conn { return nil }

func awaitEnd(net.Conn, time.Time) bool { return true }
