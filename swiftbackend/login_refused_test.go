package swiftbackend

import (
	"context"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// Servers lock users out that log in with a wrong key too often, and a mount whose
// password was revoked has many requests.
func TestARefusedLoginIsRepeatedAfterPauses(t *testing.T) {
	for _, kind := range []Kind{KindUnauthorized, KindDenied} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var logins []time.Duration
			refused := true
			s := &tokenSource{ctx: t.Context(), login: func(context.Context) (*token, error) {
				logins = append(logins, time.Since(start))
				if refused {
					return nil, &Error{Op: "log in", Kind: kind}
				}
				return &token{value: "token", storageURL: &url.URL{}, issued: time.Now()}, nil
			}}
			for time.Since(start) < 3*time.Minute {
				if _, err := s.get(t.Context()); KindOf(err) != kind {
					t.Fatalf("after %v: %v", time.Since(start), err)
				}
				<-time.After(time.Second)
			}
			want := []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second, 130 * time.Second}
			if len(logins) != len(want) {
				t.Fatalf("logins after %v, want %v", logins, want)
			}
			for i := range want {
				if logins[i] != want[i] {
					t.Errorf("login %d after %v, want %v", i, logins[i], want[i])
				}
			}
			refused = false
			<-time.After(longRefusalPause)
			tok, err := s.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			// A success ends it all: the next refusal is a first one.
			refused = true
			for range 2 {
				if _, err := s.renew(t.Context(), tok); KindOf(err) != kind {
					t.Errorf("got %v", err)
				}
				<-time.After(firstRefusalPause)
			}
			if len(logins) != len(want)+3 {
				t.Errorf("%d logins, want %d", len(logins), len(want)+3)
			}
		})
	}
}

func TestALoginThatFailsOtherwiseIsRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := 0
		s := &tokenSource{ctx: t.Context(), login: func(context.Context) (*token, error) {
			logins++
			return nil, &Error{Op: "log in", Kind: KindUnavailable}
		}}
		for range 3 {
			if _, err := s.get(t.Context()); KindOf(err) != KindUnavailable {
				t.Errorf("got %v", err)
			}
		}
		if logins != 3 {
			t.Errorf("%d logins, want 3", logins)
		}
	})
}
