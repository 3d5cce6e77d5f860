package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
)

// options are all options of a mount, in four groups.
type options struct {
	access  accessOptions
	data    dataOptions
	server  serverOptions
	process processOptions
}

// accessOptions say who sees what.
type accessOptions struct {
	readOnly           bool
	uid, gid           uint32
	umask              uint32
	dirMode, fileMode  uint32 // 0: by umask
	attrs              string
	allowOther         bool
	defaultPermissions *bool // nil: not said, decided by rationalize
	showSegments       bool
	symlinks           string
}

// dataOptions say how data moves.
type dataOptions struct {
	cacheTTL          time.Duration
	memoryLimit       int64
	segmentSize       int64
	uploadConcurrency int
	readAhead         int64
	cacheDir          string // "": a temporary one
	cacheSize         int64  // 0: what the disk has, for files that are edited only
}

// serverOptions say how the server is reached. Empty strings leave what the
// environment or clouds.yaml say.
type serverOptions struct {
	credentials  string
	authVersion  int
	region       string
	endpointType string
	caCert       string
	insecure     bool
	timeout      time.Duration
	requests     int
}

// processOptions say how the process that serves the mount behaves.
type processOptions struct {
	mountTimeout   time.Duration
	logLevel       string
	logFormat      string
	logRequests    bool
	metricsAddress string
	foreground     bool
}

// defaultMountTimeout is what systemd and people wait for without doubting;
// a DNS server and a network that come up late fit into it.
const defaultMountTimeout = 30 * time.Second

// defaultOptions are the defaults of the packages, and those of this one.
func defaultOptions() *options {
	f, b := fs.DefaultConfig(), swiftbackend.DefaultConfig()
	return &options{
		access: accessOptions{
			readOnly: f.ReadOnly, uid: uint32(os.Getuid()), gid: uint32(os.Getgid()), //nolint:gosec // the kernel's ids are 32 bits wide
			umask: f.Umask, dirMode: f.DirMode, fileMode: f.FileMode, attrs: string(f.Attrs),
			allowOther: f.AllowOther, showSegments: f.ShowSegments, symlinks: string(f.Symlinks),
		},
		data: dataOptions{
			cacheTTL: f.CacheTTL, memoryLimit: f.MemoryLimit, segmentSize: f.SegmentSize,
			uploadConcurrency: f.UploadConcurrency, readAhead: f.ReadAhead,
		},
		server:  serverOptions{timeout: b.Timeout, requests: b.Requests},
		process: processOptions{mountTimeout: defaultMountTimeout, logLevel: "info", logFormat: "text"},
	}
}

// option is one row of the table: a flag --NAME and an -o word NAME.
type option struct {
	name  string
	usage string
	value pflag.Value
}

// isSwitch reports whether the option may stand without a value.
func (o option) isSwitch() bool { return o.value.Type() == switchKind }

// table declares the options. Scripts rely on the names. serverTable is the
// part of it that `swiftfs check` has too.
func (o *options) table() []option {
	a, d, p := &o.access, &o.data, &o.process
	return append([]option{
		{"read-only", "refuse every change (ro)", onOff(&a.readOnly)},
		{"uid", "owner of files that have none of their own, by number or name", owner(&a.uid, "USER", userID)},
		{"gid", "group of files that have none of their own, by number or name", owner(&a.gid, "GROUP", groupID)},
		{"umask", "permissions to leave out", octal(&a.umask)},
		{"dir-mode", "permissions of directories that have none of their own (default 0777 less umask)", octal(&a.dirMode)},
		{"file-mode", "permissions of files that have none of their own (default 0666 less umask)", octal(&a.fileMode)},
		{"attrs", "modes, owners and dates that programs set: in content types, also read from metadata, or not at all", oneOf(&a.attrs, string(fs.AttrsInline), string(fs.AttrsHead), string(fs.AttrsNone))},
		{"allow-other", "let other users look in", onOff(&a.allowOther)},
		{"default-permissions", "let the kernel check owner and mode (default with allow-other)", onOffUnsaid(&a.defaultPermissions)},
		{"show-segments", "show the containers that hold segments of large objects", onOff(&a.showSegments)},
		{"symlinks", "how symbolic links are stored: as their text, as links that the server follows where it can, or not", oneOf(&a.symlinks, symlinkWords()...)},
		{"cache-ttl", "how long a change made elsewhere may go unnoticed", duration(&d.cacheTTL, 0)},
		{"memory-limit", "memory for listings, reading ahead and uploads", size(&d.memoryLimit)},
		{"segment-size", "files over 16 MiB are uploaded in segments of this size", size(&d.segmentSize)},
		{"upload-concurrency", "segments uploaded at once", count(&d.uploadConcurrency, 1, 256)},
		{"read-ahead", "read ahead at most this much of a file", size(&d.readAhead)},
		{"cache-dir", "keep files that are being edited here, and with cache-size what was read; of one mount at a time (default a temporary directory)", text(&d.cacheDir, "DIRECTORY")},
		{"cache-size", "keep at most this much in cache-dir, and in it what was read; 0 keeps only files that are being edited, as much as the disk has", size(&d.cacheSize)},
		{"mount-timeout", "give up mounting after this time", duration(&p.mountTimeout, time.Second)},
		{"log-level", "least important messages to log", oneOf(&p.logLevel, "debug", "info", "warn", "error")},
		{"log-format", "form of the log", oneOf(&p.logFormat, "text", "json")},
		{"log-requests", "log what happens to requests, at level debug", onOff(&p.logRequests)},
		{"metrics-address", "serve /metrics and /debug/pprof here", address(&p.metricsAddress)},
		{"foreground", "stay in the foreground and log to standard error", onOff(&p.foreground)},
	}, o.serverTable()...)
}

// symlinkWords are the values of the option symlinks.
func symlinkWords() []string {
	var words []string
	for _, s := range fs.AllSymlinks {
		words = append(words, string(s))
	}
	return words
}

func (o *options) serverTable() []option {
	s := &o.server
	return []option{
		{"credentials", "file of OS_* or ST_* variables, instead of the environment", text(&s.credentials, "FILE")},
		{"auth-version", "version of the login: 1, 2, 3, or auto for what the URL says", authVersion(&s.authVersion)},
		{"region", "region of the Keystone catalog", text(&s.region, "NAME")},
		{"endpoint-type", "endpoint of the Keystone catalog", oneOf(&s.endpointType, "public", "internal", "admin")},
		{"ca-cert", "file of PEM certificates to trust beside the system's", text(&s.caCert, "FILE")},
		{"insecure", "do not verify the server's certificate: anybody on the way can read and change everything", onOff(&s.insecure)},
		{"timeout", "give up a request that makes no progress", duration(&s.timeout, time.Second)},
		{"requests", "requests under way at once", count(&s.requests, 1, 1024)},
	}
}

// addFlags makes flags of the rows.
func addFlags(flags *pflag.FlagSet, rows []option) {
	for _, o := range rows {
		f := flags.VarPF(o.value, o.name, "", o.usage)
		if o.isSwitch() {
			f.NoOptDefVal = "true"
		}
	}
}

// validate returns the first contradiction between options, as one sentence.
// What a package can tell by itself is left to its Config's Validate.
func (o *options) validate(src source) error {
	if src.cloud != "" && o.server.credentials != "" {
		return fmt.Errorf("cloud %q takes its credentials from clouds.yaml; leave out the cloud or the option credentials", src.cloud)
	}
	if o.server.insecure && o.server.caCert != "" {
		return errors.New("with insecure no certificate is verified, so ca-cert has no effect; choose one of the two")
	}
	if n := o.data.cacheSize; n > 0 && n < leastCache {
		return fmt.Errorf("cache-size %d is below the %s that editing one file needs; 0 is no limit", n, formatSize(leastCache))
	}
	return o.fsConfig(src, nil).Validate()
}

// rationalize fills in what follows from other options.
func (o *options) rationalize() {
	if o.access.defaultPermissions == nil {
		// Without the kernel's check everybody who is let in may change
		// everything, whatever `ls -l` shows.
		o.access.defaultPermissions = &o.access.allowOther
	}
}
