package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Server is a running object store. Its methods may be called by one goroutine
// at a time; requests to the server itself are free of that.
type Server struct {
	AuthURL string // TempAuth or RGW's v1 authentication
	User    string
	Key     string
	InfoURL string // what the server can do, without authentication

	dir       string
	temporary bool // dir was made here
	processes []*process
	access    accessLog
	update    func(context.Context) error
}

// Env returns the environment that names this server to swiftfs, rclone and the
// swift command line.
func (s *Server) Env() []string {
	return []string{"ST_AUTH=" + s.AuthURL, "ST_USER=" + s.User, "ST_KEY=" + s.Key}
}

// Log returns the path of the access log.
func (s *Server) Log() string { return s.access.path }

// Dir returns the directory of configuration, data and logs.
func (s *Server) Dir() string { return s.dir }

// Stop ends every process of the server, the last one started first, and returns
// when they are gone. A directory that was made for the server is removed.
// Stopping twice is no error.
func (s *Server) Stop() error {
	var errs []error
	for _, p := range slices.Backward(s.processes) {
		errs = append(errs, p.stop(p.command.grace))
	}
	if s.temporary {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// Pause stops one process in its tracks: it accepts connections and does not
// answer. The names are memcached, proxy, account, container and object for
// Swift, and mon, osd and rgw for RGW. Resume lets it go on.
func (s *Server) Pause(name string) error {
	i, err := s.find(name)
	if err != nil {
		return err
	}
	return s.processes[i].pause()
}

// Resume lets a process go on that Pause stopped.
func (s *Server) Resume(name string) error {
	i, err := s.find(name)
	if err != nil {
		return err
	}
	return s.processes[i].resume()
}

// Down ends one process, named as for Pause; connections to it are refused.
// While Swift's container process is down, objects of a container can be written
// and deleted for a minute since the last request that read or listed it (the
// proxy remembers that it exists), and listings show that only after Up and
// Update.
func (s *Server) Down(name string) error {
	i, err := s.find(name)
	if err != nil {
		return err
	}
	p := s.processes[i]
	return p.stop(p.command.grace)
}

// Up starts the process again that Down ended, and returns when it answers.
func (s *Server) Up(ctx context.Context, name string) error {
	i, err := s.find(name)
	if err != nil {
		return err
	}
	select {
	case <-s.processes[i].done:
	default:
		return nil
	}
	p, err := launch(ctx, s.processes[i].command)
	if err != nil {
		return err
	}
	s.processes[i] = p
	return nil
}

// Update has Swift replay the listing updates that it put off, and bring the
// account's totals up to date. Without it both stay as they are: the daemons that
// do this in a cluster do not run here, so that a test decides when it happens.
func (s *Server) Update(ctx context.Context) error {
	if s.update == nil {
		return fmt.Errorf("update listings: %w", errors.ErrUnsupported)
	}
	return s.update(ctx)
}

func (s *Server) find(name string) (int, error) {
	i := slices.IndexFunc(s.processes, func(p *process) bool { return p.command.name == name })
	if i < 0 {
		return 0, fmt.Errorf("no process %q in this rig", name)
	}
	return i, nil
}

// launchAll starts the commands one after the other, each when those before it
// were executed, and waits for all of them: they come up side by side.
func (s *Server) launchAll(ctx context.Context, commands ...command) error {
	var started []*process
	for _, c := range commands {
		p, err := start(ctx, c)
		if err != nil {
			return err
		}
		started = append(started, p)
		s.processes = append(s.processes, p)
	}
	for _, p := range started {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the directory of a server with its sub-directories; an empty
// dir becomes a temporary one in parent.
func (s *Server) prepare(dir, parent string, subs ...string) error {
	if dir == "" {
		tmp, err := os.MkdirTemp(parent, "swiftfs-rig-")
		if err != nil {
			return err
		}
		s.dir, s.temporary = tmp, true
	} else {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		s.dir = abs
	}
	for _, sub := range subs {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// path returns a path in the server's directory.
func (s *Server) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}
