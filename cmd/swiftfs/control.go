package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"swiftfs/fs"
)

// control is how the commands status, flush and refresh talk to the process of
// a mount: HTTP on a Unix socket that nobody but its user and root can reach. It
// has nothing to do with the mount point, so that it answers also when the
// file system hangs.
type control struct {
	srv  *http.Server
	stop context.CancelFunc // ends what requests wait for
	wg   sync.WaitGroup     // the goroutine that accepts connections
}

// mountStatus is what a mount's process answers to GET /status.
type mountStatus struct {
	Source     string    `json:"source"`
	Mountpoint string    `json:"mountpoint"`
	PID        int       `json:"pid"`
	Version    string    `json:"version"`
	Since      time.Time `json:"since"`
	Memory     int64     `json:"memory"` // of the process, without its code
	fs.Status
}

// outcome is what a mount's process answers to the other requests.
type outcome struct {
	Error string `json:"error,omitempty"`
}

const (
	socketSuffix = ".sock"
	// controlPatience bounds the waits for the other end of a socket.
	controlPatience = 10 * time.Second
	// sweepName is locked by who makes or removes sockets in the directory.
	sweepName = "lock"
)

// socketName is the name of the socket of the mount m. Its device number is no
// other mount's as long as it is mounted, or anybody uses it.
func socketName(m *mountinfo.Info) string {
	return fmt.Sprintf("%d-%d%s", m.Major, m.Minor, socketSuffix)
}

// controlDirs are the directories that may have the sockets of a user, the best
// one first.
func controlDirs(uid int, env lookupFunc) []string {
	temporary := fmt.Sprintf("/tmp/swiftfs-%d", uid)
	if uid == 0 {
		return []string{"/run/swiftfs", temporary}
	}
	dirs := []string{fmt.Sprintf("/run/user/%d/swiftfs", uid), temporary}
	if dir, ok := env("XDG_RUNTIME_DIR"); ok && filepath.IsAbs(dir) && uid == os.Geteuid() {
		dirs = append([]string{filepath.Join(dir, "swiftfs")}, dirs...)
	}
	return dirs
}

// privateDir returns an error unless dir belongs to the user, and nobody else
// can get in or put another one in its place.
func privateDir(dir string, uid int) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(sys.Uid) != uid || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a directory of user %d alone", dir, uid)
	}
	return nil
}

// openControl listens on the socket of the mount m.
func openControl(ctx context.Context, m *mountinfo.Info, env lookupFunc, handler http.Handler) (*control, error) {
	var errs []error
	for _, dir := range controlDirs(os.Geteuid(), env) {
		c, err := openControlIn(ctx, dir, m, handler)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func openControlIn(ctx context.Context, dir string, m *mountinfo.Info, handler http.Handler) (*control, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, iofs.ErrExist) {
		return nil, err
	}
	if err := privateDir(dir, os.Geteuid()); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, sweepName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil { //nolint:gosec // a descriptor fits an int
		return nil, err
	}
	sweep(ctx, dir)
	path := filepath.Join(dir, socketName(m))
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, err
	}
	life, stop := context.WithCancel(ctx)
	c := &control{stop: stop}
	c.srv = &http.Server{Handler: handler, ReadHeaderTimeout: controlPatience, BaseContext: func(net.Listener) context.Context { return life }}
	c.wg.Go(func() { _ = c.srv.Serve(ln) })
	return c, nil
}

// sweep removes the sockets of processes that have died. The directory is
// locked.
func sweep(ctx context.Context, dir string) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+socketSuffix))
	if err != nil {
		return
	}
	for _, path := range paths {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
		if err == nil {
			_ = conn.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path)
		}
	}
}

// close ends what is being waited for, and returns when it has and the socket is
// removed.
func (c *control) close() {
	if c == nil {
		return
	}
	c.stop()
	ctx, cancel := context.WithTimeout(context.Background(), controlPatience)
	defer cancel()
	if err := c.srv.Shutdown(ctx); err != nil {
		_ = c.srv.Close()
	}
	c.wg.Wait()
}

// handler serves the commands.
func (s *service) handler(source string) http.Handler {
	mux := http.NewServeMux()
	since := time.Now()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, mountStatus{
			Source: source, Mountpoint: s.mountpoint, PID: os.Getpid(), Version: buildVersion(), Since: since,
			Memory: usedMemory(), Status: s.fs.Status(),
		})
	})
	mux.HandleFunc("POST /flush", func(w http.ResponseWriter, r *http.Request) {
		var a outcome
		if err := s.fs.Flush(r.Context(), r.URL.Query().Get("path")); err != nil {
			a.Error = err.Error()
		}
		reply(w, a)
	})
	mux.HandleFunc("POST /refresh", func(w http.ResponseWriter, r *http.Request) {
		var a outcome
		if err := s.fs.Refresh(r.Context(), r.URL.Query().Get("path")); err != nil {
			a.Error = err.Error()
		}
		reply(w, a)
	})
	return mux
}

func reply(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

// usedMemory is what the Go runtime has of the machine's memory.
func usedMemory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return 0
		}
	}
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64()) //nolint:gosec // bytes of memory
}

// socketClient returns an HTTP client of the socket at path.
func socketClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: controlPatience}).DialContext(ctx, "unix", path)
		},
		DisableKeepAlives: true,
	}}
}

// ask sends a request to the socket at path and reads the answer into v.
func ask(ctx context.Context, path, method, target string, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://mount/"+target, nil)
	if err != nil {
		return err
	}
	resp, err := socketClient(path).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the mount's process answers %s", strings.ToLower(http.StatusText(resp.StatusCode)))
	}
	return json.NewDecoder(resp.Body).Decode(v)
}
