package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/moby/sys/mountinfo"

	"swiftfs/cache"
	"swiftfs/fs"
	"swiftfs/swiftbackend"
)

// request is one call for a mount, from whichever command line.
type request struct {
	src        source
	mountpoint string
	opts       *options
	env        lookupFunc
	host       host
	stderr     io.Writer
}

// service is a mount that works, with everything that belongs to it.
type service struct {
	host       host
	mountpoint string
	warnings   []string // sentences for whoever asked for the mount
	logs       logs
	fs         *fs.FS
	client     *swiftbackend.Client
	metrics    *metricsServer // or nil
	cache      *cache.Dir     // or nil: nothing can be edited
	presence   *presence      // or nil
	control    *control       // or nil
	systemd    bool           // systemd is told when the mount works and when it ends
	// mounted is the row of the mount in the table of mounts, or nil when it
	// was not found there.
	mounted *mountinfo.Info
}

// start mounts, within ctx, and returns when the mount works.
func (r *request) start(ctx context.Context) (_ *service, err error) {
	cfg, err := r.opts.backendConfig(r.src, r.env)
	if err != nil {
		return nil, err
	}
	s := &service{host: r.host, logs: openLogs(r.opts.process, r.stderr)}
	if s.mountpoint, s.warnings, err = r.host.prepareMountpoint(r.mountpoint, r.opts.access.allowOther); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	cfg.Log = s.logs.backend
	if addr := r.opts.process.metricsAddress; addr != "" {
		reg := newRegistry()
		cfg.Registerer = reg
		if s.metrics, err = serveMetrics(ctx, addr, reg); err != nil {
			return nil, err
		}
	}
	if s.cache, err = r.opts.openCache(s.mountpoint); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.process.mountTimeout)
	defer cancel()
	if s.client, err = connect(ctx, cfg, true); err != nil {
		return nil, err
	}
	if err := s.mount(ctx, r, cfg); err != nil {
		return nil, err
	}
	for _, w := range s.warnings {
		s.logs.fs.Warn(w)
	}
	s.logs.fs.Info("mounted", "source", r.src.text, "mountpoint", s.mountpoint, "server", s.client.Info().Server, "version", buildVersion())
	return s, nil
}

func (s *service) mount(ctx context.Context, r *request, cfg swiftbackend.Config) error {
	if r.src.container != "" {
		if err := s.client.CheckContainerName(r.src.container); err != nil {
			return explainSource(err, r.src, cfg)
		}
	}
	config := r.opts.fsConfig(r.src, s.logs.fs)
	config.Cache = s.cache
	var err error
	s.fs, err = fs.Mount(ctx, s.client, s.mountpoint, config)
	var refused *swiftbackend.Error
	if errors.As(err, &refused) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return explainSource(err, r.src, cfg)
	}
	if err != nil {
		return explainMount(err, s.mountpoint)
	}
	if m, err := s.host.mountAt(s.mountpoint); err == nil && m != nil && m.FSType == fsType {
		s.mounted = m
		// Without the socket `swiftfs umount` does not wait; nothing else.
		s.presence, _ = announce(context.WithoutCancel(ctx), m)
		if s.control, err = openControl(context.WithoutCancel(ctx), m, r.env, s.handler(r.src.text)); err != nil {
			s.logs.fs.Warn("the commands status, flush and refresh will not find this mount", "error", err)
		}
	}
	return nil
}

// wait serves until the mount is gone. The first signal asks for that; a mount
// that is busy then is detached from the tree, and ends with its last open
// file. A signal after that ends the process with what is open.
func (s *service) wait(signals <-chan os.Signal) error {
	gone := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(gone)
		s.fs.Wait()
	})
	stopping := sync.OnceFunc(func() { s.notify(daemon.SdNotifyStopping) })
	detached := false
	for {
		select {
		case <-gone:
			wg.Wait()
			stopping()
			s.logs.fs.Info("unmounted", "mountpoint", s.mountpoint)
			s.close()
			return nil
		case sig := <-signals:
			if detached {
				return &failure{classInterrupted, errors.New("ended by a signal while files were open; what was not closed is not stored")}
			}
			stopping()
			s.logs.fs.Info("unmounting", "signal", sig.String(), "mountpoint", s.mountpoint)
			detached = s.unmount()
		}
	}
}

func (s *service) notify(state string) {
	if !s.systemd {
		return
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.logs.fs.Warn("systemd cannot be notified", "state", state, "error", err)
	}
}

// unmount takes the mount off the tree, and reports whether its end is out of
// this process's hands: it had to be detached because somebody is using it, or
// somebody else has taken it off.
func (s *service) unmount() (detached bool) {
	// What is mounted on the same path by now may be somebody else's.
	if !s.onTree() {
		return true
	}
	err := s.fs.Unmount()
	if err == nil {
		return false
	}
	if !s.onTree() {
		return true
	}
	s.logs.fs.Warn("the mount is busy: detached it from the tree; it ends when the last file is closed", "mountpoint", s.mountpoint, "error", err)
	if err := s.host.detach(s.mountpoint); err != nil {
		s.logs.fs.Error("detaching failed", "mountpoint", s.mountpoint, "error", err)
	}
	return true
}

// onTree reports whether the topmost mount on the mount point is this one, as
// far as can be known.
func (s *service) onTree() bool {
	m, err := s.host.mountAt(s.mountpoint)
	if err != nil || s.mounted == nil {
		return true
	}
	return m != nil && m.Major == s.mounted.Major && m.Minor == s.mounted.Minor
}

// close ends what start began, apart from the mount itself.
func (s *service) close() {
	s.control.close()
	if s.presence != nil {
		s.presence.stop()
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.cache != nil {
		if err := s.cache.Close(); err != nil {
			s.logs.fs.Warn("giving up the cache directory failed", "error", err)
		}
	}
	s.metrics.close()
}

// hardenProcess keeps secrets out of core dumps and bounds the heap. The limit
// is a backstop: what the file system holds is bounded by its own budgets, and
// garbage is what may come on top.
func hardenProcess(memoryLimit int64) {
	forbidDumps()
	if _, set := os.LookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memoryLimit + heapOverhead)
	}
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(garbagePercent)
	}
}

// garbagePercent is how much garbage there may be beside what is in use. At Go's
// own 100 the uploads of one long file, which may use half of the memory-limit,
// make a heap of all of it. Most of the heap are buffers without pointers, so
// that collecting twice as often costs next to nothing.
const garbagePercent = 50

// heapOverhead is what the process needs beside the budgets of memory-limit:
// code, stacks, connections, and the requests of the kernel.
const heapOverhead = 48 << 20
