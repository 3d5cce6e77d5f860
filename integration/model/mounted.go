//go:build linux

package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
)

// Mounted is a mount of one container in this process, as a subject.
type Mounted struct {
	*Caller
	server *server
	mount  *fs.FS
	client *swiftbackend.Client
	config fs.Config
	log    *errorLog
	// Fail makes the server fail at random until calm is called; nil if it does
	// not. A server that fails leaves errors in the log, and segments that gc is to
	// find.
	Fail func(seed uint64) (calm func())
}

var _ Troubled = (*Mounted)(nil)

// mountWithin bounds the mounting.
const mountWithin = time.Minute

// NewMounted mounts the container that cfg names, which is empty, on dir. The
// mount uses one client, and what looks at the server from outside the other.
func NewMounted(ctx context.Context, client, other *swiftbackend.Client, dir string, cfg fs.Config) (*Mounted, error) {
	m := &Mounted{
		Caller: NewCaller(dir), client: client, config: cfg, log: new(errorLog),
		server: &server{ctx: ctx, client: other, container: cfg.Container, left: map[string]bool{}},
	}
	m.config.Log = slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelError}))
	return m, m.begin(ctx)
}

func (m *Mounted) begin(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, mountWithin)
	defer cancel()
	m.mount, err = fs.Mount(ctx, m.client, m.Dir, m.config)
	return err
}

// Unmount closes what is open and takes the mount away.
func (m *Mounted) Unmount() error {
	if m.mount == nil {
		return nil
	}
	_ = m.CloseAll() // a test that cares has closed it before
	if err := m.mount.Unmount(); err != nil {
		return fmt.Errorf("unmounting: %w", err)
	}
	m.mount.Wait()
	m.mount = nil
	return nil
}

// Remount implements Subject.
func (m *Mounted) Remount(want *Memory) error {
	if err := m.Unmount(); err != nil {
		return err
	}
	logged := m.log.take()
	if m.Fail != nil {
		logged = nil
	}
	if err := errors.Join(m.server.has(want, m.Fail != nil), logged); err != nil {
		return err
	}
	return m.begin(m.server.ctx)
}

// Trouble implements Troubled.
func (m *Mounted) Trouble(seed uint64) (calm func()) {
	if m.Fail == nil {
		return func() {}
	}
	return m.Fail(seed)
}

// Foreign implements Subject.
func (m *Mounted) Foreign(op Op) error { return m.server.change(op) }

// Stored implements Subject.
func (m *Mounted) Stored(path string, want []byte) error { return m.server.hasObject(path, want) }

// Logged returns what the mount has logged since the last Remount, as an error.
func (m *Mounted) Logged() error { return m.log.take() }

// errorLog keeps what a mount says is wrong: nothing may be in a run without
// faults.
type errorLog struct {
	mu    sync.Mutex // guards the following
	lines bytes.Buffer
}

// Write implements io.Writer for the handler of a log, which calls it once a
// line. Whether a file may be stale the comparison decides.
func (l *errorLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`errno="stale file handle"`)) {
		return len(p), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

// take returns what was logged since it was last asked, as an error.
func (l *errorLog) take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines.Len() == 0 {
		return nil
	}
	text, err := io.ReadAll(&l.lines)
	return errors.Join(fmt.Errorf("the mount logged:\n%s", text), err)
}
