package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"swiftfs/swiftbackend/fakeswift"
)

// startSwift starts a Swift server with one container, photos.
func startSwift(t *testing.T, opts fakeswift.Options) *fakeswift.Server {
	t.Helper()
	s, err := fakeswift.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.PutObject("photos", "a.txt", "text/plain", []byte("hello"))
	return s
}

// account is the environment of the fake server's user.
func account(authURL string) map[string]string {
	return map[string]string{"ST_AUTH": authURL, "ST_USER": fakeswift.DefaultUser, "ST_KEY": fakeswift.DefaultKey}
}

// checkFails runs `swiftfs check` and compares its one sentence.
func checkFails(t *testing.T, vars map[string]string, want string, args ...string) {
	t.Helper()
	status, _, stderr := runProgram(t, vars, append([]string{"swiftfs", "check"}, args...)...)
	if want = "swiftfs: " + want + "\n"; status != exitFailed || stderr != want {
		t.Errorf("status %d, %s\nwant %s", status, stderr, want)
	}
}

func TestCheckTellsWhatTheServerCanDo(t *testing.T) {
	s := startSwift(t, fakeswift.Options{})
	status, stdout, stderr := runProgram(t, account(s.AuthURL()), "swiftfs", "check")
	if status != exitOK || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	for _, want := range []string{
		"login      " + s.AuthURL() + ` "test:tester"`, "storage    " + strings.TrimPrefix(s.URL(), "http://"),
		"account    1 containers, 1 objects, 5 B", "server     OpenStack Swift ", "static large objects of 1000 segments",
		"limits     object 5.0 GiB", "request    median ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing in:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, fakeswift.DefaultKey) {
		t.Errorf("the key is in the output:\n%s", stdout)
	}
}

func TestCheckOfAContainerNeedsNoRightsOnTheAccount(t *testing.T) {
	s := startSwift(t, fakeswift.Options{})
	reader := map[string]string{"ST_AUTH": s.AuthURL(), "ST_USER": fakeswift.ReaderUser, "ST_KEY": fakeswift.ReaderKey}
	status, stdout, stderr := runProgram(t, reader, "swiftfs", "check", ":photos")
	if status != exitOK || !strings.Contains(stdout, "container  photos: 1 objects, 5 B") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	checkFails(t, reader, `"test:reader" may not look at the account (forbidden by the server)`)
}

func TestCheckSaysThatTheKeyIsWrong(t *testing.T) {
	s := startSwift(t, fakeswift.Options{})
	vars := account(s.AuthURL())
	vars["ST_KEY"] = "guess"
	checkFails(t, vars, s.AuthURL()+` refuses the login of "test:tester": the user or the key is wrong`)
}

func TestCheckSaysThatTheTokenIsRefused(t *testing.T) {
	s := startSwift(t, fakeswift.Options{})
	vars := map[string]string{"OS_STORAGE_URL": s.URL() + "/v1/AUTH_test", "OS_AUTH_TOKEN": "old"}
	checkFails(t, vars, "the server does not accept the token for the account; it may have expired")
}

func TestCheckSaysThatThereIsNoSuchContainer(t *testing.T) {
	s := startSwift(t, fakeswift.Options{})
	checkFails(t, account(s.AuthURL()), "there is no container \"fotos\" in the account; `swiftfs check :` tells whether the account is the right one", ":fotos/2024")
	long := strings.Repeat("x", 257)
	checkFails(t, account(s.AuthURL()), `the server takes no such name: container "`+long+`": a container's name has at most 256 bytes`, ":"+long)
}

func TestCheckSaysThatTheHostIsUnknown(t *testing.T) {
	// Two dots in a row: no resolver needs to be asked about that name.
	checkFails(t, account("http://no..host/auth"), "unknown host no..host: the name is misspelt, or DNS does not know it")
	err := explainNetwork(&net.DNSError{Name: "h.", IsTemporary: true, Err: "server misbehaving"}, "http://h/auth")
	if want := "cannot look up host h: DNS does not answer; is the network up?"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCheckSaysThatNobodyListens(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	checkFails(t, account("http://"+addr+"/auth"), addr+" refuses connections: no server listens there")
}

func TestCheckSaysThatThereIsNoAnswer(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	o := defaultOptions()
	o.process.mountTimeout = 200 * time.Millisecond
	err = check(t.Context(), source{}, o, lookupIn(account("http://"+ln.Addr().String()+"/auth")), t.Output())
	if want := ln.Addr().String() + " did not answer in time"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCheckSaysThatTheURLIsNoSwift(t *testing.T) {
	const advice = "; the auth URL usually ends in /auth, /auth/v1.0 or /v3"
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html><h1>It works!</h1></html>"))
	}))
	t.Cleanup(page.Close)
	checkFails(t, account(page.URL+"/auth"), page.URL+"/auth gives no Swift login (the answer has no token and storage URL in it; this is no Swift or Keystone login)"+advice)
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	status, _, stderr := runProgram(t, account(none.URL+"/auth"), "swiftfs", "check")
	if !strings.HasPrefix(stderr, "swiftfs: "+none.URL+"/auth gives no Swift login (status 404") || !strings.HasSuffix(stderr, advice+"\n") || status != exitFailed {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestCheckSaysThatTheClockIsWrong(t *testing.T) {
	for _, c := range []struct {
		offset time.Duration
		want   string
	}{
		{-time.Hour, "the clock of this machine is 1h0m"},
		{time.Hour, "behind the server's; dates, tokens and certificates depend on it"},
		{-30 * time.Second, ""},
	} {
		swift := fakeswift.New(fakeswift.Options{})
		t.Cleanup(func() { _ = swift.Close() })
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(c.offset).UTC().Format(http.TimeFormat))
			swift.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		status, _, stderr := runProgram(t, account(front.URL+"/auth/v1.0"), "swiftfs", "check")
		if c.want == "" && (status != exitOK || stderr != "") || c.want != "" && (status != exitFailed || !strings.Contains(stderr, c.want)) {
			t.Errorf("%v: status %d, %s", c.offset, status, stderr)
		}
	}
}

// startTLS starts what looks like a Swift server, whose certificate is valid for names from
// begin to end. It returns its address and the file of its authority.
func startTLS(t *testing.T, begin, end time.Time, ips []net.IP, names ...string) (base, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: end, DNSNames: names, IPAddresses: ips,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/v1.0" {
			w.Header().Set("X-Auth-Token", "t")
			w.Header().Set("X-Storage-Url", "https://"+r.Host+"/v1/AUTH_test")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, caFile
}

func TestCheckExplainsCertificates(t *testing.T) {
	now, loopback := time.Now(), []net.IP{net.IPv4(127, 0, 0, 1)}
	host := func(base string) string { return strings.TrimPrefix(base, "https://") }

	good, ca := startTLS(t, now.Add(-time.Hour), now.Add(time.Hour), loopback)
	if status, _, stderr := runProgram(t, account(good+"/auth/v1.0"), "swiftfs", "check", "--ca-cert", ca); status != exitOK {
		t.Errorf("with its authority: status %d, %s", status, stderr)
	}
	if status, _, stderr := runProgram(t, account(good+"/auth/v1.0"), "swiftfs", "check", "--insecure"); status != exitOK {
		t.Errorf("insecure: status %d, %s", status, stderr)
	}
	checkFails(t, account(good+"/auth/v1.0"), "the certificate of "+host(good)+
		" is not trusted: its authority is not known here; name the authority's file with ca-cert")

	other, ca := startTLS(t, now.Add(-time.Hour), now.Add(time.Hour), nil, "swift.example.com", "example.com")
	checkFails(t, account(other+"/auth/v1.0"), "the certificate of "+host(other)+" is for another host: swift.example.com, example.com", "--ca-cert", ca)

	old, ca := startTLS(t, now.Add(-2*time.Hour), now.Add(-time.Hour), loopback)
	_, _, stderr := runProgram(t, account(old+"/auth/v1.0"), "swiftfs", "check", "--ca-cert", ca)
	if !strings.Contains(stderr, "the certificate of "+host(old)+" expired on ") || !strings.Contains(stderr, "the clock of this machine says ") {
		t.Errorf("expired: %s", stderr)
	}

	early, ca := startTLS(t, now.Add(time.Hour), now.Add(2*time.Hour), loopback)
	_, _, stderr = runProgram(t, account(early+"/auth/v1.0"), "swiftfs", "check", "--ca-cert", ca)
	if !strings.Contains(stderr, "the certificate of "+host(early)+" is not valid before ") || !strings.Contains(stderr, "is the clock of this machine") {
		t.Errorf("not yet valid: %s", stderr)
	}
}

func TestErrorsOfTheNetworkAreToldFromErrorsThatStay(t *testing.T) {
	down := func(err error) bool {
		return networkDown(&url.Error{Op: "Get", URL: "http://h", Err: &net.OpError{Op: "dial", Err: err}})
	}
	for err, want := range map[error]bool{
		syscall.ENETUNREACH: true, syscall.EHOSTUNREACH: true, syscall.ECONNREFUSED: false, os.ErrDeadlineExceeded: true,
		&net.DNSError{IsTemporary: true}: true, &net.DNSError{IsNotFound: true}: !haveNetwork(), os.ErrInvalid: false,
	} {
		if got := down(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}

func TestTheFirstHopIsTheHostOrItsDefaultPort(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1/auth": "127.0.0.1:80", "https://127.0.0.1/auth": "127.0.0.1:443", "http://[::1]:8080/x": "[::1]:8080",
	} {
		if got, err := firstHop(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}
