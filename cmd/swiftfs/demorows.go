package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// demoRow is a thing that users of Swift do, with the commands that do it here.
type demoRow struct {
	title string
	run   func(context.Context, *demo, *serverSide) error
}

var demoRows = []demoRow{
	{"Connect", rowConnect},
	{"List the containers", rowListContainers},
	{"Create a container", rowCreateContainer},
	{"List a container: name, size, last modified", rowListObjects},
	{"Delete a container, which must be empty", rowDeleteContainer},
	{"Create an object from a file", rowUpload},
	{"Download an object to a file", rowDownload},
	{"Delete an object", rowDeleteObject},
}

// showRows runs all rows and returns how many held. An error means that the
// show cannot go on.
func (d *demo) showRows(ctx context.Context) (held int, err error) {
	server, err := d.loginOverHTTP(ctx)
	if err != nil {
		return 0, err
	}
	for i, row := range demoRows {
		d.say("\n%d. %s", i+1, row.title)
		if err := row.run(ctx, d, server); err != nil {
			if ctx.Err() != nil {
				return held, &failure{classInterrupted, errors.New("interrupted")}
			}
			d.say("DOES NOT HOLD: %v", err)
			continue
		}
		held++
	}
	return held, nil
}

func rowConnect(ctx context.Context, d *demo, server *serverSide) error {
	d.say("$ export ST_AUTH=%s ST_USER=%s ST_KEY=...", d.server.AuthURL(), fakeswift.DefaultUser)
	d.say("$ swiftfs mount : %s", d.mountpoint)
	out, err := d.command(ctx, "grep", d.mountpoint, "/proc/mounts")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(out, ": "+d.mountpoint+" "+fsType+" ") {
		return errors.New("the table of mounts does not show it")
	}
	_, err = server.expect(ctx, http.MethodHead, "", http.StatusNoContent)
	return err
}

func rowListContainers(ctx context.Context, d *demo, server *serverSide) error {
	out, err := d.command(ctx, "ls", d.mountpoint)
	if err != nil {
		return err
	}
	a, err := server.expect(ctx, http.MethodGet, "", http.StatusOK)
	if err != nil {
		return err
	}
	return same("names", out, string(a.body))
}

func rowCreateContainer(ctx context.Context, d *demo, server *serverSide) error {
	if _, err := server.expect(ctx, http.MethodHead, "/my-new-container", http.StatusNotFound); err != nil {
		return err
	}
	if _, err := d.command(ctx, "mkdir", d.mountpoint+"/my-new-container"); err != nil {
		return err
	}
	_, err := server.expect(ctx, http.MethodHead, "/my-new-container", http.StatusNoContent)
	return err
}

func rowListObjects(ctx context.Context, d *demo, server *serverSide) error {
	out, err := d.command(ctx, "ls", "-l", "--time-style=full-iso", d.mountpoint+"/letters")
	if err != nil {
		return err
	}
	a, err := server.expect(ctx, http.MethodGet, "/letters?format=json", http.StatusOK)
	if err != nil {
		return err
	}
	var rows []struct {
		Name     string `json:"name"`
		Bytes    int64  `json:"bytes"`
		Modified string `json:"last_modified"`
	}
	if err := json.Unmarshal(a.body, &rows); err != nil {
		return err
	}
	var want, got []string
	for _, r := range rows {
		date, clock, _ := strings.Cut(r.Modified, "T")
		want = append(want, fmt.Sprintf("%s %d %s %s", r.Name, r.Bytes, date, clock))
	}
	for line := range strings.Lines(out) {
		// mode links owner group size date time zone name
		if f := strings.Fields(line); len(f) == 9 {
			got = append(got, fmt.Sprintf("%s %s %s %s", f[8], f[4], f[5], strings.TrimSuffix(f[6], "000")))
		}
	}
	return same("names, sizes and dates", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

func rowDeleteContainer(ctx context.Context, d *demo, server *serverSide) error {
	if _, err := d.command(ctx, "rmdir", d.mountpoint+"/letters"); err == nil {
		return errors.New("rmdir of a container with objects succeeded")
	}
	if _, err := server.expect(ctx, http.MethodHead, "/letters/goodbye.txt", http.StatusOK); err != nil {
		return err
	}
	if _, err := d.command(ctx, "rmdir", d.mountpoint+"/my-new-container"); err != nil {
		return err
	}
	_, err := server.expect(ctx, http.MethodHead, "/my-new-container", http.StatusNotFound)
	return err
}

func rowUpload(ctx context.Context, d *demo, server *serverSide) error {
	const content = "Hello, World!\n"
	if err := os.WriteFile(filepath.Join(d.local, "my_hello.txt"), []byte(content), 0o600); err != nil {
		return err
	}
	if _, err := d.command(ctx, "cp", "my_hello.txt", d.mountpoint+"/letters/hello.txt"); err != nil {
		return err
	}
	a, err := server.expect(ctx, http.MethodGet, "/letters/hello.txt", http.StatusOK)
	if err != nil {
		return err
	}
	if err := same("content", string(a.body), content); err != nil {
		return err
	}
	// The mode of the file, if it is not the mount's own, is a parameter of the type.
	mediaType, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	return same("content type", mediaType, "text/plain")
}

func rowDownload(ctx context.Context, d *demo, server *serverSide) error {
	if _, err := d.command(ctx, "cp", d.mountpoint+"/letters/poem.txt", "my_poem.txt"); err != nil {
		return err
	}
	if _, err := d.command(ctx, "cat", "my_poem.txt"); err != nil {
		return err
	}
	a, err := server.expect(ctx, http.MethodGet, "/letters/poem.txt", http.StatusOK)
	if err != nil {
		return err
	}
	got, err := os.ReadFile(filepath.Join(d.local, "my_poem.txt"))
	if err != nil {
		return err
	}
	return same("content", string(got), string(a.body))
}

func rowDeleteObject(ctx context.Context, d *demo, server *serverSide) error {
	if _, err := d.command(ctx, "rm", d.mountpoint+"/letters/goodbye.txt"); err != nil {
		return err
	}
	if _, err := server.expect(ctx, http.MethodHead, "/letters/goodbye.txt", http.StatusNotFound); err != nil {
		return err
	}
	_, err := server.expect(ctx, http.MethodHead, "/letters/poem.txt", http.StatusOK)
	return err
}

// same compares what the mount shows with what the server has.
func same(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s: the mount has %q, the server %q", what, got, want)
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, format+"\n", args...) // a closed pipe ends the program by itself
}

// commandTimeout keeps a demo that hangs from hanging for ever.
const commandTimeout = time.Minute

// command runs a program as a user does, and shows it.
func (d *demo) command(ctx context.Context, args ...string) (output string, err error) {
	d.say("$ %s", strings.Join(args, " "))
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the rows' own commands
	c.Dir = d.local
	c.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC0")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	_, _ = d.out.Write(out.Bytes())
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w", args[0], err)
	}
	return out.String(), nil
}

// serverSide looks at the account over plain HTTP, past the mount and past all
// of swiftfs.
type serverSide struct {
	d              *demo
	storage, token string
}

type answer struct {
	header http.Header
	body   []byte
}

func (d *demo) loginOverHTTP(ctx context.Context) (*serverSide, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server.AuthURL(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-User", fakeswift.DefaultUser)
	req.Header.Set("X-Auth-Key", fakeswift.DefaultKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	return &serverSide{d, resp.Header.Get("X-Storage-Url"), resp.Header.Get("X-Auth-Token")}, resp.Body.Close()
}

// expect sends a request for a path within the account, shows the answer, and
// returns it if it has the status.
func (s *serverSide) expect(ctx context.Context, method, path string, status int) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.storage+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-Token", s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := &answer{header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	s.d.say("server: %s %s: %s", method, req.URL.RequestURI(), s.summary(resp, a.body))
	if resp.StatusCode != status {
		return nil, fmt.Errorf("the server says %s", resp.Status)
	}
	return a, nil
}

func (s *serverSide) summary(resp *http.Response, body []byte) string {
	parts := []string{resp.Status}
	for _, h := range []string{"Content-Type", "Etag", "X-Account-Container-Count", "X-Container-Object-Count"} {
		isObject := slices.Contains([]string{"Etag", "Content-Type"}, h) && resp.Header.Get("Etag") != ""
		if v := resp.Header.Get(h); v != "" && (isObject || strings.HasPrefix(h, "X-")) {
			parts = append(parts, strings.ToLower(h)+" "+v)
		}
	}
	if len(body) > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes", len(body)))
	}
	return strings.Join(parts, ", ")
}
