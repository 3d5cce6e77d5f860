package swiftbackend_test

import (
	"crypto/md5" //nolint:gosec // Swift's ETag
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// startFake starts a server that the test's end stops.
func startFake(t *testing.T, opts fakeswift.Options) *fakeswift.Server {
	t.Helper()
	srv, err := fakeswift.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// config is that of the server's first user, with a short time limit.
func config(srv *fakeswift.Server, change ...func(*swiftbackend.Config)) swiftbackend.Config {
	cfg := swiftbackend.DefaultConfig()
	cfg.Auth = swiftbackend.Auth{URL: srv.AuthURL(), User: fakeswift.DefaultUser, Key: fakeswift.DefaultKey, Version: 1}
	cfg.Timeout = 20 * time.Second
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

// dial returns a client that the test's end closes.
func dial(t *testing.T, srv *fakeswift.Server, change ...func(*swiftbackend.Config)) *swiftbackend.Client {
	t.Helper()
	return dialConfig(t, config(srv, change...))
}

func dialConfig(t *testing.T, cfg swiftbackend.Config) *swiftbackend.Client {
	t.Helper()
	c, err := swiftbackend.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// patience is the time limit of tests that wait for it to pass: short for them,
// and long for a request that is answered, on a busy machine.
const patience = time.Second

func timeout(d time.Duration) func(*swiftbackend.Config) {
	return func(c *swiftbackend.Config) { c.Timeout = d }
}

func content(data string) swiftbackend.Content {
	return swiftbackend.Content{Size: int64(len(data)), MD5: md5Of(data), Open: func() io.Reader { return strings.NewReader(data) }}
}

func md5Of(data string) string {
	sum := md5.Sum([]byte(data)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// read reads an object to the end.
func read(t *testing.T, c *swiftbackend.Client, container, object string, o swiftbackend.GetOptions) (string, error) {
	t.Helper()
	body, _, err := c.Get(t.Context(), container, object, o)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(body)
	if cerr := body.Close(); err == nil {
		err = cerr
	}
	return string(data), err
}

var whole = swiftbackend.GetOptions{Length: -1}

func wantKind(t *testing.T, err error, want swiftbackend.Kind) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %v", want)
	} else if got := swiftbackend.KindOf(err); got != want {
		t.Errorf("got %v: %v, want %v", got, err, want)
	}
}

// wantObject checks what the server has.
func wantObject(t *testing.T, srv *fakeswift.Server, container, object, want string) {
	t.Helper()
	if got, _, ok := srv.Object(container, object); !ok || string(got) != want {
		t.Errorf("the server has %d bytes of %s/%s (%v), want %d", len(got), container, object, ok, len(want))
	}
}

// wantCount checks how many requests of a kind the server saw.
func wantCount(t *testing.T, srv *fakeswift.Server, k fakeswift.Kind, want int) {
	t.Helper()
	if got := srv.Count(k); got != want {
		t.Errorf("%d requests %s %v, want %d", got, k.Method, k.Level, want)
	}
}
