package swiftbackend_test

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
	"testing"

	"swiftfs/swiftbackend"
	"swiftfs/swiftbackend/fakeswift"
)

func TestErrorsAreThoseOfTheStandardLibraryToo(t *testing.T) {
	targets := []error{iofs.ErrNotExist, iofs.ErrExist, iofs.ErrPermission}
	for kind, want := range map[swiftbackend.Kind]error{
		swiftbackend.KindNotExist: iofs.ErrNotExist, swiftbackend.KindExist: iofs.ErrExist,
		swiftbackend.KindDenied: iofs.ErrPermission, swiftbackend.KindUnauthorized: iofs.ErrPermission, swiftbackend.KindNetwork: nil,
	} {
		err := fmt.Errorf("around it: %w", &swiftbackend.Error{Op: "GET object", Path: "c/o", Kind: kind})
		for _, target := range targets {
			if got := errors.Is(err, target); got != (target == want) { //nolint:errorlint // the values themselves are compared
				t.Errorf("%v is %v: %v", kind, target, got)
			}
		}
		if got := swiftbackend.KindOf(err); got != kind {
			t.Errorf("kind: got %v, want %v", got, kind)
		}
	}
	for err, want := range map[error]swiftbackend.Kind{
		context.Canceled: swiftbackend.KindCanceled, context.DeadlineExceeded: swiftbackend.KindCanceled, errors.New("other"): swiftbackend.KindOther,
	} {
		if got := swiftbackend.KindOf(err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}

func TestEveryKindHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for k := swiftbackend.KindOther; k <= swiftbackend.KindCanceled; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[k.String()] = true
	}
}

func TestAnErrorSaysWhatAndWhereAndWhy(t *testing.T) {
	for _, tt := range []struct {
		err  *swiftbackend.Error
		want string
	}{
		{&swiftbackend.Error{Op: "HEAD object", Path: "c/a b", Kind: swiftbackend.KindNotExist, Status: 404}, `HEAD object "c/a b": not found (status 404)`},
		{&swiftbackend.Error{Op: "GET info", Kind: swiftbackend.KindNetwork, Err: errors.New("refused")}, "GET info: network error: refused"},
		{&swiftbackend.Error{Op: "PUT object", Path: "c/o", Kind: swiftbackend.KindQuota, Detail: "full", Err: errors.New("x")}, `PUT object "c/o": quota exceeded: full`},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		if !errors.Is(tt.err, tt.err.Err) && tt.err.Err != nil {
			t.Errorf("%v does not unwrap", tt.err)
		}
	}
}

func TestTheServersExplanationIsInTheErrorOnOneLine(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	c := dial(t, srv)
	_, err := c.Put(t.Context(), "c", "object", content("data"), swiftbackend.PutOptions{})
	var e *swiftbackend.Error
	if !errors.As(err, &e) || e.Op != "PUT object" || e.Path != "c/object" || e.Status != 404 || e.Kind != swiftbackend.KindNotExist {
		t.Fatalf("got %#v", err)
	}
	if strings.ContainsAny(err.Error(), "<>\n") {
		t.Errorf("HTML in the error: %v", err)
	}
}

func TestAnEndedContextIsItsOwnKind(t *testing.T) {
	srv := startFake(t, fakeswift.Options{})
	srv.PutObject("c", "object", "", []byte("data"))
	c := dial(t, srv)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, headErr := c.Head(ctx, "c", "object")
	_, _, getErr := c.Get(ctx, "c", "object", whole)
	_, putErr := c.Put(ctx, "c", "object", content("data"), swiftbackend.PutOptions{})
	_, listErr := c.ListObjects(ctx, "c", swiftbackend.ListOptions{}, func(swiftbackend.ObjectRow) error { return nil })
	for _, err := range []error{headErr, getErr, putErr, listErr, c.Delete(ctx, "c", "object")} {
		wantKind(t, err, swiftbackend.KindCanceled)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	}
}
