package integration

import (
	"context"
	"errors"
	"sync"
	"testing"

	"swiftfs/integration/rig"
)

// shared are the real servers that the tests of this package share, each started
// by the first test that asks for it and stopped by TestMain.
var shared servers

type servers struct {
	mu      sync.Mutex // guards the following
	running []*rig.Server
}

// openStackSwift returns the OpenStack Swift of this package, one with Swift's
// own limits. Every test keeps to containers of its own; one that pauses or
// configures a server starts its own with rig.StartSwift.
func openStackSwift(t *testing.T) *rig.Server {
	t.Helper()
	return shared.use(t, startOpenStackSwift)
}

var startOpenStackSwift = sync.OnceValues(func() (*rig.Server, error) {
	return shared.keep(rig.StartSwift(context.Background(), rig.SwiftOptions{}))
})

// serverAccount returns the account of the server's user.
func serverAccount(s *rig.Server) account {
	return account{s.AuthURL, s.User, s.Key}
}

func (s *servers) use(t *testing.T, start func() (*rig.Server, error)) *rig.Server {
	t.Helper()
	srv, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// keep notes a server that was just started, for stop.
func (s *servers) keep(srv *rig.Server, err error) (*rig.Server, error) {
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, srv)
	return srv, nil
}

// stop stops what was started, and returns when it has ended.
func (s *servers) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, srv := range s.running {
		errs = append(errs, srv.Stop())
	}
	s.running = nil
	return errors.Join(errs...)
}
