package swiftbackend_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

// data is what the operations put and get.
var data = strings.Repeat("0123456789abcdef", 4096)

// operation is one request on c/object, which exists.
type operation struct {
	method string
	do     func(context.Context, *swiftbackend.Client) error
	// done checks that the server carried it out.
	done func(*testing.T, *fakeswift.Server)
}

func (o operation) kind() fakeswift.Kind {
	return fakeswift.Kind{Method: o.method, Level: fakeswift.Object}
}

var operations = []operation{
	{
		"GET", func(ctx context.Context, c *swiftbackend.Client) error {
			body, _, err := c.Get(ctx, "c", "object", whole)
			if err != nil {
				return err
			}
			defer func() { _ = body.Close() }()
			got, err := io.ReadAll(body)
			if err == nil && string(got) != data {
				err = fmt.Errorf("got %d other bytes", len(got))
			}
			return err
		},
		func(*testing.T, *fakeswift.Server) {},
	},
	{
		"HEAD", func(ctx context.Context, c *swiftbackend.Client) error {
			info, err := c.Head(ctx, "c", "object")
			if err == nil && info.Size != int64(len(data)) {
				err = fmt.Errorf("size %d", info.Size)
			}
			return err
		},
		func(*testing.T, *fakeswift.Server) {},
	},
	{
		"PUT", func(ctx context.Context, c *swiftbackend.Client) error {
			_, err := c.Put(ctx, "c", "put", content(data), swiftbackend.PutOptions{})
			return err
		},
		func(t *testing.T, srv *fakeswift.Server) { t.Helper(); wantObject(t, srv, "c", "put", data) },
	},
	{
		"POST", func(ctx context.Context, c *swiftbackend.Client) error {
			return c.Post(ctx, "c", "object", swiftbackend.PutOptions{Meta: map[string]string{"A": "b"}})
		},
		func(t *testing.T, srv *fakeswift.Server) {
			t.Helper()
			if _, h, _ := srv.Object("c", "object"); h.Get("X-Object-Meta-A") != "b" {
				t.Errorf("the server has %v", h)
			}
		},
	},
	{
		"COPY", func(ctx context.Context, c *swiftbackend.Client) error {
			_, err := c.Copy(ctx, "c", "object", "c", "copy", swiftbackend.CopyOptions{})
			return err
		},
		func(t *testing.T, srv *fakeswift.Server) { t.Helper(); wantObject(t, srv, "c", "copy", data) },
	},
	{
		"DELETE", func(ctx context.Context, c *swiftbackend.Client) error { return c.Delete(ctx, "c", "object") },
		func(t *testing.T, srv *fakeswift.Server) {
			t.Helper()
			if _, _, ok := srv.Object("c", "object"); ok {
				t.Error("the object is still there")
			}
		},
	},
}

// faulty starts a server with c/object and a fault, and a client of it.
func faulty(t *testing.T, f fakeswift.Fault, change ...func(*swiftbackend.Config)) (*fakeswift.Server, *swiftbackend.Client, *fakeswift.Injected) {
	t.Helper()
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "object", "", []byte(data))
	c := dial(t, srv, change...)
	srv.Reset()
	return srv, c, srv.Inject(f)
}

func TestWhatMaySucceedLaterIsRepeated(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		faults := map[string]fakeswift.Action{
			"429 with Retry-After": fakeswift.StatusWith(429, "Retry-After", "1"), "reset before": fakeswift.ResetBefore(),
			"answer lost": fakeswift.ResetAfter(), "reset in the body": fakeswift.ResetMidBody(1000),
		}
		for _, status := range []int{408, 429, 498, 499, 500, 502, 503, 504} {
			faults[strconv.Itoa(status)] = fakeswift.Status(status)
		}
		if op.method != "GET" && op.method != "HEAD" {
			faults["409"] = fakeswift.Status(409)
		}
		for name, do := range faults {
			t.Run(op.method+" "+name, func(t *testing.T) {
				t.Parallel()
				srv, c, fault := faulty(t, fakeswift.Fault{Kind: op.kind(), Times: 1, Do: do})
				start := time.Now()
				if err := op.do(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				op.done(t, srv)
				if fault.Hits() != 1 {
					t.Errorf("the fault hit %d requests", fault.Hits())
				}
				wantCount(t, srv, op.kind(), 2)
				if strings.Contains(name, "Retry-After") && time.Since(start) < time.Second {
					t.Errorf("repeated after %v, though the server asked for 1 s", time.Since(start))
				}
			})
		}
	}
}

func TestSeveralFailuresInARowArePassed(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		t.Run(op.method, func(t *testing.T) {
			t.Parallel()
			srv, c, fault := faulty(t, fakeswift.Fault{Kind: op.kind(), Times: 4, Do: fakeswift.Status(503)})
			if err := op.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			op.done(t, srv)
			if fault.Hits() != 4 {
				t.Errorf("the fault hit %d requests", fault.Hits())
			}
		})
	}
}

func TestWhatCannotSucceedLaterIsNotRepeated(t *testing.T) {
	t.Parallel()
	kinds := map[int]swiftbackend.Kind{
		400: swiftbackend.KindInvalid, 403: swiftbackend.KindDenied, 404: swiftbackend.KindNotExist, 411: swiftbackend.KindInvalid,
		412: swiftbackend.KindInvalid, 413: swiftbackend.KindQuota, 422: swiftbackend.KindChecksum, 405: swiftbackend.KindUnsupported,
		501: swiftbackend.KindUnsupported, 431: swiftbackend.KindInvalid,
	}
	for _, op := range operations {
		for status, kind := range kinds {
			t.Run(fmt.Sprint(op.method, " ", status), func(t *testing.T) {
				t.Parallel()
				srv, c, _ := faulty(t, fakeswift.Fault{Kind: op.kind(), Do: fakeswift.Status(status)})
				wantKind(t, op.do(t.Context(), c), kind)
				wantCount(t, srv, op.kind(), 1)
			})
		}
	}
}

func TestAContainerThatIsNotEmptyIsNotTriedAgain(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "NONE"}, Do: fakeswift.Status(500)})
	wantKind(t, c.DeleteContainer(t.Context(), "c"), swiftbackend.KindNotEmpty)
	wantCount(t, srv, fakeswift.Kind{Method: "DELETE"}, 1)
}

func TestAServerThatStaysDownIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, op := range operations {
		t.Run(op.method, func(t *testing.T) {
			t.Parallel()
			srv, c, _ := faulty(t, fakeswift.Fault{Do: fakeswift.Status(503)}, timeout(patience))
			start := time.Now()
			wantKind(t, op.do(t.Context(), c), swiftbackend.KindUnavailable)
			if d := time.Since(start); d > 10*patience {
				t.Errorf("gave up after %v, want about %v", d, patience)
			}
			if n := srv.Count(op.kind()); n < 2 || n > 7 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestARetryAfterBeyondTheTimeLimitIsNotWaitedFor(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "HEAD"}, Do: fakeswift.StatusWith(503, "Retry-After", "3600")})
	_, err := c.Head(t.Context(), "c", "object")
	wantKind(t, err, swiftbackend.KindUnavailable)
	wantCount(t, srv, fakeswift.Kind{Method: "HEAD"}, 1)
}

func TestACallerThatGivesUpEndsTheRepetitions(t *testing.T) {
	srv, c, fault := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "HEAD"}, Do: fakeswift.StatusWith(503, "Retry-After", "15")})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.Head(ctx, "c", "object")
		done <- err
	}()
	untilCount(t, srv, fakeswift.Kind{Method: "HEAD"}, 1, func() {})
	cancel()
	wantKind(t, <-done, swiftbackend.KindCanceled)
	if fault.Hits() != 1 {
		t.Errorf("%d requests", fault.Hits())
	}
}

func TestADeleteWhoseAnswerWasLostIsDone(t *testing.T) {
	srv, c, fault := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "DELETE"}, Times: 1, Do: fakeswift.ResetAfter()})
	if err := c.Delete(t.Context(), "c", "object"); err != nil {
		t.Error(err)
	}
	if got := srv.Requests(); len(got) != 2 || got[1].Status != 404 {
		t.Errorf("requests: %v", got)
	}
	wantKind(t, c.Delete(t.Context(), "c", "object"), swiftbackend.KindNotExist)
	if fault.Hits() != 1 {
		t.Errorf("%d faults", fault.Hits())
	}
}

func TestAContainerWhoseAnswersWereLost(t *testing.T) {
	lost := func(method string) fakeswift.Fault {
		return fakeswift.Fault{Kind: fakeswift.Kind{Method: method, Level: fakeswift.Container}, Times: 1, Do: fakeswift.ResetAfter()}
	}
	srv, c, put := faulty(t, lost("PUT"))
	del := srv.Inject(lost("DELETE"))
	if created, err := c.CreateContainer(t.Context(), "new", nil); err != nil || !created {
		t.Errorf("created %v, %v", created, err)
	}
	if created, err := c.CreateContainer(t.Context(), "new", nil); err != nil || created {
		t.Errorf("created again: %v, %v", created, err)
	}
	if err := c.DeleteContainer(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	wantKind(t, c.DeleteContainer(t.Context(), "new"), swiftbackend.KindNotExist)
	if put.Hits() != 1 || del.Hits() != 1 {
		t.Errorf("%d and %d faults", put.Hits(), del.Hits())
	}
}

func TestAnExclusivePutWhoseAnswerWasLostIsDone(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "PUT"}, Times: 1, Do: fakeswift.ResetAfter()})
	exclusive := swiftbackend.PutOptions{IfNoneMatch: true}
	info, err := c.Put(t.Context(), "c", "new", content(data), exclusive)
	if err != nil || info.ETag != md5Of(data) || info.Size != int64(len(data)) {
		t.Errorf("got %+v, %v", info, err)
	}
	wantObject(t, srv, "c", "new", data)
	// What somebody else put meanwhile is not ours.
	srv.Inject(fakeswift.Fault{Kind: fakeswift.Kind{Method: "PUT"}, Times: 1, Do: fakeswift.ResetBefore()})
	_, err = c.Put(t.Context(), "c", "new", content("other"), exclusive)
	wantKind(t, err, swiftbackend.KindExist)
	wantObject(t, srv, "c", "new", data)
}

func TestABodyIsSentAgainFromItsBeginning(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	big := strings.Repeat("0123456789abcdef", size/16)
	for name, do := range map[string]fakeswift.Action{
		"after a part of it": fakeswift.ResetMidBody(size / 2), "after all of it": fakeswift.ResetAfter(), "refused": fakeswift.Status(503),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c, fault := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "PUT"}, Times: 2, Do: do})
			if _, err := c.Put(t.Context(), "c", "big", content(big), swiftbackend.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			wantObject(t, srv, "c", "big", big)
			if fault.Hits() != 2 {
				t.Errorf("%d faults", fault.Hits())
			}
		})
	}
}

func TestAPutThatWasDamagedOnItsWayStoresNothing(t *testing.T) {
	srv, c, _ := faulty(t, fakeswift.Fault{Kind: fakeswift.Kind{Method: "PUT"}, Do: fakeswift.CorruptUpload()})
	_, err := c.Put(t.Context(), "c", "object", content("new"), swiftbackend.PutOptions{})
	wantKind(t, err, swiftbackend.KindChecksum)
	wantObject(t, srv, "c", "object", data)
}

func TestWorkGoesOnWhileAPartOfAllRequestsFails(t *testing.T) {
	t.Parallel()
	srv := startFake(t, fakeswift.Options{})
	c := dial(t, srv)
	failing := srv.FailEvery(0.2, 1)
	if _, err := c.CreateContainer(t.Context(), "c", nil); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		name := fmt.Sprintf("object-%02d", i)
		want := strings.Repeat(name, i*100)
		if _, err := c.Put(t.Context(), "c", name, content(want), swiftbackend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, c, "c", name, whole); err != nil || got != want {
			t.Fatalf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if failing.Hits() == 0 {
		t.Error("nothing failed")
	}
}
