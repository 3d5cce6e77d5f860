package rig

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// SwiftOptions describes an OpenStack Swift. The zero value is Swift with its
// own defaults.
type SwiftOptions struct {
	// Dir holds everything the servers write and must be on a file system with
	// user attributes. On ext4 these hold 4 KiB, and more metadata than that on
	// one object is answered 503; tmpfs (since Linux 6.6) and XFS hold what a
	// cluster holds. Empty means a temporary directory, on tmpfs if possible.
	Dir string
	// Without names middlewares to leave out, e.g. slo, dlo, bulk, copy, symlink,
	// versioned_writes, account-quotas, container-quotas, tempurl, ratelimit.
	Without []string
	// S3API adds Swift's S3 API, whose keys are the users and keys of TempAuth.
	S3API bool
	// TokenLife is how long a token is valid; 0 means a day. Swift counts whole
	// seconds.
	TokenLife time.Duration
	// MaxFileSize is the largest object that one PUT may make, in bytes; 0 means
	// 5 GiB + 2.
	MaxFileSize int64
	// ListingLimit is the length of a listing page; 0 means 10,000.
	ListingLimit int
	// MaxSegments is the largest number of segments of a static large object; 0
	// means 1,000.
	MaxSegments int
	// Constraints are more lines of [swift-constraints], e.g.
	// max_object_name_length.
	Constraints map[string]string
}

//go:embed swift/*.conf
var swiftTemplates embed.FS

//go:embed swift/rings.py
var swiftRings string

//go:embed swift/launch.py
var swiftLauncher string

// swiftPython is Debian's interpreter, the one that the packages belong to;
// another python3 may be first in PATH.
const swiftPython = "/usr/bin/python3"

// swiftMiddlewares is the proxy's pipeline between the access log and the proxy
// itself, in Swift's order.
var swiftMiddlewares = []string{
	"cache", "listing_formats", "bulk", "tempurl", "ratelimit", "tempauth", "copy",
	"container-quotas", "account-quotas", "slo", "dlo", "versioned_writes", "symlink",
}

// swiftConfig is what the configuration templates see.
type swiftConfig struct {
	SwiftOptions
	Dir       string
	User      string
	Pipeline  string
	Ports     map[string]int
	TokenLife int // seconds
	Kind      string
}

// StartSwift starts an OpenStack Swift with the user test:tester and returns
// when it answers. The caller stops it.
func StartSwift(ctx context.Context, opts SwiftOptions) (*Server, error) {
	s := &Server{User: "test:tester", Key: "testing"}
	if err := startSwift(ctx, s, opts); err != nil {
		return nil, fmt.Errorf("start Swift: %w", errors.Join(err, s.Stop()))
	}
	return s, nil
}

func startSwift(ctx context.Context, s *Server, opts SwiftOptions) error {
	if err := require("swift"); err != nil {
		return err
	}
	if err := s.prepare(opts.Dir, swiftParent(), "etc", "log", "run", "node/sdb1"); err != nil {
		return err
	}
	config, err := newSwiftConfig(ctx, s, opts)
	if err != nil {
		return err
	}
	if err := writeSwiftConfig(ctx, s, config); err != nil {
		return err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", config.Ports["proxy"])
	s.AuthURL, s.InfoURL = base+"/auth/v1.0", base+"/info"
	s.access = accessLog{path: s.path("log", "proxy.log"), fence: s.InfoURL, parse: parseSwiftLine}
	s.update = func(ctx context.Context) error { return updateSwift(ctx, s) }
	return s.launchAll(ctx, swiftCommands(s, config)...)
}

// swiftParent returns the directory for temporary directories of Swift.
func swiftParent() string {
	const shm = "/dev/shm"
	if holdsAttributes(shm) {
		return shm
	}
	return os.TempDir()
}

func newSwiftConfig(ctx context.Context, s *Server, opts SwiftOptions) (swiftConfig, error) {
	me, err := user.Current()
	if err != nil {
		return swiftConfig{}, err
	}
	var pipeline []string
	for _, m := range swiftMiddlewares {
		if m == "tempauth" && opts.S3API {
			pipeline = append(pipeline, "s3api")
		}
		if !slices.Contains(opts.Without, m) {
			pipeline = append(pipeline, m)
		}
	}
	for _, w := range opts.Without {
		if !slices.Contains(swiftMiddlewares, w) {
			return swiftConfig{}, fmt.Errorf("no middleware %q to leave out", w)
		}
	}
	names := []string{"proxy", "object", "container", "account", "memcached"}
	ports, err := reservePorts(ctx, len(names))
	if err != nil {
		return swiftConfig{}, err
	}
	config := swiftConfig{
		SwiftOptions: opts,
		Dir:          s.dir,
		User:         me.Username,
		Pipeline:     strings.Join(pipeline, " "),
		Ports:        map[string]int{},
		TokenLife:    86400,
	}
	if opts.TokenLife > 0 {
		config.TokenLife = max(1, int(opts.TokenLife.Seconds()))
	}
	if config.MaxSegments == 0 {
		config.MaxSegments = 1000
	}
	for i, name := range names {
		config.Ports[name] = ports[i]
	}
	return config, nil
}

// writeSwiftConfig writes the configuration files and the rings.
func writeSwiftConfig(ctx context.Context, s *Server, config swiftConfig) error {
	templates, err := template.ParseFS(swiftTemplates, "swift/*.conf")
	if err != nil {
		return err
	}
	for file, kind := range map[string]string{
		"swift.conf": "", "proxy-server.conf": "",
		"object-server.conf": "object", "container-server.conf": "container", "account-server.conf": "account",
	} {
		config.Kind = kind
		name := file
		if kind != "" {
			name = "storage-server.conf"
		}
		var b strings.Builder
		if err := templates.ExecuteTemplate(&b, name, config); err != nil {
			return err
		}
		if err := os.WriteFile(s.path("etc", file), []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	args := []string{swiftPython, "-c", swiftRings, s.path("etc")}
	for _, kind := range []string{"object", "container", "account"} {
		args = append(args, kind, strconv.Itoa(config.Ports[kind]))
	}
	_, err = output(ctx, nil, args...)
	return err
}

func swiftCommands(s *Server, config swiftConfig) []command {
	local := func(name, path string) string {
		return fmt.Sprintf("http://127.0.0.1:%d%s", config.Ports[name], path)
	}
	commands := []command{{
		name:  "memcached",
		args:  []string{"memcached", "-u", config.User, "-l", "127.0.0.1", "-p", strconv.Itoa(config.Ports["memcached"]), "-m", "64"},
		ready: listens(config.Ports["memcached"]),
	}}
	// The slowest to come up, the proxy, is started first.
	for _, kind := range []string{"proxy", "object", "container", "account"} {
		c := command{
			name:  kind,
			args:  swiftLaunch(s, kind+"-server", kind+"-server"),
			ready: answers(local(kind, "/"), false),
		}
		if kind == "proxy" {
			c.ready = answers(local(kind, "/healthcheck"), true)
		}
		commands = append(commands, c)
	}
	for i := range commands {
		c := &commands[i]
		c.log = s.path("log", c.name+".log")
		c.wait, c.grace = 90*time.Second, 10*time.Second
	}
	return commands
}

// swiftLaunch returns the command line of one of Swift's programs.
func swiftLaunch(s *Server, program, config string) []string {
	return []string{swiftPython, "-c", swiftLauncher, s.path("etc", "swift.conf"), program, s.path("etc", config+".conf")}
}

// updateSwift runs one pass of the daemons that apply delayed listing updates.
func updateSwift(ctx context.Context, s *Server) error {
	for _, d := range [][2]string{{"object-updater", "object-server"}, {"container-updater", "container-server"}} {
		if _, err := output(ctx, nil, swiftLaunch(s, d[0], d[1])...); err != nil {
			return err
		}
	}
	return nil
}

// parseSwiftLine parses a line of the proxy's log_msg_template. Each field is
// quoted once more by the logger, which adds a transaction number; a source other than "-" marks a request that
// Swift made of itself.
func parseSwiftLine(line string) (Request, bool) {
	_, line, ok := strings.Cut(line, "request: ")
	fields := strings.Fields(line)
	if !ok || len(fields) < 5 || fields[0] != "-" {
		return Request{}, false
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		return Request{}, false
	}
	path, err := url.PathUnescape(fields[3])
	if err != nil {
		return Request{}, false
	}
	agent, err := url.PathUnescape(fields[4])
	if err != nil {
		return Request{}, false
	}
	return Request{Method: fields[2], Path: path, Status: status, UserAgent: agent}, true
}
