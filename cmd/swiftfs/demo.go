package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"swiftfs/swiftbackend/fakeswift"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Show what swiftfs does, on a Swift server of its own",
		Long: `Start a Swift server within this process, mount it on a temporary directory, do
what a Swift user does every day with ls, cp and rm, look at the result from the
server's side, and leave nothing behind. The exit status is 0 if all of it held.

With DIR, the server is mounted there, with a few objects in it, until Ctrl-C.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			dir := ""
			if len(args) == 1 {
				dir = args[0]
			}
			return runDemo(ctx, dir, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
}

// demo is a server, its mount, and a directory for local files.
type demo struct {
	out        io.Writer
	server     *fakeswift.Server
	service    *service
	mountpoint string
	local      string // directory of local files
}

// runDemo shows the job table on a temporary directory, or leaves the server
// mounted on dir until ctx ends.
func runDemo(ctx context.Context, dir string, stdout, stderr io.Writer) (err error) {
	tmp, err := os.MkdirTemp("", "swiftfs-demo-")
	if err != nil {
		return systemError(err)
	}
	d := &demo{out: stdout, mountpoint: dir, local: filepath.Join(tmp, "local")}
	if dir == "" {
		d.mountpoint = filepath.Join(tmp, "swift")
	}
	for _, sub := range []string{d.local, filepath.Join(tmp, "data"), filepath.Join(tmp, "swift")} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return errors.Join(systemError(err), os.RemoveAll(tmp))
		}
	}
	d.server, err = fakeswift.Start(fakeswift.Options{Dir: filepath.Join(tmp, "data")})
	if err != nil {
		return errors.Join(systemError(err), os.RemoveAll(tmp))
	}
	defer func() {
		if closeErr := d.server.Close(); err == nil {
			err = closeErr
		}
		// Never through a mount that is still there.
		if m, tableErr := thisHost().mountAt(filepath.Join(tmp, "swift")); tableErr == nil && m == nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	d.fill()
	if err := d.mount(ctx, stderr); err != nil {
		return err
	}
	if dir != "" {
		return d.leaveMounted(ctx)
	}
	held, err := d.showRows(ctx)
	if stopErr := d.unmount(); err == nil {
		err = stopErr
	}
	if err == nil && held < len(demoRows) {
		err = fmt.Errorf("%d of %d rows held", held, len(demoRows))
	}
	if err == nil {
		_, err = fmt.Fprintf(stdout, "\nAll %d rows held; unmounted, nothing is left behind.\n", held)
	}
	return err
}

// fill gives the account what it has before the demo begins.
func (d *demo) fill() {
	d.server.PutObject("letters", "goodbye.txt", "text/plain", []byte("Goodbye, World!\n"))
	d.server.PutObject("letters", "poem.txt", "text/plain", []byte("Shall I compare thee to a summer's day?\n"))
	d.server.PutObject("photos", "2024/rome.jpg", "image/jpeg", make([]byte, 123456))
}

// mount mounts the server as `swiftfs mount --foreground` does.
func (d *demo) mount(ctx context.Context, stderr io.Writer) error {
	vars := map[string]string{"ST_AUTH": d.server.AuthURL(), "ST_USER": fakeswift.DefaultUser, "ST_KEY": fakeswift.DefaultKey}
	env := func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
	opts := defaultOptions()
	opts.process.foreground, opts.process.logLevel = true, "warn"
	r, err := newRequest(":", d.mountpoint, opts, env, stderr)
	if err != nil {
		return err
	}
	if d.service, err = r.start(ctx); err != nil {
		return err
	}
	d.mountpoint = d.service.mountpoint
	return nil
}

func (d *demo) unmount() error {
	d.service.unmount()
	return d.service.wait(nil)
}

// leaveMounted tells how to use the mount and waits for the end of ctx or of
// the mount.
func (d *demo) leaveMounted(ctx context.Context) error {
	_, err := fmt.Fprintf(d.out, `A Swift server of this process is mounted on %s. Try, in another terminal:

  ls -l %s/letters
  cp /etc/hostname %s/letters/
  mkdir %s/my-new-container

Other Swift clients see the same account:

  export ST_AUTH=%s ST_USER=%s ST_KEY=%s

Ctrl-C unmounts it and forgets everything in it.
`, d.mountpoint, d.mountpoint, d.mountpoint, d.mountpoint, d.server.AuthURL(), fakeswift.DefaultUser, fakeswift.DefaultKey)
	if err != nil {
		return errors.Join(err, d.unmount())
	}
	signals := make(chan os.Signal, 1)
	stop := context.AfterFunc(ctx, func() { signals <- syscall.SIGTERM })
	defer stop()
	return d.service.wait(signals)
}
