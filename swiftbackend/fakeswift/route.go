package fakeswift

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Level is what a request addresses.
type Level int

// The levels. The zero Level matches every level in a Fault.
const (
	Auth      Level = iota + 1 // a login, of any version
	Info                       // /info
	Account                    // the account itself
	Container                  // a container
	Object                     // an object
	Other                      // none of these: answered 404
)

// String implements fmt.Stringer.
func (l Level) String() string {
	switch l {
	case Auth:
		return "auth"
	case Info:
		return "info"
	case Account:
		return "account"
	case Container:
		return "container"
	case Object:
		return "object"
	case Other:
		return "other"
	}
	return "any"
}

// route is what a request's path says. Names are decoded.
type route struct {
	level     Level
	endpoint  string // "", "internal" or "admin": the kind of endpoint of the Keystone catalog
	account   string
	container string
	object    string
}

// endpointPrefixes lead the paths of the non-public endpoints in the Keystone catalog, so that a request shows
// which endpoint its sender chose.
var endpointPrefixes = []string{"internal", "admin"}

// parsePath finds the route of a decoded URL path.
func (s *Server) parsePath(path string) route {
	if s.isAuthPath(path) {
		return route{level: Auth}
	}
	var rt route
	rest := path
	for _, e := range endpointPrefixes {
		if after, ok := strings.CutPrefix(rest, "/"+e+"/"); ok {
			rt.endpoint, rest = e, "/"+after
		}
	}
	if rest == s.infoPath() {
		rt.level = Info
		return rt
	}
	rest, ok := strings.CutPrefix(rest, s.storagePrefix())
	if !ok {
		return route{level: Other}
	}
	if s.opts.RGWStyle {
		rt.account = DefaultAccount
		rest = strings.TrimPrefix(rest, "/")
	} else if rest, ok = strings.CutPrefix(rest, "/"); !ok {
		return route{level: Other}
	} else {
		rt.account, rest, _ = strings.Cut(rest, "/")
	}
	rt.container, rt.object, _ = strings.Cut(rest, "/")
	switch {
	case rt.account == "", rt.container == "" && rt.object != "":
		return route{level: Other}
	case rt.container == "":
		rt.level = Account
	case rt.object == "":
		rt.level = Container
	default:
		rt.level = Object
	}
	return rt
}

func (s *Server) isAuthPath(path string) bool {
	switch {
	case path == "/auth", strings.HasPrefix(path, "/auth/"), path == "/v1.0", path == "/v1.0/":
		return true
	case strings.HasPrefix(path, "/v2.0"), path == "/v3", strings.HasPrefix(path, "/v3/"):
		return true
	}
	return slices.Contains(s.opts.AuthPaths, path)
}

func (s *Server) storagePrefix() string {
	if s.opts.RGWStyle {
		return "/swift/v1"
	}
	return "/v1"
}

func (s *Server) infoPath() string {
	if s.opts.RGWStyle {
		return "/swift/info"
	}
	return "/info"
}

// storageURL is the address of an account as the client of r sees this server.
func (s *Server) storageURL(r *http.Request, endpoint, account string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	url := scheme + "://" + r.Host
	if endpoint != "" {
		url += "/" + endpoint
	}
	if s.opts.RGWStyle {
		return url + "/swift/v1"
	}
	return url + "/v1/" + account
}

// parseQuery decodes a query as Swift does: ';' is an ordinary character and bad escapes stand for themselves.
func parseQuery(raw string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err == nil {
			key = k
		}
		if v, err := url.QueryUnescape(value); err == nil {
			value = v
		}
		values.Add(key, value)
	}
	return values
}
