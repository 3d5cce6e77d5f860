package rig

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// RGWOptions describes a Ceph RADOS Gateway. The zero value is one with the
// limits of a default Ceph.
type RGWOptions struct {
	// Dir holds everything the servers write; it must be new or empty. The empty
	// string means a temporary directory.
	Dir string
	// TokenLife is how long a token is valid; 0 means a day. RGW counts whole
	// seconds.
	TokenLife time.Duration
	// MaxPutSize is the largest object that one PUT may make, in bytes; 0 means
	// 5 GiB.
	MaxPutSize int64
	// MaxSegments is the largest number of segments of a static large object; 0
	// means 1,000.
	MaxSegments int
	// AccountInURL makes storage URLs end in /swift/v1/AUTH_test instead of
	// /swift/v1.
	AccountInURL bool
	// StoreSize is the size of the store, in bytes, a sparse file in Dir; 0 means
	// 20 GiB. A store that is full does not answer.
	StoreSize int64
}

//go:embed rgw/ceph.conf
var cephTemplate string

// rgwConfig is what the configuration template sees.
type rgwConfig struct {
	RGWOptions
	Dir       string
	FSID      string
	Port      int
	Monitor   string // its address vector
	TokenLife int    // seconds
}

// StartRGW starts a Ceph with its Swift gateway and the user test:tester, and
// returns when it answers, after ten seconds to a minute. The caller stops it.
func StartRGW(ctx context.Context, opts RGWOptions) (*Server, error) {
	s := &Server{User: "test:tester", Key: "testing"}
	if err := startRGW(ctx, s, opts); err != nil {
		return nil, fmt.Errorf("start RGW: %w", errors.Join(err, s.Stop()))
	}
	return s, nil
}

func startRGW(ctx context.Context, s *Server, opts RGWOptions) error {
	if err := require("rgw"); err != nil {
		return err
	}
	if err := s.prepare(opts.Dir, os.TempDir(), "etc", "log", "run", "mon", "osd", "rgw"); err != nil {
		return err
	}
	config, err := writeCephConfig(ctx, s, opts)
	if err != nil {
		return err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", config.Port)
	s.AuthURL, s.InfoURL = base+"/auth/v1.0", base+"/swift/info"
	s.access = accessLog{path: s.path("log", "client.rgw.log"), fence: s.InfoURL, parse: parseRGWLine}

	ceph := cephTools{conf: "CEPH_CONF=" + s.path("etc", "ceph.conf")}
	if err := ceph.makeMonitor(ctx, s, config); err != nil {
		return err
	}
	if err := s.launchAll(ctx, ceph.daemon(s, "mon", func(ctx context.Context) error {
		return ceph.run(ctx, "ceph", "--connect-timeout", "5", "-s")
	}, "ceph-mon", "-f", "-i", "a", "--public-addrv", config.Monitor)); err != nil {
		return err
	}
	if err := ceph.makeOSD(ctx); err != nil {
		return err
	}
	// The gateway waits for the OSD by itself.
	if err := s.launchAll(ctx,
		ceph.daemon(s, "osd", ceph.osdIsUp, "ceph-osd", "-f", "-i", "0"),
		ceph.daemon(s, "rgw", answers(s.InfoURL, true), "radosgw", "-f", "-n", "client.rgw"),
	); err != nil {
		return err
	}
	return ceph.makeUsers(ctx, s)
}

func writeCephConfig(ctx context.Context, s *Server, opts RGWOptions) (rgwConfig, error) {
	ports, err := reservePorts(ctx, 3)
	if err != nil {
		return rgwConfig{}, err
	}
	config := rgwConfig{
		RGWOptions: opts,
		Dir:        s.dir,
		FSID:       newUUID(),
		Port:       ports[0],
		Monitor:    fmt.Sprintf("[v2:127.0.0.1:%d,v1:127.0.0.1:%d]", ports[1], ports[2]),
		TokenLife:  86400,
	}
	if opts.TokenLife > 0 {
		config.TokenLife = max(1, int(opts.TokenLife.Seconds()))
	}
	if config.MaxPutSize == 0 {
		config.MaxPutSize = 5 << 30
	}
	if config.MaxSegments == 0 {
		config.MaxSegments = 1000
	}
	if config.StoreSize == 0 {
		config.StoreSize = 20 << 30
	}
	t, err := template.New("ceph.conf").Parse(cephTemplate)
	if err != nil {
		return rgwConfig{}, err
	}
	var b strings.Builder
	if err := t.Execute(&b, config); err != nil {
		return rgwConfig{}, err
	}
	return config, os.WriteFile(s.path("etc", "ceph.conf"), []byte(b.String()), 0o600)
}

// cephTools runs Ceph's programs on one rig's configuration.
type cephTools struct {
	conf string // the environment variable that names it
}

func (c cephTools) run(ctx context.Context, args ...string) error {
	_, err := output(ctx, []string{c.conf}, args...)
	return err
}

func (c cephTools) runAll(ctx context.Context, commands ...[]string) error {
	for _, args := range commands {
		if err := c.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (c cephTools) daemon(s *Server, name string, ready func(context.Context) error, args ...string) command {
	return command{
		name: name, args: args, env: []string{c.conf}, log: s.path("log", name+".out"),
		ready: ready, wait: 2 * time.Minute, grace: 15 * time.Second,
	}
}

// makeMonitor makes the keys of all daemons and the monitor's store.
func (c cephTools) makeMonitor(ctx context.Context, s *Server, config rgwConfig) error {
	keyring, monmap := s.path("etc", "keyring"), s.path("etc", "monmap")
	key := func(name string, caps ...string) []string {
		args := []string{"ceph-authtool", keyring, "--gen-key", "-n", name}
		for i := 0; i < len(caps); i += 2 {
			args = append(args, "--cap", caps[i], caps[i+1])
		}
		return args
	}
	return c.runAll(ctx,
		[]string{"monmaptool", "--create", "--fsid", config.FSID, "--addv", "a", config.Monitor, monmap},
		append(key("mon.", "mon", "allow *"), "--create-keyring"),
		key("client.admin", "mon", "allow *", "osd", "allow *"),
		key("client.rgw", "mon", "allow rw", "osd", "allow rwx"),
		key("osd.0", "mon", "allow profile osd", "osd", "allow *"),
		[]string{"ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring},
	)
}

// makeOSD makes the store of the one OSD.
func (c cephTools) makeOSD(ctx context.Context) error {
	id := newUUID()
	return c.runAll(ctx,
		[]string{"ceph", "osd", "new", id},
		[]string{"ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", id},
	)
}

func (c cephTools) osdIsUp(ctx context.Context) error {
	b, err := output(ctx, []string{c.conf}, "ceph", "--connect-timeout", "5", "osd", "stat")
	if err == nil && !strings.Contains(string(b), " 1 up") {
		err = fmt.Errorf("osd stat: %s", b)
	}
	return err
}

// makeUsers makes the two users with their accounts.
func (c cephTools) makeUsers(ctx context.Context, s *Server) error {
	admin := []string{"radosgw-admin", "-n", "client.rgw", "--log-file", s.path("log", "admin.log"), "--admin-socket", ""}
	for _, u := range [][3]string{{"test", "test:tester", "testing"}, {"test2", "test2:tester2", "testing2"}} {
		if err := c.runAll(ctx,
			append(slices.Clip(admin), "user", "create", "--uid="+u[0], "--display-name="+u[0]),
			append(slices.Clip(admin), "subuser", "create", "--uid="+u[0], "--subuser="+u[1],
				"--access=full", "--key-type=swift", "--secret-key="+u[2]),
		); err != nil {
			return err
		}
	}
	return nil
}

// newUUID returns a random UUID, as Ceph names clusters and OSDs.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// rgwLine is the gateway's access log, in the manner of Apache's.
var rgwLine = regexp.MustCompile(` beast: .*? "([A-Z]+) (\S+) HTTP/[0-9.]+" (\d+) \d+ \S+ "([^"]*)"`)

func parseRGWLine(line string) (Request, bool) {
	m := rgwLine.FindStringSubmatch(line)
	if m == nil {
		return Request{}, false
	}
	status, err := strconv.Atoi(m[3])
	if err != nil {
		return Request{}, false
	}
	return Request{Method: m[1], Path: m[2], Status: status, UserAgent: m[4]}, true
}
