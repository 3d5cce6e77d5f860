package fakeswift

import (
	"log/slog"
	"slices"
	"time"
)

// Defaults of a new server: the account, the two users of the v1 login and the life of a token.
const (
	DefaultAccount   = "AUTH_test"
	DefaultUser      = "test:tester"
	DefaultKey       = "testing"
	ReaderUser       = "test:reader" // may GET and HEAD in containers, everything else answers 403
	ReaderKey        = "reading"
	DefaultTokenLife = 24 * time.Hour
)

// Options configures a Server. The zero value is a server in memory that behaves like OpenStack Swift 2.30.1.
type Options struct {
	// Addr is the loopback address Start listens on; empty means a free port of 127.0.0.1.
	Addr string
	// Dir holds the bytes of objects, one file each, removed when nobody can read them any more;
	// empty keeps them in memory. Names and metadata are always in memory.
	Dir string
	// RGWStyle gives the auth paths, storage URL and /info path of a Ceph RGW: any path under /auth answers
	// 204, the storage URL is /swift/v1 and limits are at /swift/info.
	RGWStyle bool
	// AuthPaths are further paths at which the v1 login is accepted.
	AuthPaths []string
	// TokenLife is the life of a token; zero means DefaultTokenLife.
	TokenLife time.Duration
	// Now is the clock of timestamps, token expiry and X-Delete-At; nil means time.Now.
	Now func() time.Time
	// Limits overrides the limits that /info announces and the server enforces; zero fields keep their default.
	Limits Limits
	// ListingCap silently cuts an explicit limit= to this many rows, as a Ceph RGW does at 1000, and makes a
	// limit over the maximum acceptable. Zero means no cap.
	ListingCap int
	// Without removes middlewares together with their behaviour: "slo", "dlo", "bulk_delete", "symlink".
	Without []string
	// Policies are the storage policies, the default one first; empty means "Policy-0".
	Policies []string
	// Logger gets one debug line per request; nil means silence.
	Logger *slog.Logger
}

// Limits are the constraints of a cluster, named as in its /info. Sizes are in bytes.
type Limits struct {
	MaxFileSize         int64
	ContainerListing    int
	AccountListing      int
	MaxObjectName       int
	MaxContainerName    int
	MaxMetaCount        int
	MaxMetaName         int
	MaxMetaValue        int
	MaxMetaOverall      int
	MaxManifestSegments int
	MaxDeletes          int
}

// withDefaults fills the zero fields with what OpenStack Swift has out of the box.
func (l Limits) withDefaults() Limits {
	if l.MaxFileSize == 0 {
		l.MaxFileSize = 5<<30 + 2
	}
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.ContainerListing, 10000},
		{&l.AccountListing, 10000},
		{&l.MaxObjectName, 1024},
		{&l.MaxContainerName, 256},
		{&l.MaxMetaCount, 90},
		{&l.MaxMetaName, 128},
		{&l.MaxMetaValue, 256},
		{&l.MaxMetaOverall, 4096},
		{&l.MaxManifestSegments, 1000},
		{&l.MaxDeletes, 10000},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// withDefaults fills what the caller left open.
func (o Options) withDefaults() Options {
	if o.TokenLife == 0 {
		o.TokenLife = DefaultTokenLife
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Policies) == 0 {
		o.Policies = []string{"Policy-0"}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.withDefaults()
	return o
}

// has reports whether a middleware is part of this server.
func (s *Server) has(middleware string) bool { return !slices.Contains(s.opts.Without, middleware) }
