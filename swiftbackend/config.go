package swiftbackend

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Client needs to know. The zero value of each field but Auth
// means its default; see DefaultConfig.
type Config struct {
	Auth Auth

	// Region picks among the regions of a Keystone catalog; "" is the first.
	Region string
	// EndpointType is "public", "internal" or "admin".
	EndpointType string

	// CACert names a file of PEM certificates accepted beside the system's.
	CACert string
	// Insecure turns off the verification of the server's certificate.
	Insecure bool

	// Timeout is how long a request may go on without progress, its
	// repetitions included, before it fails.
	Timeout time.Duration
	// Requests is how many requests may be under way at once.
	Requests int

	UserAgent  string
	Log        *slog.Logger
	Registerer prometheus.Registerer // or nil: metrics are not exported
}

// DefaultConfig returns the defaults, each with its reason.
func DefaultConfig() Config {
	return Config{
		EndpointType: "public",
		Timeout:      time.Minute, // a Swift proxy itself waits up to 60 s for a storage node
		Requests:     32,          // enough to hide 20 ms for small files; few enough for one proxy
		UserAgent:    "swiftfs",
		Log:          slog.New(slog.DiscardHandler),
	}
}

// withDefaults fills what is unset.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.EndpointType == "" {
		c.EndpointType = d.EndpointType
	}
	if c.Timeout <= 0 {
		c.Timeout = d.Timeout
	}
	if c.Requests <= 0 {
		c.Requests = d.Requests
	}
	if c.UserAgent == "" {
		c.UserAgent = d.UserAgent
	}
	if c.Log == nil {
		c.Log = d.Log
	}
	return c
}

// Validate returns the first thing wrong with c, as one sentence for the user.
func (c Config) Validate() error {
	switch c.EndpointType {
	case "", "public", "internal", "admin":
	default:
		return fmt.Errorf("endpoint type %q is not known; it is public, internal or admin", c.EndpointType)
	}
	return c.Auth.validate()
}

// Auth says who logs in where. Which fields are set decides the way: a ready
// token with its storage URL, an application credential, a token or trust, or
// user and key.
type Auth struct {
	URL     string // v1: https://host/auth[/v1.0]; Keystone: https://host:5000/v3
	Version int    // 1, 2, 3, or 0: by the URL, else by the other fields

	User         string // v1: "account:user" or "tenant:user"
	UserID       string
	Key          Secret // password or API key
	UserDomain   string
	UserDomainID string

	Project         string // v2: tenant
	ProjectID       string
	ProjectDomain   string
	ProjectDomainID string

	AppCredentialID     string
	AppCredentialName   string
	AppCredentialSecret Secret

	Token      Secret // Keystone token, or the storage token when StorageURL is set
	TrustID    string
	StorageURL string
}

// ready reports whether token and storage URL are given and nothing is asked.
func (a Auth) ready() bool { return a.StorageURL != "" && a.Token != "" && a.URL == "" }

func (a Auth) validate() error {
	if a.ready() {
		return validateURL("storage URL", a.StorageURL)
	}
	if a.URL == "" {
		return errors.New("no account to log in to: set ST_AUTH, ST_USER and ST_KEY, or OS_AUTH_URL and its companions, " +
			"or name a file that holds them with --credentials")
	}
	if err := validateURL("auth URL", a.URL); err != nil {
		return err
	}
	switch v := a.version(); v {
	case 1, 2:
		if a.User == "" {
			return fmt.Errorf("no user name for %s: set ST_USER (v1) or OS_USERNAME (v2)", a.URL)
		}
		if a.Key == "" {
			return fmt.Errorf("no key for user %q: set ST_KEY (v1) or OS_PASSWORD (v2)", a.User)
		}
	case 3:
		return a.validateV3()
	default:
		return fmt.Errorf("auth version %d is not known; it is 1, 2 or 3", v)
	}
	return nil
}

func (a Auth) validateV3() error {
	switch {
	case a.AppCredentialID != "" || a.AppCredentialName != "":
		if a.AppCredentialSecret == "" {
			return errors.New("the application credential has no secret: set OS_APPLICATION_CREDENTIAL_SECRET")
		}
		if a.AppCredentialID == "" && a.User == "" && a.UserID == "" {
			return errors.New("an application credential given by name needs its user: set OS_USERNAME and OS_USER_DOMAIN_NAME, or OS_USER_ID")
		}
	case a.Token != "":
	case a.User == "" && a.UserID == "":
		return fmt.Errorf("no user for %s: set OS_USERNAME or OS_USER_ID", a.URL)
	case a.Key == "":
		return fmt.Errorf("no password for user %q: set OS_PASSWORD", a.User+a.UserID)
	}
	return nil
}

// version returns the protocol: the one asked for, else the one the URL names,
// else the one the other fields belong to.
func (a Auth) version() int {
	if a.Version != 0 {
		return a.Version
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return 1
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		switch part {
		case "v3":
			return 3
		case "v2.0", "v2":
			return 2
		case "v1.0", "v1", "1.0":
			return 1
		}
	}
	keystone := a.AppCredentialID != "" || a.AppCredentialName != "" || a.Token != "" || a.TrustID != "" || a.UserID != "" ||
		a.UserDomain != "" || a.UserDomainID != "" || a.Project != "" || a.ProjectID != ""
	if keystone {
		return 3
	}
	return 1
}

func validateURL(what, s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("the %s %q is not a URL", what, s)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("the %s %q is not of the form https://host/path", what, s)
	}
	if u.User != nil {
		return fmt.Errorf("the %s has a password in it; give user and key apart from it", what)
	}
	return nil
}
