package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"swiftfs/swiftbackend"
)

// explainLogin makes one sentence of what went wrong before or during the
// login that cfg describes. The error wraps err.
func explainLogin(err error, cfg swiftbackend.Config) error {
	if e := explainNetwork(err, loginURL(cfg)); e != nil {
		return e
	}
	where := loginURL(cfg)
	switch swiftbackend.KindOf(err) {
	case swiftbackend.KindUnauthorized, swiftbackend.KindDenied:
		if who := loginName(cfg.Auth); who != "" {
			return say(err, "%s refuses the login of %s: the user or the key is wrong", where, who)
		}
		return say(err, "%s refuses the login: the credentials are wrong or expired", where)
	case swiftbackend.KindInvalid, swiftbackend.KindNotExist, swiftbackend.KindUnsupported, swiftbackend.KindOther:
		if d := detail(err); d != "" {
			return say(err, "%s gives no Swift login (%s); the auth URL usually ends in /auth, /auth/v1.0 or /v3", where, d)
		}
		return say(err, "%s gives no Swift login; the auth URL usually ends in /auth, /auth/v1.0 or /v3", where)
	case swiftbackend.KindUnavailable:
		return say(err, "%s cannot serve the login at the moment (%s); try again later", where, detail(err))
	default:
		return fmt.Errorf("cannot log in at %s: %w", where, err)
	}
}

// explainSource makes one sentence of what went wrong with the account,
// container or mount, after the login.
func explainSource(err error, src source, cfg swiftbackend.Config) error {
	if e := explainNetwork(err, loginURL(cfg)); e != nil {
		return e
	}
	what := "the account"
	if src.container != "" {
		what = fmt.Sprintf("container %q", src.container)
	}
	who := loginName(cfg.Auth)
	if who == "" {
		who = "this user"
	}
	switch swiftbackend.KindOf(err) {
	case swiftbackend.KindNotExist:
		if src.container != "" {
			return say(err, "there is no container %q in the account; `swiftfs check :` tells whether the account is the right one", src.container)
		}
		return say(err, "the server does not know the account that it gave at the login")
	case swiftbackend.KindDenied:
		return say(err, "%s may not look at %s (forbidden by the server)", who, what)
	case swiftbackend.KindUnauthorized:
		return say(err, "the server does not accept the token for %s; it may have expired", what)
	case swiftbackend.KindInvalid:
		return say(err, "the server takes no such name: %s: %s", what, detail(err))
	case swiftbackend.KindUnavailable:
		return say(err, "the server cannot show %s at the moment (%s); try again later", what, detail(err))
	default:
		return err
	}
}

// explainNetwork explains failures to get any answer at all, or returns nil.
// fallback is the URL in question when err does not say.
func explainNetwork(err error, fallback string) error {
	host := hostOf(err, fallback)
	var (
		dns    *net.DNSError
		header tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return say(err, "unknown host %s: the name is misspelt, or DNS does not know it", strings.TrimSuffix(dns.Name, "."))
	case errors.As(err, &dns):
		return say(err, "cannot look up host %s: DNS does not answer; is the network up?", strings.TrimSuffix(dns.Name, "."))
	case errors.Is(err, syscall.ECONNREFUSED):
		return say(err, "%s refuses connections: no server listens there", host)
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN):
		return say(err, "%s cannot be reached: there is no route to it; is the network up?", host)
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return say(err, "%s does not speak TLS; perhaps the URL should begin with http:// or have another port", host)
	case errors.Is(err, context.Canceled):
		return &failure{classInterrupted, say(err, "interrupted")}
	case errors.Is(err, context.DeadlineExceeded):
		return say(err, "%s did not answer in time", host)
	}
	if e := explainCertificate(err, host, time.Now()); e != nil {
		return e
	}
	switch swiftbackend.KindOf(err) {
	case swiftbackend.KindTimeout:
		return say(err, "%s did not answer in time", host)
	case swiftbackend.KindTLS:
		return say(err, "no secure connection to %s: %s", host, innermost(err))
	case swiftbackend.KindNetwork:
		return say(err, "the connection to %s broke: %s", host, innermost(err))
	default:
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return say(err, "%s did not answer in time", host)
	}
	return nil
}

// explainCertificate explains a certificate that is not accepted, or returns
// nil. A wrong clock shows here first.
func explainCertificate(err error, host string, now time.Time) error {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &unknown):
		return say(err, "the certificate of %s is not trusted: its authority is not known here; name the authority's file with ca-cert", host)
	case errors.As(err, &name):
		return say(err, "the certificate of %s is for another host: %s", host, strings.Join(certificateNames(name.Certificate), ", "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return say(err, "the certificate of %s is not valid before %s; is the clock of this machine (%s) right?",
			host, invalid.Cert.NotBefore.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return say(err, "the certificate of %s expired on %s; the clock of this machine says %s",
			host, invalid.Cert.NotAfter.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
	case errors.As(err, &invalid):
		return say(err, "the certificate of %s is not accepted: %s", host, invalid.Error())
	}
	return nil
}

func certificateNames(c *x509.Certificate) []string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.String()}
	}
	return names
}

// sentence is an error whose text is for the user and whose cause is for the
// program.
type sentence struct {
	text  string
	cause error
}

func (s *sentence) Error() string { return s.text }
func (s *sentence) Unwrap() error { return s.cause }

func say(cause error, format string, args ...any) error {
	return &sentence{fmt.Sprintf(format, args...), cause}
}

// detail is the status and the server's own words, as far as there are any.
func detail(err error) string {
	var e *swiftbackend.Error
	if !errors.As(err, &e) {
		return ""
	}
	var parts []string
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	return strings.Join(parts, ", ")
}

func innermost(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// loginURL is where the first request goes.
func loginURL(cfg swiftbackend.Config) string {
	if cfg.Auth.URL != "" {
		return cfg.Auth.URL
	}
	return cfg.Auth.StorageURL
}

func loginName(a swiftbackend.Auth) string {
	for _, s := range []string{a.User, a.UserID, a.AppCredentialName, a.AppCredentialID} {
		if s != "" {
			return fmt.Sprintf("%q", s)
		}
	}
	return ""
}

// hostOf is the host that err is about: that of the request that failed, which
// after the login is the storage URL's.
func hostOf(err error, fallback string) string {
	where := fallback
	if ue, ok := errors.AsType[*url.Error](err); ok {
		where = ue.URL
	}
	if u, err := url.Parse(where); err == nil && u.Host != "" {
		return u.Host
	}
	return where
}
