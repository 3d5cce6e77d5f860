//go:build linux

package integration

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"swiftfs/fs"
	"swiftfs/integration/model"
	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

var (
	modelSeed   = flag.Uint64("model.seed", 0, "the model test runs this seed only")
	modelSeeds  = flag.Uint64("model.seeds", 20, "how many seeds the model test runs")
	modelSteps  = flag.Int("model.steps", 500, "how many operations the model test does with each seed")
	modelShrink = flag.Duration("model.shrink", 2*time.Minute, "how long the model test tries to make a failure short")
	modelSwift  = flag.Int("model.swift-steps", 1000, "how many operations the model test does on OpenStack Swift")
)

// offered are the features that the mount has.
var offered = model.Features{Edit: true, Unlinked: true, Keeps: true, Holes: true, Mmap: true, Copy: true, Rename: true, Modes: true, Times: true, Symlink: true, Xattrs: true}

// modelRun is one way of running a sequence from an empty container.
type modelRun struct {
	t        *testing.T
	server   func() modelServer
	features model.Features
	disk     bool // what is read is kept in a cache directory
	nodes    int  // the kernel knows hardly more at a time, unless it is 0
	old      bool // what came with Linux 6.18 is not used
	failed   int  // operations that failed because the server did
}

// modelServer is an empty container of an account.
type modelServer struct {
	account   account
	container string
	fail      func(seed uint64) (calm func()) // or nil
}

// run returns what went wrong, or nil.
func (r *modelRun) run(next func(*model.Memory) (model.Op, bool)) *model.Failure {
	r.t.Helper()
	s := r.server()
	cfg := fs.DefaultConfig()
	cfg.Container, cfg.SegmentSize, cfg.FSName = s.container, 1<<20, "swiftfs-model"
	cfg.MostNodes, cfg.OldKernel = r.nodes, r.old
	if r.features.Foreign {
		cfg.CacheTTL = 0
	}
	if r.disk {
		cfg.Cache = openCache(r.t, r.t.TempDir(), 64<<20)
		defer func() {
			if err := cfg.Cache.Close(); err != nil {
				r.t.Error(err)
			}
		}()
	}
	client := dial(r.t, s.account, func(c *swiftbackend.Config) {
		if r.features.Trouble {
			c.Timeout = 300 * time.Millisecond
		}
	})
	mounted, err := model.NewMounted(r.t.Context(), client, dial(r.t, s.account), r.t.TempDir(), cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := mounted.Unmount(); err != nil {
			r.t.Error(err)
		}
	}()
	if r.features.Trouble {
		mounted.Fail = s.fail
	}
	runner := model.NewRunner(r.features, model.NewLocal(r.t.TempDir()), mounted)
	failure := runner.Run(next)
	r.failed += runner.Failed
	if failure != nil {
		failure.Err = errors.Join(failure.Err, mounted.Logged())
	}
	return failure
}

// seed runs one seed, and reports the shortest sequence that fails as Go.
func (r *modelRun) seed(seed uint64, steps int) {
	r.t.Helper()
	failure := r.run(model.NewGenerator(r.features, seed, steps).Next)
	if failure == nil {
		return
	}
	ops := r.shrink(failure)
	r.t.Errorf("seed %d: %v", seed, failure)
	if least := r.run(model.Replay(ops)); least != nil {
		r.t.Errorf("of these, %d are enough: %v\n%v", len(ops), least, ops)
	}
}

func (r *modelRun) shrink(failure *model.Failure) model.Ops {
	until := time.Now().Add(*modelShrink)
	return model.Shrink(failure.Ops, func(ops model.Ops) bool {
		return time.Now().Before(until) && failure.Like(r.run(model.Replay(ops)))
	})
}

// featuresOf leaves changes by others out of every other seed, so that the mount
// may cache.
func featuresOf(seed uint64) model.Features {
	f := offered
	f.Foreign = seed%2 == 1
	return f
}

// onDisk has every third seed keep what is read on the local disk.
func onDisk(seed uint64) bool { return seed%3 == 2 }

// fewNodes has the kernel told to forget all the time in every fifth seed, in turns by
// both ways there are.
func fewNodes(seed uint64) (most int, old bool) {
	if seed%5 != 4 {
		return 0, false
	}
	return 8, seed%10 == 4
}

// TestRandomOperationsOnOpenStackSwift is the same on the real server.
func TestRandomOperationsOnOpenStackSwift(t *testing.T) {
	seeds := []uint64{1, 2}
	if *modelSeed != 0 {
		seeds = []uint64{*modelSeed}
	}
	for _, seed := range seeds {
		(&modelRun{t: t, server: swiftContainer(t), features: featuresOf(seed), disk: onDisk(seed)}).seed(seed, *modelSwift/len(seeds))
	}
}

// swiftContainers counts those that were made on the one server.
var swiftContainers int

// swiftContainer returns a new container of the real server each time.
func swiftContainer(t *testing.T) func() modelServer {
	a := serverAccount(openStackSwift(t))
	server := logIn(t, a)
	return func() modelServer {
		swiftContainers++
		container := fmt.Sprintf("model-%d", swiftContainers)
		server.want(http.StatusCreated, http.MethodPut, container, "")
		t.Cleanup(func() {
			for _, c := range []string{container, container + "_segments"} {
				for o := range strings.Lines(server.do(http.MethodGet, c, "").body) {
					server.do(http.MethodDelete, c+"/"+strings.TrimSuffix(o, "\n"), "")
				}
				server.do(http.MethodDelete, c, "")
			}
		})
		return modelServer{account: a, container: container}
	}
}

// fakeContainer returns an empty container on a server of its own.
func fakeContainer(t *testing.T) func() modelServer {
	return func() modelServer {
		srv := startFake(t, fakeswift.Options{})
		srv.CreateContainer("c")
		fail := func(seed uint64) func() {
			return srv.FailEvery(0.5+float64(seed%6)/10, seed).Remove
		}
		return modelServer{fakeAccount(srv), "c", fail}
	}
}

// TestRandomOperationsDoWhatALocalFileSystemDoes compares the mount with a
// local directory, with seeds that can be repeated.
func TestRandomOperationsDoWhatALocalFileSystemDoes(t *testing.T) {
	first, last := uint64(1), *modelSeeds
	if *modelSeed != 0 {
		first, last = *modelSeed, *modelSeed
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		r := &modelRun{t: t, server: fakeContainer(t), features: featuresOf(seed), disk: onDisk(seed)}
		r.nodes, r.old = fewNodes(seed)
		r.seed(seed, *modelSteps)
	}
}

// TestRandomOperationsSurviveAServerThatFails has the server fail during some of
// the operations. These may fail; what succeeds, or succeeds when it is repeated,
// must hold, and what could not be stored when it was closed must be stored in the
// end.
func TestRandomOperationsSurviveAServerThatFails(t *testing.T) {
	first, last := uint64(1), max(1, *modelSeeds/4)
	if *modelSeed != 0 {
		first, last = *modelSeed, *modelSeed
	}
	features := offered
	features.Trouble = true
	features.Keeps = false // a deletion whose answer is lost takes the content along
	r := &modelRun{t: t, server: fakeContainer(t), features: features}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		r.disk = onDisk(seed)
		r.nodes, r.old = fewNodes(seed)
		r.seed(seed, *modelSteps)
	}
	if least := *modelSteps / 100; r.failed < least {
		t.Errorf("%d operations failed; the test needs %d at least to say anything", r.failed, least)
	}
	t.Logf("%d operations failed because the server did", r.failed)
}
