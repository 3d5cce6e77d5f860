package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"swiftfs/integration/rig"
	"swiftfs/swiftbackend/fakeswift"
)

// Setting is where a row runs: a server and what lies before it.
type Setting struct {
	Name string
	Fake bool // fakeswift, in this process, instead of OpenStack Swift
	Link Link
}

// The settings. Fakeswift stands in where a real server would need hours to fill,
// or could not keep up with the bandwidth of the link.
var (
	near   = Setting{Name: "0ms"}
	far    = Setting{Name: "20ms", Link: Link{Latency: 20 * time.Millisecond}}
	narrow = Setting{Name: "20MBps", Fake: true, Link: Link{Latency: 20 * time.Millisecond, Rate: 20_000_000}}
	huge   = Setting{Name: "fake", Fake: true}
)

// explain says what a setting is.
func (s Setting) explain() string {
	what := "OpenStack Swift"
	if s.Fake {
		what = "fakeswift"
	}
	if s.Link.Latency > 0 {
		what += fmt.Sprintf(", %d ms added to each request", s.Link.Latency.Milliseconds())
	}
	if s.Link.Rate > 0 {
		what += fmt.Sprintf(", %d MB/s a connection", s.Link.Rate/1_000_000)
	}
	return what
}

// server is a running server with the data that rows share.
type server struct {
	root      string // its root URL
	user, key string
	account   *account // past all proxies, to prepare and verify
	local     *Local
	fake      *fakeswift.Server // or nil
	stop      func() error
	shared    map[string]bool // containers that are filled
	fresh     int             // containers made for one run so far
}

// startServer starts a server of the kind that a setting asks for.
func startServer(ctx context.Context, fake bool) (*server, error) {
	s := &server{shared: map[string]bool{}}
	if fake {
		f, err := fakeswift.Start(fakeswift.Options{})
		if err != nil {
			return nil, err
		}
		s.fake, s.root, s.stop = f, f.URL(), f.Close
		s.user, s.key = fakeswift.DefaultUser, fakeswift.DefaultKey
	} else {
		r, err := rig.StartSwift(ctx, rig.SwiftOptions{S3API: true})
		if err != nil {
			return nil, err
		}
		s.root, s.stop = strings.TrimSuffix(r.AuthURL, "/auth/v1.0"), r.Stop
		s.user, s.key = r.User, r.Key
	}
	var err error
	if s.account, err = logIn(ctx, s.root, s.user, s.key, 16); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.account.patience = 10
	return s, nil
}

// close stops the server.
func (s *server) close() error {
	s.account.close()
	return s.stop()
}

// container returns a container with the data of a row: one that all runs share,
// or a new one.
func (s *server) container(ctx context.Context, r *Row) (string, error) {
	name := "bench-" + r.Data.Name
	if r.Fresh {
		s.fresh++
		name = fmt.Sprintf("%s-%d", name, s.fresh)
	} else if s.shared[name] {
		return name, nil
	}
	if err := s.account.do(ctx, "PUT", name, "", nil); err != nil {
		return "", err
	}
	if r.Data.Fill != nil {
		if err := r.Data.Fill(ctx, s, name); err != nil {
			return "", fmt.Errorf("prepare %s: %w", name, err)
		}
	}
	s.shared[name] = !r.Fresh
	return name, nil
}

// discard deletes a container of one run, with the containers in which clients
// keep its segments, where its data is large.
func (s *server) discard(ctx context.Context, container string) error {
	return errors.Join(
		s.account.empty(ctx, container),
		s.account.empty(ctx, container+"_segments"), // swiftfs, rclone
		s.account.empty(ctx, container+"+segments"), // the S3 API
	)
}
